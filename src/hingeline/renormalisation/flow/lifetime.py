"""How many layers two classes stay apart: the decay of their distance with depth.

    TV_n ~ exp(-n / lifetime),

fitted as a line through log TV_n over the layers where a distance is seen. With tied weights the lifetime
comes near -1 / log |lambda_2|, about 1 / (1 - |lambda_2|) for long lives.

Source: metastable states of a chain; our reading of "classes are fixed points". Cost: none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.renormalisation.flow.discriminator import Distance

_SIGMAS = 2.0
_ROUNDING = 1e-9
"""An exact distance below this may be rounding alone."""


@dataclass(frozen=True)
class Lifetime:
    """Layers over which a distance falls by a factor e."""

    layers: float
    """Infinite if no decay is seen; NaN if too few layers show a distance to tell."""
    rate: float
    """Decay per layer of log TV, 1 / lifetime; NaN if undetermined."""
    rate_error: float
    """Standard error of the rate; NaN where nothing is left to judge the line by (two exact distances)."""

    @property
    def words(self) -> str:
        """For people."""
        if np.isnan(self.layers):
            return "undetermined: fewer than two layers show a distance"
        if np.isinf(self.layers):
            return "no decay with depth seen"
        return f"{self.layers:.3g} layers"


def fit_lifetime(distances: Sequence[Distance]) -> Lifetime:
    """Fit the decay of one pair's distances, the first of which is that of layer 1.

    Distances within two errors of 0 are left out, and all deeper ones with them: what is deeper is smaller.
    Only where the line would have the first of them seen does it count, with two errors as its value. Exact
    distances and bounds are not mixed: from one to the other there is a fall that is no decay.

    Errors are those of the bounds, or larger if the line does not fit; whether there is a decay at all is
    judged by those of the bounds alone, since what does not fall by one factor falls nevertheless.
    """
    told = _of_one_kind(distances)
    values = np.array([distance.value for distance in told])
    errors = np.array([(distance.high - distance.low) / 4.0 for distance in told])
    limits = np.maximum(_SIGMAS * errors, _ROUNDING)
    seen = values > limits
    count = int(np.argmin(seen)) if not seen.all() else len(seen)
    if count < 2:
        return Lifetime(float("nan"), float("nan"), float("nan"))
    heights, shares = np.log(values[:count]), errors[:count] / values[:count]
    line = _falling_line(heights, shares, alike=False)
    if count < len(seen) and line.at(count) > np.log(limits[count]):
        heights = np.append(heights, np.log(limits[count]))
        shares = np.append(shares, min(1.0, errors[count] / limits[count]))
        # no one factor fits: by their errors the first layers alone would decide
        line = _falling_line(heights, shares, alike=True)
    decays = line.rate > max(_SIGMAS * line.noise, _ROUNDING)
    return Lifetime(1.0 / line.rate if decays else float("inf"), line.rate, line.error)


def _of_one_kind(distances: Sequence[Distance]) -> Sequence[Distance]:
    """Exact distances, which come first, if there are two of them or nothing else; else the bounds."""
    exact = [distance for distance in distances if distance.exact]
    bounds = [distance for distance in distances if not distance.exact]
    return exact if len(exact) > 1 or not bounds else bounds


@dataclass(frozen=True)
class _Line:
    """A line through heights over 1, 2, ...: minus its slope, with errors, and where it passes."""

    rate: float
    error: float
    """Standard error of the rate, with what the heights scatter about the line."""
    noise: float
    """That of the heights' own errors alone."""
    middle: tuple[float, float]
    """A place on the line: layer and height."""

    def at(self, index: int) -> float:
        """Height at the heights' place `index`, counted from 0."""
        return self.middle[1] - self.rate * (index + 1.0 - self.middle[0])


def _falling_line(heights: FloatArray, sizes: FloatArray, *, alike: bool) -> _Line:
    """Least squares with the heights' errors as weights, or all alike, as where some have no error."""
    measured = not alike and bool((sizes > 0).all())
    weights = 1.0 / sizes**2 if measured else np.ones(len(heights))
    layers = np.arange(1.0, len(heights) + 1.0)
    centre, level = float(weights @ layers / weights.sum()), float(weights @ heights / weights.sum())
    away = layers - centre
    shares = weights * away / (weights @ away**2)
    slope = float(shares @ heights)
    left = heights - level - slope * away
    freedom = len(heights) - 2
    # scatter about the line beyond the errors widens the error of the slope
    scatter = float(weights @ left**2) / freedom if freedom else float("nan")
    factor = max(1.0, scatter if freedom else 1.0) if measured else scatter
    error = float(np.sqrt(factor / (weights @ away**2)))
    return _Line(-slope, error, float(np.linalg.norm(shares * sizes)), (centre, level))
