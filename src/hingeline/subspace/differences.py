"""Certified differences: slopes along many directions at one spot, every step proved to stay in its region.

All directions are asked at once, one query each. A step that crossed a boundary gives a wrong slope; group
tests find it. A test asks one more point, a random mixture of the directions of a group,

    y = x + sum_j w_j step_j b_j,      wanted: f(y) = f(x) + sum_j w_j (f(x + step_j b_j) - f(x)),

and holds only if all the group's steps stayed inside. The weights are never 1 on a single direction, where
the test would repeat the question; they are as large as the region is known to allow, because a wrong slope
shows in proportion to its weight. A group that fails is halved until the bad directions stand alone; those
are asked again with smaller steps.

Source: our design (group testing of differences). Cost: one query per direction, 1 for a spot without
bad directions, about 20 for each bad one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.probing.probe import Probe
from hingeline.subspace.laws import Law
from hingeline.subspace.spots import SIGMAS, Spot, value_noise

_TRIAL = 48
"""Directions asked first: one bad one means dozens among all, each dearer than a new trial."""
_TRIAL_SHRINK = 0.4
"""Factor on the step after a trial with a bad direction."""
_MOST_BAD = 0.2
"""Share of bad directions above which a spot is given up."""
_SHRINK = 0.25
"""Factor on the step of bad directions."""
_SHRINKS = 6
"""Times that bad directions are asked again."""
_SMALLEST_WEIGHT = 0.5
"""Largest weight of a direction in a mixture."""


@dataclass(frozen=True, eq=False)
class Slopes:
    """Directional derivatives at one spot."""

    matrix: FloatArray
    """Slope of each output along each direction, shape "m c"."""
    errors: FloatArray
    """Standard deviation of the slopes along each direction, shape "c"."""

    @property
    def noise(self) -> float:
        """Expected length of the error of one output's gradient."""
        return float(np.linalg.norm(self.errors))


def certified_slopes(
    probe: Probe, law: Law, spot: Spot, directions: FloatArray, rng: np.random.Generator
) -> Slopes | None:
    """Slopes along the columns of `directions`; None if some cannot be certified.

    Args:
        probe: Where queries go.
        law: How far points may move.
        spot: Where.
        directions: Orthonormal columns, shape "d c".
        rng: Draws the mixtures.

    Raises:
        BudgetExhausted: The budget ended.
    """
    work = _Differences(probe, law, spot, directions, rng)
    total = directions.shape[1]
    trial = np.arange(min(_TRIAL, total))
    for _ in range(_SHRINKS):
        work.ask(trial)
        bad = work.bad_ones(trial)
        if not len(bad) or len(trial) == total:
            break
        work.steps *= _TRIAL_SHRINK
    else:
        return None
    rest = np.arange(len(trial), total)
    work.ask(rest)
    every = np.arange(total)
    if not len(bad) and work.agree(every):
        return work.slopes()
    bad = np.concatenate([bad, work.bad_ones(rest)])
    if len(bad) > max(2, _MOST_BAD * total) or not work.mend(bad):
        return None
    return work.slopes() if work.agree(every) else None


class _Differences:
    """Steps and answers of one spot as they are mended."""

    def __init__(
        self, probe: Probe, law: Law, spot: Spot, directions: FloatArray, rng: np.random.Generator
    ) -> None:
        self.probe, self.law, self.spot, self.rng = probe, law, spot, rng
        starts = np.broadcast_to(spot.point, directions.T.shape)
        ahead, behind = law.room(starts, directions.T), law.room(starts, -directions.T)
        # Near a face the step goes the other way.
        self.signs = np.where(ahead >= behind, 1.0, -1.0)
        self.rows = directions.T * self.signs[:, np.newaxis]
        self.steps = np.minimum(spot.step, 0.9 * np.maximum(ahead, behind))
        self.changes = np.zeros((directions.shape[1], len(spot.values)))
        self.sigmas = np.zeros(directions.shape[1])

    def ask(self, chosen: IntArray) -> None:
        """Ask the chosen directions at their present steps."""
        if not len(chosen):
            return
        points = self.spot.point + self.steps[chosen, np.newaxis] * self.rows[chosen]
        values = self.probe.ask(points)
        self.changes[chosen] = values - self.spot.values
        self.sigmas[chosen] = value_noise(self.probe, points, values)

    def bad_ones(self, chosen: IntArray) -> IntArray:
        """Those of the chosen directions whose step left the region."""
        pending, bad = [chosen] if len(chosen) else [], np.zeros(0, dtype=np.int64)
        while pending:
            failed = [group for group, fine in zip(pending, self._tests(pending), strict=True) if not fine]
            alone = [group for group in failed if len(group) == 1]
            bad = np.concatenate([bad, *alone])
            if len(bad) > _MOST_BAD * self.rows.shape[0] + 3:
                return bad
            pending = [half for group in failed if len(group) > 1 for half in np.array_split(group, 2)]
        return bad

    def agree(self, chosen: IntArray) -> bool:
        """One last test of all together."""
        return bool(self._tests([chosen])[0] or self._tests([chosen], 0.2)[0])

    def mend(self, bad: IntArray) -> bool:
        """Ask bad directions again with smaller steps; False if one stays bad."""
        for _ in range(_SHRINKS):
            if not len(bad):
                return True
            self.steps[bad] *= _SHRINK
            self.ask(bad)
            fine = self._tests([np.array([index]) for index in bad])
            bad = bad[[not passed for passed in fine]]
        return not len(bad)

    def slopes(self) -> Slopes:
        """What was measured."""
        matrix = self.changes.T * (self.signs / self.steps)
        return Slopes(matrix, np.hypot(self.sigmas, self.spot.sigma) / self.steps)

    def _tests(self, groups: list[IntArray], share: float = 1.0) -> list[bool]:
        """One mixture for each group, all asked in one batch."""
        weights = [share * self._mixture(group) for group in groups]
        points = np.array(
            [
                self.spot.point + (w * self.steps[g]) @ self.rows[g]
                for w, g in zip(weights, groups, strict=True)
            ]
        )
        values = self.probe.ask(points)
        noise = value_noise(self.probe, points, values)
        return [
            self._holds(value, float(sigma), w, g)
            for value, sigma, w, g in zip(values, noise, weights, groups, strict=True)
        ]

    def _holds(self, value: FloatArray, sigma: float, weights: FloatArray, group: IntArray) -> bool:
        gap = float(np.abs(value - self.spot.values - weights @ self.changes[group]).max())
        # the centre's error enters with 1 - sum(w), each direction's with its weight
        variance = (
            sigma**2
            + ((1 - weights.sum()) * self.spot.sigma) ** 2
            + np.sum((weights * self.sigmas[group]) ** 2)
        )
        return gap <= SIGMAS * float(np.sqrt(variance))

    def _mixture(self, group: IntArray) -> FloatArray:
        """Random weights: positive and at most one half, or so that the move is half a ray long."""
        size = len(group)
        raw = self.rng.uniform(0.5, 1.0, size) * (1.0 if size < 3 else self.rng.choice([-1.0, 1.0], size))
        longest = float(np.linalg.norm(raw * self.steps[group]))
        fits = 0.5 * self.spot.radius / max(longest, 1e-300)
        mixture = raw * min(fits, _SMALLEST_WEIGHT)
        move = (mixture * self.steps[group]) @ self.rows[group]
        length = float(np.linalg.norm(move))
        room = self.law.room(self.spot.point[np.newaxis], move[np.newaxis] / max(length, 1e-300))[0]
        return mixture * min(1.0, 0.9 * float(room) / max(length, 1e-300))
