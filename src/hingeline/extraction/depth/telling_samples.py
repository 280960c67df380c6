"""Places asked during the search at which a polish sees what random inputs hardly show.

A weight shows only where its neuron and the one below it are both on. Where that is seldom at random inputs,
the search has been there: its places are offered to the polish.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

TYPICAL = 3000
"""Random inputs that tell what is seldom."""
RARE = 0.03
"""Share of them at which a state of a neuron is rare."""
RARE_PAIR = 0.005
"""Share of them at which two neurons that are on together are a rare pair."""
FOR_EACH = 3
"""Places for each unknown of a neuron in a rare state."""
FOR_PAIR = 6
"""Places for each rare pair."""


def telling_samples(network: PiecewiseLinearNetwork, points: FloatArray, scale: float) -> FloatArray:
    """Of the points asked so far those that show what is rarely seen, nearest the origin first: "n d".

    Args:
        network: Nearly right.
        points: Asked so far, shape "p d".
        scale: Typical input norm.
    """
    rng = np.random.default_rng(len(points))
    usual = rng.standard_normal((TYPICAL, network.input_dim)) * scale / np.sqrt(network.input_dim)
    points = points[np.argsort(np.linalg.norm(points, axis=1))]
    chosen = np.zeros(len(points), dtype=np.bool_)
    below: tuple[FloatArray, FloatArray] | None = None
    heights = zip(
        network.pre_activations(points), network.pre_activations(usual), network.weights, strict=False
    )
    for at_points, at_usual, weight in heights:
        on, usually = (at_points > 0).astype(np.float64), (at_usual > 0).astype(np.float64)
        share = usually.mean(axis=0)
        for neuron in np.nonzero((share < RARE) | (share > 1 - RARE))[0]:
            there = (on[:, neuron] > 0) == (share[neuron] < RARE)
            chosen[np.nonzero(there)[0][: FOR_EACH * (weight.shape[1] + 1)]] = True
        if below is not None:
            together = usually.T @ below[1] / TYPICAL
            for neuron, channel in zip(*np.nonzero(together < RARE_PAIR), strict=True):
                both = on[:, neuron] * below[0][:, channel] > 0
                chosen[np.nonzero(both)[0][:FOR_PAIR]] = True
        below = on, usually
    return points[chosen]
