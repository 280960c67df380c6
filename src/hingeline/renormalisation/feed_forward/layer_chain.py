"""A network as a chain of maps from layer to layer, where it is one and its weights are seen.

    h_0 = x,    h_n = a(W_n h_{n-1} + b_n),    z = W_N h_{N-1} + b_N,    D_n = diag(a') W_n,    D_N = W_N

Jacobians from the input, J_n = D_n ... D_1, are had of any model whose layers are seen. The single D_n are
not: what lies outside the range of J_{n-1} never shows at layer n. Products that keep their digits and noise
put in between need the chain; a network with skip connections has none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.model import LayeredModel, Model
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.torch_chain import chain_of_module
from hingeline.sensitivity.models.torch_model import TorchModel


@dataclass(frozen=True, eq=False)
class LayerChain:
    """Maps between layers 0 (the input), 1 to N - 1 (hidden) and N (the outputs), and their derivatives.

    Attributes:
        network: Weights, biases and what hidden neurons do.
    """

    network: FeedForwardNetwork

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers in the input, in each hidden layer and in the output."""
        return self.network.sizes

    @property
    def steps(self) -> int:
        """Maps in the chain, N."""
        return len(self.network.weights)

    def apply(self, step: int, below: FloatArray) -> FloatArray:
        """Layer `step` (1 to N) from the layer below, without noise: "m w" to "m w'"."""
        value = below @ self.network.weights[step - 1].T + self.network.biases[step - 1]
        return value if step == self.steps else self.network.activation.value(value)

    def values(self, points: FloatArray) -> tuple[FloatArray, ...]:
        """All layers from the input to the outputs at `points`: N + 1 arrays "n w"."""
        found = [as_points(points, self.widths[0])]
        for step in range(1, self.steps + 1):
            found.append(self.apply(step, found[-1]))
        return tuple(found)

    def slopes(self, points: FloatArray) -> tuple[FloatArray, ...]:
        """Derivatives of the activations at `points`: N arrays "n w", of ones at the outputs."""
        hidden = [self.network.activation.slope(z) for z in self.network.pre_activations(points)]
        return (*hidden, np.ones((len(points), self.widths[-1])))

    def push(self, step: int, slope: FloatArray, directions: FloatArray) -> FloatArray:
        """D u for one step, with its slopes "n w'": "n p w" to "n p w'"."""
        return (directions @ self.network.weights[step - 1].T) * slope[:, np.newaxis]

    def pull(self, step: int, slope: FloatArray, vectors: FloatArray) -> FloatArray:
        """D'v for one step, with its slopes "n w'": "n p w'" to "n p w"."""
        return (vectors * slope[:, np.newaxis]) @ self.network.weights[step - 1]


def chain_of(model: Model) -> LayerChain | None:
    """The chain that a model is; None where its weights are not seen, or it is no plain chain.

    Torch modules are traced; what is read must answer as the module does, layer by layer as many.
    """
    if isinstance(model, NetworkModel):
        return LayerChain(_with_activation(model.network))
    if isinstance(model, TorchModel):
        traced = chain_of_module(model)
        if traced is not None and len(traced.weights) - 1 == len(model.layer_names):
            return LayerChain(_with_activation(traced))
    return None


def layer_values(model: LayeredModel, points: FloatArray) -> tuple[FloatArray, ...]:
    """The input, what every hidden layer hands on, and the outputs, at `points`: arrays "n w"."""
    rows = as_points(points, model.input_dim)
    return (rows, *(state.values for state in model.layers(rows)), model.outputs(rows))


def step_names(model: LayeredModel) -> tuple[str, ...]:
    """Hidden layers by name, and the outputs."""
    return (*model.layer_names, f"outputs ({model.output_dim})")


def _with_activation(network: FeedForwardNetwork | PiecewiseLinearNetwork) -> FeedForwardNetwork:
    if isinstance(network, FeedForwardNetwork):
        return network
    return FeedForwardNetwork(network.weights, network.biases)
