"""All sides of a layer from what varies within one region of it.

Everything above a layer moves along the gradients of its neurons that are on. Where the layers below move in
more directions than that, gradients and normals seen in one region, once they span no more than the gradients
of so many neurons, are those neurons' span: they are on there, and all others are off.

Source: the test of spans (`seen_span`). Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.seen_span import NOISY, room_of, seen_span, unit_rows


def region_sides(below: KnownLayers, layer: KnownLayer, lines: Sequence[MeasuredLine]) -> FloatArray | None:
    """1 for neurons that are on where z > 0, -1 where z < 0, 0 if not told ("n"); None if nothing is told.

    Args:
        below: The layers below.
        layer: In any orientation.
        lines: Lines within one region of all these layers, measured in the same coordinates.
    """
    vectors = _vectors(lines)
    if not len(vectors):
        return None
    point = lines[0].sweep.line.at(np.array([lines[0].sweep.line.centre]))
    slopes = below.slopes(point)[0]
    seen = seen_span(vectors, unit_rows(layer.weights @ slopes), room_of(slopes))
    if seen is None or seen.inside.sum() != seen.dimension or not (seen.inside | seen.outside).all():
        return None
    above = below.offered(point)[0, :-1] @ layer.weights.T + layer.biases > 0
    return np.where(above == seen.inside, 1.0, -1.0)


def _vectors(lines: Sequence[MeasuredLine]) -> FloatArray:
    """Unit gradients and normals seen on lines: "v r"."""
    found: list[FloatArray] = []
    for line in lines:
        seen = np.isfinite(line.jacobian_errors)
        rows = line.jacobians[seen]
        size = np.linalg.norm(rows, axis=2, keepdims=True)
        clear = size[:, :, 0] * NOISY > line.jacobian_errors[seen, np.newaxis]
        found += [(rows / np.maximum(size, 1e-300))[clear], line.normals[line.errors < NOISY]]
    return np.concatenate(found)
