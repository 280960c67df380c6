"""The undirected stack by enumeration: what Gibbs sampling is tested against.

With the input held fixed the layers of a deep Boltzmann machine form a Markov chain too. Let beta_n(h_n) be
the sum of exp(energy above h_n) over all layers above. Then

    P(h_{n+1}|h_n) = exp(h_{n+1}.a(h_n)) beta_{n+1}(h_{n+1}) / beta_n(h_n),
    P(h_1|x) ~ exp(h_1.a(x)) beta_1(h_1),

so that the kernels know the layers above but not the input, and all that holds for the directed stack holds.

Source: messages passed down a chain, as in any hidden Markov model. Cost: as for the directed stack.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from hingeline.core.arrays import FloatArray, as_points
from hingeline.renormalisation.stacks.enumerated import EnumeratedChain, refuse_wide
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states


class ExactUndirected(EnumeratedChain):
    """A deep Boltzmann machine with layers of at most 12 units and its input held fixed, by enumeration.

    Args:
        stack: Weights and biases, read as those of an undirected network.

    Raises:
        InvalidInput: A layer has more than 12 units.
    """

    def __init__(self, stack: StochasticStack) -> None:
        refuse_wide(stack)
        self.stack = stack
        states = [joint_states(width) for width in stack.widths[1:]]
        message, self.class_kernel = self._top(states[-1])
        kernels: list[FloatArray] = []
        for layer in range(stack.unit_layers, 1, -1):
            weights = stack.fields(layer, states[layer - 2]) @ states[layer - 1].T + message
            message = _log_sum(weights)
            kernels.insert(0, np.exp(weights - message[:, np.newaxis]))
        self.kernels = tuple(kernels)
        self._message = message

    def first_laws(self, points: FloatArray) -> FloatArray:
        """Laws of the first layer at inputs: "n d" to "n 2^w_1"."""
        fields = self.stack.fields(1, as_points(points, self.stack.input_dim))
        return np.exp(log_softmax(fields @ joint_states(fields.shape[1]).T + self._message, axis=1))

    def _top(self, states: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What lies above the last layer of units: its message downward, and the law of the classes."""
        if self.stack.head == "units":
            return np.zeros(len(states)), np.eye(len(states))
        logits = states @ self.stack.weights[-1].T + self.stack.biases[-1]
        return _log_sum(logits), np.exp(log_softmax(logits, axis=1))


def _log_sum(rows: FloatArray) -> FloatArray:
    """The logarithm of the sum of exponentials in each row: "m k" to "m"."""
    largest = rows.max(axis=1)
    return largest + np.log(np.exp(rows - largest[:, np.newaxis]).sum(axis=1))
