"""Small dense networks that are trained here: answers, and gradients by inputs and by parameters.

Hidden layers are ReLUs; the last is linear, or a ReLU where what it imitates is never negative. Networks of
`hingeline.networks` are what is attacked; these are parts of a defence, and need gradients by parameters too.
Cost: one product of layer and batch for each layer and pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hingeline.core.arrays import FloatArray, frozen


@dataclass(frozen=True, eq=False)
class Dense:
    """A dense network; arrays may be those that are being trained.

    Attributes:
        weights: One "out in" for each layer.
        biases: One "out" for each layer.
        positive: Whether the last layer is a ReLU too.
    """

    weights: tuple[FloatArray, ...]
    biases: tuple[FloatArray, ...]
    positive: bool = False

    def __call__(self, rows: FloatArray) -> FloatArray:
        """Answers: "n in" to "n out"."""
        return self.states(rows)[-1]

    @property
    def parameters(self) -> list[FloatArray]:
        """Weights, then biases."""
        return [*self.weights, *self.biases]

    def states(self, rows: FloatArray) -> list[FloatArray]:
        """The inputs and what each layer hands on."""
        found = [rows]
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            sums = found[-1] @ weight.T + bias
            linear = index + 1 == len(self.weights) and not self.positive
            found.append(sums if linear else np.maximum(sums, 0.0))
        return found

    def backward(
        self, states: Sequence[FloatArray], down: FloatArray, *, parameters: bool = False
    ) -> tuple[FloatArray, list[FloatArray]]:
        """Gradients by the inputs, "n in", and, if asked for, by the parameters, in their order.

        Args:
            states: From `states`.
            down: Gradients by the answers, shape "n out".
            parameters: Whether those by the parameters are wanted.
        """
        by_weight: list[FloatArray] = []
        by_bias: list[FloatArray] = []
        for index in range(len(self.weights) - 1, -1, -1):
            if self.positive or index + 1 < len(self.weights):
                down = down * (states[index + 1] > 0)
            if parameters:
                by_weight.append(down.T @ states[index])
                by_bias.append(down.sum(axis=0))
            down = down @ self.weights[index]
        return down, [*reversed(by_weight), *reversed(by_bias)]

    def sealed(self) -> Dense:
        """A copy whose arrays cannot be written to."""
        return Dense(tuple(map(frozen, self.weights)), tuple(frozen(b) for b in self.biases), self.positive)


def random_dense(sizes: Sequence[int], rng: np.random.Generator, *, positive: bool = False) -> Dense:
    """A dense network as He et al. 2015 start it: weights of variance 2 / in, biases zero."""
    pairs = list(pairwise(sizes))
    weights = tuple(rng.standard_normal((after, before)) * np.sqrt(2.0 / before) for before, after in pairs)
    return Dense(weights, tuple(np.zeros(after) for _, after in pairs), positive)
