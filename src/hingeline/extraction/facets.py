"""Where a neuron's boundary meets first-layer hyperplanes that it has not been followed across.

Many walkers move inside the boundary, all offline: straight through each region towards a first-layer
hyperplane, turning with the boundary at hyperplanes whose coefficient is known, until one with an unknown
coefficient stops them. Where they stop is the foot of a crossing. Of all feet of one hyperplane the one
with most room around it is kept: nothing else that is known may come near.

Source: ClosestBoundary, Rolnick and Körding 2020. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.unsigned import UnsignedNeuron

STEPS = 60
"""Regions a walker may pass through."""
ASPECT = 0.1
"""Height of a crossing test above its hyperplane, as a fraction of its length along it."""
CHOICE = 6
"""Feet compared for one hyperplane."""
STEEPEST = 1e-3
"""Boundaries more parallel to the hyperplane than this are not crossed there."""
NARROWEST = 1e-12
"""Least room, as a part of the point's distance: between two hyperplanes that agree there is none."""


@dataclass(frozen=True, eq=False)
class Foot:
    """A point where the boundary meets a first-layer hyperplane, and the plane in which to test it."""

    plane: int
    """Index of the hyperplane."""
    point: FloatArray
    """Shape "d"."""
    along: FloatArray
    """Unit vector inside the hyperplane in which z grows fastest, shape "d"."""
    across: FloatArray
    """Unit normal of the hyperplane, pointing away from the home side, shape "d"."""
    slope: float
    """Growth of z per unit of `along`, the same on both sides."""
    tilt: float
    """Growth of z per unit of `across` on the home side."""
    room: float
    """Length along `along` within which nothing else that is known comes near."""
    quality: float
    """Room in units of the point's distance from the origin, less where the boundary is nearly parallel."""


def find_feet(
    neuron: UnsignedNeuron,
    others: Sequence[UnsignedNeuron],
    starts: FloatArray,
    *,
    scale: float,
    limit: float,
    walkers: int,
    rng: np.random.Generator,
) -> dict[int, Foot]:
    """The best foot found for each reachable hyperplane that is not known yet.

    Args:
        neuron: Whose boundary is walked.
        others: Neurons whose boundaries should not come near.
        starts: Points of the boundary inside the known region, shape "s d".
        scale: Typical input norm.
        limit: Largest |x|.
        walkers: How many paths are tried.
        rng: Draws starts and directions.
    """
    points = starts[rng.integers(len(starts), size=walkers)]
    stopped_at, where = _walk(neuron, points, _wishes(neuron, points, rng), limit)
    best: dict[int, Foot] = {}
    tried = np.zeros(neuron.planes.count, dtype=np.int64)
    for index in np.nonzero(stopped_at >= 0)[0]:
        tried[stopped_at[index]] += 1
        if tried[stopped_at[index]] > CHOICE:
            continue
        foot = make_foot(neuron, others, int(stopped_at[index]), where[index], scale)
        if foot is not None and (foot.plane not in best or foot.quality > best[foot.plane].quality):
            best[foot.plane] = foot
    return best


def make_foot(
    neuron: UnsignedNeuron, others: Sequence[UnsignedNeuron], plane: int, point: FloatArray, scale: float
) -> Foot | None:
    """The test plane at one foot; None if the boundary runs along the hyperplane, or there is no room."""
    planes = neuron.planes
    pattern = planes.patterns(point[np.newaxis])[0]
    pattern[plane] = neuron.home[plane]
    gradient = neuron.gradients(pattern[np.newaxis])[0]
    across = -neuron.home[plane] * planes.normals[plane]
    tilt = float(gradient @ across)
    inside = gradient - tilt * across
    slope = float(np.linalg.norm(inside))
    if slope < STEEPEST * np.linalg.norm(gradient):
        return None
    along = inside / slope
    room = _room(neuron, others, plane, point, along, across)
    distance = scale + float(np.linalg.norm(point))
    room = min(room, distance)
    if room < NARROWEST * distance:
        return None
    quality = room / distance * slope / float(np.linalg.norm(gradient))
    return Foot(plane, point, along, across, slope, tilt, room, quality)


def _wishes(neuron: UnsignedNeuron, points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Directions to go: half towards hyperplanes that are not known, half at random."""
    wishes = rng.standard_normal(points.shape)
    unknown = np.nonzero(~neuron.known)[0]
    half = len(points) // 2
    chosen = unknown[np.arange(half) % len(unknown)]
    wishes[:half] = -neuron.home[chosen, np.newaxis] * neuron.planes.normals[chosen]
    return wishes


def _walk(
    neuron: UnsignedNeuron, points: FloatArray, wishes: FloatArray, limit: float
) -> tuple[IntArray, FloatArray]:
    """Where an unknown hyperplane stops each walker: its index (-1: none did) and the point."""
    planes, points = neuron.planes, points.copy()
    patterns = planes.patterns(points)
    stopped = np.full(len(points), -1)
    last = np.full(len(points), -1)
    moving = np.arange(len(points))
    for _ in range(STEPS):
        x, sides, previous = points[moving], patterns[moving], last[moving]
        ways = _inside(neuron.gradients(sides), wishes[moving])
        rates = ways @ planes.normals.T
        heights = planes.heights(x)
        with np.errstate(divide="ignore", invalid="ignore"):
            times = np.where(sides * rates < -1e-12, np.maximum(-heights / rates, 0.0), np.inf)
        rows = np.arange(len(moving))
        # sent back to the hyperplane just crossed: this direction leads nowhere
        turned = (previous >= 0) & np.isfinite(times[rows, previous])
        nearest = times.argmin(axis=1)
        time = times[rows, nearest]
        going = np.isfinite(time) & ~turned
        x = x[going] + time[going, np.newaxis] * ways[going]
        going[going] = np.linalg.norm(x, axis=1) <= limit
        x = x[np.linalg.norm(x, axis=1) <= limit]
        moving, nearest = moving[going], nearest[going]
        points[moving], last[moving] = x, nearest
        free = neuron.known[nearest]
        stopped[moving[~free]] = nearest[~free]
        moving, nearest = moving[free], nearest[free]
        patterns[moving, nearest] *= -1
        if not len(moving):
            break
    return stopped, points


def _inside(gradients: FloatArray, wishes: FloatArray) -> FloatArray:
    """Unit directions inside the boundary nearest to the wishes."""
    squares = np.einsum("pd,pd->p", gradients, gradients)[:, np.newaxis]
    ways = wishes - np.einsum("pd,pd->p", wishes, gradients)[:, np.newaxis] * gradients / squares
    return ways / np.maximum(np.linalg.norm(ways, axis=1, keepdims=True), 1e-300)


def _room(
    neuron: UnsignedNeuron,
    others: Sequence[UnsignedNeuron],
    plane: int,
    point: FloatArray,
    along: FloatArray,
    across: FloatArray,
) -> float:
    planes = neuron.planes
    speed = np.abs(planes.normals @ along) + 2 * ASPECT * np.abs(planes.normals @ across)
    heights = np.abs(planes.heights(point[np.newaxis])[0])
    with np.errstate(divide="ignore"):
        reach = np.delete(heights / speed, plane)
    room = float(reach.min(initial=np.inf))
    pattern = planes.patterns(point[np.newaxis])
    for other in others:
        gradient = other.gradients(pattern)[0]
        turn = 2 * ASPECT * (abs(float(gradient @ across)) + abs(float(other.row[plane])))
        value = abs(float(other.values(point[np.newaxis])[0]))
        room = min(room, value / (abs(float(gradient @ along)) + turn + 1e-300))
    return room
