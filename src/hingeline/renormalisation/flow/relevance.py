"""When an operator may be called relevant: the largest eigenvalue, its error, and four kinds of evidence.

An eigenvalue above 1 alone says little. Without a declared identification it depends on the numbering of
units; between layers of equal width it cannot occur at all with a complete set of operators, since T is then
the backward kernel of a Markov chain, and where it does occur operators were left out. So "relevant" is said
only with all evidence at hand, and otherwise what is missing is named.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from hingeline.renormalisation.flow.eigenvalues import Eigenvalues
from hingeline.renormalisation.flow.stability_matrix import ENOUGH_SAMPLES, FEWEST_EVENTS, StabilityMatrix
from hingeline.sensitivity.results import number

SIGMAS = 3.0
"""Standard errors that must lie between an eigenvalue and 1."""
SMALL_ERROR = 0.01
"""Largest standard error with which an eigenvalue near 1 is called marginal."""
STABLE = 2.0
"""Standard errors that an eigenvalue may move by when operators are added."""
SAME_MODE = 0.99
"""Least cosine of the leading directions with and without the added operators."""
_NOT_LARGER = "the second measurement is not of the same layers with the same operators and more, identified"
_WITH_MORE = "in the measurement with more operators "
_MANY_UNITS = 16  # no set of operators is complete from here on
CHAIN_COSINE = 0.95
"""Least cosine of the most sensitive input directions by the chain of matrices and by the direct route."""


class Verdict(StrEnum):
    """What may be said of the leading operator."""

    RELEVANT = "relevant"
    """Differences along it grow."""
    IRRELEVANT = "irrelevant"
    """They die; with it all operators of the set, so that none is relevant."""
    MARGINAL = "marginal"
    """Neither, to the precision told."""
    NOT_ESTABLISHED = "not established"
    """Evidence is missing or speaks against it; it is named."""


@dataclass(frozen=True)
class Relevance:
    """A verdict and the reasons for it.

    Attributes:
        verdict: What may be said.
        words: In one or more sentences, for people.
        missing: Every condition that does not hold, in words; empty unless nothing is established.
        eigenvalue: Modulus of the largest eigenvalue; None if there is none to tell.
        error: Its standard error; None likewise.
        notes: What else should be known.
    """

    verdict: Verdict
    words: str
    missing: tuple[str, ...]
    eigenvalue: float | None
    error: float | None
    notes: tuple[str, ...] = ()

    def summary(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self) | {
            "verdict": str(self.verdict),
            "missing": list(self.missing),
            "notes": list(self.notes),
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return self.summary()


def relevance(
    matrix: StabilityMatrix, *, grown: StabilityMatrix | None = None, chain_cosine: float | None = None
) -> Relevance:
    """Say of the leading operator of a stability matrix what the evidence allows.

    Args:
        matrix: The stability matrix.
        grown: The same with more operators; None if not measured.
        chain_cosine: Cosine of the most sensitive input direction found by the chain of stability matrices
            and by the direct route; None if not measured, or if the input is one number and the cosine 1 by
            construction. A marginal operator needs none, but one that was
            measured must be high; where every operator dies there may be no direction to agree on.
    """
    missing = [*_identified(matrix), *_told_from_chance(matrix)]
    found = matrix.spectrum
    if found is None or not len(found.values):
        return _not_established(None, None, missing or ["no operator varies enough to be followed"])
    size, error = float(found.moduli[0]), float(found.errors[0])
    if not math.isfinite(error):
        missing.append("the error of the eigenvalue is not finite: draw more samples")
    low, high = size - SIGMAS * error, size + SIGMAS * error
    if high < 1:
        missing += _small_throughout(matrix, found, grown)
    else:
        missing += _stable(matrix, found, grown)
        if low > 1 or chain_cosine is not None:
            missing += _agreed(chain_cosine)
    if low > 1:
        missing += _possible(matrix)
    if low <= 1 <= high and not error <= SMALL_ERROR:
        missing.append(
            f"the interval {low:.3f} to {high:.3f} holds 1 and the error {error:.3f} is above {SMALL_ERROR}: "
            "draw more samples"
        )
    if missing:
        return _not_established(size, error, missing)
    return _established(matrix, size, error, low, high)


def _established(matrix: StabilityMatrix, size: float, error: float, low: float, high: float) -> Relevance:
    told = (
        f"the largest |lambda| from layer {matrix.layer} to {matrix.layer + 1} is {size:.4f} +- {error:.4f}"
    )
    if low > 1:
        words = f"Relevant: {told}, above 1 by more than {SIGMAS:g} standard errors."
        return Relevance(Verdict.RELEVANT, words, (), size, error, _notes(matrix))
    if high < 1:
        words = (
            f"Irrelevant, so no relevant operator in this set: {told}, more than {SIGMAS:g} errors below 1."
        )
        return Relevance(Verdict.IRRELEVANT, words, (), size, error, _notes(matrix))
    words = (
        f"Marginal to a precision of {SIGMAS * error:.3f}: {told}, within {SIGMAS:g} standard errors of 1."
    )
    return Relevance(Verdict.MARGINAL, words, (), size, error, _notes(matrix))


def _not_established(size: float | None, error: float | None, missing: list[str]) -> Relevance:
    words = "Not established: " + "; ".join(missing) + "."
    size, error = (None if v is None else number(v) for v in (size, error))
    return Relevance(Verdict.NOT_ESTABLISHED, words, tuple(missing), size, error)


def _notes(matrix: StabilityMatrix) -> tuple[str, ...]:
    ratio = matrix.information_per_unit
    return (
        f"the canonical correlation is {matrix.canonical_correlations[0]:.4f}, at most 1: what can grow is "
        f"information per unit, here with sqrt(Var O' / Var O) = {ratio:.4f}",
        f"averaged over {matrix.inputs} input{'s' if matrix.inputs > 1 else ''} ({matrix.average} average); "
        "linear response, for small differences",
        "eigenvalues depend on the operators chosen and on the scale they are given in either layer",
    )


def _identified(matrix: StabilityMatrix) -> list[str]:
    if matrix.identification is not None:
        return []
    return ["no identification of operators was declared, so eigenvalues depend on the numbering of units"]


def _told_from_chance(matrix: StabilityMatrix) -> list[str]:
    missing: list[str] = []
    if not matrix.above_null:
        largest = matrix.canonical_correlations[:1].sum()
        missing.append(
            f"the largest canonical correlation, {largest:.4f}, is not above that of shuffled samples, "
            f"{matrix.null.max(initial=0.0):.4f}"
        )
    if not matrix.enough_samples:
        missing.append(
            f"{matrix.samples} samples are fewer than {ENOUGH_SAMPLES} for each operator ({matrix.operators})"
        )
    return missing + _robust(matrix)


def _robust(matrix: StabilityMatrix, which: str = "") -> list[str]:
    """What speaks against the errors themselves."""
    if not matrix.fragile:
        return []
    return [
        f"{which}operators that nearly coincide differ in {matrix.events:.1f} samples, fewer than "
        f"{FEWEST_EVENTS:g}: errors may be far too small"
    ]


def _stable(matrix: StabilityMatrix, found: Eigenvalues, grown: StabilityMatrix | None) -> list[str]:
    missing: list[str] = []
    if found.sensitive:
        missing.append(
            f"the eigenvalue moves by {found.ridge_shift:.1f} standard errors between ridges of 0 and "
            f"{found.ridges[-1]:g}"
        )
    if _complete_above(matrix):
        # the regression on a complete set leaves nothing out: there are no more operators to add
        return missing
    if grown is None:
        return [*missing, "it was not measured with more operators"]
    return missing + _survives_growth(matrix, found, grown)


def _small_throughout(
    matrix: StabilityMatrix, found: Eigenvalues, grown: StabilityMatrix | None
) -> list[str]:
    """What speaks against calling all operators irrelevant: one near 1 at some ridge or in the larger set."""
    missing: list[str] = []
    left_out = len({*matrix.frozen_below, *matrix.frozen_above})
    if left_out:
        missing.append(f"{left_out} operators hardly vary and were left out: what they do is not known")
    if not np.all(found.by_ridge[:, 0] + SIGMAS * found.by_ridge_errors[:, 0] < 1):
        missing.append("at another ridge the eigenvalue is not below 1 by three standard errors")
    if _complete_above(matrix):
        return missing
    if grown is None:
        return [*missing, "it was not measured with more operators"]
    more = grown.spectrum
    if more is None or not _larger(matrix, grown):
        return [*missing, _NOT_LARGER]
    left_out = len({*grown.frozen_below, *grown.frozen_above})
    if left_out:
        missing.append(f"in the measurement with more operators {left_out} hardly vary and were left out")
    missing += _robust(grown, _WITH_MORE)
    # operators that nearly coincide, such as a sum and its cube, are what a ridge hides
    highest = more.by_ridge[:, 0] + SIGMAS * more.by_ridge_errors[:, 0]
    if not np.all(highest < 1):
        worst = int(np.argmax(highest))
        missing.append(
            f"with more operators the largest |lambda| is {more.by_ridge[worst, 0]:.4f} +- "
            f"{more.by_ridge_errors[worst, 0]:.4f} at a ridge of {more.ridges[worst]:.2g}, not below 1 by "
            "three standard errors"
        )
    return missing


def _larger(matrix: StabilityMatrix, grown: StabilityMatrix) -> bool:
    """Whether the second measurement is of the same layers with the same operators and more."""
    same = grown.layer == matrix.layer and grown.widths == matrix.widths and grown.inputs == matrix.inputs
    return (
        same
        and set(matrix.names_below) < set(grown.names_below)
        and set(matrix.names_above) <= set(grown.names_above)
    )


def _complete_above(matrix: StabilityMatrix) -> bool:
    """Whether the operators of the upper layer span all functions of its units; frozen ones are missing."""
    width = matrix.widths[1]
    # as many as there are functions, and none of them a combination of others: sums of units may well be
    counted = width < _MANY_UNITS and len(matrix.names_above) == 2**width - 1
    return counted and math.isfinite(matrix.condition)


def _survives_growth(matrix: StabilityMatrix, found: Eigenvalues, grown: StabilityMatrix) -> list[str]:
    more = grown.spectrum
    places = {name: place for place, name in enumerate(grown.names_below)}
    if more is None or not _larger(matrix, grown):
        return [_NOT_LARGER]
    missing: list[str] = []
    if not grown.enough_samples:
        missing.append(f"the measurement with more operators has only {grown.samples} samples")
    missing += _robust(grown, _WITH_MORE)
    joint = math.hypot(float(found.errors[0]), float(more.errors[0]))
    moved = abs(float(found.moduli[0] - more.moduli[0]))
    # written so that an error that is not a number fails
    if not moved <= STABLE * joint:
        missing.append(
            f"with more operators the eigenvalue goes from {found.moduli[0]:.4f} to {more.moduli[0]:.4f}, by "
            f"more than {STABLE:g} standard errors"
        )
    padded = np.zeros(len(places), dtype=np.complex128)
    padded[[places[name] for name in matrix.names_below]] = found.leading
    cosine = abs(complex(np.vdot(padded, more.leading)))
    if not cosine > SAME_MODE:
        missing.append(f"with more operators the leading direction turns (cosine {cosine:.3f})")
    return missing


def _agreed(chain_cosine: float | None) -> list[str]:
    if chain_cosine is None:
        return ["the chain of matrices was not compared with the direct route to the input's information"]
    if not abs(chain_cosine) > CHAIN_COSINE:
        return [f"the chain of matrices and the direct route disagree (cosine {abs(chain_cosine):.3f})"]
    return []


def _possible(matrix: StabilityMatrix) -> list[str]:
    """What speaks against any eigenvalue above 1 between layers of these widths."""
    below, above = matrix.widths
    if below > above:
        return []
    if below == above:
        return [
            f"both layers have {below} units: with equal widths and a complete set no eigenvalue exceeds 1, "
            "so one above 1 comes from operators that were left out"
        ]
    # information can only fall, so with more units there is less of it per unit
    return [f"the layer above is wider, {above} units after {below}: information per unit cannot grow there"]
