"""Figures of flip distances, each with the line of the random linear function beside the measurement."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.sensitivity.measures import theory
from hingeline.sensitivity.results import distribution, numbers
from hingeline.sensitivity.threat import Norm


def in_natural_units(distances: Mapping[str, FloatArray]) -> Curves:
    """Distributions of distances in natural units, by name, beside the half-normal."""
    grid = np.linspace(0.0, 4.0, 81)
    return Curves(
        "flip-distance",
        "Share of inputs whose distance to another class, by linearity and along the gradient ray, is no "
        "more than so many natural units, beside the half-normal of a random linear function.",
        Axis("distance / natural unit (|x| / sqrt(d) in l2)", from_zero=True),
        Axis("share of inputs", from_zero=True),
        (
            *(Curve(name, *distribution(values)) for name, values in distances.items()),
            Curve("half-normal (one output)", numbers(grid), numbers(theory.success(grid))),
        ),
        levels=(("half", 0.5),),
        marks=(("0.6745", theory.HALF_NORMAL_MEDIAN),),
    )


def single_steps(kappas: FloatArray, shares: FloatArray) -> Curves:
    """Shares flipped by single steps of kappa natural units, beside 2 Phi(kappa) - 1."""
    grid = np.linspace(0.0, float(kappas.max(initial=3.0)), 61)
    return Curves(
        "flip-single-step",
        "Share of inputs that one step down the gradient flips, against its length in natural units, "
        "beside 2 Phi(kappa) - 1, which holds where the network is linear along the step.",
        Axis("kappa, length of the step / natural unit", from_zero=True),
        Axis("share of inputs flipped", from_zero=True),
        (
            Curve("one step", numbers(kappas), numbers(shares), joined=False),
            Curve("2 Phi(kappa) - 1", numbers(grid), numbers(theory.success(grid))),
        ),
    )


def by_size(norm: Norm, sizes: Mapping[str, FloatArray], marks: Mapping[str, float]) -> Curves:
    """Share flipped against the size of the change, by name; marks that are not finite are left out."""
    return Curves(
        "flip-success",
        f"Share of inputs that a change of so much ({norm}) flips: best known, along the ray, and "
        "as linearity says.",
        Axis(f"size of the change ({norm})", from_zero=True),
        Axis("share of inputs flipped", from_zero=True),
        tuple(Curve(name, *distribution(values)) for name, values in sizes.items()),
        marks=tuple((words, place) for words, place in marks.items() if np.isfinite(place)),
    )
