"""Whether a gain scales with depth: every layer multiplies it by one common factor that is not 1.

    cumulative log-gain  c_n = sum_{m <= n} log g_m,    c_0 = 0,    fitted by  slope * n + constant

over n = 0 to N. "scaling" is claimed only if there are at least four layers, the slope differs from zero by
three standard errors (few replicates: by what Student's t makes of them), and the layers' own values agree
with one common value by chi squared. That the layers
disagree, or that a slope is too small to matter, is "no scaling"; what the data cannot tell is "undecided".

The layers of one sample are correlated, so agreement is judged by the whole covariance of their
differences, from the jackknife. With b replicates that covariance is itself uncertain: Hotelling's T^2 with
b - 1 degrees of freedom takes the place of chi squared, and Student's t that of the normal law; both become
them as b grows.

Source: scaling with depth as the sign of a relevant operator, Kenway 2018 (arXiv 1803.06111), by its words;
the rule is ours; T^2 is Hotelling 1931.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import fdtrc, ndtr, stdtrit

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.sensitivity.results import number

ScalingVerdict = Literal["scaling", "no scaling", "undecided"]

FEWEST_LAYERS = 4
"""Layers below which no law can be told from an accident."""
SIGMAS = 3.0
"""Standard errors by which the slope must differ from zero, if replicates are many."""
AGREEMENT = 0.0027
"""Chance below which layers are said to disagree: that of three standard errors."""
NEGLIGIBLE = float(np.log(1.1))
"""A slope that is certainly below this, a tenth per layer, is no scaling; our choice."""
_ROUNDING = 1e-12
"""Differences below this share of the log-gains' size are rounding."""


@dataclass(frozen=True)
class DepthScaling:
    """How a cumulative log-gain grows with depth.

    Attributes:
        slope: Log-gain per layer, natural logarithm; NaN if there is none.
        error: Its standard error; NaN if it could not be had.
        chi_squared: Disagreement of the layers with one common value; NaN if it could not be judged.
        degrees: Its degrees of freedom, layers - 1.
        verdict: "scaling", "no scaling" or "undecided".
        words: Why, in one sentence.
        probability: Chance of at least this disagreement if the layers agreed; NaN as `chi_squared`.
        layers: How many layers there were.
        replicates: How many jackknife replicates the errors come from.
    """

    slope: float
    error: float
    chi_squared: float
    degrees: int
    verdict: ScalingVerdict
    words: str
    probability: float
    layers: int
    replicates: int

    def summary(self) -> dict[str, Any]:
        """All of it, JSON-ready; None for what is not finite."""
        return {
            "slope": number(self.slope),
            "error": number(self.error),
            "chi_squared": number(self.chi_squared),
            "degrees": self.degrees,
            "probability": number(self.probability),
            "layers": self.layers,
            "replicates": self.replicates,
            "verdict": self.verdict,
            "words": self.words,
        }

    def to_dict(self) -> dict[str, Any]:
        """The same as `summary`: there are no arrays."""
        return self.summary()


def depth_scaling(log_gains: FloatArray, replicates: FloatArray) -> DepthScaling:
    """Judge whether log-gains, one for each layer, are those of one law.

    Args:
        log_gains: Natural logarithms of each layer's own gain (not cumulative), in order, shape "layers".
        replicates: The same with one of b blocks of the sample left out, shape "b layers".

    Raises:
        InvalidInput: No layer, or replicates of another shape.
    """
    gains, left_out = np.asarray(log_gains, np.float64), np.asarray(replicates, np.float64)
    if gains.ndim != 1 or not gains.size or left_out.ndim != 2 or left_out.shape[1] != gains.size:
        raise InvalidInput(
            f"want log-gains of shape (layers,) and replicates (blocks, layers); got {gains.shape} and "
            f"{left_out.shape}"
        )
    layers, count = gains.size, len(left_out)
    if not (np.isfinite(gains).all() and np.isfinite(left_out).all()):
        words = "in some layer nothing comes through: its gain is zero, and there is no slope"
        return _told(np.nan, np.nan, np.nan, np.nan, layers, count, "undecided", words)
    weights = slope_weights(layers)
    slope = float(weights @ gains)
    error = float(jackknife_error(left_out @ weights)) if count > 1 else np.nan
    chi_squared, probability = _disagreement(gains, left_out)
    verdict, words = _judged(slope, error, probability, layers, count)
    return _told(slope, error, chi_squared, probability, layers, count, verdict, words)


