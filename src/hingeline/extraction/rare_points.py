"""Points where neurons above the first layer are in a rare state, found offline in a nearly right network.

A fit pins a neuron only by answers on either side of its boundary: one that is always on merges with the
output bias. Random points may never reach the other side, but the recovered network knows the way: climb or
descend the pre-activation, which is affine piece by piece.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

RARE = 0.03
"""A state in which a neuron is at a smaller share of the pool is rare."""
RARE_PAIR = 0.003
"""Neurons of two layers in succession that are on together at a smaller share of the pool are a rare pair."""
CLIMBERS = 12
"""Points that climb for each rare neuron."""
STEPS = 60
"""Steps of a climb, each of a twentieth of the typical norm."""
COPIES = 6
"""Scattered copies of each point that got there."""


def rare_points(
    network: PiecewiseLinearNetwork, pool: FloatArray, scale: float, rng: np.random.Generator
) -> FloatArray:
    """Points at which neurons of the second layer are in a state that is rare: "m d", perhaps none.

    Args:
        network: Nearly right; fewer than two hidden layers have no rare neurons here.
        pool: Points to start from, "p d".
        scale: Typical input norm.
        rng: Scatters the copies.
    """
    # above, few points would tell a weight, and a fit may pass a bound for an equation
    heights = network.pre_activations(pool)
    found = _rare_in(network, 1, heights, pool, scale, rng) if len(heights) > 1 else []
    return np.concatenate([np.zeros((0, pool.shape[1])), *found])


def rare_states(
    network: PiecewiseLinearNetwork, pool: FloatArray, scale: float, rng: np.random.Generator
) -> list[FloatArray]:
    """The same above the first layer: one array "m d" for each rare state, or rare pair of neurons."""
    heights = network.pre_activations(pool)
    found: list[FloatArray] = []
    for layer in range(1, len(heights)):
        found += _rare_in(network, layer, heights, pool, scale, rng)
    return found


def _rare_in(
    network: PiecewiseLinearNetwork,
    layer: int,
    heights: Sequence[FloatArray],
    pool: FloatArray,
    scale: float,
    rng: np.random.Generator,
) -> list[FloatArray]:
    """Points at which neurons of one layer are in a state that is rare."""
    above = heights[layer] > 0
    share = above.mean(axis=0)
    found: list[FloatArray] = []
    for sign, rare in ((1.0, share < RARE), (-1.0, share > 1 - RARE)):
        for neuron in np.nonzero(rare)[0]:
            starts = pool[np.argsort(-sign * heights[layer][:, neuron])[:CLIMBERS]]
            found.append(_climbed(network, (layer, int(neuron)), None, sign, starts, scale, rng))
    together = above.T.astype(np.float64) @ (heights[layer - 1] > 0) / len(pool)
    for neuron, below in zip(*np.nonzero(together < RARE_PAIR), strict=True):
        starts = pool[np.argsort(-heights[layer][:, neuron])[:CLIMBERS]]
        found.append(_climbed(network, (layer, int(neuron)), int(below), 1.0, starts, scale, rng))
    return found


def _climbed(
    network: PiecewiseLinearNetwork,
    named: tuple[int, int],
    below: int | None,
    sign: float,
    points: FloatArray,
    scale: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Scattered points near the ends of a climb at which the neuron is on (or off, for a negative sign).

    With `below`, that neuron of the layer below is on there too: only then does an answer tell the weight
    between. `named` is the layer and the neuron.
    """
    step, (layer, neuron) = scale / 20, named
    for _ in range(STEPS):
        heights = network.pre_activations(points)
        upper, lower = heights[layer], heights[layer - 1]
        slope = sign * _uphill(network, heights, layer, neuron)
        length = np.linalg.norm(slope, axis=1, keepdims=True)
        slope = slope / np.where(length > 0, length, 1.0)
        if below is not None:
            # whichever of the two is off leads
            lagging = (lower[:, below] < 0)[:, np.newaxis]
            slope = slope * (upper[:, [neuron]] < 0) + lagging * _uphill(network, heights, layer - 1, below)
        points = points + step * slope
    spread = step * np.exp(rng.uniform(-1, 2, (COPIES, len(points), 1)))
    scattered = points + spread * rng.standard_normal((COPIES, *points.shape)) / np.sqrt(points.shape[1])
    every = np.concatenate([points, scattered.reshape(-1, points.shape[1])])
    heights = network.pre_activations(every)
    there = sign * heights[layer][:, neuron] > 0
    return every[there if below is None else there & (heights[layer - 1][:, below] > 0)]


def _uphill(
    network: PiecewiseLinearNetwork, heights: Sequence[FloatArray], layer: int, neuron: int
) -> FloatArray:
    """Gradient of a neuron's height by the input: "p d"."""
    back = np.broadcast_to(network.weights[layer][neuron], (len(heights[0]), network.weights[layer].shape[1]))
    for below in range(layer - 1, -1, -1):
        back = (back * (heights[below] > 0)) @ network.weights[below]
    return np.asarray(back)
