"""Networks for the tests of this folder."""

from __future__ import annotations

import numpy as np

from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def random_network(*sizes: int, seed: int = 0) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    return PiecewiseLinearNetwork(
        [rng.standard_normal(shape) for shape in shapes], [rng.standard_normal(out) for out, _ in shapes]
    )


def scrambled(network: PiecewiseLinearNetwork, seed: int = 1) -> PiecewiseLinearNetwork:
    """The same function: hidden neurons in another order, each in another positive scale."""
    rng = np.random.default_rng(seed)
    weights, biases = list(network.weights), list(network.biases)
    for layer in range(len(weights) - 1):
        order = rng.permutation(len(biases[layer]))
        scale = np.exp(rng.normal(size=len(order)))
        weights[layer] = (weights[layer] * scale[:, None])[order]
        biases[layer] = (biases[layer] * scale)[order]
        weights[layer + 1] = (weights[layer + 1] / scale)[:, order]
    return PiecewiseLinearNetwork(weights, biases)
