"""What operators of a layer know of the input: a lower bound on the layer's Fisher information.

    F_n >= F_n^S = D_n' A_n^-1 D_n,    D_n = cov(O(h_n), s),    A_n = cov(O(h_n), O(h_n))

The score of layer n is E[s|h_n]; operators can but project it. Sets that grow explain more, and here never
less: one factorisation serves all of them, its rows add up. From M samples K operators explain K / M of pure
noise as well, so the bound is told a second time out of sample: coefficients b from one half of the samples,

    E[s|h] covariance  >=  D' b + b' D - b' A b    on the other half, for whatever b,

with the halves exchanged and the mean taken. That remains a bound on average for any number of samples.

Source: derivation of ours, from the data-processing inequality. Cost: K^3 for each block and half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.renormalisation.information.regression import regress, whitened
from hingeline.renormalisation.information.spectrum import top_direction
from hingeline.renormalisation.information.upward_moments import LayerCovariances, UpwardMoments
from hingeline.sensitivity.results import listed, numbers


@dataclass(frozen=True, eq=False)
class ProjectedInformation:
    """Lower bounds on the information of one layer, for s operator sets that grow.

    Attributes:
        layer: Which.
        counts: Operators in each set.
        eigenvalues: Top eigenvalues of the bound, never falling, too large by noise, shape "s".
        errors: Jackknife standard errors, shape "s".
        traces: Traces of the bound, never falling, shape "s".
        trace_errors: Jackknife standard errors, shape "s".
        held_out: Out of sample, the bound along the top direction of the half that was fitted, shape "s".
        held_out_errors: Jackknife standard errors, shape "s".
        held_out_traces: Traces out of sample, shape "s".
        held_out_trace_errors: Jackknife standard errors, shape "s".
        samples: Drawn in all.
    """

    layer: int
    counts: tuple[int, ...]
    eigenvalues: FloatArray
    errors: FloatArray
    traces: FloatArray
    trace_errors: FloatArray
    held_out: FloatArray
    held_out_errors: FloatArray
    held_out_traces: FloatArray
    held_out_trace_errors: FloatArray
    samples: int

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready."""
        return {
            "layer": self.layer,
            "operators": list(self.counts),
            "top_eigenvalues": listed(self.eigenvalues),
            "held_out_top_eigenvalues": listed(self.held_out),
            "held_out_errors": listed(self.held_out_errors),
            "samples": self.samples,
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        names = ("errors", "traces", "trace_errors", "held_out_traces", "held_out_trace_errors")
        return {**self.summary(), **{name: listed(getattr(self, name)) for name in names}}

    def figure(self) -> Curves:
        """Both bounds against the number of operators."""
        places = tuple(float(count) for count in self.counts)
        return Curves(
            f"projected-information-layer-{self.layer}",
            f"What growing sets of operators of layer {self.layer} know of the input along its top "
            "direction. Where the curve out of sample is flat, more operators add nothing.",
            Axis("operators", log=True),
            Axis("information, per squared input unit"),
            (
                Curve("in sample", places, numbers(self.eigenvalues)),
                Curve("out of sample", places, numbers(self.held_out)),
            ),
        )


def projected_information(
    moments: UpwardMoments, layer: int, counts: Sequence[int] | None = None
) -> ProjectedInformation:
    """Lower bounds on the information of a layer, for the first few of its operators and for more.

    Args:
        moments: Sums of one pass upward.
        layer: 2 to the last hidden one.
        counts: How many of the layer's operators each set has, ascending; all of them if None.

    Raises:
        InvalidInput: A layer that the sums do not hold, or counts that do not ascend from 1.
    """
    last = len(moments.operators) + 1
    if not 2 <= layer <= last:
        raise InvalidInput(f"sums are kept of layers 2 to {last}; got layer={layer}")
    most = len(moments.operators[layer - 2].names)
    told = tuple(counts) if counts is not None else (most,)
    if not told or list(told) != sorted(set(told)) or not 1 <= told[0] <= told[-1] <= most:
        raise InvalidInput(f"counts ascend from 1 to {most} at most; got {told}")

    def estimate(chosen: BoolArray) -> FloatArray:
        covariances = moments.layer(layer, chosen)
        root = nested_root(covariances.own, covariances.score, samples=covariances.samples)
        inside = [_top_and_trace(root[:count]) for count in told]
        first, second = (moments.layer(layer, chosen & moments.half(which)) for which in (0, 1))
        outside = [_held_out(first, second, count) for count in told]
        return np.hstack([inside, outside]).T

    found = estimate(moments.all_blocks)
    errors = jackknife_error(np.array([estimate(moments.without(b)) for b in range(moments.blocks)]))
    return ProjectedInformation(
        layer,
        told,
        eigenvalues=frozen(found[0]),
        errors=frozen(errors[0]),
        traces=frozen(found[1]),
        trace_errors=frozen(errors[1]),
        held_out=frozen(found[2]),
        held_out_errors=frozen(errors[2]),
        held_out_traces=frozen(found[3]),
        held_out_trace_errors=frozen(errors[3]),
        samples=moments.samples,
    )


def nested_root(own: FloatArray, score: FloatArray, *, samples: float | None = None) -> FloatArray:
    """R with F^S = R'R for all operators, and R[:k]'R[:k] for the first k of them.

    Args:
        own: A, covariance of the operators, shape "K K".
        score: D, their covariance with the score, shape "K r".
        samples: Behind them; None if they are exact.
    """
    return whitened(own, score, samples=samples)


def _top_and_trace(root: FloatArray) -> tuple[float, float]:
    return float(np.linalg.norm(root, 2) ** 2), float((root**2).sum())


def _held_out(first: LayerCovariances, second: LayerCovariances, count: int) -> tuple[float, float]:
    """The bound of the first `count` out of sample, along the fitted top direction; and its trace."""
    found: list[tuple[float, float]] = []
    for fitted, other in ((first, second), (second, first)):
        own, score = fitted.own[:count, :count], fitted.score[:count]
        slopes = regress(own, score, samples=fitted.samples)
        direction = top_direction(whitened(own, score, samples=fitted.samples))
        along = slopes @ direction
        quadratic = 2 * along @ other.score[:count] @ direction - along @ other.own[:count, :count] @ along
        trace = (
            2 * (slopes * other.score[:count]).sum() - (slopes * (other.own[:count, :count] @ slopes)).sum()
        )
        found.append((float(quadratic), float(trace)))
    return (found[0][0] + found[1][0]) / 2, (found[0][1] + found[1][1]) / 2
