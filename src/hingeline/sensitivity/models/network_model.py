"""Networks whose weights are in memory, as models: everything in closed form, no query, NumPy only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.model import LayerState

CHUNK_BYTES = 64 * 2**20
"""Largest intermediate array."""


class NetworkModel:
    """A fully connected network, differentiated by the chain rule.

    Args:
        network: The network.
        name: For people; its sizes if not given.
    """

    def __init__(self, network: FeedForwardNetwork | PiecewiseLinearNetwork, name: str | None = None) -> None:
        self.network = network
        self._name = name or "-".join(map(str, network.sizes))
        exact = isinstance(network, PiecewiseLinearNetwork)
        self._plain = FeedForwardNetwork(network.weights, network.biases) if exact else network
        self._activation = self._plain.activation

    @property
    def name(self) -> str:
        """For people."""
        return self._name

    @property
    def input_dim(self) -> int:
        """Inputs of the first layer."""
        return self.network.input_dim

    @property
    def output_dim(self) -> int:
        """Outputs of the last layer."""
        return self.network.output_dim

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Hidden layers are numbered from 1, with their width."""
        return tuple(f"{i} ({w})" for i, w in enumerate(self.network.sizes[1:-1], start=1))

    def outputs(self, points: FloatArray) -> FloatArray:
        """Answers: "n d" to "n k"."""
        parts = [self.network(points[part]) for part in self._parts(points, 1)]
        return np.concatenate(parts) if parts else np.zeros((0, self.output_dim))

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        """Gradients of sum_k weights[i, k] f_k at points[i]: "n d"."""
        found = np.empty((len(points), self.input_dim))
        for part in self._parts(points, 1):
            found[part] = self._down(self._slopes(points[part]), weights[part, np.newaxis])[:, 0]
        return found

    def jacobians(self, points: FloatArray) -> FloatArray:
        """All first derivatives, "n d" to "n k d"."""
        found = np.empty((len(points), self.output_dim, self.input_dim))
        every = np.eye(self.output_dim)
        for part in self._parts(points, self.output_dim):
            slopes = self._slopes(points[part])
            found[part] = self._down(slopes, np.broadcast_to(every, (len(points[part]), *every.shape)))
        return found

    def layers(self, points: FloatArray) -> tuple[LayerState, ...]:
        """Every hidden layer at `points`."""
        activation = self._activation
        return tuple(
            LayerState(activation.value(z), activation.slope(z)) for z in self._plain.pre_activations(points)
        )

    def pull_back(self, points: FloatArray, layer: int, vectors: FloatArray) -> FloatArray:
        """J' v for the Jacobian to hidden layer `layer`: "n p w" to "n p d"."""
        product = vectors
        slopes = self._slopes(points)[: layer + 1]
        for weight, slope in zip(self.network.weights[layer::-1], reversed(slopes), strict=True):
            product = (product * slope[:, np.newaxis]) @ weight
        return product

    def push_forward(self, points: FloatArray, layer: int, directions: FloatArray) -> FloatArray:
        """J u for the Jacobian to hidden layer `layer`: "n p d" to "n p w"."""
        product = directions
        slopes = self._slopes(points)[: layer + 1]
        for weight, slope in zip(self.network.weights[: layer + 1], slopes, strict=True):
            product = (product @ weight.T) * slope[:, np.newaxis]
        return product

    def _slopes(self, points: FloatArray) -> list[FloatArray]:
        return [self._activation.slope(z) for z in self._plain.pre_activations(points)]

    def _down(self, slopes: list[FloatArray], product: FloatArray) -> FloatArray:
        """W_0' D_1 W_1' ... D_L W_L' applied to combinations of outputs: "n p k" to "n p d"."""
        product = product @ self.network.weights[-1]
        for weight, slope in zip(self.network.weights[-2::-1], reversed(slopes), strict=True):
            product = (product * slope[:, np.newaxis]) @ weight
        return product

    def _parts(self, points: FloatArray, rows_each: int) -> Iterator[slice]:
        widest = max(self.network.sizes)
        count = max(1, CHUNK_BYTES // (8 * widest * rows_each))
        return (slice(i, min(i + count, len(points))) for i in range(0, len(points), count))
