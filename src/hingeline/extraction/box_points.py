"""Points of a declared box at which a layer's activations are one-sided: what is seldom on is on there.

A neuron above with weights a is on where a h is large against |h|. In a box whole regions lie in corners that
random points hardly meet; of many corners drawn, those farthest along random directions of the activations
are hundreds of times likelier to show it.

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
        constant = np.full((len(on), 1), np.median(np.linalg.norm(on, axis=1)) / on.shape[1] ** 0.5)
        on = np.concatenate([on, constant], axis=1)
        on /= np.maximum(np.linalg.norm(on, axis=1, keepdims=True), 1e-300)
        wishes = np.concatenate([np.eye(on.shape[1]), rng.standard_normal((DIRECTIONS, on.shape[1]))])
        chosen.append(np.argmax(on @ wishes.T, axis=0))
    numbers = np.unique(np.concatenate(chosen))
    return drawn[numbers]
