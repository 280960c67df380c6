"""Networks whose gains are known, and a model that shows its layers but not the maps between them."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.sensitivity.models.model import LayerState
from hingeline.sensitivity.models.network_model import NetworkModel


def rotation(size: int, seed: int) -> FloatArray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def graded_network(factors: FloatArray, depth: int, seed: int = 61) -> NetworkModel:
    """Layers that stretch rotated axes by `factors`, always on: s_k of n layers is factors^n."""
    size = len(factors)
    frames = [rotation(size, seed + i) for i in range(depth + 1)]
    weights = [frames[i + 1] @ np.diag(factors) @ frames[i].T for i in range(depth)]
    # so large a bias that no ReLU switches near the origin
    biases = [np.full(size, 50.0) - (w @ np.full(size, 50.0) if i else 0.0) for i, w in enumerate(weights)]
    return NetworkModel(FeedForwardNetwork(weights, biases, "relu"))


def rescaled(network: FeedForwardNetwork, factors: list[FloatArray]) -> FeedForwardNetwork:
    """The same function with the neurons of each hidden ReLU layer multiplied by `factors` > 0."""
    every = [np.ones(network.input_dim), *factors, np.ones(network.output_dim)]
    pairs = zip(network.weights, every[:-1], every[1:], strict=True)
    weights = [w * above[:, np.newaxis] / below for w, below, above in pairs]
    biases = [b * above for b, above in zip(network.biases, every[1:], strict=True)]
    return FeedForwardNetwork(weights, biases, network.activation.name)


class Shown:
    """A model that shows hidden layers and Jacobians from the input, and nothing else."""

    def __init__(self, inner: NetworkModel) -> None:
        self._inner = inner
        self.name, self.input_dim, self.output_dim = inner.name, inner.input_dim, inner.output_dim
        self.layer_names = inner.layer_names

    def outputs(self, points: FloatArray) -> FloatArray:
        return self._inner.outputs(points)

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        return self._inner.gradients(points, weights)

    def jacobians(self, points: FloatArray) -> FloatArray:
        return self._inner.jacobians(points)

    def layers(self, points: FloatArray) -> tuple[LayerState, ...]:
        return self._inner.layers(points)

    def pull_back(self, points: FloatArray, layer: int, vectors: FloatArray) -> FloatArray:
        return self._inner.pull_back(points, layer, vectors)

    def push_forward(self, points: FloatArray, layer: int, directions: FloatArray) -> FloatArray:
        return self._inner.push_forward(points, layer, directions)


class Closed:
    """A model that answers and is differentiated, without layers."""

    def __init__(self, inner: NetworkModel) -> None:
        self._inner = inner
        self.name, self.input_dim, self.output_dim = inner.name, inner.input_dim, inner.output_dim

    def outputs(self, points: FloatArray) -> FloatArray:
        return self._inner.outputs(points)

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        return self._inner.gradients(points, weights)

    def jacobians(self, points: FloatArray) -> FloatArray:
        return self._inner.jacobians(points)
