"""What is known of the linearised flow from one layer to the next.

T moves couplings, M = B C^-1 moves means, and S = A^-1/2 B C^-1/2 is either in units of its fluctuations; the
singular values of S are the canonical correlations, at most 1, the same however units are numbered.
Eigenvalues of T are not: they are only told where operators of the two layers were declared to be the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import quantile
from hingeline.renormalisation.flow.eigenvalues import Eigenvalues
from hingeline.renormalisation.flow.identification import Identification, scaling_exponent
from hingeline.sensitivity.results import listed, number, numbers

ENOUGH_SAMPLES = 500
"""Samples for each operator, below which the errors of conditional moments are too small."""
FEWEST_EVENTS = 100.0
"""Samples that must tell what nearly depends apart: fewer make errors with heavy tails, or none at all."""
_NULL_SHARE = 0.95


@dataclass(frozen=True, eq=False)
class StabilityMatrix:
    """A stability matrix with its errors, companions and warnings.

    Attributes:
        layer: The lower layer, n.
        widths: Units in layers n and n + 1.
        inputs: Inputs averaged over: 1 is the instance average T(x), more are the class average.
        samples: Samples drawn, M.
        kinds: Operators below and above, for people.
        names_below: Operators of layer n that were kept, K of them.
        names_above: Operators of layer n + 1 that were kept, K' of them.
        frozen_below: Operators of layer n that were dropped since they hardly vary.
        frozen_above: Likewise of layer n + 1.
        matrix: T, shape "K' K".
        errors: Standard errors of its entries, with what the ridge moves them by added in squares, shape
            "K' K".
        error_method: How the standard errors were found.
        mean_map: M = B C^-1, how means move, shape "K' K".
        whitened: S, shape "K' K".
        canonical_correlations: Its singular values, descending, shape "min(K', K)".
        canonical_errors: Their jackknife errors, of the same shape.
        null: Largest canonical correlation of each permutation, ascending, shape "p".
        variances_below: Of the operators of layer n, shape "K".
        variances_above: Of the operators of layer n + 1, shape "K'".
        condition: Condition number of the correlation matrix of O'.
        weakest: Smallest eigenvalue of that matrix which is not rounding; 1 without operators.
        ridge: Added to it.
        rao_blackwell: Whether conditional moments were asked for.
        identification: What was declared the same, or None.
        spectrum: Eigenvalues with their errors; None without identification. Read them by `eigenvalues`.
    """

    layer: int
    widths: tuple[int, int]
    inputs: int
    samples: int
    kinds: tuple[str, str]
    names_below: tuple[str, ...]
    names_above: tuple[str, ...]
    frozen_below: tuple[str, ...]
    frozen_above: tuple[str, ...]
    matrix: FloatArray
    errors: FloatArray
    error_method: str
    mean_map: FloatArray
    whitened: FloatArray
    canonical_correlations: FloatArray
    canonical_errors: FloatArray
    null: FloatArray
    variances_below: FloatArray
    variances_above: FloatArray
    condition: float
    weakest: float
    ridge: float
    rao_blackwell: bool
    identification: Identification | None
    spectrum: Eigenvalues | None

    @property
    def eigenvalues(self) -> Eigenvalues:
        """Eigenvalues of T, the largest first.

        Raises:
            InvalidInput: No identification was declared, so that they would depend on the numbering of units.
        """
        if self.spectrum is None:
            raise InvalidInput(
                "eigenvalues of a stability matrix depend on how units are numbered unless operators of the "
                "two layers are declared to be the same; estimate it with identification="
                "Identification('collective') for sums of units, or Identification('tied units') for layers "
                "of equal width whose units are the same. canonical_correlations need no declaration"
            )
        return self.spectrum

    @property
    def average(self) -> str:
        """Which average it is."""
        return "instance" if self.inputs == 1 else "class"

    @property
    def operators(self) -> int:
        """The larger number of operators of the two layers."""
        return max(len(self.names_below), len(self.names_above))

    @property
    def enough_samples(self) -> bool:
        """Whether there are 500 samples for each operator; with fewer the errors are too small."""
        return self.samples >= ENOUGH_SAMPLES * self.operators

    @property
    def events(self) -> float:
        """Samples in which operators that nearly coincide differ, the least of two numbers.

        M times `weakest`, for operators O' that nearly depend on each other; and M (1 - rho^2) with the
        largest canonical correlation, for operators of the two layers that nearly decide each other.
        """
        largest = float(self.canonical_correlations.max(initial=0.0))
        return self.samples * min(self.weakest, max(0.0, 1.0 - largest**2))

    @property
    def fragile(self) -> bool:
        """Whether rare events decide and too few of them were seen: errors may be far too small."""
        return not self.events >= FEWEST_EVENTS

    @property
    def null_quantile(self) -> float:
        """What 95 % of the permutations do not exceed."""
        return quantile(self.null, _NULL_SHARE)

    @property
    def rule_of_thumb(self) -> float:
        """Canonical correlation of unrelated sets, 2 sqrt(K / M) where both have K operators."""
        roots = math.sqrt(len(self.names_below)) + math.sqrt(len(self.names_above))
        return min(1.0, roots / math.sqrt(self.samples))

    @property
    def above_null(self) -> bool:
        """Whether the largest canonical correlation exceeds every permutation's."""
        return bool(
            len(self.canonical_correlations) and self.canonical_correlations[0] > self.null.max(initial=0.0)
        )

    @property
    def information_per_unit(self) -> float:
        """sqrt(Var O' / Var O), averaged over operators: eigenvalue times this is a canonical correlation.

        That holds for a single operator; a ratio below 1 is how an eigenvalue above 1 and a correlation below
        1 go together.
        """
        if not (len(self.variances_above) and len(self.variances_below)):
            return float("nan")
        return math.sqrt(self.variances_above.mean() / self.variances_below.mean())

    @property
    def scaling(self) -> tuple[float, float] | None:
        """The exponent y = log |lambda| / log(w_n / w_(n+1)) and its error; None if widths agree.

        Raises:
            InvalidInput: No identification was declared.
        """
        found = self.eigenvalues
        if not len(found.values):
            return None
        return scaling_exponent(float(found.moduli[0]), float(found.errors[0]), *self.widths)

    def summary(self) -> dict[str, Any]:
        """The most important numbers, JSON-ready."""
        told: dict[str, Any] = {
            "layer": self.layer,
            "average": self.average,
            "inputs": self.inputs,
            "samples": self.samples,
            "enough_samples": self.enough_samples,
            "operators": [len(self.names_below), len(self.names_above)],
            "frozen": [len(self.frozen_below), len(self.frozen_above)],
            "condition": number(self.condition),
            "fragile": self.fragile,
            "largest_canonical_correlation": _first(self.canonical_correlations),
            "largest_canonical_correlation_error": _first(self.canonical_errors),
            "null_quantile": self.null_quantile,
            "rule_of_thumb": self.rule_of_thumb,
            "information_per_unit": number(self.information_per_unit),
        }
        if self.spectrum is not None:
            told["largest_eigenvalue"] = _first(self.spectrum.moduli)
            told["largest_eigenvalue_error"] = _first(self.spectrum.errors)
            told["ridge_sensitive"] = self.spectrum.sensitive
            told["scaling"] = self.scaling
        return told

    def to_dict(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        arrays = (
            "matrix",
            "errors",
            "mean_map",
            "whitened",
            "canonical_correlations",
            "canonical_errors",
            "null",
            "variances_below",
            "variances_above",
        )
        words = ("kinds", "names_below", "names_above", "frozen_below", "frozen_above")
        told = self.summary() | {name: listed(getattr(self, name)) for name in arrays}
        told |= {name: list(getattr(self, name)) for name in words}
        told |= {"widths": list(self.widths), "error_method": self.error_method, "ridge": self.ridge}
        told |= {"rao_blackwell": self.rao_blackwell, "identification": None, "eigenvalues": None}
        if self.identification is not None and self.spectrum is not None:
            told["identification"] = self.identification.kind
            told["eigenvalues"] = self.spectrum.to_dict()
        return told

    def figures(self) -> tuple[Curves, ...]:
        """Canonical correlations in order, beside what shuffled samples give."""
        values = numbers(self.canonical_correlations)
        curve = Curve("estimate", tuple(float(i) for i in range(1, len(values) + 1)), values, joined=False)
        caption = (
            f"Canonical correlations of {self.kinds[0]} of layer {self.layer} and {self.kinds[1]} of layer "
            f"{self.layer + 1}, descending; 95 % of shuffled samples stay below the line."
        )
        return (
            Curves(
                f"canonical_correlations_{self.layer}",
                caption,
                Axis("number", whole=True),
                Axis("canonical correlation", from_zero=True),
                (curve,),
                levels=(("shuffled", self.null_quantile),),
            ),
        )


def _first(values: FloatArray) -> float | None:
    return number(np.float64(values[0])) if len(values) else None
