"""Regions of the known layers as sets of linear inequalities, and their far ends.

Where a pattern of the known layers holds, every pre-activation is affine in the input, so a linear programme
says whether there is such a region and finds its points farthest along a direction.

Cost: no queries. Source: regions as polyhedra, Hanin and Rolnick 2019; the use is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers


@dataclass(frozen=True, eq=False)
class Region:
    """Where a pattern of the known layers holds: side (rates x + heights) > 0."""

    rates: FloatArray
    """Gradients of all pre-activations, shape "n r"."""
    heights: FloatArray
    """Pre-activations at the origin as they would be there, shape "n"."""
    side: FloatArray
    """1 or -1 for each, shape "n"."""
    last: int
    """Neurons of the last layer, the last ones of n."""


def region_of(known: KnownLayers, pattern: BoolArray) -> Region:
    """What holds where the known neurons are on the given sides ("n" over all layers)."""
    slopes, values = np.eye(known.dim), np.zeros(known.dim)
    rates, heights = list[FloatArray](), list[FloatArray]()
    at = 0
    for layer in known.layers:
        on = pattern[at : at + layer.width]
        at += layer.width
        rates.append(layer.weights @ slopes)
        heights.append(layer.weights @ values + layer.biases)
        open_ = ~layer.decided
        slopes = np.concatenate([rates[-1] * on[:, np.newaxis], rates[-1][open_]])
        values = np.concatenate([heights[-1] * on, heights[-1][open_]])
    side = np.where(pattern, 1.0, -1.0)
    return Region(np.concatenate(rates), np.concatenate(heights), side, known.layers[-1].width)


def far_end(region: Region, wish: FloatArray, reach: float, margin: float) -> FloatArray | None:
    """The point of a region farthest along a wish, with a margin; None if there is none.

    Args:
        region: Where.
        wish: Direction, shape "r".
        reach: Bound of each coordinate.
        margin: Distance from the boundaries.
    """
    from scipy.optimize import linprog

    size = np.maximum(np.linalg.norm(region.rates, axis=1), 1e-300)
    rows = -(region.side / size)[:, np.newaxis] * region.rates
    room = region.side * region.heights / size - margin
    found = linprog(-_unit(wish), A_ub=rows, b_ub=room, bounds=(-reach, reach), method="highs")
    return np.asarray(found.x, dtype=np.float64) if found.status == 0 else None


def _unit(rows: FloatArray) -> FloatArray:
    size: FloatArray = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-300)
    return size
