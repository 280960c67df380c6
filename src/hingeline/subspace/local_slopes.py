"""Gradients inside a known span at many points at once, each checked by mixtures of its own steps.

k forward differences give a gradient, all outputs at once. Mixtures of the k steps must change the values as
the steps themselves do: the function was straight in between. Where they do not, the steps are shortened.

Source: the check is the simplex certificate of `differences`, without mending single directions.
Cost: k + 3 queries per point, k + 2 more for each time its step is shortened. Memory: `CHUNK_BYTES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.domain import Domain
from hingeline.probing.probe import Probe

CHUNK_BYTES = 64 * 2**20
"""Points asked at once."""
_STEP = 0.3
"""First step, in typical coordinates: long steps have little noise."""
_SHRINK = 0.25
_TRIES = 10
"""Steps tried: the last one is 1e-6 of a typical coordinate."""
_MIXTURES = 2
"""Mixtures asked: one alone agrees by chance once in a hundred tries."""
_SIGMAS = 6.0
"""Standard deviations within which it may disagree by noise."""
_INSET = 0.95
"""Points at the edge of the domain are pulled to so far from its middle, so that steps fit."""


def local_slopes(
    probe: Probe,
    directions: FloatArray,
    points: FloatArray,
    rng: np.random.Generator,
    *,
    agree: float = 0.0,
) -> Iterator[Differences]:
    """Differences along all directions at every point that allows them, in parts as they are done.

    Args:
        probe: Where queries go; must answer values.
        directions: Orthonormal rows, shape "k d".
        points: In the probe's coordinates, shape "p d"; those at the edge of the domain are pulled inwards.
        rng: Draws the mixtures.
        agree: Share of the change it shows by which a mixture may disagree, beside noise.

    Raises:
        BudgetExhausted: The budget ended.
    """
    excess = probe.domain.excess(points)
    starts = points * (_INSET / np.maximum(excess, _INSET))[:, np.newaxis]
    return _Work(probe, directions, starts, rng, agree).measure()


@dataclass(frozen=True, eq=False)
class Differences:
    """Forward differences at some points."""

    steps: FloatArray
    """Signed steps, shape "c k"."""
    changes: FloatArray
    """Changes of the values, shape "c k m"."""
    sigma: FloatArray
    """Deviation of one value, shape "c"."""

    @property
    def slopes(self) -> FloatArray:
        """Gradients in the coordinates of the directions, one column per output, shape "c k m"."""
        return self.changes / self.steps[:, :, np.newaxis]


class _Work:
    """Points as they are done."""

    def __init__(
        self,
        probe: Probe,
        directions: FloatArray,
        starts: FloatArray,
        rng: np.random.Generator,
        agree: float,
    ) -> None:
        self.probe, self.directions, self.starts, self.rng = probe, directions, starts, rng
        self.agree = agree
        self.lengths = np.full(len(starts), _STEP * probe.calibration.scale / float(np.sqrt(probe.input_dim)))
        self.done: BoolArray = np.zeros(len(starts), dtype=np.bool_)

    def measure(self) -> Iterator[Differences]:
        """Measure at every point, with shorter steps where needed; those that pass, as they come."""
        size = max(1, CHUNK_BYTES // (8 * self.directions.size))
        for _ in range(_TRIES):
            pending = np.flatnonzero(~self.done)
            for start in range(0, len(pending), size):
                yield self._try(pending[start : start + size])
            self.lengths *= _SHRINK

    def _try(self, chosen: IntArray) -> Differences:
        """One step length for a chunk of points; those that pass the check."""
        centres = self.probe.ask(self.starts[chosen])
        steps = _fitting(self.probe.domain, self.starts[chosen], self.directions, self.lengths[chosen])
        points = self.starts[chosen, np.newaxis] + steps[:, :, np.newaxis] * self.directions
        answers = self.probe.ask(points.reshape(-1, points.shape[2]))
        changes = answers.reshape(*steps.shape, -1) - centres[:, np.newaxis]
        # the last bits of a value are noise as well
        sigma = self.probe.noise.at(self.starts[chosen]) + EPSILON * np.abs(centres).max(axis=1)
        found = Differences(steps, changes, sigma)
        fine = (steps != 0).all(axis=1)
        for _ in range(_MIXTURES):
            fine &= self._straight(chosen, centres, found)
        self.done[chosen[fine]] = True
        return Differences(steps[fine], changes[fine], sigma[fine])

    def _straight(self, chosen: IntArray, centres: FloatArray, found: Differences) -> BoolArray:
        """Whether a mixture of the steps changes the values as the steps themselves do."""
        count, rank = found.steps.shape
        sizes = self.rng.uniform(0.5, 1.0, (count, rank))
        signs = self.rng.choice(np.array([-1.0, 1.0]), (count, rank))
        # as long as one step; near the edge a mean of the steps, which a convex domain holds
        free, mean = signs * sizes / np.sqrt(rank), sizes / rank
        starts = self.starts[chosen]
        inside = self.probe.domain.holds(starts + (free * found.steps) @ self.directions)
        weights = np.where(inside[:, np.newaxis], free, mean)
        answers = self.probe.ask(starts + (weights * found.steps) @ self.directions)
        parts = weights[:, :, np.newaxis] * found.changes
        gap = np.abs(answers - centres - parts.sum(axis=1)).max(axis=1)
        # a sum of random signs is as large as the root of the squares
        shown = np.sqrt(np.sum(parts**2, axis=1)).max(axis=1)
        noise = found.sigma * np.sqrt(1 + np.sum(weights**2, axis=1) + (1 - weights.sum(axis=1)) ** 2)
        straight: BoolArray = gap <= self.agree * shown + _SIGMAS * noise
        return straight


def _fitting(domain: Domain, starts: FloatArray, directions: FloatArray, lengths: FloatArray) -> FloatArray:
    """Signed steps, as long as asked for or as fits the domain; 0 where none fits: "c" to "c k"."""
    wanted = np.repeat(lengths[:, np.newaxis], len(directions), axis=1)
    if domain.free:
        return wanted
    steps = np.zeros_like(wanted)
    for factor in (sign * _SHRINK**power for power in range(_TRIES) for sign in (1.0, -1.0)):
        open_points = np.flatnonzero((steps == 0).any(axis=1))
        if not len(open_points):
            break
        tried = factor * wanted[open_points]
        ends = starts[open_points, np.newaxis] + tried[:, :, np.newaxis] * directions
        fits = domain.holds(ends.reshape(-1, ends.shape[2])).reshape(tried.shape)
        before = steps[open_points]
        steps[open_points] = np.where((before == 0) & fits, tried, before)
    return steps
