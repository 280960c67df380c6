"""Lines along which only neurons that were not found yet can switch a layer.

Within a region every gradient of the answers is a combination of the gradients of one layer's neurons that
are on. What is left outside the span of those that were found belongs to a neuron that was not; and along
that part no neuron that was found changes. So a line through the region in that direction, as far as the
layers below allow, is where the boundary of the missing one is most likely met.

Cost: no queries. Source: equation (1) of the specs on reverse engineering; the direction is ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.regions import far_end, region_of
from hingeline.probing.line import Line

OUTSIDE = 1e-5
"""Part of a unit gradient outside the span that counts."""
SIGMAS = 300.0
"""Deviations by which it must exceed its error."""
WEAK = 1e-9
"""Singular values of unit gradients below this count as zero."""
MARGIN = 1e-3
"""Distance kept from the region's boundaries, in typical input norms."""
SEEN = 200
"""Regions looked at."""


def strange_directions(
    record: Record, below: KnownLayers, layer: KnownLayer, rng: np.random.Generator
) -> list[tuple[FloatArray, FloatArray]]:
    """Points of regions where a neuron of the layer is missing, each with the direction that shows it.

    Args:
        record: All lines.
        below: The layers below.
        layer: What was found of this one, over the channels of `below`.
        rng: Draws regions if there are many.
    """
    chosen = rng.permutation(len(record.centres))[:SEEN]
    points, gradients = record.centres[chosen], record.gradients[chosen]
    errors = record.gradient_errors[chosen]
    known = layer.weights @ below.slopes(points)
    found: list[tuple[FloatArray, FloatArray]] = []
    for index, point in enumerate(points):
        size = np.linalg.norm(gradients[index], axis=1)
        own = np.maximum(np.linalg.norm(known[index], axis=1, keepdims=True), 1e-300)
        _, strength, right = np.linalg.svd(known[index] / own, full_matrices=False)
        basis = right[strength > WEAK]
        sure = size * OUTSIDE > SIGMAS * errors[index]
        if not sure.any():
            continue
        rows = gradients[index, sure] / size[sure, np.newaxis]
        rest = rows - rows @ basis.T @ basis
        _, outside, directions = np.linalg.svd(rest, full_matrices=False)
        if outside[0] > OUTSIDE:
            found.append((point, directions[0]))
    return found


def line_along(
    below: KnownLayers, point: FloatArray, direction: FloatArray, scale: float, reach: float
) -> Line | None:
    """The line that goes farthest both ways along a direction within the region of a point.

    Args:
        below: The layers whose region is not left.
        point: In the region.
        direction: Unit vector.
        scale: Typical input norm.
        reach: Bound of each coordinate, in such norms; also of the line where there are no layers below.
    """
    if not below.layers:
        return Line(point, direction, scale, -reach * scale, reach * scale)
    region = region_of(below, below.patterns(point[np.newaxis])[0])
    ends = [far_end(region, sign * direction, reach * scale, MARGIN * scale) for sign in (-1.0, 1.0)]
    if ends[0] is None or ends[1] is None:
        return None
    length = float(np.linalg.norm(ends[1] - ends[0]))
    if length <= MARGIN * scale:
        return None
    return Line(ends[0], (ends[1] - ends[0]) / length, length / 4, 0.0, length, length / 2)
