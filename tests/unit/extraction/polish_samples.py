"""Random networks and slightly wrong copies of them."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def random_network(sizes: tuple[int, ...], seed: int) -> PiecewiseLinearNetwork:
    """Gaussian weights of unit row norm on average, biases of a tenth; canonical."""
    rng = np.random.default_rng(seed)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = [rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return PiecewiseLinearNetwork(weights, [0.1 * rng.standard_normal(s[0]) for s in shapes]).canonical()


def perturbed(network: PiecewiseLinearNetwork, size: float, seed: int) -> PiecewiseLinearNetwork:
    """Gaussian errors on every parameter."""
    rng = np.random.default_rng([seed, 1])
    return PiecewiseLinearNetwork(
        [w + size * rng.standard_normal(w.shape) for w in network.weights],
        [b + size * rng.standard_normal(b.shape) for b in network.biases],
    )


def parameter_error(a: PiecewiseLinearNetwork, b: PiecewiseLinearNetwork) -> float:
    """Largest difference with rows at unit norm; the neurons stand in the same order."""
    a, b = a.canonical(), b.canonical()
    pairs = zip((*a.weights, *a.biases), (*b.weights, *b.biases), strict=True)
    return max(float(np.abs(x - y).max()) for x, y in pairs)


def questions(
    network: PiecewiseLinearNetwork, per_unknown: float, seed: int
) -> tuple[FloatArray, FloatArray]:
    """N(0, 1) points, as many answers as `per_unknown` times the parameters."""
    rng = np.random.default_rng([seed, 2])
    count = int(per_unknown * network.parameter_count / network.output_dim)
    points = rng.standard_normal((count, network.input_dim))
    return points, network(points)
