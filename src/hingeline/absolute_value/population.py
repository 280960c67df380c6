"""The population loss between two sums of |u_i . x| over x ~ N(0, I), its gradient and its tensor orders.

E|u.x||v.x| = (2/pi) |u| |v| (sqrt(1 - r^2) + r asin r) with r the cosine; its series in r has the even orders
k with weights c_0 = 2/pi, c_k = 2 [(k-3)!!]^2 / (pi k!), so the loss is a sum of tensor distances,
c_k || sum_i |u_i| (u_i/|u_i|)^(x k) - the same of the teacher ||^2.
Source: Li, Ma and Zhang 2020, for the Hermite weights; the closed form is textbook (arc-cosine kernel).
"""

from __future__ import annotations

import math

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput

ORDERS = (0, 2, 4, 6, 8)
"""Tensor orders told apart; the rest of the loss is higher."""


def hermite_weight(order: int) -> float:
    """Weight c_k of the k-th tensor order.

    Raises:
        InvalidInput: An odd or negative order; |z| has even orders only.
    """
    if order < 0 or order % 2:
        raise InvalidInput(f"the orders of an absolute value are 0, 2, 4, ...; got {order}")
    if order <= 2:
        return 2 / math.pi if order == 0 else 1 / math.pi
    double_factorial = math.prod(range(order - 3, 0, -2))
    return 2 * double_factorial**2 / (math.pi * math.factorial(order))


def quadratic_floor(dimension: int) -> float:
    """Least loss of any function of degree three or less against (1/d) sum |x_i|: (1 - 3/pi) / d; ours."""
    return (1 - 3 / math.pi) / dimension


def units_and_sizes(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Unit rows and lengths; a row of zeros stays one."""
    sizes = np.linalg.norm(rows, axis=1)
    return rows / np.where(sizes > 0, sizes, 1.0)[:, np.newaxis], sizes


def loss_terms(learner: FloatArray, teacher: FloatArray) -> tuple[float, FloatArray]:
    """The loss E (sum |u.x| - sum |c.x|)^2 and its part of each order of `ORDERS`.

    Args:
        learner: Generators u_i, shape "m d".
        teacher: Generators c_j, shape "n d".

    Cost: (m + n)^2 d.
    """
    units, sizes = units_and_sizes(np.concatenate([learner, teacher]))
    signed = sizes * np.where(np.arange(len(sizes)) < len(learner), 1.0, -1.0)
    cosines = np.clip(units @ units.T, -1.0, 1.0)
    kernel = (2 / math.pi) * (np.sqrt(1 - cosines**2) + cosines * np.arcsin(cosines))
    terms = [hermite_weight(k) * float(signed @ cosines**k @ signed) for k in ORDERS]
    return float(signed @ kernel @ signed), np.array(terms)


def loss_gradient(learner: FloatArray, teacher: FloatArray) -> FloatArray:
    """Gradient of the loss with respect to the learner's generators, shape "m d"; cost m (m + n) d."""
    own, own_sizes = units_and_sizes(learner)
    theirs, their_sizes = units_and_sizes(teacher)
    units = np.concatenate([own, theirs])
    signed = np.concatenate([own_sizes, -their_sizes])
    cosines = np.clip(own @ units.T, -1.0, 1.0)
    # d/du E|u.x||v.x| = (2/pi) (|v| sqrt(1 - r^2) u/|u| + asin(r) v)
    along = np.sqrt(1 - cosines**2) @ signed
    return (4 / math.pi) * (along[:, np.newaxis] * own + (np.arcsin(cosines) * signed) @ units)
