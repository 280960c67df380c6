"""Points where second-layer neurons are in their rare state, found offline in a network that is nearly right.

A fit pins a neuron only by answers on either side of its boundary: one that is always on merges with the
output bias. Random points may never reach the other side, but the recovered network knows the way: climb or
descend the pre-activation, which is affine piece by piece.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

RARE = 0.03
"""A state in which a neuron is at a smaller share of the pool is rare."""
RARE_PAIR = 0.003
"""A first- and a second-layer neuron that are on together at a smaller share of the pool are a rare pair."""
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
    heights = network.pre_activations(pool)
    if len(heights) < 2:
        return np.zeros((0, pool.shape[1]))
    above = heights[1] > 0
    share = above.mean(axis=0)
    found = [np.zeros((0, pool.shape[1]))]
    for sign, rare in ((1.0, share < RARE), (-1.0, share > 1 - RARE)):
        for neuron in np.nonzero(rare)[0]:
            starts = pool[np.argsort(-sign * heights[1][:, neuron])[:CLIMBERS]]
            found.append(_climbed(network, int(neuron), None, sign, starts, scale, rng))
    together = above.T.astype(np.float64) @ (heights[0] > 0) / len(pool)
    for neuron, below in zip(*np.nonzero(together < RARE_PAIR), strict=True):
        starts = pool[np.argsort(-heights[1][:, neuron])[:CLIMBERS]]
        found.append(_climbed(network, int(neuron), int(below), 1.0, starts, scale, rng))
    return np.concatenate(found)


def _climbed(
    network: PiecewiseLinearNetwork,
    neuron: int,
    below: int | None,
    sign: float,
    points: FloatArray,
    scale: float,
    rng: np.random.Generator,
) -> FloatArray:
    """Scattered points near the ends of a climb at which the neuron is on (or off, for a negative sign).

    With `below`, that first-layer neuron is on there too: only then does an answer tell the weight between.
    """
    step = scale / 20
    for _ in range(STEPS):
        first, second = network.pre_activations(points)[:2]
        slope = sign * ((first > 0) * network.weights[1][neuron]) @ network.weights[0]
        length = np.linalg.norm(slope, axis=1, keepdims=True)
        slope = slope / np.where(length > 0, length, 1.0)
        if below is not None:
            # whichever of the two is off leads
            lagging = (first[:, below] < 0)[:, np.newaxis]
            slope = slope * (second[:, [neuron]] < 0) + lagging * network.weights[0][below]
        points = points + step * slope
    spread = step * np.exp(rng.uniform(-1, 2, (COPIES, len(points), 1)))
    scattered = points + spread * rng.standard_normal((COPIES, *points.shape)) / np.sqrt(points.shape[1])
    every = np.concatenate([points, scattered.reshape(-1, points.shape[1])])
    first, second = network.pre_activations(every)[:2]
    there = sign * second[:, neuron] > 0
    return every[there if below is None else there & (first[:, below] > 0)]
