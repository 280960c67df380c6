"""On which side of its hyperplane each neuron of a layer is on.

Within one region of all layers up to this one, everything that happens above can only move along the
gradients g_j of the neurons that are on. So all gradients of the answers there, and all normals of deeper
bends, span a space S. While S has fewer dimensions than the layers below can move in, a g_j that lies in S
belongs to a neuron that is on; one such region decides. What is left undecided is offered to the next layer
both ways, which decides it.

Source: equation (1) of the specs on reverse engineering; the test of spans is ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.coefficient_signs import switched
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers, chunks
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.seen_span import NOISY, room_of, seen_span, unit_rows

MOST_REGIONS = 400
"""Regions looked at; each tells the sides of most neurons."""
AT_ONCE = 64
"""Regions whose slopes are held at a time."""
MINORITY = 0.1
"""Share of the regions that may speak against the others."""


@dataclass(frozen=True, eq=False)
class _Region:
    """What was seen in one region."""

    side: BoolArray
    """z > 0, shape "n"."""
    gradients: FloatArray
    """Unit gradients of the layer's neurons, shape "n r"."""
    vectors: FloatArray
    """Unit vectors along which something varies, shape "v r"."""
    errors: FloatArray
    """Standard deviation of an entry of each, shape "v"."""
    room: int
    """Dimensions in which the layers below can move."""


def oriented(
    known: KnownLayers,
    layer: KnownLayer,
    record: Record,
    deeper: IntArray,
    told: FloatArray | None = None,
    *,
    look: bool = True,
) -> KnownLayer:
    """The layer with its rows turned so that z > 0 is the active side, as far as that is told.

    Args:
        known: The layers below.
        layer: In any orientation.
        record: All lines.
        deeper: Measured bends that belong to layers above, indices into the record.
        told: What the layer above told of each neuron: 1 if it is on where z > 0, -1 if where z < 0, 0 if
            nothing; shape "n".
        look: Whether to decide anything from the record.
    """
    votes = np.zeros((layer.width, 2))
    rows = np.arange(layer.width)
    for region in _regions(known, layer, record, deeper) if look else ():
        side = region.side.astype(np.int64)
        votes[rows, side] += _within_span(region)
        if layer.width <= known.dim:
            # v = sum of c_j g_j: where that has one solution, c_j is zero for a neuron that is off
            votes[rows, side] += switched(
                region.gradients, region.vectors, region.errors + known.error, region.room
            )[0]
    total = votes.sum(axis=1)
    decided = (total > 0) & (votes.min(axis=1) <= MINORITY * total)
    positive = votes[:, 1] >= votes[:, 0]
    if told is not None:
        positive = np.where(decided | (told == 0), positive, told > 0)
        decided = decided | (told != 0)
    sign = np.where(positive | ~decided, 1.0, -1.0)
    return replace(
        layer, weights=layer.weights * sign[:, np.newaxis], biases=layer.biases * sign, decided=decided
    )


def _within_span(region: _Region) -> BoolArray:
    """Neurons whose gradients lie in the span of what varies, where that is less than could move: "n"."""
    seen = seen_span(region.vectors, region.gradients, region.room)
    # independent gradients fill the space they span; more of them in it, or none clearly outside, is
    # a region in which gradients can hardly be told apart
    if seen is None or seen.inside.sum() > seen.dimension or not seen.outside.any():
        return np.zeros(len(region.side), dtype=np.bool_)
    return seen.inside


def _vectors(
    known: KnownLayers, record: Record, deeper: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points, unit vectors along which something varies there, and their errors."""
    outputs = record.gradients.shape[1]
    rows = record.gradients.reshape(-1, record.points.shape[1])
    size = np.linalg.norm(rows, axis=1)
    error = np.repeat(record.gradient_errors, outputs) / np.maximum(size, 1e-300)
    points = np.concatenate([np.repeat(record.centres, outputs, axis=0), record.points[deeper]])
    unit = rows / np.maximum(size, 1e-300)[:, np.newaxis]
    vectors = np.concatenate([unit, record.normals[deeper]])
    errors = np.concatenate([error, record.errors[deeper]])
    clear = (errors < NOISY) & np.isfinite(vectors).all(axis=1)
    clear[clear] = known.reliable(points[clear])
    return points[clear], vectors[clear], errors[clear]


def _spread(order: IntArray, most: int) -> IntArray:
    """All of some indices, or so many of them: half of those the last ones, the others from all over."""
    if len(order) <= most:
        return order
    before = order[: -(most // 2)]
    return np.concatenate([before[:: len(before) // (most // 2) + 1], order[-(most // 2) :]])


def _regions(known: KnownLayers, layer: KnownLayer, record: Record, deeper: IntArray) -> list[_Region]:
    """What was seen, by region of all layers up to this one."""
    points, vectors, errors = _vectors(known, record, deeper)
    if not len(points) or not layer.width:
        return []
    both = known.with_layer(layer)
    patterns = np.packbits(both.patterns(points), axis=1)
    _, first, which = np.unique(patterns, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(which.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(which.ravel()))
    groups = np.split(order, ends[:-1])
    chosen = _spread(np.argsort(first), MOST_REGIONS)
    sides = both.heights(points[first])[-1] > 0
    found: list[_Region] = []
    parts = [chosen[part] for part in chunks(len(chosen), AT_ONCE)]
    each = (pair for part in parts for pair in zip(part, known.slopes(points[first[part]]), strict=True))
    for index, slopes in each:
        group = groups[index]
        gradients = unit_rows(layer.weights @ slopes)
        found.append(_Region(sides[index], gradients, vectors[group], errors[group], room_of(slopes)))
    return found
