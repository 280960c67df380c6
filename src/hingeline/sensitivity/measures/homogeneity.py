"""How much of a lead comes from the input and how much from the biases: <grad f, x> / f.

A ReLU network without biases is positively homogeneous: f(x) = <grad f(x), x>, the ratio is exactly 1.
What is missing to 1 is the biases' share (of a piecewise linear network, exactly). f is the lead over the
nearest rival, so a threshold counts as a bias.

Cost: one answer and one gradient per rival for each input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import median, quantile
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.linear import LinearFlips, linear_flips
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import distribution, listed, number, over, sealed
from hingeline.sensitivity.threat import Threat

BIAS_DOMINATED = 0.5
"""|<grad f, x> / f| below which more than half of the lead is not the input's."""


@dataclass(frozen=True, eq=False)
class Homogeneity:
    """Leads split into what is linear in the input and the rest."""

    leads: FloatArray
    """Lead over the nearest rival, shape "n"."""
    linear: FloatArray
    """<grad, x> of that lead, shape "n"."""
    at_origin: FloatArray | None = None
    """The same lead at the origin, shape "n": what the biases alone give; None if it was not asked."""

    @property
    def ratio(self) -> FloatArray:
        """<grad f, x> / f, shape "n"; 0 where the gradient is zero, infinite where only f is."""
        return np.where(self.linear == 0, 0.0, over(self.linear, self.leads, 0.0))

    @property
    def biases(self) -> FloatArray:
        """What is left of the lead, f - <grad f, x>, shape "n"."""
        return self.leads - self.linear

    def summary(self) -> dict[str, Any]:
        """Median and quartiles of the ratio, median of its size and of the biases' part, JSON-ready."""
        return {
            "ratio": number(median(self.ratio)),
            "ratio_quartiles": [number(quantile(self.ratio, q)) for q in (0.25, 0.75)],
            "ratio_size": number(median(np.abs(self.ratio))),
            "ratio_expected_without_biases": 1.0,
            "largest_deviation": number(float(np.abs(self.ratio - 1.0).max())),
            "biases": number(median(np.abs(self.biases))),
            "lead": number(median(np.abs(self.leads))),
            "lead_at_origin": None if self.at_origin is None else number(median(self.at_origin)),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        return {"summary": self.summary(), "leads": listed(self.leads), "linear": listed(self.linear)}

    def figure(self) -> Curves:
        """Distribution of the ratio, beside 1 and beside the limit of what biases may take."""
        return Curves(
            "homogeneity",
            "Share of inputs whose <gradient, x> / lead is no more than so much: 1 without biases, near 0 "
            "where the biases decide.",
            Axis("<gradient, x> / lead"),
            Axis("share of inputs", from_zero=True),
            (Curve("measured", *distribution(self.ratio)),),
            marks=(("without biases", 1.0), ("half of it biases", BIAS_DOMINATED)),
        )


def homogeneity(
    model: Model,
    decision: Decision,
    points: FloatArray,
    threat: Threat,
    *,
    flips: LinearFlips | None = None,
    ask_origin: bool = False,
) -> Homogeneity:
    """Split the nearest lead at each of `points` ("n d") into <grad, x> and the rest.

    Args:
        model: What is asked and differentiated.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        threat: Says which rival is nearest; masks play no part in the sum.
        flips: What `linear_flips` gave for the same arguments, if it is at hand.
        ask_origin: Ask for the leads at the origin too, one answer: a smooth network may have a small ratio
            because it saturates, without any bias.
    """
    flips = flips if flips is not None else linear_flips(model, decision, points, threat)
    inner = np.einsum("nd,nd->n", flips.gradients, points)
    at_origin = None
    if ask_origin:
        answers = np.repeat(model.outputs(np.zeros((1, model.input_dim))), len(points), axis=0)
        every = decision.leads(answers, flips.classes)
        own = decision.rivals_of(flips.classes) == flips.rivals[:, np.newaxis]
        at_origin = sealed(every[:, 0] if decision.outputs == 1 else every[own])
    return Homogeneity(leads=sealed(flips.leads), linear=sealed(inner), at_origin=at_origin)
