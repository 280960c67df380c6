"""Statistics that stay right where samples are few or infinite.

Sources: the score interval for a proportion is Wilson 1927; the bootstrap is Efron 1979.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput

CONFIDENCE = 0.95


def quantile(values: FloatArray, share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed; infinities count as largest.

    No interpolation: the mean of a number and infinity tells nothing. NaN if there are no values.

    Raises:
        InvalidInput: A value is NaN, so that there is no order.
    """
    if np.isnan(values).any():
        raise InvalidInput("there is no quantile of values of which some are NaN")
    if not values.size:
        return float("nan")
    return float(np.quantile(values, share, method="inverted_cdf"))


def median(values: FloatArray) -> float:
    """The lower median; infinities count as largest, NaN if there are no values."""
    return quantile(values, 0.5)


def wilson(successes: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval for a proportion; (0, 1) if nothing was tried.

    Counts need not be whole: trials that depend on each other count as fewer (`clustered_wilson`).

    Raises:
        InvalidInput: More successes than trials, or a negative count.
    """
    if not 0 <= successes <= trials:
        raise InvalidInput(f"{successes} successes in {trials} trials")
    if not trials:
        return (0.0, 1.0)
    z = float(ndtri(0.5 + confidence / 2.0))
    share = successes / trials
    # (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)
    centre = share + z * z / (2 * trials)
    half = z * np.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    scale = 1 + z * z / trials
    low, high = (centre - half) / scale, (centre + half) / scale
    # the ends are exact where all or nothing succeeded; rounding must not say otherwise
    return (0.0 if successes == 0 else max(0.0, low), 1.0 if successes == trials else min(1.0, high))


def clustered_wilson(
    successes: FloatArray, trials_each: int, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """The score interval for a proportion whose trials come in clusters, such as several at one input.

    Trials at one input are not independent: an easy input succeeds in all of them. The variance of the share
    is that of the clusters' means, s^2 / n, and the trials count as the number of independent ones that would
    vary as much, p (1 - p) n / s^2, no fewer than the clusters and no more than all trials (Korn and Graubard
    1998).

    Args:
        successes: Successes in each cluster, shape "n".
        trials_each: Trials in each.
        confidence: Of the interval.

    Returns:
        The lower end, the upper end, and the effective number of trials.
    """
    clusters = len(successes)
    shares = successes / trials_each
    share = float(shares.mean()) if clusters else 0.0
    variance = float(shares.var(ddof=1)) if clusters > 1 else 0.0
    # nothing or everything succeeded: that clusters agree tells nothing, each counts once
    alike = share * (1 - share) * clusters / variance if variance > 0 else float(clusters)
    effective = min(max(alike, float(clusters)), float(clusters * trials_each))
    return (*wilson(share * effective, effective, confidence), effective)


@dataclass(frozen=True)
class PowerLaw:
    """y = factor x^exponent, fitted by least squares on logarithms."""

    exponent: float
    exponent_interval: tuple[float, float]
    """Percentile interval of the bootstrap over groups of measurements."""
    factor: float
    factor_interval: tuple[float, float]


def fit_power_law(
    x: FloatArray, samples: list[FloatArray], rng: np.random.Generator, *, draws: int = 1000
) -> PowerLaw:
    """Fit the medians of `samples` at each x by a power law.

    Args:
        x: Positive places, shape "g", at least two.
        samples: Measurements at each place; their medians must be positive and finite.
        rng: Draws the bootstrap.
        draws: Bootstrap repetitions.

    Raises:
        InvalidInput: Fewer than two places, or a median that has no logarithm.
    """
    if len(x) < 2 or len(x) != len(samples):
        raise InvalidInput(
            f"a power law wants at least two places with samples; got {len(x)}, {len(samples)}"
        )
    slope, level = _line(x, np.array([median(s) for s in samples]))
    drawn = np.empty((draws, 2))
    for draw in range(draws):
        drawn[draw] = _line(x, np.array([median(rng.choice(s, len(s))) for s in samples]))
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    factors = float(np.exp(low[1])), float(np.exp(high[1]))
    return PowerLaw(slope, (float(low[0]), float(high[0])), float(np.exp(level)), factors)


def _line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    if not ((x > 0) & (y > 0) & np.isfinite(y)).all():
        raise InvalidInput("a power law wants positive, finite places and medians")
    slope, level = np.polyfit(np.log(x), np.log(y), 1)
    return float(slope), float(level)