def slope_weights(layers: int) -> FloatArray:
    """Weights with which log-gains enter the slope of their cumulative sum, shape "layers"; their sum is 1.

    Least squares over n = 0 to N give 6 m (N + 1 - m) / (N (N + 1) (N + 2)) for layer m: the middle counts
    most.
    """
    m = np.arange(1, layers + 1)
    return 6.0 * m * (layers + 1 - m) / (layers * (layers + 1) * (layers + 2))


def jackknife_means(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean over rows and the means without each one: "n ..." to "..." and "n ...".

    A row of minus infinity makes every mean minus infinity but the one without it.

    Raises:
        InvalidInput: Fewer than two rows.
    """
    if len(rows) < 2:
        raise InvalidInput(f"the jackknife wants two rows or more; got {len(rows)}")
    mean = rows.mean(axis=0)
    if np.isfinite(rows).all():
        return mean, mean + (mean - rows) / (len(rows) - 1)
    return mean, np.stack([np.delete(rows, i, axis=0).mean(axis=0) for i in range(len(rows))])


def _disagreement(gains: FloatArray, left_out: FloatArray) -> tuple[float, float]:
    """T^2 of the layers' differences, and its chance under agreement; NaN where it cannot be judged."""
    degrees, freedom = len(gains) - 1, len(left_out) - 1
    if degrees < 1 or freedom < degrees:
        return np.nan, np.nan
    differences, spread = np.diff(gains), np.diff(left_out, axis=1)
    spread = spread - spread.mean(axis=0)
    covariance = freedom / (freedom + 1) * spread.T @ spread
    # without noise the covariance is zero, and what differs by rounding must still agree
    floor = (_ROUNDING * max(1.0, float(np.abs(gains).max()))) ** 2
    statistic = float(differences @ np.linalg.solve(covariance + floor * np.eye(degrees), differences))
    rest = freedom - degrees + 1
    return statistic, float(fdtrc(degrees, rest, statistic * rest / (freedom * degrees)))


def _judged(
    slope: float, error: float, probability: float, layers: int, count: int
) -> tuple[ScalingVerdict, str]:
    told = f"slope {slope:.3g} +- {error:.2g} per layer over {layers} layers"
    if layers < FEWEST_LAYERS:
        return "undecided", f"{told}: a law wants at least {FEWEST_LAYERS} layers"
    if np.isnan(error) or np.isnan(probability):
        return "undecided", f"{told}: {count} replicates are too few to tell whether {layers} layers agree"
    if probability < AGREEMENT:
        chance = f"chance {probability:.1g}" if probability > 1e-9 else "chance below 1e-9"
        return "no scaling", f"{told}, but the layers do not share one gain ({chance}): no law of depth"
    # so many errors that chance is as rare as beyond three of a normal law
    sigmas = float(stdtrit(count - 1, ndtr(SIGMAS)))
    if abs(slope) > sigmas * error:
        return "scaling", f"{told}: different from zero, and the layers agree"
    if abs(slope) + sigmas * error < NEGLIGIBLE:
        return "no scaling", f"{told}: less than a tenth per layer, and the layers agree"
    return "undecided", f"{told}: neither different from zero nor certainly small"


def _told(
    slope: float,
    error: float,
    chi_squared: float,
    probability: float,
    layers: int,
    count: int,
    verdict: ScalingVerdict,
    words: str,
) -> DepthScaling:
    return DepthScaling(slope, error, chi_squared, layers - 1, verdict, words, probability, layers, count)
