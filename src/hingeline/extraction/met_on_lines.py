"""Whether hyperplanes bend the lines that they cross: what a line has shown already, no question asked.

A hyperplane measured from two bends taken for one bends no other line; one measured badly bends others a
little beside the place, and where another hyperplane nearly equal to it bends them just there, that one is
the neuron.

Cost: no queries. Source: ours; the vote of lines swept already, specs on reverse engineering, 2.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.probing.line import LineSweep

EVERYWHERE = 1e-5
"""Hyperplanes are where they are predicted on another line to this fraction of scale + |t|."""
MARGIN = 1e-3
"""Share of a line at either end in which a bend may have been overlooked."""
NOT_THERE = 0.5
"""A hyperplane that more than this share of the lines across it do not show is none."""
FEW_MISSING = 2
"""So many lines at least must speak against it."""
ALIKE = 1e-3
"""Hyperplanes that differ by less, as unit vectors of row and offset, may be one measured twice."""
FARTHER = 100.0
"""Times that one of two must be farther from the bends of lines than the other to be a bad copy of it."""
EXACT = 1e-9
"""Distance from a bend, as a share of scale + |t|, that needs no better hyperplane."""


@dataclass(frozen=True, eq=False)
class MetOnLines:
    """How hyperplanes meet the bends of lines."""

    inside: BoolArray
    """Whether a hyperplane crosses a line, shape "n l"."""
    missing: BoolArray
    """Whether it does so without a bend there, shape "n l"."""
    away: FloatArray
    """Distance from the nearest bend as a share of scale + |t|; nan where it does not cross, shape "n l"."""

    @classmethod
    def of(cls, planes: Hyperplanes, sweeps: Sequence[LineSweep]) -> MetOnLines:
        """Compare predicted crossings of hyperplanes with the bends that lines show."""
        columns = [_on_line(planes, sweep) for sweep in sweeps]
        inside, missing, away = (np.stack(parts, axis=1) for parts in zip(*columns, strict=True))
        return cls(inside, missing, np.where(inside, away, np.nan))

    @property
    def false(self) -> BoolArray:
        """Hyperplanes that hardly any line across them shows, shape "n"."""
        misses = self.missing.sum(axis=1)
        return np.asarray((misses >= FEW_MISSING) & (misses > NOT_THERE * self.inside.sum(axis=1)))

    def bad_copies(self, planes: Hyperplanes) -> BoolArray:
        """Hyperplanes beside which a nearly equal one meets the bends far better, shape "n"."""
        rows = np.column_stack([planes.normals, planes.offsets])
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        # |a - b|^2 = 2 - 2 a b for unit vectors of either orientation
        alike = 2 - 2 * np.abs(rows @ rows.T) < ALIKE**2
        np.fill_diagonal(alike, val=False)
        typical = np.array([np.nanmedian(away) if np.isfinite(away).any() else 0.0 for away in self.away])
        worse = typical[:, np.newaxis] > FARTHER * np.maximum(typical, EXACT)
        return np.asarray((alike & worse).any(axis=1))


def _on_line(planes: Hyperplanes, sweep: LineSweep) -> tuple[BoolArray, BoolArray, FloatArray]:
    t = planes.crossings(sweep.line)
    margin = MARGIN * (sweep.line.high - sweep.line.low)
    inside = (t > sweep.line.low + margin) & (t < sweep.line.high - margin)
    unit = sweep.line.scale + np.abs(t)
    away = np.abs(sweep.bends - t[:, np.newaxis]).min(axis=1, initial=np.inf)
    missing = inside & (away > EVERYWHERE * unit + 30 * planes.errors * np.abs(t))
    return inside, missing, away / unit
