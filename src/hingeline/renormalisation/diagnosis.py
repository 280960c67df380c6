"""What `stability` finds: how small differences grow or die through the layers, and what flips the class."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.figure_data import Figure
from hingeline.numerics.statistics import median
from hingeline.renormalisation.feed_forward.network_findings import NetworkDiagnosis
from hingeline.renormalisation.perturbations.binary import BinaryFlips
from hingeline.renormalisation.perturbations.line import LineFlips
from hingeline.renormalisation.stack_findings import StackFindings
from hingeline.sensitivity.fisher.directions import FisherDirections
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.results import listed, number

HONEST = (
    "First-order local analysis: a target that passes may still fail stronger attacks of many steps.",
    "Not a certificate: nothing is proved about inputs that were not given, nor about larger changes.",
    "Eigenvalues of stability matrices depend on convention (which operators of two layers are the same, and "
    "how they are scaled); without a declaration none is told.",
    "Formulas are a reconstruction from the words of Kenway 2018, not taken from the paper.",
)
"""What stands in every result, whatever it says."""
SAMPLED = "Results of a stack come from samples: each is conditional on their number, told beside it."


@dataclass(frozen=True, eq=False)
class StabilityDiagnosis:
    """How small differences grow or die through the layers of a stack or a network, at some inputs.

    Attributes:
        name: Of the target.
        kind: "stack" of stochastic layers, or "network".
        points: The inputs, shape "n d".
        labels: What they should be, shape "n", if it was told.
        classes: Decisions, shape "n".
        margins: Log-odds of the decided class over the nearest rival, shape "n"; of a network the smallest
            difference of outputs.
        fisher: Most sensitive directions of every input, eigenvalues, linearised distances.
        trusted: Inputs whose slopes can be told, shape "n"; elsewhere the first layer of a stack hardly ever
            changes in the samples, and directions, eigenvalues and distances are not known.
        curves: Share of inputs flipped against the size of the step, beside controls; None if not measured.
        curve_rows: Inputs of the curves, by their place in `points`.
        lines: Smallest flips along each input's most sensitive direction; None if not measured.
        binary: Best pixels to exchange, of inputs with two values; None if not asked for.
        stack: What only stacks have; None for a network.
        network: What only networks have; None for a stack.
        left_out: What was not measured, and why, in sentences.
    """

    name: str
    kind: str
    points: FloatArray
    labels: IntArray | None
    classes: IntArray
    margins: FloatArray
    fisher: FisherDirections
    trusted: BoolArray
    curves: FlipCurves | None
    curve_rows: IntArray
    lines: LineFlips | None
    binary: BinaryFlips | None
    stack: StackFindings | None
    network: NetworkDiagnosis | None
    left_out: tuple[str, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of labels met; None without labels."""
        return None if self.labels is None else float((self.classes == self.labels).mean())

    @property
    def unknown(self) -> int:
        """Inputs whose directions and distances are not known."""
        return int((~self.trusted).sum())

    @property
    def known(self) -> FisherDirections:
        """The directions at the trusted inputs alone."""
        taken = {field.name: getattr(self.fisher, field.name)[self.trusted] for field in fields(self.fisher)}
        return replace(self.fisher, **taken)

    @property
    def linear_distances(self) -> FloatArray:
        """Linearised distances, shape "n"; NaN where they are not known."""
        return np.where(self.trusted, self.fisher.linear_distances, np.nan)

    @property
    def median_distance(self) -> float:
        """Median linearised distance of the inputs where it is known; NaN if it is known nowhere."""
        return median(self.known.linear_distances)

    @property
    def honest(self) -> tuple[str, ...]:
        """What this does not say."""
        return (*HONEST, SAMPLED) if self.kind == "stack" else HONEST

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready."""
        return {
            "name": self.name,
            "kind": self.kind,
            "inputs": len(self.points),
            "accuracy": self.accuracy,
            "median_margin": number(median(self.margins)),
            "fisher": self.known.summary() | {"unknown": self.unknown},
            **{
                part: None if found is None else found.summary()
                for part, found in (
                    ("curves", self.curves),
                    ("lines", self.lines),
                    ("binary", self.binary),
                    ("stack", self.stack),
                    ("network", self.network),
                )
            },
            "left_out": list(self.left_out),
            "honest": list(self.honest),
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and every input one by one, JSON-ready; large arrays stand in `arrays`."""
        return {
            "summary": self.summary(),
            "inputs": self.inputs(),
            "curves": None if self.curves is None else self.curves.to_dict(),
            "binary": None if self.binary is None else self.binary.to_dict(),
            "stack": None if self.stack is None else self.stack.to_dict(),
            "network": None if self.network is None else _without_directions(self.network.to_dict()),
        }

    def inputs(self) -> list[dict[str, Any]]:
        """What is known of each input, in order, JSON-ready."""
        ratios = eigenvalue_ratios(self.fisher)
        told: list[dict[str, Any]] = []
        for row, trusted in enumerate(self.trusted):
            one: dict[str, Any] = {
                "row": row,
                "class": int(self.classes[row]),
                "label": None if self.labels is None else int(self.labels[row]),
                "margin": number(self.margins[row]),
                "top_eigenvalue": number(self.fisher.eigenvalues[row, 0]) if trusted else None,
                "first_over_second": number(ratios[row]) if trusted else None,
                "linear_distance": number(self.linear_distances[row]),
                "nearest_class": int(self.fisher.nearest[row]) if trusted else None,
                "saturated": bool(self.fisher.saturated[row]) if trusted else None,
                "trusted": bool(trusted),
            }
            if self.lines is not None:
                one["flip_on_line"] = number(self.lines.steps[row])
                one["becomes"] = int(self.lines.becomes[row]) if self.lines.found[row] else None
            told.append(one)
        return told

    def arrays(self) -> dict[str, Any]:
        """Arrays for a file beside the report."""
        kept: dict[str, Any] = {
            "points": self.points,
            "classes": self.classes,
            "margins": self.margins,
            "directions": self.fisher.top,
            "eigenvectors": self.fisher.directions,
            "log_eigenvalues": self.fisher.log_eigenvalues,
            "linear_distances": self.linear_distances,
            "trusted": self.trusted,
        }
        if self.labels is not None:
            kept["labels"] = self.labels
        if self.lines is not None:
            kept |= {"flip_on_line": self.lines.steps, "flipped_points": self.lines.points}
        return kept if self.stack is None else kept | self.stack.arrays()

    def figures(self, input_shape: tuple[int, int] | None = None) -> tuple[Figure, ...]:
        """All figures there are."""
        found: list[Figure] = [*self.known.figures(input_shape)] if self.trusted.any() else []
        if self.curves is not None:
            found.append(self.curves.figure("stability-flips"))
        if self.lines is not None:
            found.append(self.lines.figure())
        if self.binary is not None:
            found.append(self.binary.figure())
        if self.stack is not None:
            found += self.stack.figures()
        if self.network is not None:
            known = {figure.name for figure in found}
            found += [f for f in self.network.figures(input_shape) if f.name not in known]
        return tuple(found)

    def __repr__(self) -> str:
        return f"<StabilityDiagnosis of {self.kind} {self.name}: {listed(np.array(len(self.points)))} inputs>"


def _without_directions(network: dict[str, Any]) -> dict[str, Any]:
    """Eigenvectors of every input stand in `arrays`: they are as large as the inputs."""
    return network | {"fisher": {k: v for k, v in network["fisher"].items() if k != "directions"}}


def eigenvalue_ratios(fisher: FisherDirections) -> FloatArray:
    """First eigenvalue over the second, shape "n"; infinite where there is one alone, NaN where none is."""
    logs = fisher.log_eigenvalues
    if logs.shape[1] < 2:
        return np.where(np.isfinite(logs[:, 0]), np.inf, np.nan)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.exp(logs[:, 0] - logs[:, 1])
