"""Least squares on operators from their covariances, safe where units hardly flip or operators coincide.

Operators with fewer than 100 expected deviations, M var(O) < 100, are left out on both sides ("frozen"): no
regression coefficient can be told from so few. The rest is scaled to correlations, which a ridge shrinks:
(R + ridge 1) / (1 + ridge), so that it leaves operators alone that do not correlate with others. By default
it is K / M, about the noise of K operators in M samples.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput

LEAST_DEVIATIONS = 100.0
"""M var(O) below which an operator is frozen."""
_SINGULAR = 1e-12
"""Pivot below which an operator is called a combination of others, and the ridge that then helps."""


def frozen_operators(own: FloatArray, samples: float | None) -> BoolArray:
    """Which operators hardly vary, from their covariance "K K"; of exact moments, those that are constant."""
    variances = np.diag(own)
    return variances <= 1e-12 if samples is None else variances * samples < LEAST_DEVIATIONS


def regress(
    own: FloatArray, targets: FloatArray, *, samples: float | None, ridge: float | None = None
) -> FloatArray:
    """Coefficients of the targets on the operators, zero for frozen ones.

    Args:
        own: Covariance of the operators, shape "K K".
        targets: Their covariance with the targets, shape "K t".
        samples: Behind the covariances; None if they are exact.
        ridge: Shrinks the correlations; K / samples if None, and 0 if exact.

    Returns:
        Coefficients, shape "K t".

    Raises:
        InvalidInput: A negative ridge.
    """
    alive = np.flatnonzero(~frozen_operators(own, samples))
    found = np.zeros_like(targets)
    if not len(alive):
        return found
    told = ridge if ridge is not None else (len(alive) / samples if samples else 0.0)
    if not told >= 0:
        raise InvalidInput(f"a ridge is a number from 0 up; got {ridge}")
    lower, scale = _factor(own, alive, told)
    found[alive] = cho_solve((lower, True), targets[alive] / scale[:, np.newaxis]) / scale[:, np.newaxis]
    return found


def whitened(own: FloatArray, targets: FloatArray, *, samples: float | None) -> FloatArray:
    """L^-1 cov(O, targets) with own = L L', row by row: "K t", zero for frozen operators.

    Sums of the squares of the first k rows are what the first k operators explain, so that what nested sets
    explain never falls, whatever the rounding.
    """
    alive = np.flatnonzero(~frozen_operators(own, samples))
    found = np.zeros_like(targets)
    if len(alive):
        lower, scale = _factor(own, alive, 0.0)
        found[alive] = solve_triangular(lower, targets[alive] / scale[:, np.newaxis], lower=True)
    return found


def _factor(own: FloatArray, alive: IntArray, ridge: float) -> tuple[FloatArray, FloatArray]:
    """Cholesky factor of the correlations with a ridge, and the standard deviations."""
    scale = np.sqrt(np.diag(own)[alive])
    correlations = own[np.ix_(alive, alive)] / np.outer(scale, scale)
    correlations[np.diag_indices(len(alive))] += ridge
    correlations /= 1.0 + ridge
    try:
        lower = np.asarray(np.linalg.cholesky(correlations), dtype=np.float64)
        if np.diag(lower).min() ** 2 > _SINGULAR:
            return lower, scale
    except np.linalg.LinAlgError:
        pass
    # operators that coincide share their coefficient
    correlations[np.diag_indices(len(alive))] += _SINGULAR * len(alive)
    return np.asarray(np.linalg.cholesky(correlations), dtype=np.float64), scale
