"""How far along a line a label changes, for many lines at once, one bit per question.

Idea: on the line base + t across the label is "inside" for small t and "outside" for large t. t is expected
to be about 0 with a known spread s. Each question is put at the middle of what is still possible, weighed by
a logistic law of standard deviation s: with normal t this buys bits at the price of their entropy to within
0.02 bits, and a spread that is wrong by a factor of 5 costs a few questions, not the answer. Once the
interval is short against s its middle is the weighed middle.

Cost: about log2(4.1 s / cell) questions for each line, 4.1 = sqrt(2 pi e).
Source: our own design. That labels suffice for the span of a differentiable network is the promise of
Jayaram, Woodruff and Zhang, ICLR 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.subspace.label_door import INSIDE, NEITHER, LabelDoor

# Standard deviation of the logistic law of scale 1: pi / sqrt(3).
_LOGISTIC_SPREAD = float(np.pi / np.sqrt(3.0))
# Below this share of the spread the density hardly changes within an interval.
_SHORT = 0.25
# Beyond so many logistic scales nothing is expected (probability 1e-12): the spread was wrong. It is made so
# much wider, so often; a label that does not change even there does not change.
_FAR = 28.0
_WIDER, _MOST_WIDENED = 32.0, 2


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines along which a label changes from one to another."""

    base: FloatArray
    """Where t = 0, shape "m d"."""
    across: FloatArray
    """Unit directions, shape "m d" or "1 d"."""
    inside: IntArray
    """Labels for small t, shape "m"."""
    outside: IntArray
    """Labels for large t, shape "m"."""

    def sides(self, door: LabelDoor, rows: IntArray, at: FloatArray) -> IntArray:
        """Side of the points at distances `at` on the lines `rows`: "n", "n" to "n"."""
        across = self.across if len(self.across) == 1 else self.across[rows]
        points = self.base[rows] + at[:, np.newaxis] * across
        return door.sides(points, self.inside[rows], self.outside[rows])


@dataclass(frozen=True, eq=False)
class Offsets:
    """Where the label changes on each line."""

    at: FloatArray
    """Distance from the base, input units, shape "m"; uniform error of one cell's width."""
    known: BoolArray
    """False where no change was found, or a third label was met, shape "m"."""


def find_offsets(door: LabelDoor, lines: Lines, spread: FloatArray, cell: FloatArray) -> Offsets:
    """Find where the label changes on each line.

    Args:
        door: Where to ask.
        lines: Shape "m"; t is expected about 0.
        spread: Expected standard deviation of t on each line, input units, shape "m".
        cell: Width to which t is wanted, input units, shape "m".

    Cost: about log2(4.1 spread / cell) queries for each line.
    """
    low, high = np.full(len(spread), -np.inf), np.full(len(spread), np.inf)
    scale = spread / _LOGISTIC_SPREAD
    widened = np.zeros(len(spread), dtype=np.int64)
    known = np.ones(len(spread), dtype=np.bool_)
    while len(rows := np.flatnonzero(known & (high - low > cell))):
        middle = _middle(low[rows], high[rows], scale[rows])
        far = np.abs(middle) > _FAR * scale[rows]
        scale[rows[far]] *= _WIDER
        widened[rows[far]] += 1
        known[rows[(middle <= low[rows]) | (middle >= high[rows]) | (widened[rows] > _MOST_WIDENED)]] = False
        asked = known[rows] & ~far
        rows, middle = rows[asked], middle[asked]
        sides = lines.sides(door, rows, middle)
        known[rows[sides == NEITHER]] = False
        low[rows[sides == INSIDE]] = middle[sides == INSIDE]
        high[rows[sides == -INSIDE]] = middle[sides == -INSIDE]
    return Offsets(np.where(known, (np.where(known, low, 0) + np.where(known, high, 0)) / 2, 0.0), known)


def confirmed(door: LabelDoor, lines: Lines, at: FloatArray, slack: FloatArray) -> BoolArray:
    """Whether the labels just before and just after `at` differ as they should: "m"; 2 queries for each.

    A search that was led astray by one wrong label ends where nothing changes.
    """
    rows = np.arange(len(at))
    before = lines.sides(door, rows, at - slack)
    after = lines.sides(door, rows, at + slack)
    return (before == INSIDE) & (after == -INSIDE)


def _middle(low: FloatArray, high: FloatArray, scale: FloatArray) -> FloatArray:
    """The middle of each interval, by logistic weight where it is long."""
    # by symmetry in the tail where expit is small: there it keeps its digits
    mirrored = np.isinf(high) & (low > 0)
    small, large = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    weight = (expit(small / scale) + expit(large / scale)) / 2
    weighed = np.where(mirrored, -1.0, 1.0) * scale * logit(weight)
    with np.errstate(invalid="ignore"):
        return np.where(high - low < _SHORT * scale, (low + high) / 2, weighed)
