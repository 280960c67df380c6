"""Is there a constant factor from layer to layer? A slope with its error, and whether the layers agree on it.

Scaling is claimed only if at least four gains give a slope of the cumulated logarithm different from zero by
three standard errors and the gains of single layers agree with one value (chi squared, with the law of
Hotelling 1931 for a covariance that is itself estimated). No scaling is claimed if the layers disagree, or if
the slope is known to be small. All else is undecided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import fdtrc

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.sensitivity.results import listed, number, numbers

Verdict = Literal["scaling", "no scaling", "undecided"]

LEAST_LAYERS = 4
"""Gains that a claim of scaling wants."""
SIGMAS = 3.0
"""Standard errors by which the slope must differ from zero."""
AGREEMENT = 0.01
"""Probability of gains so unlike each other, below which they are said to disagree (our choice)."""
SMALL = 0.1
"""Slope that counts as none if all within three errors lies below it: a tenth for each layer (our choice)."""


@dataclass(frozen=True, eq=False)
class DepthScaling:
    """A factor from layer to layer, or the lack of one.

    Attributes:
        verdict: "scaling", "no scaling" or "undecided".
        words: Why.
        log_gains: One for each step, shape "k".
        errors: Jackknife standard errors, shape "k".
        slope: Of the cumulated logarithm against the layer.
        slope_error: Jackknife standard error.
        chi_squared: Of the gains about their best common value; NaN if it cannot be told.
        agreement: Probability of a larger one if there is one common value; NaN if it cannot be told.
    """

    verdict: Verdict
    words: str
    log_gains: FloatArray
    errors: FloatArray
    slope: float
    slope_error: float
    chi_squared: float
    agreement: float

    def summary(self) -> dict[str, Any]:
        """The numbers one reads first, JSON-ready."""
        return {
            "verdict": self.verdict,
            "words": self.words,
            "slope": number(self.slope),
            "slope_error": number(self.slope_error),
            "chi_squared": number(self.chi_squared),
            "agreement": number(self.agreement),
        }

    def to_dict(self) -> dict[str, Any]:
        """Summary and gains, JSON-ready."""
        return {**self.summary(), "log_gains": listed(self.log_gains), "errors": listed(self.errors)}

    def figure(self) -> Curves:
        """The cumulated logarithm against the layer, beside the fitted slope."""
        places = np.arange(len(self.log_gains) + 1.0)
        cumulated = np.concatenate([[0.0], np.cumsum(self.log_gains)])
        fitted = self.slope * (places - places.mean()) + cumulated.mean()
        return Curves(
            "depth-scaling",
            "Cumulated logarithm of the gain from layer to layer and its fitted slope: on a straight line "
            "every layer multiplies by the same factor.",
            Axis("steps from the first layer", whole=True),
            Axis("cumulated logarithm of the gain"),
            (
                Curve("measured", numbers(places), numbers(cumulated), joined=False),
                Curve("fitted", numbers(places), numbers(fitted)),
            ),
        )


def depth_scaling(log_gains: FloatArray, replicates: FloatArray) -> DepthScaling:
    """Judge whether gains of successive layers have a common value that is not zero.

    Args:
        log_gains: Logarithms of the gains, shape "k"; NaN where one is lost in noise.
        replicates: The same with one block left out, shape "b k".

    Raises:
        InvalidInput: Replicates of another shape or fewer than two.
    """
    gains, left = np.asarray(log_gains, dtype=np.float64), np.asarray(replicates, dtype=np.float64)
    if gains.ndim != 1 or left.ndim != 2 or left.shape[1:] != gains.shape or len(left) < 2:
        raise InvalidInput(f"gains k and replicates (b, k) are wanted; got {gains.shape}, {left.shape}")
    errors = jackknife_error(left)
    weights = _slope_weights(len(gains))
    slope, slope_error = float(gains @ weights), float(jackknife_error(left @ weights))
    chi_squared, agreement = _agreement(gains, left)
    verdict, words = _verdict(len(gains), slope, slope_error, agreement)
    return DepthScaling(
        verdict, words, frozen(gains), frozen(errors), slope, slope_error, chi_squared, agreement
    )


def _slope_weights(count: int) -> FloatArray:
    """What each gain weighs in the least-squares slope of the cumulated sum against 0, 1, ..., count."""
    places = np.arange(count + 1.0) - count / 2
    # slope = sum_i p_i c_i / sum p^2 with c_i the sum of the first i gains
    return np.cumsum(places[::-1])[::-1][1:] / max(float((places**2).sum()), 0.5)


def _agreement(gains: FloatArray, left: FloatArray) -> tuple[float, float]:
    """Chi squared of the gains about one value, and the probability of a larger one."""
    blocks, count = left.shape
    freedom, beyond = count - 1, blocks - count + 1
    if freedom < 1 or beyond < 1 or not (np.isfinite(gains).all() and np.isfinite(left).all()):
        return float("nan"), float("nan")
    # differences of neighbours know nothing of the common value
    steps, spread = np.diff(gains), np.diff(left, axis=1)
    spread = spread - spread.mean(axis=0)
    covariance = (blocks - 1) / blocks * spread.T @ spread
    scale = np.sqrt(np.diag(covariance))
    if not (scale > 1e-12).all():
        agree = bool(np.abs(steps).max() <= 1e-9)
        return (0.0, 1.0) if agree else (float("inf"), 0.0)
    solved = np.linalg.pinv(covariance / np.outer(scale, scale), hermitian=True) @ (steps / scale)
    chi_squared = float(steps / scale @ solved)
    ratio = chi_squared * beyond / (freedom * (blocks - 1))
    return chi_squared, float(fdtrc(freedom, beyond, ratio))


def _verdict(layers: int, slope: float, error: float, agreement: float) -> tuple[Verdict, str]:
    told = f"slope {slope:.4f} +- {error:.4f} for each layer"
    if layers < LEAST_LAYERS:
        return "undecided", f"{told}, but only {layers} steps; scaling wants {LEAST_LAYERS}"
    if not (np.isfinite(slope) and np.isfinite(error)):
        return "undecided", "a gain is lost in noise; take more samples"
    if not agreement >= AGREEMENT:
        if np.isnan(agreement):
            return "undecided", f"{told}; too few blocks to tell whether the layers agree"
        return "no scaling", f"{told}, but the layers disagree (probability {agreement:.1e})"
    if abs(slope) > SIGMAS * error:
        return "scaling", f"{told}, and the layers agree (probability {agreement:.2f})"
    if abs(slope) + SIGMAS * error < SMALL:
        return "no scaling", f"{told}: within {SIGMAS:.0f} errors of zero, and small"
    return "undecided", f"{told}: neither different from zero nor known to be small"
