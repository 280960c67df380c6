"""Exponents of one symmetry sector from the stability matrix of each blocking step.

    A T = B,  y = ln |largest eigenvalue of T| / ln 2.

This is the estimator for layers of a network: the same moments, the same system of equations, the same
jackknife. Eigenvalues need an identification of operators above with operators below; here it is plain,
operator i of level n + 1 is operator i of level n, the same sum on a smaller lattice. Beside them stand the
canonical correlations, which need none and never exceed 1.

Source: Swendsen 1979, 1982 for exponents from the linearised flow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.known_answers.majority_rule import SCALE
from hingeline.sensitivity.results import listed


@dataclass(frozen=True, eq=False)
class SectorFlow:
    """Exponents by level and number of operators, each with its jackknife error; arrays are not writeable.

    Row n - 1 belongs to the step from level n - 1 to level n, n = 1 ... l.
    """

    operators: tuple[str, ...]
    """In the order in which they are added, K of them."""
    exponents: FloatArray
    """Of the first 1 ... K operators, shape "l K"."""
    exponent_errors: FloatArray
    """Standard errors, shape "l K"."""
    eigenvalues: FloatArray
    """Moduli with the first k operators, largest first, shape "l K K"; row k - 1 is NaN after k numbers."""
    eigenvalue_errors: FloatArray
    """Standard errors, shape "l K K"."""
    canonical_correlations: FloatArray
    """Between the first k operators of both levels, largest first, shape "l K K", filled likewise."""
    canonical_errors: FloatArray
    """Standard errors, shape "l K K"."""
    conditions: FloatArray
    """Condition numbers of the correlations among the first 1 ... K operators above, shape "l K"."""

    @property
    def levels(self) -> int:
        """Steps of blocking."""
        return len(self.exponents)

    def at(self, level: int, operators: int) -> tuple[float, float]:
        """The exponent at a level (from 1) with the first so many operators, and its error.

        Raises:
            InvalidInput: There is no such level or number.
        """
        place = self._place(level, operators)
        return float(self.exponents[place]), float(self.exponent_errors[place])

    def spectrum(self, level: int, operators: int) -> tuple[FloatArray, FloatArray]:
        """Moduli of eigenvalues and canonical correlations at a level with the first k operators, "k" each.

        Raises:
            InvalidInput: There is no such level or number.
        """
        place = self._place(level, operators)
        return self.eigenvalues[place][:operators], self.canonical_correlations[place][:operators]

    def _place(self, level: int, operators: int) -> tuple[int, int]:
        if not (1 <= level <= self.levels and 1 <= operators <= len(self.operators)):
            raise InvalidInput(
                f"levels are 1 to {self.levels}, operators 1 to {len(self.operators)}; "
                f"got level={level}, operators={operators}"
            )
        return level - 1, operators - 1

    def summary(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "operators": list(self.operators),
            "exponents": listed(self.exponents),
            "exponent_errors": listed(self.exponent_errors),
            "eigenvalues": listed(self.eigenvalues),
            "eigenvalue_errors": listed(self.eigenvalue_errors),
            "canonical_correlations": listed(self.canonical_correlations),
            "canonical_errors": listed(self.canonical_errors),
            "conditions": listed(self.conditions),
        }


def sector_flow(steps: Sequence[BlockMoments], operators: tuple[str, ...]) -> SectorFlow:
    """Exponents, eigenvalues and canonical correlations of every step.

    Raises:
        InvalidInput: Operators depend on each other at some level, or there are fewer than two blocks.
    """
    try:
        found = [moments.jackknife(_measured) for moments in steps]
        conditions = np.array([_conditions(moments.whole()[0]) for moments in steps])
    except np.linalg.LinAlgError as error:
        raise InvalidInput(
            f"the {len(operators)} operators depend on each other at some level, or there are too few "
            "configurations; take fewer levels or operators, or more configurations"
        ) from error
    values, errors = np.array([value for value, _ in found]), np.array([error for _, error in found])
    return SectorFlow(
        operators,
        *(frozen(array[:, 0, :, 0]) for array in (values, errors)),
        *(frozen(array[:, 1]) for array in (values, errors)),
        *(frozen(array[:, 2]) for array in (values, errors)),
        conditions=frozen(conditions),
    )


def _measured(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Exponents, moduli of eigenvalues, canonical correlations of the first 1 ... K operators: "3 K K"."""
    found = np.full((3, len(a), len(a)), np.nan)
    for k in range(1, len(a) + 1):
        first = slice(None, k), slice(None, k)
        found[1, k - 1, :k] = _moduli(a[first], b[first])
        found[2, k - 1, :k] = _canonical(a[first], b[first], c[first])
    found[0] = np.log(found[1]) / np.log(SCALE)
    return found


def _moduli(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.sort(np.abs(np.linalg.eigvals(np.linalg.solve(a, b))))[::-1]


def _canonical(a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    # singular values of A^(-1/2) B C^(-1/2); Cholesky factors differ from roots by rotations, which keep them
    left = np.linalg.solve(np.linalg.cholesky(a), b)
    whitened = np.linalg.solve(np.linalg.cholesky(c), left.T)
    return np.asarray(np.linalg.svd(whitened, compute_uv=False), dtype=np.float64)


def _conditions(a: FloatArray) -> list[float]:
    scale = np.sqrt(np.diag(a))
    correlations = a / np.outer(scale, scale)
    return [float(np.linalg.cond(correlations[:k, :k])) for k in range(1, len(a) + 1)]
