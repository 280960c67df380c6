"""Eigenvalues of an identified stability matrix, their errors, and how much they owe to the conditioning."""

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

    Cost: 3 eigendecompositions for every block.
    """
    operators = moments.above.shape[1]
    ridges = tuple(sorted({0.0, ridge, operators / moments.samples, LARGE_RIDGE}))
    if not operators:
        empty = np.zeros((len(ridges), 0))
        none = np.zeros(0, dtype=np.complex128)
        return Eigenvalues(none, np.zeros(0), none, ridges, empty, empty)

    def moduli(above: FloatArray, crossed: FloatArray, _below: FloatArray) -> FloatArray:
        taken = conditioned(above)
        found = [np.abs(np.linalg.eigvals(taken.inverse(at) @ crossed)) for at in ridges]
        return np.sort(np.array(found), axis=1)[:, ::-1]

    by_ridge, errors = moments.jackknife(moduli)
    above, crossed, below = moments.whole()
    values, vectors = np.linalg.eig(conditioned(above).inverse(ridge) @ crossed)
    order = np.argsort(-np.abs(values), kind="stable")
    leading = vectors[:, order[0]] * np.sqrt(np.diag(below))
    return Eigenvalues(
        sealed(values[order].astype(np.complex128)),
        sealed(errors[ridges.index(ridge)]),
        sealed((leading / np.linalg.norm(leading)).astype(np.complex128)),
        ridges,
        sealed(by_ridge),
        sealed(errors),
    )
