"""Exponents of one symmetry sector from the stability matrix of each blocking step.

    A T = B,  y = ln |largest eigenvalue of T| / ln 2.

This is the estimator for layers of a network, without a ridge: the same moments, the same eigenvalues, the
same jackknife. Eigenvalues need an identification of operators above with operators below; here it is plain,
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
from hingeline.renormalisation.flow.conditioning import conditioned, correlations
from hingeline.renormalisation.flow.eigenvalues import eigenvalues_of
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
    shape = (len(steps), len(operators), len(operators))
    moduli, moduli_errors, canonical, canonical_errors = (np.full(shape, np.nan) for _ in range(4))
    conditions = np.empty(shape[:2])
    for level, moments in enumerate(steps):
        for k in range(1, len(operators) + 1):
            place, some = (level, k - 1), _first(moments, k)
            conditions[place] = _condition(some)
            found = eigenvalues_of(some, 0.0)
            moduli[place][:k], moduli_errors[place][:k] = found.moduli, found.errors
            canonical[place][:k], canonical_errors[place][:k] = some.jackknife(correlations)
    # y = ln lambda / ln b, and its error to first order
    largest = moduli[:, :, 0]
    return SectorFlow(
        operators,
        exponents=frozen(np.log(largest) / np.log(SCALE)),
        exponent_errors=frozen(moduli_errors[:, :, 0] / (largest * np.log(SCALE))),
        eigenvalues=frozen(moduli),
        eigenvalue_errors=frozen(moduli_errors),
        canonical_correlations=frozen(canonical),
        canonical_errors=frozen(canonical_errors),
        conditions=frozen(conditions),
    )


def _first(moments: BlockMoments, count: int) -> BlockMoments:
    """Of the first so many operators, above and below."""
    return BlockMoments(
        moments.counts,
        moments.above[:, :count],
        moments.below[:, :count],
        moments.above_above[:, :count, :count],
        moments.above_below[:, :count, :count],
        moments.below_below[:, :count, :count],
    )


def _condition(moments: BlockMoments) -> float:
    """Of the correlations above."""
    above, _, below = moments.whole()
    found = float("inf")
    if min(np.diag(above).min(), np.diag(below).min()) > 0:
        found = max(conditioned(above).condition, 1.0)
    if not np.isfinite(found):
        raise InvalidInput(
            f"the {len(above)} operators depend on each other at some level, or there are too few "
            "configurations; take fewer levels or operators, or more configurations"
        )
    return found
