"""Where the boundary lies beside a point of it, for many steps at once; what all methods share.

At a boundary point p with direction d across it, the boundary beside p + delta u lies at
t(u) = -delta (n.u) / (n.d) to first order; the slopes t(u) / delta along the columns of B are the part of the
normal outside V up to the factor -1 / (n.d), which is the same for all.

Cost: log2(4.1 spread / cell) queries for each step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.subspace.label_boundary import Crossings
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_offsets import Offsets, confirmed, find_offsets

UNIFORM = float(1 / np.sqrt(12.0))
"""Standard deviation of a uniform error of width 1."""
# Lengths of steps that test a direction, in steps: one along it turns more than one along a column and leaves
# a piece sooner.
_LENGTHS = (1.0, 2.0**-3, 2.0**-6, 2.0**-9)
# How far off the boundary may be, as a share of how far it turns, and how much of that blur may take.
_LOOSE, _CLEAR = 0.05, 0.5
# Points on lines built at once: 2^23 numbers are 64 MiB.
_NUMBERS = 2**23


@dataclass(frozen=True)
class Precision:
    """How finely slopes are measured at one boundary point."""

    step: float
    """Length of the steps beside the point, input units."""
    spread: float
    """Expected standard deviation of an offset, input units along d."""
    cell: float
    """Width to which an offset is wanted, input units along d."""
    blur: float
    """Distance along d within which rounding decides the label."""


@dataclass(frozen=True, eq=False)
class Slopes:
    """Slopes of the boundary along the columns of B."""

    values: FloatArray
    """Shape "m"."""
    noise: float
    """Expected length of the error in `values`."""
    spoiled: int = 0
    """Columns that left the piece (flat)."""
    contradictions: int = 0
    """Searches that ended where the label does not change: labels contradict one another."""


@dataclass(frozen=True, eq=False)
class Unusable:
    """A point that was dropped."""

    contradictions: int = 0
    """As in `Slopes`."""


def offsets_beside(
    door: LabelDoor,
    crossing: Crossings,
    directions: FloatArray,
    step: float,
    how: Precision,
    expected: FloatArray | None = None,
) -> Offsets:
    """Where the boundary lies beside p + step u for unit columns u, a bounded number at once.

    Args:
        door: Where to ask.
        crossing: One boundary point.
        directions: Shape "d m".
        step: Length of the step, of either sign.
        how: Spread of what is found about what is expected, and width wanted.
        expected: Offsets expected, shape "m"; None: 0.
    """
    centre = np.zeros(directions.shape[1]) if expected is None else expected
    each = max(1, _NUMBERS // door.dim)
    parts: list[Offsets] = []
    for i in range(0, directions.shape[1], each):
        steps = step * directions[:, i : i + each].T + centre[i : i + each, np.newaxis] * crossing.across
        spread, cell = np.full(len(steps), how.spread), np.full(len(steps), how.cell)
        parts.append(find_offsets(door, crossing.lines(0, steps), spread, cell))
    return Offsets(np.concatenate([p.at for p in parts]) + centre, np.concatenate([p.known for p in parts]))


def contradictions(
    door: LabelDoor,
    crossing: Crossings,
    directions: FloatArray,
    step: float,
    how: Precision,
    offsets: Offsets,
    columns: IntArray,
) -> int:
    """How many of the searches along `columns` ended where the label does not change; 2 queries for each."""
    columns = columns[offsets.known[columns]]
    lines = crossing.lines(0, step * directions[:, columns].T)
    slack = np.full(len(columns), 2 * how.cell + 2 * how.blur)
    return int((~confirmed(door, lines, offsets.at[columns], slack)).sum())


def stands(
    door: LabelDoor, crossing: Crossings, rest: FloatArray, slopes: FloatArray, how: Precision
) -> bool:
    """Whether the boundary turns along the direction found as the columns together say, to a few per cent.

    Wrong labels in a few columns make a long vector of small truth: along it the boundary would not turn.

    Cost: 4 queries for each length tried.
    """
    length = float(np.linalg.norm(slopes))
    for share in _LENGTHS:
        step = share * how.step * np.array([-1.0, 1.0])
        blurred = 4 * how.blur + float(crossing.width[0])
        if blurred > _CLEAR * share * how.step * length:
            return False
        lines = crossing.lines(0, rest @ (slopes / length) * step[:, np.newaxis])
        slack = _LOOSE * abs(step) * length + blurred
        if confirmed(door, lines, step * length, slack).all():
            return True
    return False
