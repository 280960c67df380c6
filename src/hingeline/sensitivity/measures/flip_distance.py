"""How far one has to go down the gradient until the class changes, beside how far linearity says.

Reference: for a random linear function of d free coordinates, and for wide random ReLU networks of any
depth, linear distance / (|x| / sqrt(d)) is |N(0, 1)|: median 0.6745, and a step of kappa such units flips
2 Phi(kappa) - 1 of the inputs. Derived by us.

Cost: one gradient per rival, and about 100 answers, for each input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Curves
from hingeline.numerics.statistics import median, quantile
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures import flip_figures, theory
from hingeline.sensitivity.measures.gradient_ray import LINEAR_STEPS, GradientRays, gradient_rays
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed, number, over, sealed
from hingeline.sensitivity.threat import Norm, Threat

KAPPAS = (0.5, 1.0, 2.0, 3.0)
"""Lengths of a single step, in natural units."""
_PAIRS = 2000
"""Pairs of inputs whose distance is taken."""
_BOUND_SLACK = 1e-9  # a lower bound may exceed what was found by rounding only


@dataclass(frozen=True, eq=False)
class FlipDistance:
    """Distances to another class, per input; infinite where none was found, and no input is left out."""

    norm: Norm
    classes: IntArray
    """Decisions, shape "n"."""
    linear: FloatArray
    """Lead over dual norm of its gradient, shape "n"."""
    ray: FloatArray
    """Size of the change at the first crossing on the gradient ray, shape "n"."""
    best: FloatArray
    """Smallest change known, of the ray, of the single steps and of what was handed in, shape "n"."""
    lower: FloatArray
    """Size below which no change flips, where that is proved; else 0, shape "n"."""
    sizes: FloatArray
    """Norms of the inputs, in the norm of the changes, shape "n"."""
    units: FloatArray
    """Natural unit of a step, |x| / sqrt(free) in l2, shape "n"."""
    free: IntArray
    """Coordinates that could move, shape "n"."""
    without_gradient: BoolArray
    """Inputs at which the gradient is zero, shape "n"."""
    kappas: FloatArray
    """Lengths of the single steps in natural units, shape "s"."""
    stepped: BoolArray
    """Whether a single step of that length flips, shape "n s"."""
    data_distance: float
    """Median distance between two inputs, in the same norm; NaN for one input."""
    rivals_seen: int
    """Rivals whose gradient was taken."""
    rivals: int
    """Rivals there are."""

    @property
    def ratio(self) -> FloatArray:
        """Ray over linear distance, shape "n"; infinite where the ray does not flip."""
        at_boundary = (self.linear == 0) & (self.ray == 0)
        return np.where(at_boundary, 1.0, over(self.ray, self.linear, np.inf))

    @property
    def flipped(self) -> BoolArray:
        """Inputs whose ray crosses within its reach, shape "n"."""
        return np.isfinite(self.ray)

    @property
    def flipped_in_linear_reach(self) -> BoolArray:
        """Inputs whose ray crosses within 4 linear distances, shape "n"."""
        return np.isfinite(self.ray) & (self.ratio <= LINEAR_STEPS)

    @property
    def in_units(self) -> FloatArray:
        """Linear distances in natural units, which the half-normal describes, shape "n"."""
        return over(self.linear, self.units, np.inf)

    @property
    def bound_broken(self) -> BoolArray:
        """Inputs whose proved bound exceeds a change that flips: the proof or the attack is wrong."""
        return self.lower > self.best * (1 + _BOUND_SLACK)

    def success(self, sizes: FloatArray) -> FloatArray:
        """Share of inputs that a change of each size is known to flip: "s" to "s"."""
        return np.searchsorted(np.sort(self.best), sizes, side="right") / len(self.best)

    def summary(self) -> dict[str, Any]:
        """Medians and shares, JSON-ready; None for infinite."""
        steps = zip(self.kappas, self.stepped.mean(axis=0), theory.success(self.kappas), strict=True)
        best = median(self.best)
        return {
            "norm": self.norm,
            "inputs": len(self.classes),
            "free_coordinates": median(self.free.astype(np.float64)),
            "linear": number(median(self.linear)),
            "ray": number(median(self.ray)),
            "best": number(best),
            "proved": number(median(self.lower)),
            "linear_relative": number(median(over(self.linear, self.sizes, np.inf))),
            "ray_relative": number(median(over(self.ray, self.sizes, np.inf))),
            "best_relative": number(median(over(self.best, self.sizes, np.inf))),
            "best_over_data_distance": number(best / self.data_distance) if self.data_distance else None,
            "linear_in_units": number(median(self.in_units)),
            "linear_in_units_expected": theory.HALF_NORMAL_MEDIAN,
            "ray_in_units": number(median(over(self.ray, self.units, np.inf))),
            "ratio": number(median(self.ratio)),
            "ratio_90": number(quantile(self.ratio, 0.9)),
            "no_flip": float(1.0 - self.flipped.mean()),
            "no_flip_in_linear_reach": float(1.0 - self.flipped_in_linear_reach.mean()),
            "without_gradient": float(self.without_gradient.mean()),
            "single_step": [
                {"kappa": float(k), "flipped": float(s), "expected": float(e)} for k, s, e in steps
            ],
            "rivals_seen": self.rivals_seen,
            "rivals": self.rivals,
            "bounds_broken": int(self.bound_broken.sum()),
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        arrays = ("classes", "linear", "ray", "best", "lower", "sizes", "units", "free", "stepped")
        told = {name: listed(getattr(self, name)) for name in arrays}
        return {"summary": self.summary(), **told, "without_gradient": listed(self.without_gradient)}

    def figures(self) -> tuple[Curves, ...]:
        """Distances beside the half-normal, single steps beside 2 Phi - 1, success against size."""
        in_units = {"linear": self.in_units, "ray": over(self.ray, self.units, np.inf)}
        sizes = {"best known": self.best, "gradient ray": self.ray, "linear": self.linear}
        if np.any(self.lower > 0):
            sizes["proved at least"] = self.lower
        expected = theory.HALF_NORMAL_MEDIAN * median(self.units)
        marks = {"0.6745 natural units": expected, "between two inputs": self.data_distance}
        return (
            flip_figures.in_natural_units(in_units),
            flip_figures.single_steps(self.kappas, self.stepped.mean(axis=0)),
            flip_figures.by_size(self.norm, sizes, marks),
        )


def flip_distance(
    model: Model,
    decision: Decision,
    points: FloatArray,
    threat: Threat,
    *,
    rng: np.random.Generator,
    kappas: tuple[float, ...] = KAPPAS,
    best: FloatArray | None = None,
    lower: FloatArray | None = None,
    rays: GradientRays | None = None,
) -> FlipDistance:
    """Measure how far each of `points` ("n d") is from another class.

    Args:
        model: What is asked and differentiated.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        threat: Norm, box and mask.
        rng: Draws the pairs whose distance gives the scale of the data.
        kappas: Lengths of the single steps, in natural units.
        best: Sizes that attacks reached, shape "n", infinite where they failed; the ray and the single
            steps compete with them, so that `best` of the result is never worse than the ray.
        lower: Proved bounds, shape "n".
        rays: What `gradient_rays` gave for the same arguments, if it is at hand.

    Raises:
        InvalidInput: No points, points outside the box, sizes of another shape or with NaN.
    """
    rays = rays if rays is not None else gradient_rays(model, decision, points, threat)
    count, lengths = len(points), np.asarray(kappas, dtype=np.float64)
    found = np.minimum(rays.crossings.sizes, _per_input("best", best, count, np.inf))
    stepped = np.zeros((count, len(lengths)), dtype=np.bool_)
    for column, kappa in enumerate(lengths):
        taken = np.where(np.isfinite(rays.units), kappa * rays.units, 0.0)[:, np.newaxis]
        moved = threat.inside(points + taken * rays.directions)
        stepped[:, column] = decision.flipped(model.outputs(moved), rays.flips.classes)
        found = np.where(stepped[:, column], np.minimum(found, threat.size(moved - points)), found)
    return FlipDistance(
        norm=threat.norm,
        classes=sealed(rays.flips.classes),
        linear=sealed(rays.linear),
        ray=sealed(rays.crossings.sizes),
        best=sealed(found),
        lower=sealed(_per_input("lower", lower, count, 0.0)),
        sizes=sealed(threat.size(points)),
        units=sealed(rays.units),
        free=sealed(rays.free),
        without_gradient=sealed(rays.without_gradient),
        kappas=sealed(lengths),
        stepped=sealed(stepped),
        data_distance=median_distance(points, threat, rng),
        rivals_seen=rays.flips.rivals_seen,
        rivals=decision.rivals,
    )


def median_distance(points: FloatArray, threat: Threat, rng: np.random.Generator) -> float:
    """Median distance between two different rows of `points`, over at most 2,000 pairs; NaN for one row."""
    if len(points) < 2:
        return float("nan")
    first = rng.integers(0, len(points), _PAIRS)
    second = (first + rng.integers(1, len(points), _PAIRS)) % len(points)
    rows = max(1, 2**22 // points.shape[1])
    parts = [
        threat.size(points[first[i : i + rows]] - points[second[i : i + rows]])
        for i in range(0, _PAIRS, rows)
    ]
    return median(np.concatenate(parts))


def _per_input(name: str, values: FloatArray | None, count: int, otherwise: float) -> FloatArray:
    if values is None:
        return np.full(count, otherwise)
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (count,) or np.isnan(array).any() or (array < 0).any():
        raise InvalidInput(f"{name} wants one size, 0 or more, for each of {count} inputs; got {array.shape}")
    return array
