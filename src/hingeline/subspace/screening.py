"""Points around which long steps stay in one linear region, found before a Jacobian is paid for.

A few rays, asked on both sides of a candidate, bend where they meet a kink. A ray costs two queries, a
Jacobian 2 d: trying a few candidates for every Jacobian buys longer steps for little.

How far out to look is chosen by asking too. Where biases are small the regions are cones: they stretch with
the distance, and so may steps, while an absolute noise (rounding, a random error) stays as it is. A relative
noise (float32) grows alike and gains nothing; rounded probabilities are best near the origin.

Cost: about 25 queries for each candidate, 250 for each distance tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.subspace.noisy_door import NoisyDoor

# Rays for each candidate; a region is left through its nearest faces, which a few rays find.
_RAYS = 3
# First length of a ray in typical coordinates, and its shortest as a share of that.
_LONGEST = 4.0
_LEVELS = 8
# Standard deviations within which a second difference is noise: 4.5 are exceeded once in 150,000.
SIGMAS = 4.5
# Distances tried, in typical norms. Farther out biases of a ten-thousandth would not be seen at all.
_DISTANCES = (1.0, 0.3, 0.1, 3.0, 10.0, 100.0, 1e3, 1e4)
# Factor on the noise of a gradient that is worth leaving the ordinary distance for.
_WORTH = 4.0
# Share of the domain's radius within which points are drawn.
_INSIDE = 0.5
# Candidates by which distances are compared, and points at which noise is measured there.
_TRIALS = 6
_CALIBRATING = 16


@dataclass(frozen=True, eq=False)
class Candidates:
    """Points that were looked at."""

    points: FloatArray
    """Shape "n d"."""
    reaches: FloatArray
    """Length at which all rays were straight, shape "n"; 0 where none was."""
    noise: FloatArray
    """Deviation of the worst usable value, shape "n"."""
    alive: BoolArray
    """Whether values change along the rays, shape "n"."""

    def best(self, count: int) -> FloatArray:
        """The live points whose reach exceeds the noise most: "count d" or fewer."""
        return self.points[self.order()[:count]]

    def order(self) -> IntArray:
        """Positions of the live points, those with the smallest noise of a gradient first."""
        merit = np.divide(self.reaches, self.noise, out=np.zeros(len(self.reaches)), where=self.noise > 0)
        merit = np.where(self.alive & np.isfinite(self.noise), np.where(self.noise > 0, merit, np.inf), 0.0)
        ranked = np.argsort(-merit, kind="stable")
        return ranked[merit[ranked] > 0]


def screened(door: NoisyDoor, rng: np.random.Generator, count: int, distance: float = 1.0) -> Candidates:
    """Draw points at so many times the ordinary distance and find out how far their regions reach.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 1 + 2 rays per level and candidate, about 25 each.
    """
    law, domain = door.bench.law, door.probe.domain
    points = door.snapped(domain.pulled_in(distance * law.points(rng, count)))
    points = points[domain.holds(points)]
    values, sigma = door.ask(points) if len(points) else (np.zeros((0, 1)), np.zeros((0, 1)))
    longest = np.minimum(_LONGEST * distance * law.unit, 0.99 * domain.margin(points))
    reaches, alive = np.zeros(len(points)), np.zeros(len(points), dtype=np.bool_)
    pending = np.flatnonzero(np.isfinite(values).all(axis=1) & (longest > 0))
    for level in range(_LEVELS):
        if not len(pending):
            break
        lengths = longest[pending] / 2.0**level
        bend, slope = _along_rays(door, rng, points[pending], lengths, values[pending], sigma[pending])
        straight = bend <= SIGMAS
        reaches[pending[straight]] = lengths[straight]
        alive[pending[straight]] = slope[straight] > SIGMAS
        pending = pending[~straight]
    return Candidates(points, reaches, np.sqrt(np.mean(np.minimum(sigma, 1e150) ** 2, axis=1)), alive)


def best_distance(door: NoisyDoor, rng: np.random.Generator) -> float:
    """The distance, in typical norms, at which gradients are least noisy; 1 unless another is much better.

    Cost: about 250 queries for each distance that the domain allows.
    """
    noises: dict[float, float] = {}
    for distance in _DISTANCES:
        if not _allowed(door, distance):
            continue
        here = door.probe.domain.pulled_in(distance * door.bench.law.points(rng, _CALIBRATING))
        door.calibrate(here, distance * door.bench.law.unit, rng)
        tried = screened(door, rng, _TRIALS, distance)
        order = tried.order()
        if len(order) >= _TRIALS // 2:
            noises[distance] = float(np.median(tried.noise[order] / tried.reaches[order]))
    if not noises:
        return 1.0
    best = min(noises, key=lambda distance: noises[distance])
    return best if noises[best] * _WORTH < noises.get(1.0, np.inf) else 1.0


def _allowed(door: NoisyDoor, distance: float) -> bool:
    domain, law = door.probe.domain, door.bench.law
    if law.where == "box" or np.isfinite(domain.half_width):
        return distance <= 1
    norm = distance * law.unit * np.sqrt(door.dim)
    return distance <= 1 or bool(norm <= _INSIDE * domain.radius)


def _along_rays(
    door: NoisyDoor,
    rng: np.random.Generator,
    points: FloatArray,
    lengths: FloatArray,
    values: FloatArray,
    sigma: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Each point's worst second and best first difference along rays, in deviations: "n", "n"."""
    count = len(points)
    rays = _rays(door, rng, lengths)
    around = np.concatenate([points[:, np.newaxis] + rays, points[:, np.newaxis] - rays], axis=1)
    inside = door.probe.domain.holds(around.reshape(-1, door.dim)).reshape(count, -1).all(axis=1)
    bend, slope = np.full(count, np.inf), np.zeros(count)
    if not inside.any():
        return bend, slope
    asked, spread = door.ask(around[inside].reshape(-1, door.dim))
    shape = (int(inside.sum()), 2, _RAYS, asked.shape[1])
    (ahead, behind), (near, far) = (np.moveaxis(a.reshape(shape), 1, 0) for a in (asked, spread))
    centre = values[inside][:, np.newaxis]
    both = near**2 + far**2
    # f(x + u) + f(x - u) - 2 f(x) vanishes inside one region
    second = np.abs(ahead + behind - 2 * centre) / _positive(
        np.sqrt(both + 4 * sigma[inside][:, np.newaxis] ** 2)
    )
    first = np.abs(ahead - behind) / _positive(np.sqrt(both))
    bend[inside] = np.where(np.isfinite(second), second, np.inf).max(axis=(1, 2))
    slope[inside] = np.where(np.isfinite(first), first, 0.0).max(axis=(1, 2))
    return bend, slope


def _rays(door: NoisyDoor, rng: np.random.Generator, lengths: FloatArray) -> FloatArray:
    """Random rays of given lengths, "n" to "n rays d"; on a grid, four steps along random coordinates."""
    shape = (len(lengths), _RAYS, door.dim)
    if door.quantum is None:
        rays = rng.standard_normal(shape)
        rays /= np.linalg.norm(rays, axis=2, keepdims=True)
        return rays * lengths[:, np.newaxis, np.newaxis]
    rays = np.zeros(shape)
    few = min(4, door.dim)
    for point, length in enumerate(lengths):
        for ray in rays[point]:
            chosen = rng.permutation(door.dim)[:few]
            ray[chosen] = door.step(length / few**0.5) * rng.choice(np.array([-1.0, 1.0]), few)
    return rays


def _positive(noise: FloatArray) -> FloatArray:
    return np.maximum(noise, 1e-300)
