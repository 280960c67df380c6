"""Eigenvalues of an identified stability matrix, their errors, and how much they owe to the conditioning.

Errors are those of the jackknife, each eigenvalue followed to first order through the left-out blocks. Where
two moduli agree within their errors, which one is the larger is chance: both get the larger error of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.flow.conditioning import conditioned
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.sensitivity.results import listed, sealed

LARGE_RIDGE = 0.05
"""The largest ridge that eigenvalues are compared at."""
_SENSITIVE = 2.0
"""Standard errors that the largest eigenvalue may move by between ridges."""
_TIED = 3.0
"""Joint standard errors within which two moduli cannot be told apart."""

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Eigenvalues:
    """Eigenvalues of T, the largest modulus first.

    Estimates from noisy matrices of many operators are biased upward in modulus.

    Attributes:
        values: Shape "K", complex.
        errors: Standard errors of their moduli, jackknife over blocks, shape "K".
        leading: The right eigenvector of the first, in units of one standard deviation of each operator
            below, of length 1, shape "K".
        ridges: At which they were compared.
        by_ridge: Moduli at each ridge, shape "ridges K".
        by_ridge_errors: Their errors, shape "ridges K".
    """

    values: ComplexArray
    errors: FloatArray
    leading: ComplexArray
    ridges: tuple[float, ...]
    by_ridge: FloatArray
    by_ridge_errors: FloatArray

    @property
    def moduli(self) -> FloatArray:
        """Their absolute values, descending, shape "K"."""
        return np.abs(self.values)

    @property
    def ridge_shift(self) -> float:
        """Most that the largest modulus moves between ridges, in its standard errors."""
        if not len(self.values):
            return 0.0
        moved = float(np.ptp(self.by_ridge[:, 0]))
        # an error of 0 and rounding must not make a shift
        return moved / max(float(self.errors[0]), 1e-12)

    @property
    def sensitive(self) -> bool:
        """Whether the largest modulus depends on the ridge by more than 2 standard errors."""
        return self.ridge_shift > _SENSITIVE

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready; complex numbers in two parts."""
        return {
            "real": listed(self.values.real),
            "imaginary": listed(self.values.imag),
            "errors": listed(self.errors),
            "ridges": list(self.ridges),
            "moduli_by_ridge": listed(self.by_ridge),
            "errors_by_ridge": listed(self.by_ridge_errors),
            "ridge_shift": self.ridge_shift,
            "ridge_sensitive": self.sensitive,
        }


def eigenvalues_of(moments: BlockMoments, ridge: float) -> Eigenvalues:
    """Eigenvalues at `ridge`, compared with none, the default and a large one.

    Cost: one eigendecomposition of A for every block, and of T for every ridge.
    """
    operators = moments.above.shape[1]
    ridges = tuple(sorted({0.0, ridge, operators / moments.samples, LARGE_RIDGE}))
    if not operators:
        empty = np.zeros((len(ridges), 0))
        none = np.zeros(0, dtype=np.complex128)
        return Eigenvalues(none, np.zeros(0), none, ridges, empty, empty)
    spectra = [_Spectrum(moments, at) for at in ridges]

    def moved(above: FloatArray, crossed: FloatArray, _below: FloatArray) -> FloatArray:
        taken = conditioned(above)
        return np.array([spectrum.moved(taken.inverse(spectrum.ridge) @ crossed) for spectrum in spectra])

    by_ridge, alone = moments.jackknife(moved)
    errors = np.array([_where_tied(*pair) for pair in zip(by_ridge, alone, strict=True)])
    chosen = ridges.index(ridge)
    scales = np.sqrt(np.diag(moments.whole()[2]))
    leading = spectra[chosen].right[:, 0] * scales
    return Eigenvalues(
        sealed(spectra[chosen].values),
        sealed(errors[chosen]),
        sealed(leading / np.linalg.norm(leading)),
        ridges,
        sealed(by_ridge),
        sealed(errors),
    )


class _Spectrum:
    """Eigenvalues of T from all samples at one ridge, and where a slightly different T moves them."""

    def __init__(self, moments: BlockMoments, ridge: float) -> None:
        above, crossed, _ = moments.whole()
        values, vectors = np.linalg.eig(conditioned(above).inverse(ridge) @ crossed)
        order = np.argsort(-np.abs(values), kind="stable")
        self.ridge = ridge
        self.values: ComplexArray = values[order].astype(np.complex128)
        self.right: ComplexArray = vectors[:, order].astype(np.complex128)
        # without a full set of eigenvectors there is no first order, and errors come out large
        self.left = np.linalg.pinv(self.right)

    def moved(self, matrix: FloatArray) -> FloatArray:
        """Moduli for a matrix near T, to first order, in the order of T's own."""
        # d lambda = l dT r with l r = 1; sorting anew would mix the errors of neighbours
        return np.abs(np.einsum("ij,jk,ki->i", self.left, matrix, self.right, optimize=True))


def _where_tied(moduli: FloatArray, alone: FloatArray) -> FloatArray:
    """Errors of ordered moduli: among those that cannot be told apart, the largest error."""
    apart = np.abs(np.subtract.outer(moduli, moduli))
    tied = apart <= _TIED * np.hypot.outer(alone, alone)
    return np.where(tied, alone[np.newaxis, :], 0.0).max(axis=1)
