"""Damped linear least squares without forming a matrix.

Idea: preconditioned conjugate gradients on the normal equations, in the form that keeps the residual in data
space (CGLS), so that the accuracy is that of the products and not of their squared condition number.

Sources: Hestenes and Stiefel 1952; Björck 1996, Numerical Methods for Least Squares Problems, section 7.4.
Cost: one product with the matrix and one with its transpose per iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hingeline.core.arrays import FloatArray


class LinearMap(Protocol):
    """A matrix known by its products."""

    def apply(self, vector: FloatArray) -> FloatArray:
        """The product with a vector of unknowns, shaped like the data."""
        ...

    def transpose(self, data: FloatArray) -> FloatArray:
        """The transposed product, a vector of unknowns."""
        ...


@dataclass(frozen=True)
class LeastSquaresStep:
    """An approximate minimiser and how it was reached."""

    vector: FloatArray
    iterations: int
    reduction: float
    """Preconditioned gradient norm at the end, relative to the start."""


def solve_least_squares(
    matrix: LinearMap,
    data: FloatArray,
    precondition: Callable[[FloatArray], FloatArray],
    damping: FloatArray,
    *,
    tolerance: float,
    limit: int,
) -> LeastSquaresStep:
    """Minimise |matrix d - data|^2 + sum(damping d^2).

    Args:
        matrix: The map.
        data: Right side, of the shape that `matrix.apply` gives.
        precondition: Approximate inverse of matrix^T matrix + damping, symmetric positive definite.
        damping: One non-negative number per unknown.
        tolerance: Stops when the preconditioned gradient has shrunk so far.
        limit: Most iterations.
    """
    residual = data.copy()
    gradient = matrix.transpose(residual).astype(np.float64)
    solution = np.zeros_like(gradient)
    turned = precondition(gradient)
    direction, size = turned, float(gradient @ turned)
    first, done = size, 0
    while done < limit and size > tolerance**2 * first and size > 0.0:
        image = matrix.apply(direction)
        curvature = _squared_norm(image) + float(damping @ direction**2)
        if curvature <= 0.0:  # a direction without effect: nothing more to gain
            break
        length = size / curvature
        solution = solution + length * direction
        residual -= length * image
        gradient = matrix.transpose(residual) - damping * solution
        turned = precondition(gradient)
        size, before = float(gradient @ turned), size
        direction = turned + (size / before) * direction
        done += 1
    return LeastSquaresStep(solution, done, float(np.sqrt(size / first)) if first > 0.0 else 0.0)


def _squared_norm(data: FloatArray) -> float:
    flat = data.ravel()
    return float(np.dot(flat, flat))
