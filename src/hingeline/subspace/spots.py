"""Spots: points whose linear region is known to reach some way, so that differences there are exact.

A candidate is asked at its centre and on both sides along random rays of length R: inside one region

    f(x + R u) + f(x - R u) - 2 f(x) = 0.

Points beside a boundary fail at the first ray, for 3 queries; keeping only points that pass costs little
beside the hundreds of differences that a spoiled point would waste, and lets the step be large, which is what
makes gradients precise. R settles where about a third of the candidates pass. The rays lie outside the span
found so far, so they tell at the same time, for nothing, whether the gradient leaves it.

A candidate is first asked on one side only. If that changes nothing, for all its length, it is quiet: nothing
outside V shows there.

Source: our design.
Cost: 2 queries for a candidate, 1 more for its first ray, 6 more for a spot (4 for several outputs).
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
"""Rays that a spot must pass; one less where several outputs would all show a bend."""
STEP_PER_RAY = 0.3
"""Step as a fraction of the ray length: the farthest of 800 directions reaches three times a random one."""
_FEWER_RAYS = 0.6
"""Factor on the length of rays that were trusted although there were fewer of them."""
_PASSING = (0.25, 0.55)
"""Share of candidates that should pass; outside, R is made smaller or larger."""
_PASSING_VECTORS = (0.4, 0.75)
"""The same for several outputs: a gradient costs less there, so the search for its spot must too."""
_CONFIRMED = 2
"""Candidates of a batch that get all their rays, for one output; for several outputs, one."""
_OF_NORM = 0.3
"""Longest ray at a given point, as a fraction of its norm, if that is more than a typical |x|."""
_STANDS_OUT = 2.0
"""A candidate that reacts so many times more than the next one is worth shorter rays."""
_FIRST = 0.03
"""First R, in typical |x|: fits a hundred neurons; other networks settle elsewhere."""
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
    rays: FloatArray | None = None
    """Unit directions whose slopes are known already, shape "q d"; None if none is."""
    slopes: FloatArray | None = None
    """Slopes of the outputs along them, shape "m q"."""
    rank: int = -1
    """Rank of V when the rays were drawn: they lie outside V as long as that is its rank."""

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
        self.radius = _FIRST * self._limit
        self._asked: list[FloatArray] = []

    def batch(self, complement: Complement, count: int) -> tuple[list[Spot], int]:
        """Spots among `count` fresh points of the law (maybe none), and how many points were quiet.

        The candidates with the clearest responses get the rays: where a neuron that was off so far is on, the
        response outside V is large.
        """
        points = self.law.points(self.rng, count)
        if not len(points):
            return [], 0
        glance = _Glance(self, points, complement)
        self._asked.extend(points)
        wanted = _CONFIRMED if glance.values.shape[1] == 1 else 1
        spots, passed = list[Spot](), list[bool]()
        for place, index in enumerate(glance.clearest):
            first, found = self._tried(points[index], glance.directions[[index]], complement, self.radius)
            passed.append(first)
            if not found and wanted == 1 and glance.stands_out(place):
                spot = self.at(points[index], complement, self.radius / 3, self.radius / 30)
                found = [] if spot is None else [spot]
            spots += found
            if len(spots) == wanted:
                break
        if passed:
            self._settle(float(np.mean(passed)), _PASSING if wanted > 1 else _PASSING_VECTORS)
        return spots, int(glance.quiet.sum())

    def at(
        self, point: FloatArray, complement: Complement, reach: float, shortest: float = 0.0
    ) -> Spot | None:
        """A spot at this very point, with rays as long as its region allows; None if none does.

        Args:
            point: Shape "d".
            complement: The directions of interest.
            reach: First ray length tried.
            shortest: Rays are not made shorter than this.
        """
        radius = min(reach, max(self._limit, _OF_NORM * float(np.linalg.norm(point))))
        while radius > max(shortest, _SMALLEST * self._limit):
            _, spots = self._tried(point, complement.directions(self.rng, 1), complement, radius)
            if spots:
                return spots[0]
            radius /= 3
        return None

    def _tried(
        self, point: FloatArray, direction: FloatArray, complement: Complement, radius: float
    ) -> tuple[bool, list[Spot]]:
        """Whether a point passes its first ray, and the point as a spot if it passes the others too."""
        first = _Rays(self, point, direction, radius)
        if not first.straight:
            return False, []
        scalar = first.slopes.shape[1] == 1
        count = RAYS - 1 if scalar else RAYS - 2
        more = _Rays(self, point, complement.directions(self.rng, count), radius)
        if not more.straight:
            return True, []
        slopes = np.concatenate([first.slopes, more.slopes])
        spot = Spot(
            point=point,
            values=first.values,
            sigma=first.sigma,
            radius=(1.0 if scalar else _FEWER_RAYS) * min(first.shortest, more.shortest),
            response=float(np.sqrt(np.mean(np.sum(slopes**2, axis=1)))),
            rays=np.concatenate([first.directions, more.directions]),
            slopes=slopes.T,
            rank=complement.rank,
        )
        return True, [spot] if spot.response > 0 else []

    def take_asked(self, count: int) -> list[FloatArray]:
        """Points drawn from the law whose values are known, each given out once, at most `count`."""
        taken, self._asked = self._asked[:count], self._asked[count:]
        return taken

    def _settle(self, share: float, wanted: tuple[float, float]) -> None:
        if share < wanted[0]:
            self.radius = max(self.radius / _CHANGE, _SMALLEST * self._limit)
        elif share > wanted[1]:
            self.radius = min(self.radius * _CHANGE, self._limit)


class _Glance:
    """Answers at some points and on one side of each: where does anything show outside V?"""

    def __init__(self, finder: SpotFinder, points: FloatArray, complement: Complement) -> None:
        probe = finder.probe
        self.directions = complement.directions(finder.rng, len(points))
        lengths = _lengths(finder, points, self.directions)
        ends = points + lengths[:, np.newaxis] * self.directions
        self.values, after = np.split(probe.ask(np.concatenate([points, ends])), 2)
        changes = np.abs(after - self.values).max(axis=1)
        noise = np.hypot(value_noise(probe, points, self.values), value_noise(probe, ends, after))
        # what the tilt of V leaks along one random direction outside it
        leak = complement.worst_leak / np.sqrt(max(complement.rest.shape[1], 1))
        self.quiet: BoolArray = changes <= SIGMAS * (noise + leak * lengths)
        slopes = np.linalg.norm(after - self.values, axis=1) / np.maximum(lengths, 1e-300)
        order = np.argsort(-slopes)
        self.clearest = order[~self.quiet[order]]
        """Places of the points that react, clearest first."""
        self._slopes = slopes[self.clearest]

    def stands_out(self, place: int) -> bool:
        """Whether the point at this place among the clearest reacts far more than the next one."""
        following = float(self._slopes[place + 1]) if place + 1 < len(self._slopes) else 0.0
        return float(self._slopes[place]) > _STANDS_OUT * following


class _Rays:
    """Answers on both sides of a point along some directions."""

    def __init__(self, finder: SpotFinder, point: FloatArray, directions: FloatArray, radius: float) -> None:
        starts = np.broadcast_to(point, directions.shape)
        lengths = np.minimum(radius, _lengths(finder, starts, directions, radius))
        moves = lengths[:, np.newaxis] * directions
        answers = finder.probe.ask(np.concatenate([point[np.newaxis], starts + moves, starts - moves]))
        noise = value_noise(
            finder.probe, np.concatenate([point[np.newaxis], starts + moves, starts - moves]), answers
        )
        self.directions, self.values, self.sigma = directions, answers[0], float(noise[0])
        forward, backward = np.split(answers[1:], 2)
        # f(x+u) + f(x-u) - 2 f(x): variances 1, 1 and 4
        slack = SIGMAS * np.sqrt((noise[1:] ** 2).reshape(2, -1).sum(axis=0) + 4 * noise[0] ** 2)
        bends = np.abs(forward + backward - 2 * self.values).max(axis=1)
        self.shortest = float(lengths.min())
        self.straight = bool(np.all(bends <= slack) and self.shortest > _SMALLEST * finder.law.unit)
        self.slopes = (forward - backward) / np.maximum(2 * lengths[:, np.newaxis], 1e-300)
        """Slope of each output along each ray, shape "n m"."""


def _lengths(
    finder: SpotFinder, points: FloatArray, directions: FloatArray, radius: float | None = None
) -> FloatArray:
    """The ray length, or what the domain allows on both sides: "n d", "n d" to "n"."""
    room = np.minimum(finder.law.room(points, directions), finder.law.room(points, -directions))
    return np.minimum(finder.radius if radius is None else radius, 0.9 * room)
