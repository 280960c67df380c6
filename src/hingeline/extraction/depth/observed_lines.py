"""Everything that swept lines told, in the coordinates of the span: bends, pieces, values and gradients.

All later layers are found from this one record; no step asks the door again for what is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.probing.line import Line

LIVE = 1e-9
"""A piece is live if its slope is more than this share of the steepest on its line."""
SURE = 12.0
"""And more than so many deviations."""


@dataclass(frozen=True, eq=False)
class ObservedLine:
    """One swept line in the coordinates of the span."""

    line: Line
    """Its direction need not have length one: parts outside the span are left out."""
    bends: FloatArray
    """Parameters, ascending, shape "b"."""
    bend_errors: FloatArray
    """Shape "b"."""
    jumps: FloatArray
    """Slope change at each bend, shape "b k"."""
    jump_errors: FloatArray
    """Shape "b"."""
    live: BoolArray
    """Pieces on which the answers vary, shape "b+1"."""
    unresolved: FloatArray
    """Stretches in which bends may have been overlooked, shape "u 2"."""

    @classmethod
    def of(cls, measured: MeasuredLine, rows: FloatArray) -> ObservedLine:
        """The record of a line that was swept in input coordinates, or in those of the span (rows: eye)."""
        sweep = measured.sweep
        at = sweep.line
        size = np.abs(sweep.slopes).max(axis=1)
        live = (size > LIVE * size.max(initial=0.0)) & (size > SURE * sweep.slope_errors)
        line = Line(rows @ at.origin, rows @ at.direction, at.scale, at.low, at.high, at.centre)
        errors = np.hypot(sweep.slope_errors[:-1], sweep.slope_errors[1:])
        return cls(line, sweep.bends, sweep.bend_errors, sweep.jumps, errors, live, sweep.unresolved)


@dataclass(frozen=True, eq=False)
class Record:
    """Bends with their normals, and regions with their values and gradients, of all lines."""

    lines: tuple[ObservedLine, ...]
    points: FloatArray
    """Measured bends, shape "m r"."""
    normals: FloatArray
    """Unit normals there, oriented along the line, shape "m r"."""
    errors: FloatArray
    """Standard deviation of a normal's entry, shape "m"."""
    position_errors: FloatArray
    """Standard deviation of the point's distance from the boundary, shape "m"."""
    line_of: IntArray
    """Line of each bend, shape "m"."""
    bend_of: IntArray
    """Its index on that line, shape "m"."""
    centres: FloatArray
    """Points of measured regions, shape "q r"."""
    gradients: FloatArray
    """Jacobians there, shape "q k r"."""
    gradient_errors: FloatArray
    """Standard deviation of an entry, shape "q"."""
    samples: FloatArray
    """All points at which an answer is known, shape "s r"."""
    answers: FloatArray
    """Shape "s k"."""
    chosen: int = 0
    """The last so many samples were asked because answers nearby are missed."""

    @property
    def count(self) -> int:
        """Measured bends."""
        return len(self.errors)

    def with_samples(self, points: FloatArray, answers: FloatArray) -> Record:
        """With answers at further points, "p r" and "p k", that were chosen."""
        return replace(
            self,
            samples=np.concatenate([self.samples, points]),
            answers=np.concatenate([self.answers, answers]),
            chosen=self.chosen + len(points),
        )

    @property
    def typical(self) -> BoolArray:
        """Samples that were not chosen: shape "s"."""
        return np.asarray(np.arange(len(self.samples)) < len(self.samples) - self.chosen)

    def index(self) -> dict[tuple[int, int], int]:
        """Which measured bend each (line, bend) is."""
        pairs = zip(self.line_of.tolist(), self.bend_of.tolist(), strict=True)
        return {pair: i for i, pair in enumerate(pairs)}

    @classmethod
    def of(cls, measured: Sequence[tuple[MeasuredLine, FloatArray]]) -> Record:
        """Put lines together; each comes with the rows that take its coordinates to those of the span."""
        return cls.joined([LinePart.of(index, line, rows) for index, (line, rows) in enumerate(measured)])

    @classmethod
    def joined(cls, parts: Sequence[LinePart]) -> Record:
        """Put together what each line gives, in their order."""
        columns: list[Any] = [np.concatenate([part.columns[i] for part in parts]) for i in range(11)]
        return cls(tuple(part.line for part in parts), *columns)


@dataclass(frozen=True, eq=False)
class LinePart:
    """What one line gives to the record."""

    line: ObservedLine
    columns: list[FloatArray | IntArray]
    """Its part of the record's arrays, in their order."""

    @classmethod
    def of(cls, index: int, line: MeasuredLine, rows: FloatArray) -> LinePart:
        """The part of a line with its index, and the rows that take its coordinates to those of the span."""
        return cls(ObservedLine.of(line, rows), _part(index, line, rows))


def _part(index: int, line: MeasuredLine, rows: FloatArray) -> list[FloatArray | IntArray]:
    sweep, good = line.sweep, line.measured
    bends = np.nonzero(good)[0]
    points = sweep.line.at(sweep.bends)[good] @ rows.T
    normals = line.normals[good] @ rows.T
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    speed = np.abs(line.normals[good] @ sweep.line.direction)
    seen = np.isfinite(line.jacobian_errors)
    lengths = (sweep.highs - sweep.lows)[:, np.newaxis]
    samples = sweep.line.at(np.concatenate([sweep.lows, sweep.highs])) @ rows.T
    answers = np.concatenate([sweep.values, sweep.values + lengths * sweep.slopes])
    return [
        points, normals, line.errors[good], sweep.bend_errors[good] * speed,
        np.full(len(bends), index), bends,
        line.centres[seen] @ rows.T, line.jacobians[seen] @ rows.T, line.jacobian_errors[seen],
        np.concatenate([samples, line.centres[seen] @ rows.T]),
        np.concatenate([answers, line.values[seen]]),
    ]  # fmt: skip
