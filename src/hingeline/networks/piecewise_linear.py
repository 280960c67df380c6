"""A fully connected ReLU network as a frozen value."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, as_points, frozen
from hingeline.core.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class PiecewiseLinearNetwork:
    """f(x) = W_L relu(... relu(W_0 x + b_0) ...) + b_L.

    Attributes:
        weights: One matrix per layer, shape "out in", float64, not writeable.
        biases: One vector per layer, shape "out".
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]

    def __init__(self, weights: Iterable[Any], biases: Iterable[Any]) -> None:
        object.__setattr__(self, "weights", tuple(frozen(w) for w in weights))
        object.__setattr__(self, "biases", tuple(frozen(b) for b in biases))
        _check_shapes(self.weights, self.biases)

    @property
    def input_dim(self) -> int:
        """Inputs of the first layer."""
        return self.weights[0].shape[1]

    @property
    def output_dim(self) -> int:
        """Outputs of the last layer."""
        return self.weights[-1].shape[0]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Widths from input to output, such as (64, 32, 10)."""
        return (self.input_dim, *(w.shape[0] for w in self.weights))

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Widths of the hidden layers."""
        return self.sizes[1:-1]

    @property
    def parameter_count(self) -> int:
        """Weights and biases together."""
        return sum(w.size for w in self.weights) + sum(b.size for b in self.biases)

    def __call__(self, points: Any) -> FloatArray:
        """Outputs at `points`: "n d" to "n k"."""
        hidden = as_points(points, self.input_dim)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight.T + bias, 0.0)
        return hidden @ self.weights[-1].T + self.biases[-1]

    def pre_activations(self, points: Any) -> list[FloatArray]:
        """Hidden pre-activations at `points`, one "n width" array per hidden layer."""
        hidden = as_points(points, self.input_dim)
        values: list[FloatArray] = []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values.append(hidden @ weight.T + bias)
            hidden = np.maximum(values[-1], 0.0)
        return values

    def activation_pattern(self, points: Any) -> list[BoolArray]:
        """Which hidden neurons are on at `points`, one "n width" array per hidden layer."""
        return [z > 0 for z in self.pre_activations(points)]

    def affine_map(self, point: Any) -> tuple[FloatArray, FloatArray]:
        """The affine map that holds in the region of one `point`: matrix "k d" and offset "k"."""
        patterns = self.activation_pattern(point)
        matrix: FloatArray = np.eye(self.input_dim)
        offset: FloatArray = np.zeros(self.input_dim)
        for weight, bias, on in zip(self.weights[:-1], self.biases[:-1], patterns, strict=True):
            matrix = (weight @ matrix) * on[0][:, np.newaxis]
            offset = (weight @ offset + bias) * on[0]
        return self.weights[-1] @ matrix, self.weights[-1] @ offset + self.biases[-1]

    def canonical(self) -> PiecewiseLinearNetwork:
        """The same function with unit-norm hidden rows, the scale pushed forward.

        A hidden row of norm zero keeps its scale: its neuron is a constant.
        Source: positive scaling is an isomorphism, Rolnick and Körding 2020, introduction.
        """
        weights, biases = [self.weights[0]], list(self.biases)
        for layer, following in enumerate(self.weights[1:]):
            norms = row_norms(weights[layer])
            scale = np.where(norms > 0, norms, 1.0)
            weights[layer] = weights[layer] / scale[:, np.newaxis]
            biases[layer] = biases[layer] / scale
            weights.append(following * scale)
        return PiecewiseLinearNetwork(weights, biases)

    def __repr__(self) -> str:
        return f"<PiecewiseLinearNetwork {'-'.join(map(str, self.sizes))}>"


def row_norms(rows: FloatArray) -> FloatArray:
    """Euclidean norms of `rows` ("n d" to "n"), safe from overflow and underflow."""
    largest = np.abs(rows).max(axis=1, initial=0.0)
    scale = np.where(largest > 0, largest, 1.0)
    return scale * np.linalg.norm(rows / scale[:, np.newaxis], axis=1)


def _check_shapes(weights: Sequence[FloatArray], biases: Sequence[FloatArray]) -> None:
    if not weights or len(weights) != len(biases):
        raise InvalidInput(f"{len(weights)} weight matrices and {len(biases)} bias vectors")
    for index, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if weight.ndim != 2 or bias.shape != (weight.shape[0],):
            raise InvalidInput(
                f"layer {index}: weights {weight.shape}, biases {bias.shape}; want (out, in), (out,)"
            )
        if index and weight.shape[1] != weights[index - 1].shape[0]:
            raise InvalidInput(
                f"layer {index} takes {weight.shape[1]} inputs, but layer {index - 1} "
                f"gives {weights[index - 1].shape[0]}"
            )
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise InvalidInput(f"layer {index} has NaN or infinite parameters")
