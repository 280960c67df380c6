"""The directed stack by enumeration: what sampling upward is tested against.

The first layer's units are independent given the input, and so are those of every layer given the one below:

    P(h'|h) = prod_j exp(h'_j a_j) / (2 cosh a_j),    a = W h + b.

Source: the definition of the stack itself. Cost: one matrix of 2^w x 2^w' numbers for each step upward.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.renormalisation.stacks.enumerated import EnumeratedChain, refuse_wide
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states

_DENSE_STATES = 512
"""Up to here all eigenvalues of a kernel are found at once."""


class ExactStack(EnumeratedChain):
    """A directed stack of layers of at most 12 units, by enumeration.

    Args:
        stack: Its input may have any size.

    Raises:
        InvalidInput: A layer has more than 12 units.
    """

    def __init__(self, stack: StochasticStack) -> None:
        refuse_wide(stack)
        self.stack = stack
        self.kernels = tuple(
            state_laws(stack.fields(layer, joint_states(stack.widths[layer - 1])))
            for layer in range(2, stack.unit_layers + 1)
        )
        top = joint_states(stack.widths[-1])
        # where the top layer's states are the classes, each belongs to itself
        self.class_kernel = stack.class_law(top) if stack.head == "softmax" else np.eye(len(top))

    def first_laws(self, points: FloatArray) -> FloatArray:
        """Laws of the first layer at inputs: "n d" to "n 2^w_1"."""
        return state_laws(self.stack.fields(1, as_points(points, self.stack.input_dim)))


def state_laws(fields: FloatArray) -> FloatArray:
    """Probabilities of all joint states of independent units with these fields: "m w" to "m 2^w"."""
    # each unit's own probability first: near 0 and 1 nothing cancels, and the laws add up to 1
    up, down = -np.logaddexp(0.0, -2.0 * fields), -np.logaddexp(0.0, 2.0 * fields)
    plus = (joint_states(fields.shape[1]) > 0).astype(np.float64)
    return np.exp(up @ plus.T + down @ (1.0 - plus).T)


def tied_lifetime(chain: EnumeratedChain) -> float | None:
    """Layers that classes live in a stack of equal steps, 1 / (1 - |lambda_2|); None if its steps differ.

    A stack that repeats one step for ever has one stationary law; lambda_2 is the second largest eigenvalue
    of the step's kernel, and what tells two inputs apart falls as |lambda_2|^n.
    """
    kernels = chain.kernels
    if len(kernels) < 2 or any(kernel.shape != kernels[0].shape for kernel in kernels):
        return None
    if kernels[0].shape[0] != kernels[0].shape[1] or any((k != kernels[0]).any() for k in kernels[1:]):
        return None
    return kernel_lifetime(kernels[0])


def kernel_lifetime(kernel: FloatArray) -> float:
    """Steps after which a kernel that is repeated has forgotten its start, 1 / (1 - |lambda_2|)."""
    second = _second_eigenvalue(kernel)
    return 1.0 / (1.0 - second) if second < 1.0 else float("inf")


def _second_eigenvalue(kernel: FloatArray) -> float:
    """Second largest modulus of the eigenvalues of a kernel."""
    if len(kernel) <= _DENSE_STATES:
        return float(np.sort(np.abs(np.linalg.eigvals(kernel)))[-2])
    from scipy.sparse.linalg import eigs

    found = eigs(kernel.T, k=2, v0=np.ones(len(kernel)), return_eigenvectors=False)
    return float(np.sort(np.abs(found))[0])
