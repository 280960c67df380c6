"""Linear systems in covariance matrices: normalised to correlations, with a ridge that keeps their scale.

A covariance of operators of different variance is badly scaled, hence all work is done on its correlation
matrix R. The ridge is a shrinkage, R becoming (R + ridge 1) / (1 + ridge): operators without correlation are
then not touched by it, and a change of the result tells of correlated operators and of nothing else. A plain
ridge would lower every eigenvalue of the stability matrix by the factor 1 + ridge.

Cost: one eigendecomposition, about 10 K^3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Conditioned:
    """A covariance matrix taken apart.

    Attributes:
        scales: Standard deviations, shape "K"; 1 for an operator without any.
        values: Eigenvalues of the correlation matrix that are not rounding, ascending, shape "r".
        vectors: Their eigenvectors, shape "K r".
    """

    scales: FloatArray
    values: FloatArray
    vectors: FloatArray

    @property
    def condition(self) -> float:
        """Largest over smallest eigenvalue of the correlation matrix; infinite if operators depend."""
        if not len(self.scales):
            return 1.0
        if len(self.values) < len(self.scales):
            return float("inf")
        return float(self.values[-1] / self.values[0])

    def inverse(self, ridge: float = 0.0) -> FloatArray:
        """The inverse with a ridge, "K K"; with none, the pseudo-inverse if operators depend."""
        shrunk = (self.values + ridge) / (1.0 + ridge)
        return (self.vectors / shrunk) @ self.vectors.T / np.outer(self.scales, self.scales)

    def whitening(self) -> FloatArray:
        """A matrix that turns the covariance into the unit matrix, "r K"."""
        return (self.vectors / np.sqrt(self.values)).T / self.scales


def conditioned(covariance: FloatArray) -> Conditioned:
    """Take a covariance apart, shape "K K"."""
    variances = np.diag(covariance)
    # without a variance an operator has no direction of its own: the pseudo-inverse leaves it out
    scales = np.sqrt(np.where(variances > 0, variances, 1.0))
    values, vectors = np.linalg.eigh(covariance / np.outer(scales, scales))
    kept = values > len(values) * np.finfo(np.float64).eps * 16
    return Conditioned(scales, values[kept], vectors[:, kept])


def inverse_root(covariance: FloatArray) -> FloatArray:
    """The symmetric inverse square root, "K K"; relabelled operators give it relabelled."""
    values, vectors = np.linalg.eigh(covariance)
    kept = values > max(values.max(initial=0.0), 0.0) * len(values) * np.finfo(np.float64).eps * 16
    return (vectors[:, kept] / np.sqrt(values[kept])) @ vectors[:, kept].T


def correlations(above_above: FloatArray, above_below: FloatArray, below_below: FloatArray) -> FloatArray:
    """Canonical correlations of two operator sets from A, B and C, descending, shape "min(K', K)"."""
    found = np.zeros(min(above_below.shape))
    white = conditioned(above_above).whitening() @ above_below @ conditioned(below_below).whitening().T
    values = np.linalg.svd(white, compute_uv=False)
    found[: len(values)] = values
    return found
