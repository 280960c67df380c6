"""Outputs of a ReLU network together with its vector-Jacobian product, from one pass forward.

Training against an adversary and attacks on families ask for both at every step; the layers' states are kept
between the two, so that a gradient costs one pass forward and one back. No queries.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.models.network_model import NetworkModel

Pull = Callable[[FloatArray], FloatArray]
"""Combinations of outputs, "n k", to the gradients of the combined outputs at the points asked, "n d"."""


def outputs_and_pull(model: Model, points: FloatArray) -> tuple[FloatArray, Pull]:
    """Outputs "n k" at `points` ("n d"), and the way back from there."""
    if isinstance(model, NetworkModel) and isinstance(model.network, PiecewiseLinearNetwork):
        return _of_network(model.network, points)
    return model.outputs(points), lambda weights: model.gradients(points, weights)


def _of_network(network: PiecewiseLinearNetwork, points: FloatArray) -> tuple[FloatArray, Pull]:
    states: list[FloatArray] = []
    hidden = points
    for weight, bias in zip(network.weights[:-1], network.biases[:-1], strict=True):
        hidden = np.maximum(hidden @ weight.T + bias, 0.0)
        states.append(hidden)

    def pull(weights: FloatArray) -> FloatArray:
        down = weights @ network.weights[-1]
        for weight, state in zip(reversed(network.weights[:-1]), reversed(states), strict=True):
            # a state is above zero where its neuron is on
            down = (down * (state > 0)) @ weight
        return down

    return hidden @ network.weights[-1].T + network.biases[-1], pull
