"""Places at which a neuron above may be on that nearly never is, or off that nearly always is on.

A neuron with weights a over channels h is on where a h is large against |h|. Points climbed until the
channels are as one-sided as they can be along a random direction are hundreds of times likelier to be there
than random points. The constant counts as one more channel: a neuron that all others below keep off, and only
its bias on, is on where they are nearly all off.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.probing.line import Line

DRAWN = 3000
"""Points among which climbs begin."""
NEAREST, FARTHEST = -1.5, 2.0
"""Powers of ten of their distances, in typical input norms."""
CLIMBS = 40
"""Steps uphill."""


def rare_places(known: KnownLayers, scale: float, count: int, rng: np.random.Generator) -> FloatArray:
    """Points at which the last channels are one-sided, each along another direction: "count r".

    Args:
        known: Layers from the bottom up.
        scale: Typical input norm.
        count: Points.
        rng: Draws points and directions.
    """
    size = known.channels + 1
    wishes = rng.standard_normal((count, size))
    axes = np.eye(size)[np.append(known.channels, rng.permutation(known.channels))[: max(1, count // 3)]]
    wishes[: len(axes)] = axes
    wishes /= np.linalg.norm(wishes, axis=1, keepdims=True)
    drawn = rng.standard_normal((DRAWN, known.dim)) / known.dim**0.5
    drawn *= scale * 10 ** rng.uniform(NEAREST, FARTHEST, (DRAWN, 1))
    constant = float(np.median(np.linalg.norm(known.offered(drawn)[:, :-1], axis=1))) / known.channels**0.5
    points = drawn[np.argmax(_one_sided(known, constant, drawn) @ wishes.T, axis=0)]
    reached = (_one_sided(known, constant, points) * wishes).sum(axis=1)
    steps, farthest = np.full(count, 0.5), scale * 10 ** (FARTHEST + 0.5)
    for _ in range(CLIMBS):
        uphill = _uphill(known, constant, points, wishes)
        lengths = steps * np.linalg.norm(points, axis=1) / np.maximum(np.linalg.norm(uphill, axis=1), 1e-300)
        moved = points + lengths[:, np.newaxis] * uphill
        moved *= np.minimum(1.0, farthest / np.maximum(np.linalg.norm(moved, axis=1), 1e-300))[:, np.newaxis]
        now = (_one_sided(known, constant, moved) * wishes).sum(axis=1)
        better = now > reached
        points = np.where(better[:, np.newaxis], moved, points)
        reached = np.where(better, now, reached)
        steps = np.where(better, 1.2 * steps, 0.5 * steps)
    return points


def rare_segments(known: KnownLayers, scale: float, wanted: int, rng: np.random.Generator) -> list[Line]:
    """Segments from one such place to the next: in a narrow network most neurons above bend on a few of them.

    A random line has the last channels in much the same proportions nearly everywhere.

    Args:
        known: Layers from the bottom up.
        scale: Typical input norm.
        wanted: Segments.
        rng: Draws places.
    """
    places = rng.permutation(rare_places(known, scale, wanted + 1, rng))
    found: list[Line] = []
    for start, end in pairwise(places):
        length = float(np.linalg.norm(end - start))
        if length > 0:
            found.append(Line(start, (end - start) / length, length / 4, 0.0, length, length / 2))
    return found


def _with_constant(known: KnownLayers, constant: float, points: FloatArray) -> FloatArray:
    """The last channels and a constant: "p r" to "p c+1"."""
    values = known.offered(points)
    values[:, -1] = constant
    return values


def _one_sided(known: KnownLayers, constant: float, points: FloatArray) -> FloatArray:
    """The same at length one."""
    values = _with_constant(known, constant, points)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-300))


def _uphill(known: KnownLayers, constant: float, points: FloatArray, wishes: FloatArray) -> FloatArray:
    """Gradient of w h / |h| by the input, the constant in h: "p r"."""
    values = _with_constant(known, constant, points)
    size = np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-300)
    unit = values / size
    along = (unit * wishes).sum(axis=1, keepdims=True)
    back = (wishes - along * unit) / size
    return np.asarray(np.einsum("pc,pcr->pr", back[:, :-1], known.slopes(points)))
