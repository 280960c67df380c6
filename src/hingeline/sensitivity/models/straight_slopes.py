"""Derivatives where a function is straight: one step along each coordinate, proved by mixtures of the steps.

Inside one linear region differences are exact but for noise. A few rays from each point, asked at their
middle and end, first find how far its region reaches. Then each coordinate takes one step, and mixtures

    f(x + sum_j w_j s_j e_j) = f(x) + sum_j w_j (f(x + s_j e_j) - f(x))

hold only if no step left the region. Where one did, all steps are taken again, shorter; coordinates whose two
slopes agree keep the longer step, the others go on. What noise hides from the check widens the error bar.

All moves go into one orthant, chosen at random but away from the faces of a box. Between the steps of a step
function every difference is zero, and so is the derivative: that is certified too.

Source: mixtures are a group test of differences, our design. Cost: d + 4 queries for each point and 4 for
each length that rays try; d more, and 3 for each further time that steps are shortened.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.sensitivity.models.measured import MeasuredJacobians
from hingeline.sensitivity.models.value_door import CHUNK_BYTES, ValueDoor

SIGMAS = 6.0
"""Standard deviations within which a check must agree; the noise itself is known to a factor of 2 or 3."""
_FIRST_REACH = 0.3
"""First length of rays, in typical norms: long steps have little noise."""
_RAYS = 2
_RAY_SHRINK = 1 / 3
_RAY_TRIES = 18
"""Lengths tried: the last is 1e-9 of a typical norm."""
_STEP_PER_RAY = 0.25
"""Step as a share of a ray that stayed inside: one of many coordinates may point straight at the boundary."""
_SHORT_STEP_PER_RAY = 0.08
"""The same where noise allows it: fewer steps leave the region."""
_QUIET = 1e-9
"""Noise allows a step if its slope's error is this small, in usual slopes."""
_AGREE = 4.0
"""Standard deviations within which two steps of a coordinate must agree for the longer one to be kept."""
_STEP_SHRINK = 0.3
_STEP_TRIES = 9
_MIXTURES = (3, 150, 6)
"""Mixtures asked: so many, one more for so many coordinates, and at most so many: they cost little beside."""
_LEAST_MOVE = 256 * EPSILON
"""Shortest step, relative to the coordinate: below, the sum x + s is not what was meant."""


