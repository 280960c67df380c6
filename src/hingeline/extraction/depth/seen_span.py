"""Whose gradients lie in the span of what varies within one region.

Everything above a layer moves along the gradients of its neurons that are on. So what is seen to vary within
a region, gradients of the answers and normals of deeper bends, spans no more than those; and where it spans
less than the layers below can move in, a gradient within the span belongs to a neuron that is on.

Source: equation (1) of the specs on reverse engineering; the test of spans is ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
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
TINY = 1e-300


@dataclass(frozen=True, eq=False)
class SeenSpan:
    """Where gradients of a layer lie to the span of what varies."""

    dimension: int
    """Of the span."""
    inside: BoolArray
    """Gradients within it, shape "n"."""
    outside: BoolArray
    """Gradients that are clearly not, shape "n"."""


def seen_span(vectors: FloatArray, gradients: FloatArray, room: int) -> SeenSpan | None:
    """Compare gradients with what varies; None where that is nothing, or all that could.

    Args:
        vectors: Unit vectors along which something varies, shape "v r".
        gradients: Unit gradients of the layer's neurons, shape "n r".
        room: Dimensions in which the layers below can move.
    """
    size, right = row_directions(vectors)
    dimension = int((size > STRONG).sum())
    if not 0 < dimension < room:
        return None
    span = right[:dimension]
    rest = np.linalg.norm(gradients - (gradients @ span.T) @ span, axis=1)
    return SeenSpan(dimension, rest < INSIDE, rest > CLEARLY)


def room_of(slopes: FloatArray) -> int:
    """Dimensions in which channels with these slopes ("c r") move."""
    moving = np.linalg.svd(slopes, compute_uv=False)
    return int((moving > DISTINCT * max(float(moving.max(initial=0.0)), TINY)).sum())


def unit_rows(rows: FloatArray) -> FloatArray:
    """Rows at length one; those of length zero stay."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY)
