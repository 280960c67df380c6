"""The score of the first layer, the one place where the input enters a stack.

    s_i = d log P(h1|x) / d x_i = sum_j W_ji (h_j - tanh a_j)

Its mean is zero exactly and its covariance, the information of the first layer, is W' diag(1 - tanh^2 a) W.
With w units and d inputs the score lives in r = min(w, d) coordinates, so W' = Q R is taken once and all
sums are kept in those: s = basis' u with u = L' (h - tanh a) and orthonormal rows of the basis.

Source: closed form; that the first layer is explicit is said by Kenway 2018 (arXiv 1803.06111) in words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.stacks.stack import StochasticStack


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """Coordinates in which scores of the first layer are kept.

    Attributes:
        loadings: L with W = L basis, shape "w r".
        basis: Orthonormal rows, shape "r d".
    """

    loadings: FloatArray
    basis: FloatArray

    def scores(self, states: FloatArray, means: FloatArray) -> FloatArray:
        """Coordinates of the score at states of the first layer with these means: "... w" to "... r"."""
        return (states - means) @ self.loadings

    def information(self, means: FloatArray) -> FloatArray:
        """Information of the first layer in the coordinates, "w" to "r r"; exact."""
        return (self.loadings.T * (1.0 - means**2)) @ self.loadings

    def traces(self, means: FloatArray) -> FloatArray:
        """Trace of the information of the first layer, "n w" to "n"; exact."""
        return (1.0 - means**2) @ (self.loadings**2).sum(axis=1)


def first_layer(stack: StochasticStack) -> FirstLayer:
    """The coordinates of a stack's scores. Cost: one QR of the first matrix."""
    basis, upper = np.linalg.qr(stack.weights[0].T)
    return FirstLayer(upper.T, basis.T)


def one_input(stack: StochasticStack, x: FloatArray) -> FloatArray:
    """One input as a row, shape "1 d".

    Raises:
        InvalidInput: Not one input of the stack's dimension.
    """
    row = as_points(x, stack.input_dim)
    if len(row) != 1:
        raise InvalidInput(f"one input is wanted, of shape ({stack.input_dim},); got {len(row)} of them")
    return row


def samples_per_block(samples: int, blocks: int, *, least: int = 2) -> int:
    """Samples in each of `blocks` blocks that hold `samples` at least.

    Raises:
        InvalidInput: Fewer than two blocks, or fewer samples than make a covariance in each.
    """
    if blocks < 4:
        raise InvalidInput(f"errors and halves want four blocks or more; got blocks={blocks}")
    if samples < least * blocks:
        raise InvalidInput(
            f"{blocks} blocks want {least} samples each, {least * blocks} in all; got samples={samples}"
        )
    return -(-samples // blocks)
