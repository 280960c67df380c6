"""Adam, for lists of arrays.

Source: Kingma and Ba, Adam: A Method for Stochastic Optimization, ICLR 2015, algorithm 1:

    m = b1 m + (1 - b1) g,   v = b2 v + (1 - b2) g^2,
    x -= rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray

_FIRST, _SECOND, _SMALL = 0.9, 0.999, 1e-8


class Adam:
    """Moves arrays in place.

    Args:
        parameters: What is trained; changed in place by `step`.
        rate: Learning rate.
    """

    def __init__(self, parameters: Sequence[FloatArray], rate: float) -> None:
        self.rate = rate
        self._parameters = list(parameters)
        self._means = [np.zeros_like(p) for p in self._parameters]
        self._squares = [np.zeros_like(p) for p in self._parameters]
        self._steps = 0

    def step(self, gradients: Sequence[FloatArray]) -> None:
        """One step down the gradients, one array for each parameter."""
        self._steps += 1
        first, second = 1.0 - _FIRST**self._steps, 1.0 - _SECOND**self._steps
        each = zip(self._parameters, self._means, self._squares, gradients, strict=True)
        for value, mean, square, gradient in each:
            np.add(mean, (1.0 - _FIRST) * (gradient - mean), out=mean)
            np.add(square, (1.0 - _SECOND) * (gradient**2 - square), out=square)
            np.subtract(value, self.rate * (mean / first) / (np.sqrt(square / second) + _SMALL), out=value)