class StraightSlopes:
    """Measures derivatives; the ray length that suited the last points is tried first at the next.

    Args:
        door: Where queries go.
        rng: Draws rays and mixtures.
    """

    def __init__(self, door: ValueDoor, rng: np.random.Generator) -> None:
        self.door, self.rng = door, rng
        self._longest = _FIRST_REACH * door.unit * float(np.sqrt(door.input_dim))
        self._reach = self._longest

    def __call__(self, points: FloatArray, values: FloatArray, sigma: FloatArray) -> MeasuredJacobians:
        """Derivatives at `points`.

        Args:
            points: As they are sent, shape "n d".
            values: Values there, shape "n k".
            sigma: Deviation of one value, shape "n".

        Raises:
            BudgetExhausted: The budget ended.
        """
        signs = self.door.inward(points, self._reach, self.rng)
        reaches, straight = self._reaches(points, values, sigma, signs)
        found = MeasuredJacobians.nothing(values, points.shape[1])
        chosen = np.flatnonzero(straight)
        if not len(chosen):
            return found
        self._reach = float(min(self._longest, np.median(reaches[chosen]) / _RAY_SHRINK))
        work = _Steps(
            self.door, points[chosen], values[chosen], sigma[chosen], signs[chosen], reaches[chosen], self.rng
        )
        found.put(chosen, work.measured())
        return found

    def _reaches(
        self, points: FloatArray, values: FloatArray, sigma: FloatArray, signs: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """Lengths of rays that stay straight, and whether one was found."""
        reaches = np.full(len(points), self._reach)
        straight = np.zeros(len(points), dtype=np.bool_)
        room = self.door.room(points, signs)
        for _ in range(_RAY_TRIES):
            pending = np.flatnonzero(~straight)
            if not len(pending):
                break
            sizes = self.rng.uniform(0.5, 1.0, (len(pending), _RAYS, points.shape[1]))
            sizes *= reaches[pending, np.newaxis, np.newaxis] / np.linalg.norm(sizes, axis=2, keepdims=True)
            moves = signs[pending, np.newaxis] * np.minimum(sizes, room[pending, np.newaxis])
            bends = self._bends(points[pending], values[pending], moves)
            # f(x + 2v) - 2 f(x + v) + f(x): variances 1, 4 and 1
            straight[pending] = bends <= SIGMAS * np.sqrt(6.0) * sigma[pending]
            reaches[pending[~straight[pending]]] *= _RAY_SHRINK
        return reaches, straight

    def _bends(self, points: FloatArray, values: FloatArray, moves: FloatArray) -> FloatArray:
        starts = points[:, np.newaxis]
        # the middle as it is sent decides where the end is, so that all three lie on a line
        middles = self.door.snapped((starts + moves / 2).reshape(-1, points.shape[1])).reshape(moves.shape)
        ends = self.door.snapped((2 * middles - starts).reshape(-1, points.shape[1]))
        asked = np.concatenate([middles.reshape(-1, points.shape[1]), ends])
        middle, end = np.split(self.door.values(asked), 2)
        shape = (*moves.shape[:2], -1)
        bends = end.reshape(shape) - 2 * middle.reshape(shape) + values[:, np.newaxis]
        return np.abs(bends).max(axis=(1, 2))


class _Steps:
    """Steps along all coordinates of some points, as they are shortened."""

    def __init__(
        self,
        door: ValueDoor,
        points: FloatArray,
        values: FloatArray,
        sigma: FloatArray,
        signs: FloatArray,
        reaches: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        self.door, self.points, self.values, self.sigma, self.rng = door, points, values, sigma, rng
        self.signs, self.room = signs, door.room(points, signs)
        quiet = sigma <= _QUIET * door.usual_slope * _SHORT_STEP_PER_RAY * reaches
        shares = np.where(quiet, _SHORT_STEP_PER_RAY, _STEP_PER_RAY)
        self.lengths = np.minimum((shares * reaches)[:, np.newaxis], 0.95 * self.room)
        self.steps = np.zeros_like(points)
        self.changes = np.zeros((*points.shape, values.shape[1]))
        self.shares = np.ones(len(points))
        self.bias = np.zeros(len(points))
        self.excess = np.ones(len(points))
        self.certified = np.zeros(len(points), dtype=np.bool_)

    def measured(self) -> MeasuredJacobians:
        """Shorten steps until mixtures agree."""
        pending = np.ones(self.points.shape, dtype=np.bool_)
        for attempt in range(_STEP_TRIES):
            bad = self._ask(pending, compare=attempt > 0)
            open_points = np.flatnonzero(~self.certified)
            self._check(open_points)
            failed = ~self.certified
            if not failed.any():
                break
            pending = failed[:, np.newaxis] & (bad | (attempt == 0))
            # where each step is straight and the mixture is not, it went farther than any step: shorten it
            self.shares[failed & ~pending.any(axis=1)] *= _STEP_SHRINK
            self.lengths = np.where(pending, _STEP_SHRINK * self.lengths, self.lengths)
        return self._result()

    def _ask(self, pending: BoolArray, *, compare: bool) -> BoolArray:
        """Take the pending steps; which of them contradict the longer ones taken before."""
        bad = np.zeros_like(pending)
        rows, columns = np.nonzero(pending)
        size = max(1, CHUNK_BYTES // (8 * self.points.shape[1]))
        for first in range(0, len(rows), size):
            row, column = rows[first : first + size], columns[first : first + size]
            asked, every = self.points[row], np.arange(len(row))
            asked[every, column] += self.signs[row, column] * self.lengths[row, column]
            asked = self.door.snapped(asked)
            steps = asked[every, column] - self.points[row, column]
            changes = self.door.values(asked) - self.values[row]
            if compare:
                agree = self._agree(row, column, steps, changes)
                bad[row, column] = ~agree
                row, column, steps, changes = row[~agree], column[~agree], steps[~agree], changes[~agree]
            self.steps[row, column], self.changes[row, column] = steps, changes
        return bad

    def _agree(self, rows: IntArray, columns: IntArray, steps: FloatArray, changes: FloatArray) -> BoolArray:
        """Which slopes are what the longer steps gave; what noise does not explain of the rest is kept."""
        before = self.steps[rows, columns]
        gaps = _ratio(changes, steps) - _ratio(self.changes[rows, columns], before)
        with np.errstate(divide="ignore"):
            spread = np.sqrt(2.0) * self.sigma[rows] * np.hypot(1 / steps, 1 / before)
        agree: BoolArray = np.abs(gaps).max(axis=1) <= _AGREE * spread
        beyond = np.mean(gaps[agree] ** 2, axis=1) - spread[agree] ** 2
        np.add.at(self.bias, rows[agree], beyond / self.points.shape[1])
        return agree

    def _check(self, chosen: IntArray) -> None:
        """Certify the chosen points whose mixtures agree, and see how much noise does not explain."""
        steps, sigma = self.steps[chosen], self.sigma[chosen]
        count, dim = steps.shape
        fine = (np.abs(steps) > _LEAST_MOVE * np.abs(self.points[chosen])).all(axis=1)
        surplus = np.zeros(count)
        fewest, each, most = _MIXTURES
        mixtures = min(most, fewest + dim // each)
        for turn in range(mixtures):
            wanted = self.rng.uniform(0.5, 1.0, (count, dim)) / np.sqrt(max(dim, 2))
            wanted *= self.shares[chosen, np.newaxis]
            if turn:
                # wrong slopes of opposite sign cancel in a mixture of all, and rarely in one of half
                wanted *= self.rng.random((count, dim)) < 0.5
            asked = self.door.snapped(self.points[chosen] + wanted * steps)
            with np.errstate(invalid="ignore", divide="ignore"):
                weights = np.where(steps != 0, (asked - self.points[chosen]) / steps, 0.0)
            expected = np.einsum("nd,ndk->nk", weights, self.changes[chosen])
            gaps = self.door.values(asked) - self.values[chosen] - expected
            squares = np.sum(weights**2, axis=1)
            # errors of the mixture, of each step by its weight, and of the centre by what is left
            variance = sigma**2 * (1 + squares + (1 - weights.sum(axis=1)) ** 2)
            fine &= (np.abs(gaps) <= SIGMAS * np.sqrt(variance)[:, np.newaxis]).all(axis=1)
            beyond = np.mean(gaps**2, axis=1) - variance
            surplus += np.maximum(beyond, 0.0) / np.maximum(2 * squares * sigma**2, 1e-300) / mixtures
        self.certified[chosen] = fine
        self.excess[chosen] = np.sqrt(1 + surplus)

    def _result(self) -> MeasuredJacobians:
        slopes = _ratio(self.changes, self.steps)
        with np.errstate(divide="ignore"):
            noise = np.sqrt(2.0) * self.sigma * self.excess * np.sqrt(np.mean(1 / self.steps**2, axis=1))
        errors = np.hypot(noise, np.sqrt(np.maximum(self.bias, 0.0)))
        return MeasuredJacobians(
            matrices=np.where(
                self.certified[:, np.newaxis, np.newaxis],
                np.ascontiguousarray(slopes.transpose(0, 2, 1)),
                0.0,
            ),
            values=self.values,
            errors=np.where(self.certified, errors, np.inf),
            certified=self.certified,
        )


def _ratio(changes: FloatArray, steps: FloatArray) -> FloatArray:
    """Changes over steps; zero where no step was possible: "... k" and "..." to "... k"."""
    wide = steps[..., np.newaxis]
    return np.divide(changes, wide, out=np.zeros_like(changes), where=wide != 0)
