"""All sides of a layer from what varies within one region of it.

Everything above a layer moves along the gradients of its neurons that are on. Where the layers below move in
more directions than that, gradients and normals seen in one region, once they span no more than the gradients
of so many neurons, are those neurons' span: they are on there, and all others are off.

Source: equation (1) of the specs on reverse engineering; the test of spans is ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.numerics.row_space import row_directions

NOISY = 1e-7
"""Vectors with a larger relative error are not used."""
STRONG = 1e-6
"""Singular values of unit vectors above this count as a dimension."""
INSIDE = 1e-5
"""Part of a unit gradient that may lie outside a span it belongs to."""
CLEARLY = 1e-3
"""Part of one that must lie outside a span to which it does not."""
DISTINCT = 1e-6
"""Singular values of the channels' slopes below this share of the largest are not counted as room."""


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
    moving = np.linalg.svd(slopes, compute_uv=False)
    room = int((moving > DISTINCT * moving.max(initial=0.0)).sum())
    size, right = row_directions(vectors)
    dimension = int((size > STRONG).sum())
    if not 0 < dimension < room:
        return None
    gradients = layer.weights @ slopes
    unit = gradients / np.maximum(np.linalg.norm(gradients, axis=1, keepdims=True), 1e-300)
    rest = np.linalg.norm(unit - (unit @ right[:dimension].T) @ right[:dimension], axis=1)
    on, off = rest < INSIDE, rest > CLEARLY
    if on.sum() != dimension or not (on | off).all():
        return None
    above = below.offered(point)[0, :-1] @ layer.weights.T + layer.biases > 0
    return np.where(above == on, 1.0, -1.0)


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
