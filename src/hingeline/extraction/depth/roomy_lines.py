"""Lines through regions in which the layers below move in more directions than the next layer's channels.

A bend tells a neuron's weights over the channels that move there, and one equation more for every direction
in which the layers below move beyond those. In a network whose layers are as wide as its input a random place
has none: as many neurons of each layer are on. Where the layers below the channels are opened, as many of
their neurons on as can be, a single bend has equations to spare, and says at once whose it is.

Cost: no queries. Source: choice of the all-on cell, specs on deeper layers, for more than one layer; ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.regions import Region, far_end, region_of
from hingeline.probing.line import Line

DRAWN = 96
"""Places climbed at a time."""
BEST = 4
"""Of these, one in so many is used: those that are most open."""
CLIMBS = 200
"""Steps uphill."""
FIRST_STEP = 0.3
"""Length of the first, of the distance from the middle."""
LEAK = 0.2
"""Share of its slope with which a neuron that is off is followed on the way up."""
SPREADS = (0.7, 1.5, 3.0)
"""Logarithmic spreads of the heights that are wished for: rarely active neurons above need uneven ones."""
NEAREST, FARTHEST = -0.5, 1.0
"""Powers of ten of the heights at which climbs begin, in typical ones."""
LONGEST = 1.5
"""Power of ten of the farthest ends of a line, in the same."""
MARGIN = 1e-3
"""Least distance of a line's ends from the region's boundaries, in the same."""
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class Wish:
    """Which neurons are wanted to be on, and how high: one "p n" array per layer each."""

    weights: tuple[FloatArray, ...]
    heights: tuple[FloatArray, ...]


def open_places(
    known: KnownLayers, scale: float, rng: np.random.Generator, wanted: Sequence[FloatArray] | None = None
) -> FloatArray:
    """Places where as many neurons of the known layers are on as a climb reaches, the most open first: "p r".

    Args:
        known: Layers from the bottom up.
        scale: Typical input norm.
        rng: Draws places and wishes.
        wanted: Per layer the chance with which each neuron is wanted to be on, "n", or the weight of that
            wish if it is above one; None: all always are.
    """
    spread = rng.choice(SPREADS, (DRAWN, 1))
    points = _first_places(known, scale, spread, rng)
    chances = [np.ones(layer.width) for layer in known.layers] if wanted is None else wanted
    asked = [(rng.random((DRAWN, len(one))) < one) * np.maximum(one, 1.0) for one in chances]
    typical = [np.median(np.abs(z), axis=0) + TINY for z in known.heights(points)]
    heights = [size * np.exp(spread * rng.standard_normal((DRAWN, len(size)))) for size in typical]
    weights = [some / size for some, size in zip(asked, typical, strict=True)]
    points = climbed(known, points, Wish(tuple(weights), tuple(heights)), scale)
    reached = [((z > 0) * some).sum(axis=1) for z, some in zip(known.heights(points), asked, strict=True)]
    missed = np.sum([some.sum(axis=1) for some in asked], axis=0) - np.sum(reached, axis=0)
    return points[np.argsort(missed, kind="stable")[: DRAWN // BEST]]


def _first_places(
    known: KnownLayers, scale: float, spread: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """Places where first-layer neurons are as high as is drawn, or as nearly as their rows allow: "p r"."""
    first, size = known.layers[0], scale / known.dim**0.5
    drawn = np.exp(spread * rng.standard_normal((len(spread), first.width)))
    drawn *= 10 ** rng.uniform(NEAREST, FARTHEST, spread.shape) * size * np.linalg.norm(first.weights, axis=1)
    return np.asarray((drawn - first.biases) @ np.linalg.pinv(first.weights).T)


def climbed(
    known: KnownLayers, points: FloatArray, wish: Wish, scale: float, most: int = CLIMBS
) -> FloatArray:
    """Places uphill of some: each takes its own steps, at most so many, longer while they help: "p r"."""
    steps = np.full(len(points), FIRST_STEP)
    reached, uphill = _openness(known, points, wish)
    for _ in range(most):
        far = np.linalg.norm(points, axis=1) + 0.1 * scale
        lengths = steps * far / np.maximum(np.linalg.norm(uphill, axis=1), TINY)
        moved = points + lengths[:, np.newaxis] * uphill
        now, ahead = _openness(known, moved, wish)
        better = now > reached
        points = np.where(better[:, np.newaxis], moved, points)
        uphill = np.where(better[:, np.newaxis], ahead, uphill)
        reached = np.where(better, now, reached)
        steps = np.where(better, 1.3 * steps, 0.6 * steps)
    return points


def _openness(known: KnownLayers, points: FloatArray, wish: Wish) -> tuple[FloatArray, FloatArray]:
    """Weighted sum of min(z, height) over all neurons, and its gradient with leaky slopes: "p", "p r"."""
    values, total = points, np.zeros(len(points))
    wanted, slopes = list[FloatArray](), list[FloatArray]()
    for layer, weight, height in zip(known.layers, wish.weights, wish.heights, strict=True):
        z = values @ layer.weights.T + layer.biases
        total += (weight * np.minimum(z, height)).sum(axis=1)
        wanted.append(weight * (z < height))
        slopes.append(np.where(z > 0, 1.0, LEAK))
        values = np.concatenate([slopes[-1] * z, z[:, ~layer.decided]], axis=1)
    uphill = np.zeros((len(points), known.channels))
    for layer, own, slope in zip(known.layers[::-1], wanted[::-1], slopes[::-1], strict=True):
        down = own + slope * uphill[:, : layer.width]
        down[:, ~layer.decided] += uphill[:, layer.width :]
        uphill = down @ layer.weights
    return total, uphill


def line_through(region: Region, scale: float, rng: np.random.Generator) -> Line | None:
    """A line between two far ends of a region, as far as the region goes; None if it has no room.

    Args:
        region: Where no known neuron bends.
        scale: Typical input norm.
        rng: Draws the ends.
    """
    end = _random_end(region, scale, rng)
    return None if end is None else line_from(region, end, scale, rng)


def line_from(region: Region, place: FloatArray, scale: float, rng: np.random.Generator) -> Line | None:
    """A line from a place of a region to one of its far ends; None if there is none.

    Args:
        region: Where no known neuron bends.
        place: In it, shape "r".
        scale: Typical input norm.
        rng: Draws the end.
    """
    end = _random_end(region, scale, rng)
    return None if end is None else line_between(region, place, end, scale)


def line_between(region: Region, one: FloatArray, other: FloatArray, scale: float) -> Line | None:
    """The line through two places of a region, as far as that goes; None if they are too close."""
    way = other - one
    length = float(np.linalg.norm(way))
    return None if length < MARGIN * scale else _whole(region, one, way / length, 2 * length)


def _random_end(region: Region, scale: float, rng: np.random.Generator) -> FloatArray | None:
    """The point of a region farthest along a random wish of its last neurons."""
    rates = (region.rates * (region.side > 0)[:, np.newaxis])[-region.last :]
    reach = scale * 10 ** rng.uniform(0.0, LONGEST)
    return far_end(region, rng.standard_normal(region.last) @ rates, reach, MARGIN * scale)


def line_over(
    known: KnownLayers, place: FloatArray, theta: FloatArray, scale: float, rng: np.random.Generator
) -> Line | None:
    """The line in a place's region from where a neuron is highest to where it is lowest; None without room.

    Args:
        known: The layers below the neuron.
        place: In the region, shape "r".
        theta: The neuron as far as it is known, shape "c+1".
        scale: Typical input norm.
        rng: Draws how far the line may go.
    """
    region, slopes = region_at(known, place), known.slopes(place[np.newaxis])[0]
    rise: FloatArray = theta[:-1] @ slopes
    reach = float(np.abs(place).max()) + scale * 10 ** rng.uniform(0.0, LONGEST)
    top, bottom = (far_end(region, sign * rise, reach, MARGIN * scale) for sign in (1.0, -1.0))
    return None if top is None or bottom is None else line_between(region, bottom, top, scale)


def _whole(region: Region, point: FloatArray, way: FloatArray, reach: float) -> Line:
    """The line from a point both ways to the ends of a region, no farther than a reach."""
    height = region.side * (region.rates @ point + region.heights)
    rate = region.side * (region.rates @ way)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = -height / rate
    high = min(float(np.min(ends[rate < 0], initial=reach)), reach)
    low = max(float(np.max(ends[rate > 0], initial=-reach)), -reach)
    margin = 1e-7 * (high - low)
    # from the point nearest to zero: rounding of a far origin would look like noise of the answers
    shift = float(point @ way)
    low, high = low + shift + margin, high + shift - margin
    return Line(point - shift * way, way, (high - low) / 4, low, high, (low + high) / 2)


def region_at(known: KnownLayers, point: FloatArray) -> Region:
    """The region of the known layers in which a point lies."""
    pattern: BoolArray = known.patterns(point[np.newaxis])[0]
    return region_of(known, pattern)


def spare_directions(known: KnownLayers, points: FloatArray) -> FloatArray:
    """Directions in which the layers below the last channels move beyond those channels, at least: "p".

    Counted from the neurons that are on: no more directions than in the narrowest of the layers.
    """
    on = [(z > 0).sum(axis=1) for z in known.heights(points)]
    room = np.min([np.full(len(points), known.dim), *on[:-1]], axis=0)
    return np.asarray(room - on[-1], dtype=np.float64)
