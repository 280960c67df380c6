"""Fisher information about one input that the classes of a stack carry, with errors.

    F = sum_c D_c D_c' / P(c|x),    D_c = dP(c|x) / dx

A small step u changes the law of the classes by u'Fu/2 in the Kullback-Leibler divergence, so the top
eigenvector is the small step that changes it most. F has at most C - 1 eigenvalues that are not zero. It is
local, and tells neither the sign of the step nor what a finite step does. Estimated derivatives make the
eigenvalues too large by about the sum of their variances; `corrected` takes only products of different
blocks, where that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves, Figure
from hingeline.sensitivity.fisher.fisher_figures import direction_images
from hingeline.sensitivity.results import listed, number, numbers

Method = Literal["direct", "chain", "exact"]


@dataclass(frozen=True, eq=False)
class InputInformation:
    """Spectrum and directions of F at one input; q is the smallest of C - 1, d and the first layer's width.

    Attributes:
        method: "direct", "chain" or "exact" (no sampling: errors are zero).
        point: The input, shape "d".
        class_law: P(c|x), shape "C".
        class_errors: Jackknife standard errors of it, shape "C".
        eigenvalues: Plug-in eigenvalues of F, largest first, in 1 / input^2, shape "q".
        errors: Jackknife standard errors of the eigenvalues, shape "q".
        corrected: Eigenvalues of a matrix without the bias of noise, from products of different blocks alone;
            may be below zero, shape "q". The first of them is still too large where several compete within
            their noise. Their errors are those of `eigenvalues` to leading order.
        trace: Sum of all plug-in eigenvalues.
        trace_error: Jackknife standard error of the trace, and of `corrected_trace` to leading order.
        corrected_trace: Trace from products of different blocks alone.
        predicted_bias: (C - 1) tr(F_1) / M, what the plug-in trace is too large by if drawn classes were
            counted and did not depend on the size of the score; taking the class law itself stays below.
        directions: First eigenvectors, of length 1, sign arbitrary, shape "k d"; zero where there is none.
        slopes: D, derivatives of the class probabilities, shape "C d".
        repeatability: |cos| of the top directions of two halves of the samples.
        samples: Drawn, M; 0 if exact.
    """

    method: Method
    point: FloatArray
    class_law: FloatArray
    class_errors: FloatArray
    eigenvalues: FloatArray
    errors: FloatArray
    corrected: FloatArray
    trace: float
    trace_error: float
    corrected_trace: float
    predicted_bias: float
    directions: FloatArray
    slopes: FloatArray
    repeatability: float
    samples: int

    @property
    def top(self) -> FloatArray:
        """The direction of greatest sensitivity, sign arbitrary, shape "d"."""
        return self.directions[0]

    @property
    def predicted(self) -> int:
        """The most probable class."""
        return int(self.class_law.argmax())

    @property
    def ratio(self) -> float:
        """First eigenvalue over the second; infinite if that is zero or there is none."""
        second = float(self.eigenvalues[1]) if len(self.eigenvalues) > 1 else 0.0
        first = float(self.eigenvalues[0])
        return first / second if second > 0 else (float("inf") if first > 0 else float("nan"))

    @property
    def participation(self) -> float:
        """(sum of eigenvalues)^2 / sum of squares: how many directions weigh alike; NaN if F is zero."""
        squares = float((self.eigenvalues**2).sum())
        return float(self.eigenvalues.sum()) ** 2 / squares if squares > 0 else float("nan")

    def log_odds_gradient(self, for_class: int, against: int) -> FloatArray:
        """Gradient of log P(for_class|x) / P(against|x), shape "d".

        Raises:
            InvalidInput: A class that there is not, or whose estimated probability is zero.
        """
        known = range(len(self.class_law))
        if for_class not in known or against not in known:
            raise InvalidInput(f"classes are 0 to {len(known) - 1}; got {for_class} and {against}")
        if not (self.class_law[[for_class, against]] > 0).all():
            raise InvalidInput(f"class {for_class} or {against} was never seen; log-odds have no gradient")
        own, other = (self.slopes[c] / self.class_law[c] for c in (for_class, against))
        return own - other

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready; None where there is no finite one."""
        return {
            "method": self.method,
            "predicted_class": self.predicted,
            "probability": number(self.class_law.max()),
            "top_eigenvalue": number(self.eigenvalues[0]),
            "top_eigenvalue_error": number(self.errors[0]),
            "top_eigenvalue_corrected": number(self.corrected[0]),
            "trace": number(self.trace),
            "trace_error": number(self.trace_error),
            "trace_corrected": number(self.corrected_trace),
            "predicted_bias": number(self.predicted_bias),
            "first_over_second": number(self.ratio),
            "participation": number(self.participation),
            "repeatability": number(self.repeatability),
            "samples": self.samples,
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and arrays, JSON-ready; the slopes are left out, for there are C d of them."""
        names = ("point", "class_law", "class_errors", "eigenvalues", "errors", "corrected", "directions")
        return {**self.summary(), **{name: listed(getattr(self, name)) for name in names}}

    def figures(self, shape: tuple[int, int] | None = None) -> tuple[Figure, ...]:
        """The spectrum and, where inputs are images of `shape`, its directions."""
        drawn: tuple[Figure, ...] = (_spectrum(self.eigenvalues, self.corrected, self.method),)
        if shape is None:
            return drawn
        return (*drawn, direction_images(self.directions[np.newaxis], shape, name="stack-directions"))


def _spectrum(eigenvalues: FloatArray, corrected: FloatArray, method: Method) -> Curves:
    places = tuple(float(i + 1) for i in range(len(eigenvalues)))
    curves = [Curve("as estimated", places, numbers(eigenvalues))]
    if method != "exact":
        curves.append(Curve("without the bias of noise", places, numbers(corrected), joined=False))
    return Curves(
        "stack-information-spectrum",
        "Eigenvalues of the Fisher information that the classes carry about this input, largest first. A "
        "steep fall means that the answer depends on few directions; where the two series part, it is noise.",
        Axis("eigenvalue, largest first", whole=True),
        Axis("eigenvalue, per squared input unit", log=True),
        tuple(curves),
    )
