"""How far from an input the network is still the linear function that its gradient names.

E(u) = |f(x+u) - f(x) - <grad f(x), u>| / (|grad f(x)|_* |u|), with f the lead over the nearest rival;
measured along the gradient and along random directions, which see far less of it than an attack does.

Reference: kinks of a wide random ReLU network make the gradient change like rho^(1/2) along a random
direction; E = 0.1 is where we call a network no longer linear, and 3 ray distances is the reach that
one-step reasoning wants. Ours, not a paper's.

Cost: about 40 answers and 5 (1 + directions) gradients for each input, and one ray.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.numerics.statistics import PowerLaw, fit_power_law, median, quantile
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.gradient_ray import GradientRays, gradient_rays
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.results import listed, number, numbers, over, sealed
from hingeline.sensitivity.threat import Threat

RADII = (0.003, 0.01, 0.03, 0.1, 0.3)
"""Of the change, relative to the input."""
NOT_LINEAR = 0.1
"""E at the linear radius."""
SAFE = 3.0
"""Linear radius over ray distance from which one-step numbers can be trusted."""
FITTED = (0.03, 0.3)
"""Radii over which exponents are fitted; below, few kinks are met, one at a time."""
TINY = 1e-4
"""Relative radius at which any honest gradient predicts the change, also in single precision."""
_SEARCHED = np.geomspace(1e-3, 1.0, 31)
_DRAWS = 200


@dataclass(frozen=True, eq=False)
class LocalLinearity:
    """Error of the linear prediction and change of the gradient, by radius and input."""

    radii: FloatArray
    """Relative to the size of the input, shape "r"."""
    error_along: FloatArray
    """E down the gradient, shape "r n"."""
    error_random: FloatArray
    """E in random directions, mean over them, shape "r n"."""
    change_along: FloatArray
    """|change of the gradient| / |gradient| down the gradient, shape "r n"."""
    change_random: FloatArray
    """The same in random directions, mean over them, shape "r n"."""
    cosine_along: FloatArray
    """Cosine of the two gradients, down the gradient, shape "r n"; 0 where one is zero."""
    cosine_random: FloatArray
    """The same in random directions, mean over them, shape "r n"."""
    error_tiny: FloatArray
    """E down the gradient at relative radius 1e-4, shape "n": large where the gradient is not one."""
    linear_radius: FloatArray
    """Relative radius down the gradient where E first reaches 0.1, shape "n"; infinite beyond 1."""
    ray: FloatArray
    """Ray distance relative to the input, shape "n"; infinite where the ray does not flip."""
    exponents: dict[str, PowerLaw | None]
    """Fits of medians against the radius from 0.03 to 0.3; None where a median is zero or infinite."""

    @property
    def safety(self) -> FloatArray:
        """Linear radius over ray distance, shape "n"; 0 where the ray does not flip."""
        return np.where(np.isfinite(self.ray), over(self.linear_radius, self.ray, np.inf), 0.0)

    def summary(self) -> dict[str, Any]:
        """Medians by radius, linear radius, safety and exponents, JSON-ready; None for infinite."""
        by_radius = [
            {"radius": float(radius)} | {name: number(median(rows[place])) for name, rows in self._rows()}
            for place, radius in enumerate(self.radii)
        ]
        return {
            "by_radius": by_radius,
            "linear_radius": number(median(self.linear_radius)),
            "ray": number(median(self.ray)),
            "safety": number(median(self.safety)),
            "safety_wanted": SAFE,
            "safe_share": float(np.mean(self.safety >= SAFE)),
            "error_tiny": number(median(self.error_tiny)),
            "exponents": {
                name: None if fit is None else [fit.exponent, *fit.exponent_interval]
                for name, fit in self.exponents.items()
            },
            "exponent_change_random_expected": 0.5,
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        told = {name: listed(rows) for name, rows in self._rows()}
        rest = {n: listed(getattr(self, n)) for n in ("radii", "error_tiny", "linear_radius", "ray")}
        return {"summary": self.summary(), **rest, **told}

    def figure(self) -> Curves:
        """Medians of E and of the change of the gradient against the radius, with r_ray and rho* marked."""
        words = {
            "error_along": "E, down the gradient",
            "error_random": "E, random direction",
            "change_along": "gradient change, down the gradient",
            "change_random": "gradient change, random direction",
        }
        curves = [
            Curve(words[name], numbers(self.radii), tuple(median(row) for row in rows))
            for name, rows in self._rows()
            if name in words
        ]
        level = median(self.change_random[-1])
        if np.isfinite(level) and level > 0:
            root = level * np.sqrt(self.radii / self.radii[-1])
            curves.append(Curve("radius^(1/2)", numbers(self.radii), numbers(root)))
        ray, radius = median(self.ray), median(self.linear_radius)
        marks = (("ray distance", ray), ("3 ray distances", SAFE * ray), ("linear radius", radius))
        return Curves(
            "local-linearity",
            "Median error of the linear prediction and change of the gradient against the radius: an attack "
            "meets more of it than random directions do.",
            Axis("radius / |x|", log=True),
            Axis("relative to the gradient", log=True),
            tuple(curves),
            levels=(("not linear", NOT_LINEAR),),
            marks=tuple((words, place) for words, place in marks if np.isfinite(place)),
        )

    def _rows(self) -> tuple[tuple[str, FloatArray], ...]:
        named = ("error_along", "error_random", "change_along", "change_random")
        return tuple((n, getattr(self, n)) for n in (*named, "cosine_along", "cosine_random"))


def local_linearity(
    model: Model,
    decision: Decision,
    points: FloatArray,
    threat: Threat,
    *,
    rng: np.random.Generator,
    radii: tuple[float, ...] = RADII,
    directions: int = 4,
    rays: GradientRays | None = None,
) -> LocalLinearity:
    """Measure where around each of `points` ("n d") the linear prediction fails.

    Args:
        model: What is asked and differentiated; in double precision, or radii below 0.01 see rounding.
        decision: How outputs become classes.
        points: Inputs, shape "n d".
        threat: Norm, box and mask; random directions are normal in the coordinates that may change.
        rng: Draws the random directions and the bootstrap of the exponents.
        radii: Relative to the size of the input, rising.
        directions: Random directions for each input.
        rays: What `gradient_rays` gave for the same arguments, if it is at hand.

    Raises:
        InvalidInput: Radii that do not rise from above 0, no directions, or what `gradient_rays` refuses.
    """
    lengths = np.asarray(radii, dtype=np.float64)
    if not len(lengths) or lengths[0] <= 0 or (np.diff(lengths) <= 0).any() or directions < 1:
        raise InvalidInput(f"radii must rise from above 0 and directions be 1 or more; got {radii}")
    rays = rays if rays is not None else gradient_rays(model, decision, points, threat)
    probe = _Probe(model, points, threat, rays)
    along = [probe.at(rays.directions, radius) for radius in lengths]
    random = np.zeros((3, len(lengths), len(points)))
    for _ in range(directions):
        drawn = threat.masked(rng.standard_normal(points.shape))
        drawn = over(drawn, threat.size(drawn)[:, np.newaxis], 0.0)
        random += np.array([probe.at(drawn, radius) for radius in lengths]).transpose(1, 0, 2) / directions
    error, change, cosine = np.array(along).transpose(1, 0, 2)
    measured = {
        "error_along": error,
        "error_random": random[0],
        "change_along": change,
        "change_random": random[1],
    }
    return LocalLinearity(
        radii=sealed(lengths),
        **{name: sealed(rows) for name, rows in measured.items()},
        cosine_along=sealed(cosine),
        cosine_random=sealed(random[2]),
        error_tiny=sealed(probe.error(rays.directions, TINY)[0]),
        linear_radius=sealed(_linear_radius(probe, rays.directions)),
        ray=sealed(over(rays.crossings.sizes, threat.size(points), np.inf)),
        exponents={name: _exponent(lengths, rows, rng) for name, rows in measured.items()},
    )


class _Probe:
    """Errors and gradients of the nearest leads around the inputs."""

    def __init__(self, model: Model, points: FloatArray, threat: Threat, rays: GradientRays) -> None:
        self._model, self._points, self._threat, self._rays = model, points, threat, rays
        self._start = rays.lead.values(model, points)
        self._steepness = threat.dual(rays.gradients)
        self._sizes = threat.size(points)
        self._norms = np.linalg.norm(rays.flips.gradients, axis=1)

    def error(self, directions: FloatArray, radius: float) -> tuple[FloatArray, FloatArray]:
        """E at that relative radius, "n", and the points where it was measured, "n d"."""
        moved = self._threat.inside(self._points + (radius * self._sizes)[:, np.newaxis] * directions)
        step = moved - self._points
        predicted = np.einsum("nd,nd->n", self._rays.flips.gradients, step)
        missed = np.abs(self._rays.lead.values(self._model, moved) - self._start - predicted)
        return over(missed, self._steepness * self._threat.size(step), 0.0), moved

    def at(self, directions: FloatArray, radius: float) -> FloatArray:
        """E, relative change and cosine of the gradient, "3 n"."""
        error, moved = self.error(directions, radius)
        before, after = self._rays.flips.gradients, self._rays.lead.gradients(self._model, moved)
        change = over(np.linalg.norm(after - before, axis=1), self._norms, 0.0)
        product = np.einsum("nd,nd->n", before, after)
        return np.array([error, change, over(product, self._norms * np.linalg.norm(after, axis=1), 0.0)])


def _linear_radius(probe: _Probe, directions: FloatArray) -> FloatArray:
    """Where E first reaches 0.1, between grid radii by the straight line in logarithms; "n"."""
    errors = np.array([probe.error(directions, radius)[0] for radius in _SEARCHED])
    out = errors >= NOT_LINEAR
    first, every = out.argmax(axis=0), np.arange(errors.shape[1])
    high, low = errors[first, every], errors[np.maximum(first - 1, 0), every]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.log(NOT_LINEAR / low) / np.log(high / low)
    # an error of 0 or infinity has no logarithm: the radius where it was seen is taken
    share = np.where(np.isfinite(share) & (first > 0) & (low > 0), share, 1.0)
    before = _SEARCHED[np.maximum(first - 1, 0)]
    return np.where(out.any(axis=0), before * (_SEARCHED[first] / before) ** share, np.inf)


def _exponent(radii: FloatArray, rows: FloatArray, rng: np.random.Generator) -> PowerLaw | None:
    inside = (radii >= FITTED[0] * (1 - 1e-9)) & (radii <= FITTED[1] * (1 + 1e-9))
    # a bootstrap of few inputs may meet a zero median where the sample's is not
    usable = inside.sum() >= 2 and all(
        0 < quantile(row, 0.25) <= quantile(row, 0.75) < np.inf for row in rows[inside]
    )
    try:
        return fit_power_law(radii[inside], list(rows[inside]), rng, draws=_DRAWS) if usable else None
    except InvalidInput:
        return None
