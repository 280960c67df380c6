"""Lines through regions in which the layers below move in more directions than the next layer's channels.

A bend tells a neuron's weights over the channels that move there, and one equation more for every direction in
which the layers below move beyond those. In a network whose layers are as wide as its input a random place has
none: as many neurons of each layer are on. Where the layers below the channels are opened, as many of their
neurons on as can be, a single bend has equations to spare, and says at once whose it is.

Cost: no queries. Source: choice of the all-on cell, specs on deeper layers, for more than one layer; ours.
"""

from __future__ import annotations

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
SPREAD = 1.0
"""Logarithmic spread of the heights that are wished for: rarely active neurons above need uneven ones."""
NEAREST, FARTHEST = -1.0, 1.0
"""Powers of ten of the distances at which climbs begin, in typical input norms."""
LONGEST = 1.5
"""Power of ten of the farthest ends of a line, in the same."""
MARGIN = 1e-3
"""Least distance of a line's ends from the region's boundaries, in the same."""
TINY = 1e-300


def open_places(known: KnownLayers, scale: float, rng: np.random.Generator) -> FloatArray:
    """Places where as many neurons of all known layers are on as a climb reaches, the most open first: "p r".

    Args:
        known: Layers from the bottom up.
        scale: Typical input norm.
        rng: Draws places and wishes.
    """
    points = rng.standard_normal((DRAWN, known.dim)) / known.dim**0.5
    points *= scale * 10 ** rng.uniform(NEAREST, FARTHEST, (DRAWN, 1))
    typical = [np.median(np.abs(z), axis=0) + TINY for z in known.heights(points)]
    wishes = [size * np.exp(SPREAD * rng.standard_normal((DRAWN, len(size)))) for size in typical]
    points = _climbed(known, points, wishes, typical, scale)
    order = np.argsort(-known.patterns(points).sum(axis=1), kind="stable")
    return points[order[: DRAWN // BEST]]


def _climbed(
    known: KnownLayers,
    points: FloatArray,
    wishes: list[FloatArray],
    typical: list[FloatArray],
    scale: float,
) -> FloatArray:
    """Places uphill of some: each takes its own steps, longer while they help."""
    steps = np.full(len(points), FIRST_STEP)
    reached, uphill = _openness(known, points, wishes, typical)
    for _ in range(CLIMBS):
        far = np.linalg.norm(points, axis=1) + 0.1 * scale
        lengths = steps * far / np.maximum(np.linalg.norm(uphill, axis=1), TINY)
        moved = points + lengths[:, np.newaxis] * uphill
        now, ahead = _openness(known, moved, wishes, typical)
        better = now > reached
        points = np.where(better[:, np.newaxis], moved, points)
        uphill = np.where(better[:, np.newaxis], ahead, uphill)
        reached = np.where(better, now, reached)
        steps = np.where(better, 1.3 * steps, 0.6 * steps)
    return points


def _openness(
    known: KnownLayers, points: FloatArray, wishes: list[FloatArray], typical: list[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Sum of min(z, wish) / typical over all neurons, and its gradient with leaky slopes: "p" and "p r"."""
    values, total = points, np.zeros(len(points))
    wanted, slopes = list[FloatArray](), list[FloatArray]()
    for layer, wish, size in zip(known.layers, wishes, typical, strict=True):
        z = values @ layer.weights.T + layer.biases
        total += (np.minimum(z, wish) / size).sum(axis=1)
        wanted.append((z < wish) / size)
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

    The ends lie farthest along random wishes of the region's last neurons.

    Args:
        region: Where no known neuron bends.
        scale: Typical input norm.
        rng: Draws the wishes.
    """
    rates = (region.rates * (region.side > 0)[:, np.newaxis])[-region.last :]
    reach = scale * 10 ** rng.uniform(0.0, LONGEST)
    ends = [far_end(region, rng.standard_normal(region.last) @ rates, reach, MARGIN * scale) for _ in range(2)]
    if ends[0] is None or ends[1] is None:
        return None
    way = ends[1] - ends[0]
    length = float(np.linalg.norm(way))
    if length < MARGIN * scale:
        return None
    return _whole(region, ends[0], way / length, 2 * length)


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
