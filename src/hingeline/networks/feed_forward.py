"""Fully connected networks with any activation, and random ones of any width profile.

`PiecewiseLinearNetwork` is the noun for networks that are rebuilt or walked exactly; this one is for those
that are only measured: smooth, stepped, or of random weights.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import FloatArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.networks.activations import Activation, activation_named
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

Initialisation = Literal["he", "xavier", "torch"]


@dataclass(frozen=True, eq=False)
class FeedForwardNetwork:
    """f(x) = W_L a(... a(W_0 x + b_0) ...) + b_L with one activation a.

    Attributes:
        weights: One matrix per layer, shape "out in", float64, not writeable.
        biases: One vector per layer, shape "out".
        activation: What hidden neurons do.
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    activation: Activation

    def __init__(self, weights: Iterable[Any], biases: Iterable[Any], activation: str = "relu") -> None:
        # the same shapes are wanted of every fully connected network
        shaped = PiecewiseLinearNetwork(weights, biases)
        object.__setattr__(self, "weights", shaped.weights)
        object.__setattr__(self, "biases", shaped.biases)
        object.__setattr__(self, "activation", activation_named(activation))

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

    def pre_activations(self, points: Any) -> list[FloatArray]:
        """Hidden pre-activations at `points`, one "n width" array per hidden layer."""
        hidden = as_points(points, self.input_dim)
        values: list[FloatArray] = []
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            values.append(hidden @ weight.T + bias)
            hidden = self.activation.value(values[-1])
        return values

    def __call__(self, points: Any) -> FloatArray:
        """Outputs at `points`: "n d" to "n k"."""
        before = self.pre_activations(points)
        hidden = self.activation.value(before[-1]) if before else as_points(points, self.input_dim)
        return hidden @ self.weights[-1].T + self.biases[-1]

    def __repr__(self) -> str:
        return f"<FeedForwardNetwork {'-'.join(map(str, self.sizes))} {self.activation.name}>"


def random_network(
    sizes: Sequence[int], *, seed: int = 0, activation: str = "relu", initialisation: Initialisation = "he"
) -> FeedForwardNetwork:
    """A network with random weights, of any width profile.

    Args:
        sizes: Widths from input to output, such as (128, 64, 64, 1).
        seed: Draws the weights.
        activation: What hidden neurons do, by name (`hingeline.networks.activations.ACTIVATIONS`).
        initialisation: "he": Gaussian of variance 2 / inputs, no biases; "xavier": Gaussian of variance
            2 / (inputs + outputs), no biases; "torch": weights and biases uniform within
            1 / sqrt(inputs), which is what `torch.nn.Linear` starts with.

    Raises:
        InvalidInput: Fewer than two sizes, a size below 1, or a name that is not known.
    """
    widths = [int(size) for size in sizes]
    if len(widths) < 2 or min(widths) < 1:
        raise InvalidInput(f"sizes want at least an input and an output, each 1 or more; got {tuple(sizes)}")
    rng = np.random.default_rng(seed)
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    for inputs, outputs in itertools.pairwise(widths):
        match initialisation:
            case "he":
                weights.append(rng.standard_normal((outputs, inputs)) * math.sqrt(2.0 / inputs))
                biases.append(frozen(np.zeros(outputs)))
            case "xavier":
                weights.append(rng.standard_normal((outputs, inputs)) * math.sqrt(2.0 / (inputs + outputs)))
                biases.append(frozen(np.zeros(outputs)))
            case "torch":
                reach = 1.0 / math.sqrt(inputs)
                weights.append(rng.uniform(-reach, reach, (outputs, inputs)))
                biases.append(rng.uniform(-reach, reach, outputs))
            case _:
                raise InvalidInput(
                    f"no initialisation is called {initialisation!r}; known are he, xavier, torch"
                )
    return FeedForwardNetwork(weights, biases, activation)
