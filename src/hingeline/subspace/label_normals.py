"""Slopes where the boundary consists of flat pieces (piecewise linear networks): exact inside one piece.

Certified by group testing: t is linear on the simplex of the steps, so beside an interior point (weights sum
to about 1/2; with one weight 1 the test would be vacuous) the labels must change where it says. Columns that
fail are measured again with a shorter step.

Cost: log2(4.1 spread / cell) queries for each column and 2 for each group tested.
Source: our own design.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.subspace.label_beside import (
    UNIFORM,
    Precision,
    Slopes,
    Unusable,
    contradictions,
    offsets_beside,
    stands,
)
from hingeline.subspace.label_boundary import Crossings
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_offsets import confirmed

# More failing columns than this share: the point lies at the edge of its piece; another one is cheaper than
# to measure them again.
_SPOILED = 0.4
# More searches gone astray than this share: labels are too noisy for the rest to be believed.
_MOST_WRONG = 0.05
# A failing column is measured with a step so much shorter, so often.
_SHORTER, _ROUNDS = 0.25, 3
# Pairs of opposite directions that must be straight, and width of their searches as a share of the spread: a
# weak neuron's kink is that faint.
_PAIRS, _EVEN = 3, 2.0**-10
# Width of a coarse search, as a share of the spread.
_COARSE = 0.25
# A sum of many uniform errors exceeds 5 standard deviations once in a million.
_SIGMAS = 5.0


def flat_slopes(
    door: LabelDoor, crossing: Crossings, rest: FloatArray, how: Precision, rng: np.random.Generator
) -> Slopes | Unusable:
    """Slopes along all columns of B at a boundary point of a piecewise linear network.

    Args:
        door: Where to ask.
        crossing: One boundary point, known to the last bit.
        rest: The columns B, shape "d m".
        how: Step and precision.
        rng: Draws the weights of the group tests.

    Returns:
        The slopes; or that the point is of no use: too many columns leave its piece.

    Cost: (log2(4.1 spread / cell) + 0.1) m queries if few columns fail.
    """
    columns = rest.shape[1]
    how = _within_piece(door, crossing, rest, how, rng)
    offsets = offsets_beside(door, crossing, rest, how.step, how)
    slopes, steps = offsets.at / how.step, np.full(columns, how.step)
    test = _GroupTest(door, crossing, rest, how, rng)
    failing = test.failing(slopes, steps, np.flatnonzero(offsets.known))
    wrong = contradictions(door, crossing, rest, how.step, how, offsets, failing)
    bad = np.union1d(np.flatnonzero(~offsets.known), failing)
    spoiled = len(bad)
    for _ in range(_ROUNDS):
        if not len(bad) or len(bad) > _SPOILED * columns + 1:
            break
        steps[bad] *= _SHORTER
        again = offsets_beside(door, crossing, rest[:, bad], float(steps[bad[0]]), how)
        slopes[bad] = again.at / steps[bad]
        failing = test.failing(slopes, steps, bad[again.known], apart=True)
        bad = np.union1d(failing, bad[~again.known])
    if len(bad) or wrong > _MOST_WRONG * columns + 1 or not stands(door, crossing, rest, slopes, how):
        return Unusable(wrong)
    noise = np.hypot(how.cell, how.blur) * UNIFORM * np.linalg.norm(1 / steps)
    return Slopes(slopes, float(noise), spoiled, wrong)


def _within_piece(
    door: LabelDoor, crossing: Crossings, rest: FloatArray, how: Precision, rng: np.random.Generator
) -> Precision:
    """A step that stays in the piece along random directions: the one given, or a shorter one.

    Along straight pieces t(u) = -t(-u). A point that lies very near to the edge of its piece would cost a
    column's price for most columns.

    Cost: about 40 queries for each step tried.
    """
    columns = rest.shape[1]
    for _ in range(_ROUNDS):
        mix = rng.standard_normal((columns, _PAIRS))
        directions = rest @ (mix / np.linalg.norm(mix, axis=0))
        coarse = replace(how, cell=max(_EVEN * how.spread, how.blur))
        ahead = offsets_beside(door, crossing, directions, how.step, coarse)
        behind = offsets_beside(door, crossing, directions, -how.step, coarse)
        bend = np.abs(ahead.at + behind.at)
        straight = ahead.known & behind.known & (bend <= 2 * (coarse.cell + how.blur))
        if straight.all():
            break
        shorter = max(_SHORTER * how.cell, how.blur / 2)
        how = replace(how, step=_SHORTER * how.step, spread=_SHORTER * how.spread, cell=shorter)
    return how


def coarse_parts(
    door: LabelDoor, crossing: Crossings, basis: FloatArray, step: float, slope: float
) -> FloatArray:
    """Slopes along the columns of a basis to a tenth of their usual size, 0 where not found: "r".

    Cost: about 4 queries for each column.
    """
    if not basis.shape[1]:
        return np.zeros(0)
    how = Precision(step, step * slope, _COARSE * step * slope, 0.0)
    return offsets_beside(door, crossing, basis, step, how).at / step


class _GroupTest:
    """Finds the columns whose lines lie in another piece of the boundary."""

    def __init__(
        self,
        door: LabelDoor,
        crossing: Crossings,
        rest: FloatArray,
        how: Precision,
        rng: np.random.Generator,
    ) -> None:
        self._door, self._crossing, self._rest, self._how, self._rng = door, crossing, rest, how, rng

    def failing(
        self, slopes: FloatArray, steps: FloatArray, columns: IntArray, *, apart: bool = False
    ) -> IntArray:
        """Columns that fail; all of them, once more fail than a point is worth."""
        limit = _SPOILED * self._rest.shape[1] + 1
        groups = [columns[[i]] for i in range(len(columns))] if apart else [columns]
        singles: list[IntArray] = []
        while groups := [g for g in groups if len(g)]:
            fine = self._pass(slopes, steps, groups)
            failed = [g for g, ok in zip(groups, fine, strict=True) if not ok]
            singles += [g for g in failed if len(g) == 1]
            if len(singles) + len(failed) > limit and not apart:
                return columns
            groups = [half for g in failed if len(g) > 1 for half in np.array_split(g, 2)]
        return np.concatenate(singles) if singles else np.zeros(0, dtype=np.int64)

    def _pass(self, slopes: FloatArray, steps: FloatArray, groups: list[IntArray]) -> BoolArray:
        """Whether the boundary lies where each group says, beside an interior point of its simplex."""
        mix = np.zeros((len(groups), self._rest.shape[1]))
        for row, group in zip(mix, groups, strict=True):
            weights = self._rng.uniform(0.5, 1.5, len(group))
            row[group] = self._rng.uniform(0.35, 0.65) * weights / weights.sum() * steps[group]
        # offsets are uniform in their cells: errors of the sum grow like the weights' norm
        cells = self._how.cell * np.linalg.norm(mix / steps, axis=1) * UNIFORM * _SIGMAS
        slack = cells + 4 * self._how.blur + self._crossing.width[0]
        lines = self._crossing.lines(0, mix @ self._rest.T)
        return confirmed(self._door, lines, mix @ slopes, slack)
