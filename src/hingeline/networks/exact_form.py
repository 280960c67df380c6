"""Networks whose activation is a sum of ReLUs, as ReLU networks that compute the same."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.activations import Activation
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def exact_form(network: FeedForwardNetwork | PiecewiseLinearNetwork) -> PiecewiseLinearNetwork | None:
    """The same function with ReLU neurons; None where the activation is not made of them.

    A homogeneous activation with one kink is p relu(z) - n relu(-z), with p and n its slopes: two neurons for
    one, such as for the absolute value and the leaky ReLU.
    """
    if isinstance(network, PiecewiseLinearNetwork):
        return network
    if not (network.activation.kinked and network.activation.homogeneous):
        return None
    if network.activation.name == "relu" or len(network.weights) == 1:
        return PiecewiseLinearNetwork(network.weights, network.biases)
    right, left = _slopes(network.activation)
    weights: list[FloatArray] = []
    biases: list[FloatArray] = []
    last = len(network.weights) - 1
    for layer, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        # what was doubled below is put together: a(z) = p relu(z) - n relu(-z)
        row = weight if layer == 0 else np.hstack([right * weight, -left * weight])
        weights.append(row if layer == last else np.vstack([row, -row]))
        biases.append(bias if layer == last else np.concatenate([bias, -bias]))
    return PiecewiseLinearNetwork(weights, biases)


def _slopes(activation: Activation) -> tuple[float, float]:
    sides = activation.slope(np.array([1.0, -1.0]))
    return float(sides[0]), float(sides[1])
