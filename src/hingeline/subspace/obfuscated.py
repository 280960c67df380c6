"""What `obfuscate` returns: the inputs that were made, what the oracle said to them, and the control."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray, frozen
from hingeline.subspace.answer_reading import AnswerReading, ValueKind
from hingeline.subspace.obfuscation import change_bound
from hingeline.subspace.recovered import Standing, Where

Construction = Literal["null noise", "reads as target", "boxed"]


@dataclass(frozen=True, eq=False)
class Control:
    """A move inside the span, which the oracle sees."""

    sigma: float | None
    """The move is as long as null noise of this deviation; None: as long as the obfuscation's own move."""
    points: FloatArray
    """What was asked, shape "n d"."""
    labels: IntArray
    """Shape "n"."""
    kept: BoolArray
    """Whether the label is the original's, shape "n"."""
    changes: FloatArray
    """Largest change of a value, shape "n"; nan where none can be read."""
    lengths: FloatArray
    """Norms of the moves, shape "n"; in a box no longer than to the corner the move points to."""

    @staticmethod
    def of(
        reading: AnswerReading,
        x: FloatArray,
        before: FloatArray,
        sigma: float | None,
        points: FloatArray,
        answers: FloatArray,
    ) -> Control:
        """What the answers at moved `points` say, beside those `before` at `x`."""
        labels = reading.labels(answers)
        return Control(
            sigma,
            frozen(points),
            labels,
            labels == reading.labels(before),
            reading.changes(before, answers),
            np.linalg.norm(points - x, axis=1),
        )

    @property
    def labels_kept(self) -> float:
        """Share of inputs that kept their label."""
        return float(self.kept.mean())

    @property
    def largest_change(self) -> float:
        """Largest change of a value; nan if none can be read."""
        return largest(self.changes)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "sigma": self.sigma,
            "labels_kept": self.labels_kept,
            "largest_change": number(self.largest_change),
            "largest_length": number(float(self.lengths.max())),
        }


@dataclass(frozen=True, eq=False)
class Obfuscation:
    """Inputs the oracle cannot tell from the originals, and its answers that say so."""

    construction: Construction
    """How they were made."""
    original: FloatArray
    """Shape "n d"."""
    seen: FloatArray
    """What the network sees of the originals, V V^T x, shape "n d"."""
    unseen: FloatArray
    """What it does not see of them, shape "n d"; the sum of both is the original."""
    obfuscated: FloatArray
    """Same seen part, the rest replaced, shape "n d"; on 8-bit levels if asked for."""
    box: tuple[float, float] | None
    """All that was asked lies in it; None if inputs are free."""
    labels: IntArray
    """Of the originals, shape "n"."""
    obfuscated_labels: IntArray
    """Shape "n"."""
    value_kind: ValueKind
    """What `changes` are changes of."""
    changes: FloatArray
    """Largest change of a value from original to obfuscated, shape "n"; nan where none can be read."""
    answer_changes: FloatArray
    """Largest change of a raw answer (a probability, say), shape "n"."""
    variation: float
    """How much values vary between the originals (of a single one: beside its control); nan if unreadable."""
    control: Control | None
    """The same length of move inside the span; None if the span has no dimensions."""
    controls: tuple[Control, ...]
    """Moves of other lengths inside the span."""
    correlation_original: FloatArray
    """Pearson's correlation of each obfuscated input with its original, shape "n"."""
    correlation_target: FloatArray | None
    """The same with the target (the noise picture, in a box); None for null noise."""
    rms: FloatArray
    """Root mean square change of a coordinate, shape "n", input units."""
    unseen_energy: FloatArray
    """Share of each original's squared norm that is not seen, shape "n"."""
    residuals: FloatArray
    """Largest |V^T (x' - x)|, before rounding to 8 bits, shape "n", input units."""
    converged: BoolArray
    """Rows for which the nearest point of the box was found, shape "n"; all True without a box."""
    rounding_changes: FloatArray | None
    """Largest change of a value that rounding to 8 bits alone makes, shape "n"; None if not rounded."""
    bounds: FloatArray | None
    """Change of a value that the estimated angle of the span lets through, L |w| sin(angle), with L the
    steepest that the controls saw, shape "n"; None if angle or values are not known."""
    standing: Standing
    """Of the span used."""
    where: Where
    """Domain that the span is about."""

    @property
    def labels_kept(self) -> float:
        """Share of obfuscated inputs that kept the label of the original."""
        return float((self.labels == self.obfuscated_labels).mean())

    @property
    def largest_change(self) -> float:
        """Largest change of a value; nan if none can be read."""
        return largest(self.changes)

    @property
    def largest_answer_change(self) -> float:
        """Largest change of a raw answer."""
        return float(self.answer_changes.max())

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, without the inputs (they are stored beside it)."""
        target = self.correlation_target
        return {
            "construction": self.construction,
            "inputs": len(self.original),
            "box": None if self.box is None else list(self.box),
            "labels_kept": self.labels_kept,
            "value_kind": self.value_kind,
            "largest_change": number(self.largest_change),
            "largest_answer_change": self.largest_answer_change,
            "variation": number(self.variation),
            "rows_without_values": int(np.isnan(self.changes).sum()),
            "control": None if self.control is None else self.control.to_dict(),
            "controls": [control.to_dict() for control in self.controls],
            "correlation_original": float(self.correlation_original.mean()),
            "correlation_target": None if target is None else float(target.mean()),
            "rms": float(np.sqrt(np.mean(self.rms**2))),
            "unseen_energy": float(np.median(self.unseen_energy)),
            "largest_residual": float(self.residuals.max()),
            "not_converged": int((~self.converged).sum()),
            "rounding_change": None
            if self.rounding_changes is None
            else number(largest(self.rounding_changes)),
            "bound": None if self.bounds is None else number(float(self.bounds.max())),
            "standing": self.standing,
            "where": self.where,
        }


def change_bounds(controls: Sequence[Control | None], lengths: FloatArray, angle: float) -> FloatArray | None:
    """L |w| sin(angle) with the steepest slope L that a control saw, "n" to "n"; None if unknown."""
    moves = [control for control in controls if control is not None]
    slopes = [largest(c.changes / np.where(c.lengths > 0, c.lengths, np.nan)) for c in moves]
    known = [slope for slope in slopes if math.isfinite(slope)]
    return change_bound(max(known), lengths, angle) if known and math.isfinite(angle) else None


def largest(changes: FloatArray) -> float:
    """The largest entry that is not nan; nan if there is none."""
    known = changes[~np.isnan(changes)]
    return float(known.max()) if len(known) else math.nan


def number(value: float) -> float | None:
    """JSON has no nan and no infinity."""
    return value if math.isfinite(value) else None
