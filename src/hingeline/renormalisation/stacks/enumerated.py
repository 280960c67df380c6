"""Laws of small layers by enumeration: couplings, stability matrices and information without sampling.

The laws of the layers at an input x form a chain: a law of the first layer that x decides, and kernels upward
that x does not enter. Everything follows from these. With P_n ~ exp(sum_S g_S prod_{i in S} h_i) the
couplings are the product coefficients of log P_n; the derivatives dP_n/dx start as P_1 times the score of the
first layer and are carried up by the kernels, so that the information F_n = sum_h dP_n dP_n^T / P_n needs no
operators.

Source: Kenway 2018 (arXiv 1803.06111) for the idea of layers as steps of renormalisation; the formulas are
our reconstruction. Cost: products with matrices of 2^w x 2^w'; 6 units take milliseconds, 12 units seconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import IllConditioned, InvalidInput
from hingeline.numerics.walsh_hadamard import places, product_coefficients
from hingeline.renormalisation.operators.operator_set import OperatorSet, product_operators
from hingeline.renormalisation.stacks.exact_step import ExactStep, over_root, projected_information
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states

MOST_STATES = 4096
"""Joint states of a layer that are enumerated: those of 12 units."""


class EnumeratedChain(ABC):
    """A stack whose layers are small enough to list all their joint states.

    Layers count from 1 (0 is the input). States are in the order of `joint_states`.

    Attributes:
        stack: Weights and biases.
        kernels: P(h_{n+1}|h_n), n = 1 to N - 1, one row for each state below: "2^w_n 2^w_{n+1}".
        class_kernel: P(c|h_N), shape "2^w_N C".
    """

    stack: StochasticStack
    kernels: tuple[FloatArray, ...]
    class_kernel: FloatArray

    @abstractmethod
    def first_laws(self, points: FloatArray) -> FloatArray:
        """Laws of the first layer at inputs: "n d" to "n 2^w_1"."""

    def laws(self, x: FloatArray) -> tuple[FloatArray, ...]:
        """Probabilities of all joint states of each unit layer at one input, each of shape "2^w_n"."""
        return self._carried(self.first_laws(self._row(x))[0])

    def mixture_laws(self, points: FloatArray) -> tuple[FloatArray, ...]:
        """The mean of `laws` over inputs: the law of each layer within a class of them, "n d" to "2^w_n"."""
        return self._carried(self.first_laws(as_points(points, self.stack.input_dim)).mean(axis=0))

    def class_law(self, x: FloatArray) -> FloatArray:
        """Probabilities of the classes at one input, shape "C"."""
        return self.laws(x)[-1] @ self.class_kernel

    def couplings(self, x: FloatArray, layer: int) -> FloatArray:
        """Couplings g of all products of units, log P_n = const + sum g_S prod h: shape "2^w-1".

        They stand in the order of `product_operators(w, w)`.

        Raises:
            IllConditioned: A state has no probability in float64, so that some couplings are infinite.
        """
        width = self._width(layer)
        law = self.laws(x)[layer - 1]
        if not law.all():
            raise IllConditioned(
                f"{np.count_nonzero(law == 0)} of {len(law)} states of layer {layer} have no probability in "
                "float64; the couplings there are infinite"
            )
        subsets = product_operators(width, width).subsets
        return product_coefficients(np.log(law))[places(subsets, width)]

    def step(self, x: FloatArray, layer: int) -> ExactStep:
        """Layer `layer`, the next layer and the kernel between them."""
        if not 1 <= layer < self.stack.unit_layers:
            raise InvalidInput(
                f"steps start at layers 1 to {self.stack.unit_layers - 1} of this stack; got layer={layer}"
            )
        laws = self.laws(x)
        return ExactStep(laws[layer - 1], self.kernels[layer - 1], laws[layer])

    def moments(
        self, x: FloatArray, layer: int, below: OperatorSet, above: OperatorSet
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """A = cov(O', O'), B = cov(O', O), C = cov(O, O), O at `layer` and O' at `layer` + 1."""
        step = self.step(x, layer)
        return step.moments(self._values(layer, below), self._values(layer + 1, above))

    def stability(self, x: FloatArray, layer: int, below: OperatorSet, above: OperatorSet) -> FloatArray:
        """T = A^-1 B from `layer` to `layer` + 1, the derivatives of couplings by couplings: shape "K' K".

        Raises:
            IllConditioned: The operators above are dependent.
        """
        step = self.step(x, layer)
        return step.stability(self._values(layer, below), self._values(layer + 1, above))

    def whitened_map(self, x: FloatArray, layer: int, below: OperatorSet, above: OperatorSet) -> FloatArray:
        """S = A^-1/2 B C^-1/2 from `layer` to `layer` + 1: shape "K' K".

        Raises:
            IllConditioned: The operators of a side are dependent.
        """
        step = self.step(x, layer)
        return step.whitened(self._values(layer, below), self._values(layer + 1, above))

    def canonical_correlations(
        self, x: FloatArray, layer: int, below: OperatorSet, above: OperatorSet
    ) -> FloatArray:
        """Singular values of the whitened map, falling; none is above 1."""
        found = np.linalg.svd(self.whitened_map(x, layer, below, above), compute_uv=False)
        return np.asarray(found, dtype=np.float64)

    def backward_kernel(self, x: FloatArray, layer: int) -> FloatArray:
        """P(h_n|h_{n+1}) with n = `layer`, one row for each state above: shape "2^w_{n+1} 2^w_n"."""
        return self.step(x, layer).backward()

    def score(self, x: FloatArray) -> FloatArray:
        """Derivative of log P_1(h|x) by x, W_1^T (h - <h>), at all states of layer 1: shape "2^w_1 d"."""
        states = joint_states(self._width(1))
        # the mean vanishes under the law itself, whether its units are independent or not
        return (states - self.laws(x)[0] @ states) @ self.stack.weights[0]

    def slopes(self, x: FloatArray) -> tuple[FloatArray, ...]:
        """dP_n/dx of each unit layer, shapes "2^w_n d"."""
        return self._carried((self.laws(x)[0][:, np.newaxis] * self.score(x)).T, rows=True)

    def information(self, x: FloatArray, layer: int) -> FloatArray:
        """Fisher information that the states of `layer` carry about the input, shape "d d"."""
        self._width(layer)
        root = over_root(self.slopes(x)[layer - 1], self.laws(x)[layer - 1])
        return root.T @ root

    def class_information(self, x: FloatArray) -> FloatArray:
        """Fisher information that the class carries about the input, shape "d d"."""
        slope = self.class_kernel.T @ self.slopes(x)[-1]
        root = over_root(slope, self.class_law(x))
        return root.T @ root

    def projected_information(self, x: FloatArray, layer: int, operators: OperatorSet) -> FloatArray:
        """What some operators of `layer` tell of the input, shape "d d": at most `information`."""
        values = self._values(layer, operators)
        return projected_information(self.slopes(x)[layer - 1], self.laws(x)[layer - 1], values)

    def _carried(self, first: FloatArray, *, rows: bool = False) -> tuple[FloatArray, ...]:
        """A measure on the first layer, or "d 2^w" of them, and what becomes of it in each layer."""
        found = [first]
        for kernel in self.kernels:
            found.append(found[-1] @ kernel)
        return tuple(measure.T for measure in found) if rows else tuple(found)

    def _values(self, layer: int, operators: OperatorSet) -> FloatArray:
        width = self._width(layer)
        if operators.width != width:
            raise InvalidInput(
                f"layer {layer} has {width} units; the operators look at {operators.width} "
                "(`below` belongs to `layer`, `above` to the next one)"
            )
        return operators.values(joint_states(width))

    def _width(self, layer: int) -> int:
        if not 1 <= layer <= self.stack.unit_layers:
            raise InvalidInput(f"layers of units are 1 to {self.stack.unit_layers}; got layer={layer}")
        return self.stack.widths[layer]

    def _row(self, x: FloatArray) -> FloatArray:
        row = as_points(x, self.stack.input_dim)
        if len(row) != 1:
            raise InvalidInput(f"laws are those at one input; got {len(row)} (see `mixture_laws`)")
        return row


def refuse_wide(stack: StochasticStack) -> None:
    """Refuse layers whose states are too many to list.

    Raises:
        InvalidInput: A layer has more than 12 units.
    """
    for layer, width in enumerate(stack.widths[1:], start=1):
        if 2**width > MOST_STATES:
            raise InvalidInput(
                f"layer {layer} has {width} units, hence 2^{width} states; up to {MOST_STATES} are listed "
                "(12 units). Estimate wider layers from samples"
            )
