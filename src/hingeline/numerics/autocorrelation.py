"""How long a Markov chain remembers: the integrated autocorrelation time, with its error.

    tau = 1/2 + sum_{t >= 1} rho(t),    rho(t) = Gamma(t) / Gamma(0),

with Gamma the autocovariance, averaged over chains about their common mean. A mean over N states of a chain
has the variance 2 tau Gamma(0) / N: independent states have tau = 1/2. The sum is cut where the neglected
tail and the noise of what is summed are about equal.

Source: the Gamma method with automatic window, Wolff 2004 (hep-lat/0306017).
Cost: one Fourier transform of each chain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput

STEEPNESS = 1.5
"""Decay time of the autocovariance in units of tau, as Wolff takes it; 1 to 2 are sensible."""
SHORTEST = 20.0
"""Length of a series, in units of tau, from which tau can be told."""
_NUMBERS_AT_ONCE = 2**21
"""Bounds the memory of the Fourier transforms."""


@dataclass(frozen=True)
class Autocorrelation:
    """Integrated autocorrelation time of a series."""

    tau: float
    """In steps of the series; 1/2 if its values are independent."""
    error: float
    """Standard error of tau."""
    window: int
    """Steps over which the autocovariance was summed."""
    settled: bool = True
    """False if the series are shorter than 20 tau, or than the window: tau may be much longer."""


def integrated_time(series: FloatArray, *, steepness: float = STEEPNESS) -> Autocorrelation:
    """Estimate tau of chains that sample the same law.

    Args:
        series: One row of successive values for each chain, shape "chains sweeps" (or "sweeps" for one).
        steepness: Assumed decay time of the autocovariance over tau.

    Raises:
        InvalidInput: Fewer than four sweeps, values that are not finite, or a series that never changes.
    """
    rows = np.atleast_2d(np.asarray(series, dtype=np.float64))
    if rows.ndim != 2 or rows.shape[1] < 4 or not np.isfinite(rows).all():
        raise InvalidInput(
            f"a series wants finite values (chains, sweeps), 4 sweeps or more; got {rows.shape}"
        )
    if np.ptp(rows) == 0.0:
        raise InvalidInput("a series that never changes has no autocorrelation time")
    return _windowed(_autocovariance(rows), rows.size, rows.shape[1], steepness)


def _windowed(gamma: FloatArray, samples: int, sweeps: int, steepness: float) -> Autocorrelation:
    """Tau from Gamma(t), t = 0, 1, ..., by the automatic window; `samples` in all chains together."""
    times = np.arange(1, sweeps // 2)
    # exp(-1 / decay) = ((2 tau - 1) / (2 tau + 1))^(1 / S). Sizes are summed where Wolff sums values: the
    # same where all are positive, but a series that turns over at every step counts as having a memory
    sums = np.cumsum(np.abs(gamma / gamma[0])) - 0.5
    tail = np.maximum(sums[times], 0.5 + 1e-12)
    decay = steepness / np.log((2 * tail + 1) / (2 * tail - 1))
    # derivative of the total error by the window: the first change of sign is the best window
    change = np.exp(-times / decay) - decay / np.sqrt(times * float(samples))
    found = np.flatnonzero(change < 0)
    window = int(times[found[0]] if len(found) else times[-1])
    # the mean is estimated too, which lowers Gamma by C / N on average
    total = gamma[0] + 2.0 * gamma[1 : window + 1].sum()
    corrected = gamma[: window + 1] + total / samples
    tau = float(0.5 + corrected[1:].sum() / corrected[0])
    error = 2.0 * abs(tau) * np.sqrt(max(window + 0.5 - tau, 0.5) / samples)
    settled = len(found) > 0 and sweeps >= SHORTEST * tau
    return Autocorrelation(tau, float(error), window, settled)


def _autocovariance(rows: FloatArray) -> FloatArray:
    """Gamma(t) averaged over chains, for t below half of their length."""
    chains, sweeps = rows.shape
    centre = rows.mean()
    length = 2 ** int(np.ceil(np.log2(2 * sweeps)))
    summed = np.zeros(length)
    at_once = max(1, _NUMBERS_AT_ONCE // length)
    for start in range(0, chains, at_once):
        # zeros appended, so that the circular correlation is the plain one
        spectrum = np.fft.rfft(rows[start : start + at_once] - centre, length, axis=1)
        summed += np.fft.irfft((np.abs(spectrum) ** 2).sum(axis=0), length)
    kept = np.arange(sweeps // 2)
    return summed[kept] / (chains * (sweeps - kept))
