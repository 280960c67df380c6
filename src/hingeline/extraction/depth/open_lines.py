"""Lines through regions in which as many neurons of the known layers are on as can be.

What a bend tells of a neuron are its weights over the channels that move there, in as many directions as
neurons of every layer below are on. Where all of them are on, one bend tells a whole row. In a contracting
network there is such a region; in others some regions have far more neurons on than random places have.

Cost: no queries. Source: choice of the all-on cell, specs on deeper layers, for more than one layer; ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.regions import Region, far_end, region_of
from hingeline.probing.line import Line

DRAWN = 96
"""Places climbed at a time."""
CLIMBS = 150
"""Steps uphill."""
LEAK = 0.2
"""Share of its slope with which a neuron that is off is followed on the way up."""
SPREAD = 1.0
"""Logarithmic spread of the heights that are wished for: rarely active neurons above need uneven ones."""
NEAREST, FARTHEST = -1.0, 1.0
"""Powers of ten of the distances at which climbs begin, in typical input norms."""
REACHES = 0.0, 1.5
"""Powers of ten of the bounds of the coordinates of a line's ends, in typical input norms."""
MARGIN = 1e-3
"""Distance of those ends from the region's boundaries, in typical input norms."""
BEYOND = 2.0
"""A line goes on inside the region at most so many times as far as between its ends."""
EDGE = 1e-7
"""Part of a line left out at each end, where a known neuron bends it."""


def open_line(known: KnownLayers, scale: float, rng: np.random.Generator) -> Line | None:
    """A line through a region where most known neurons are on, as far as it goes there; None if it has none.

    Args:
        known: Layers from the bottom up.
        scale: Typical input norm.
        rng: Draws places and directions.
    """
    places = open_places(known, scale, rng)
    patterns = known.patterns(places)
    opened = patterns.sum(axis=1)
    best = np.nonzero(opened == opened.max())[0]
    return _through(region_of(known, patterns[rng.choice(best)]), scale, rng)


def open_places(known: KnownLayers, scale: float, rng: np.random.Generator) -> FloatArray:
    """Places climbed until as many neurons as possible are on: "p r"."""
    points = rng.standard_normal((DRAWN, known.dim)) / known.dim**0.5
    points *= scale * 10 ** rng.uniform(NEAREST, FARTHEST, (DRAWN, 1))
    typical = [np.median(np.abs(z), axis=0) for z in known.heights(points)]
    wishes = [size * np.exp(SPREAD * rng.standard_normal((DRAWN, len(size)))) for size in typical]
    steps = np.full(DRAWN, 0.3)
    reached, uphill = _height(known, points, wishes, typical)
    for _ in range(CLIMBS):
        far = np.linalg.norm(points, axis=1) + 0.1 * scale
        lengths = steps * far / np.maximum(np.linalg.norm(uphill, axis=1), 1e-300)
        moved = points + lengths[:, np.newaxis] * uphill
        now, ahead = _height(known, moved, wishes, typical)
        better = now > reached
        points = np.where(better[:, np.newaxis], moved, points)
        uphill = np.where(better[:, np.newaxis], ahead, uphill)
        reached = np.where(better, now, reached)
        steps = np.where(better, 1.3 * steps, 0.6 * steps)
    return points


def _height(
    known: KnownLayers, points: FloatArray, wishes: list[FloatArray], typical: list[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Sum of min(z, wish) / typical over all neurons, and its gradient with leaky slopes: "p" and "p r"."""
    values, slopes = points, np.broadcast_to(np.eye(known.dim), (len(points), known.dim, known.dim))
    total, uphill = np.zeros(len(points)), np.zeros_like(points)
    for layer, wish, size in zip(known.layers, wishes, typical, strict=True):
        z = values @ layer.weights.T + layer.biases
        rows: FloatArray = layer.weights @ slopes
        total += (np.minimum(z, wish) / size).sum(axis=1)
        uphill += np.einsum("pn,pnr->pr", (z < wish) / size, rows)
        leaky = np.where(z > 0, 1.0, LEAK)
        open_ = ~layer.decided
        values = np.concatenate([leaky * z, z[:, open_]], axis=1)
        slopes = np.concatenate([rows * leaky[:, :, np.newaxis], rows[:, open_]], axis=1)
    return total, uphill


def _through(region: Region, scale: float, rng: np.random.Generator) -> Line | None:
    """A line between two far ends of a region, along random wishes of its last channels."""
    rates = (region.rates * (region.side > 0)[:, np.newaxis])[-region.last :]
    reach = scale * 10 ** rng.uniform(*REACHES)
    wishes = rng.standard_normal((2, region.last)) @ rates
    ends = [far_end(region, wish, reach, MARGIN * scale) for wish in wishes]
    if ends[0] is None or ends[1] is None:
        return None
    way = ends[1] - ends[0]
    length = float(np.linalg.norm(way))
    if length < MARGIN * scale:
        return None
    way /= length
    low, high = _room(region, ends[0], way, BEYOND * length)
    shift = float(ends[0] @ way)
    margin = EDGE * (high - low)
    low, high = low + shift + margin, high + shift - margin
    return Line(ends[0] - shift * way, way, (high - low) / 4, low, high, (low + high) / 2)


def _room(region: Region, point: FloatArray, way: FloatArray, reach: float) -> tuple[float, float]:
    """How far back and forth a region goes along a way, no farther than a reach."""
    height = region.side * (region.rates @ point + region.heights)
    rate = region.side * (region.rates @ way)
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = -height / rate
    high = float(np.min(ends[rate < 0], initial=reach))
    low = float(np.max(ends[rate > 0], initial=-reach))
    return max(low, -reach), min(high, reach)
