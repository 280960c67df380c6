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
    Errors are those of the bounds, or larger if the line does not fit.
    """
    values = np.array([distance.value for distance in distances])
    errors = np.array([(distance.high - distance.low) / 4.0 for distance in distances])
    seen = values > np.maximum(_SIGMAS * errors, _ROUNDING)
    count = int(np.argmin(seen)) if not seen.all() else len(seen)
    if count < 2:
        return Lifetime(float("nan"), float("nan"), float("nan"))
    rate, error = _falling_line(np.log(values[:count]), errors[:count] / values[:count])
    # a rate within its error of nothing is no decay; without an error only its sign can be judged
    decays = rate > (_SIGMAS * error if np.isfinite(error) else 0.0)
    return Lifetime(1.0 / rate if decays else float("inf"), rate, error)


def _falling_line(
    heights: np.ndarray[tuple[int], np.dtype[np.float64]], errors: object
) -> tuple[float, float]:
    """Minus the slope of heights over 1, 2, ..., and its error."""
    sizes = np.asarray(errors, dtype=np.float64)
    measured = bool((sizes > 0).all())
    weights = 1.0 / sizes**2 if measured else np.ones(len(heights))
    layers = np.arange(1.0, len(heights) + 1.0)
    away = layers - weights @ layers / weights.sum()
    slope = float(weights @ (away * heights) / (weights @ away**2))
    left = heights - weights @ heights / weights.sum() - slope * away
    freedom = len(heights) - 2
    # scatter about the line beyond the errors widens the error of the slope
    scatter = float(weights @ left**2) / freedom if freedom else float("nan")
    factor = max(1.0, scatter if freedom else 1.0) if measured else scatter
    return -slope, float(np.sqrt(factor / (weights @ away**2)))
