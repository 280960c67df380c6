"""The softmax at the top of a stack: multinomial logistic regression with a quadratic penalty.

    loss(V, d) = mean_n -log softmax(V h_n + d)[y_n] + penalty |V|^2 / 2.

Convex, and strictly so in V; the biases are fixed up to a common constant, which is taken to have mean 0.
Cost: two products of states and weights for each of some 50 to 200 evaluations (L-BFGS).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax

from hingeline.core.arrays import FloatArray, IntArray

_MOST_ITERATIONS = 1000
_FLAT = 1e-6
"""Largest entry of the gradient, in nats per unit of a weight, at which the search ends."""


@dataclass(frozen=True, eq=False)
class SoftmaxHead:
    """A fitted head.

    Attributes:
        weights: Shape "C w".
        biases: Shape "C", of mean 0.
        loss: Mean loss in nats with the penalty.
        slope: Largest entry of the gradient at the end.
        iterations: Steps of the search.
        converged: Whether the search says that it ended at the minimum.
    """

    weights: FloatArray
    biases: FloatArray
    loss: float
    slope: float
    iterations: int
    converged: bool


def fit_softmax(states: FloatArray, labels: IntArray, classes: int, penalty: float) -> SoftmaxHead:
    """Fit the head to states "n w" with the classes `labels`, shape "n", of 0 to `classes` - 1."""
    # loaded here because nothing else that imports this module needs it
    from scipy.optimize import minimize

    n, width = states.shape
    wanted = np.zeros((n, classes))
    wanted[np.arange(n), labels] = 1.0

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        weights, biases = flat[: classes * width].reshape(classes, width), flat[classes * width :]
        logs = log_softmax(states @ weights.T + biases, axis=1)
        excess = (np.exp(logs) - wanted) / n
        value = -float((logs * wanted).sum()) / n + 0.5 * penalty * float((weights**2).sum())
        return value, np.concatenate([(excess.T @ states + penalty * weights).ravel(), excess.sum(axis=0)])

    start = np.zeros(classes * (width + 1))
    # stop by the gradient alone: by the loss it would end a few digits too early
    options = {"maxiter": _MOST_ITERATIONS, "maxfun": 2 * _MOST_ITERATIONS, "gtol": _FLAT, "ftol": 0.0}
    found: Any = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    biases = found.x[classes * width :]
    slope = float(np.abs(found.jac).max())
    return SoftmaxHead(
        weights=found.x[: classes * width].reshape(classes, width),
        biases=biases - biases.mean(),
        loss=float(found.fun),
        slope=slope,
        iterations=int(found.nit),
        converged=slope <= 10.0 * _FLAT,
    )
