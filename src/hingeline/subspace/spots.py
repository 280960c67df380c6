"""Spots: points whose linear region is known to reach some way, so that differences there are exact.

A candidate is asked at its centre and on both sides along random rays of length R: inside one region

    f(x + R u) + f(x - R u) - 2 f(x) = 0.

Points beside a boundary fail at the first ray, for 3 queries; keeping only points that pass costs little
beside the hundreds of differences that a spoiled point would waste, and lets the step be large, which is what
makes gradients precise. R settles where about a third of the candidates pass. The rays lie outside the span
found so far, so they tell at the same time, for nothing, whether the gradient leaves it.

A candidate whose first ray changes nothing, for all its length, is quiet: nothing outside V shows there.

Source: our design. Cost: 3 queries for a candidate that fails or is quiet, 9 for a spot; about 15 for each
spot found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe
from hingeline.subspace.complement import Complement
from hingeline.subspace.laws import Law

SIGMAS = 12.0
"""Standard deviations within which a check must agree: nobody should meet a false alarm in 10^6 checks."""
RAYS = 4
"""Rays that a spot must pass."""
STEP_PER_RAY = 0.3
"""Step as a fraction of the ray length: the farthest of 800 directions reaches three times a random one."""
_PASSING = (0.25, 0.55)
"""Share of candidates that should pass; outside, R is made smaller or larger."""
_CHANGE = 1.6
"""Factor on R each time."""
_SMALLEST = 1e-6
"""Smallest R, as a fraction of a typical |x|."""


@dataclass(frozen=True, eq=False)
class Spot:
    """A point well inside its linear region."""

    point: FloatArray
    """Shape "d"."""
    values: FloatArray
    """Shape "m"."""
    sigma: float
    """Standard deviation of one value there."""
    radius: float
    """Length of rays that stayed inside the region, input units."""
    response: float
    """Root mean square slope along random unit directions outside the span, output units per input unit."""

    @property
    def step(self) -> float:
        """Step for differences."""
        return STEP_PER_RAY * self.radius


def value_noise(probe: Probe, points: FloatArray, values: FloatArray) -> FloatArray:
    """Standard deviation of one value at each point: "n d", "n m" to "n"."""
    return probe.noise.at(points) + EPSILON * np.abs(values).max(axis=1)


class SpotFinder:
    """Finds spots under a law and remembers which ray length suits this network.

    Args:
        probe: Where queries go.
        law: Where to look.
        rng: Draws points and rays.
    """

    def __init__(self, probe: Probe, law: Law, rng: np.random.Generator) -> None:
        self.probe, self.law, self.rng = probe, law, rng
        self._limit = law.unit * float(np.sqrt(probe.input_dim))
        self.radius = 0.1 * self._limit

    def batch(self, complement: Complement, count: int) -> tuple[list[Spot], int]:
        """Spots among `count` fresh points of the law (maybe none), and how many points were quiet."""
        points = self.law.points(self.rng, count)
        if not len(points):
            return [], 0
        values = self.probe.ask(points)
        first = _Rays(self, points, values, complement, self.radius, 1)
        telling = ~first.quiet
        if telling.any():
            self._settle(first.straight[telling])
        return self._confirmed(points, values, complement, first), int(first.quiet.sum())

    def at(self, point: FloatArray, complement: Complement, reach: float) -> Spot | None:
        """A spot at this very point, with rays as long as its region allows; None if none does.

        Args:
            point: Shape "d".
            complement: The directions of interest.
            reach: First ray length tried.
        """
        radius = min(reach, self._limit)
        points = point[np.newaxis]
        values = self.probe.ask(points)
        while radius > _SMALLEST * self._limit:
            first = _Rays(self, points, values, complement, radius, 1)
            spots = self._confirmed(points, values, complement, first)
            if spots:
                return spots[0]
            radius /= 3
        return None

    def _confirmed(
        self, points: FloatArray, values: FloatArray, complement: Complement, first: _Rays
    ) -> list[Spot]:
        """Those of the points, with one ray each, that pass the other rays too."""
        alive = np.flatnonzero(first.straight & ~first.quiet)
        if not len(alive):
            return []
        more = _Rays(self, points[alive], values[alive], complement, first.radius, RAYS - 1)
        squares = (first.squares[alive] + more.squares) / RAYS
        reach = np.minimum(first.lengths[alive], more.lengths)
        return [
            Spot(points[i], values[i], float(first.sigma[i]), float(reach[j]), float(np.sqrt(squares[j])))
            for j, i in enumerate(alive)
            if more.straight[j]
        ]

    def _settle(self, passed: BoolArray) -> None:
        share = float(passed.mean())
        if share < _PASSING[0]:
            self.radius = max(self.radius / _CHANGE, _SMALLEST * self._limit)
        elif share > _PASSING[1]:
            self.radius = min(self.radius * _CHANGE, self._limit)


class _Rays:
    """Answers on both sides of some points along random directions outside the span."""

    def __init__(
        self,
        finder: SpotFinder,
        points: FloatArray,
        values: FloatArray,
        complement: Complement,
        radius: float,
        count: int,
    ) -> None:
        self.radius = radius
        starts = np.repeat(points, count, axis=0)
        directions = complement.directions(finder.rng, len(starts))
        room = np.minimum(finder.law.room(starts, directions), finder.law.room(starts, -directions))
        lengths = np.minimum(radius, 0.9 * room)[:, np.newaxis]
        ends = np.concatenate([starts + lengths * directions, starts - lengths * directions])
        answers = finder.probe.ask(ends)
        noise = value_noise(finder.probe, ends, answers)
        forward, backward = np.split(answers, 2)
        self.sigma = value_noise(finder.probe, points, values)
        # f(x+u) + f(x-u) - 2 f(x): variances 1, 1 and 4
        slack = SIGMAS * np.sqrt(
            (noise**2).reshape(2, -1).sum(axis=0) + 4 * np.repeat(self.sigma, count) ** 2
        )
        bends = np.abs(forward + backward - 2 * np.repeat(values, count, axis=0)).max(axis=1)
        usable = lengths[:, 0] > _SMALLEST * finder.law.unit
        self.straight: BoolArray = ((bends <= slack) & usable).reshape(-1, count).all(axis=1)
        # nothing but noise, and what the tilt of V leaks
        changes = np.abs(forward - backward).max(axis=1) + bends
        leak = complement.worst_leak / np.sqrt(max(complement.rest.shape[1], 1))
        silent = changes <= slack + SIGMAS * leak * lengths[:, 0]
        self.quiet: BoolArray = silent.reshape(-1, count).all(axis=1)
        slopes = np.linalg.norm(forward - backward, axis=1) / np.maximum(2 * lengths[:, 0], 1e-300)
        self.squares = (slopes**2).reshape(-1, count).sum(axis=1)
        """Sum of squared slopes of each point's rays, shape "n"."""
        self.lengths = lengths.reshape(-1, count).min(axis=1)
        """Shortest ray of each point, shape "n"."""
