"""How unlike an owner's data a window of questions is: five numbers, larger for more unlike.

| name | what is averaged over the rows of a window |
| --- | --- |
| far from the data | log of the distance to the nearest reference row over its benign 99 % quantile |
| unusual norms | log of how many times longer or shorter than usual a row is, over its benign 99 % quantile |
| tiny steps | rows within a hundredth of a usual distance of an earlier row, but not equal to it |
| rows on lines | rows on one line with two of the eight rows before |
| uneven distances | 1 - W of Shapiro and Wilk, of each row's distance to the nearest earlier one |

Coordinates are first divided by their benign deviations; what is not over the quantile counts as 0.
Source of the last: Juuti, Szyller, Marchal and Asokan, PRADA: Protecting Against DNN Model Stealing Attacks,
EuroS&P 2019; there each class has a growing set of its own, here all rows within memory are one set, since a
monitor sees no answers.
Cost of a window of w rows: w (r + m) d for r reference rows and m rows of memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput

NAMES = ("far from the data", "unusual norms", "tiny steps", "rows on lines", "uneven distances")
"""Of the scores, in order."""
FLOORS = np.array([0.02, 0.02, 0.02, 0.02, 0.05])
"""Smallest spread each score is told apart by: one row of fifty, or W within its own scatter."""

_ORDINARY = 0.99
_TINY = 0.01
_BEFORE = 8
# 1 - |cos| of directions that are the same up to rounding: an angle of 1e-4.
_ALIGNED = 1e-8
_SAME_LENGTH = 1e-9
_SMALLEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Yardstick:
    """What is usual among benign rows."""

    centre: FloatArray
    """Mean, shape "d"."""
    spread: FloatArray
    """Deviation of each coordinate, shape "d"; of a constant one the mean of the others."""
    reference: FloatArray
    """Rows in these units, "r d"."""
    nearest: float
    """99 % quantile of the distance from a row to the nearest other one."""
    usual: float
    """Median of that distance."""
    norm: float
    """Median distance from the centre."""
    norm_factor: float
    """99 % quantile of how many times longer or shorter a row is than that, as a logarithm."""

    def scaled(self, rows: FloatArray) -> FloatArray:
        """Rows in units of benign deviations."""
        return (rows - self.centre) / self.spread


def yardstick(rows: FloatArray) -> Yardstick:
    """Measure benign rows, "n d".

    Raises:
        InvalidInput: Fewer than ten rows, or rows that are all the same.
    """
    deviations = rows.std(axis=0) if len(rows) else np.zeros(0)
    if len(rows) < 10 or not deviations.any():
        raise InvalidInput(
            f"a monitor wants ten benign rows that differ, and better hundreds; got {len(rows)}"
        )
    spread = np.where(deviations > 0, deviations, deviations[deviations > 0].mean())
    scaled = (rows - rows.mean(axis=0)) / spread
    apart = _distances(scaled, scaled)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.min(axis=1)
    norms = np.linalg.norm(scaled, axis=1)
    usual_norm = float(np.median(norms))
    factors = np.abs(np.log(_positive(norms) / usual_norm))
    return Yardstick(
        centre=frozen(rows.mean(axis=0)),
        spread=frozen(spread),
        reference=frozen(scaled),
        nearest=max(_SMALLEST, float(np.quantile(nearest, _ORDINARY))),
        usual=float(np.median(nearest)),
        norm=usual_norm,
        norm_factor=float(np.quantile(factors, _ORDINARY)),
    )


def window_scores(benign: Yardstick, window: FloatArray, before: FloatArray) -> FloatArray:
    """The five scores of one window, shape "5".

    Args:
        benign: What is usual.
        window: Rows as they were asked, "w d".
        before: Rows asked before them that are remembered, the latest last, "m d".
    """
    rows, past = benign.scaled(window), benign.scaled(before)
    nearest = _distances(rows, benign.reference).min(axis=1)
    factors = np.abs(np.log(_positive(np.linalg.norm(rows, axis=1)) / benign.norm))
    steps = _steps(rows, past)
    return np.array(
        [
            np.maximum(np.log(_positive(nearest) / benign.nearest), 0.0).mean(),
            np.maximum(factors - benign.norm_factor, 0.0).mean(),
            ((steps > 0) & (steps < _TINY * benign.usual)).mean(),
            _on_lines(rows, past).mean(),
            _unevenness(steps),
        ]
    )


def _steps(rows: FloatArray, past: FloatArray) -> FloatArray:
    """Distance of each row to the nearest one before it, "w"; infinite for the first of all."""
    among = _distances(rows, rows)
    among[np.triu_indices(len(rows))] = np.inf
    return np.hstack([among, _distances(rows, past)]).min(axis=1)


def _on_lines(rows: FloatArray, past: FloatArray) -> FloatArray:
    """1.0 for each row that lies on one line with two of those shortly before it, "w"."""
    together = np.vstack([past[-_BEFORE:], rows])
    found = np.zeros(len(rows))
    for back_one in range(1, _BEFORE + 1):
        for back_two in range(back_one + 1, _BEFORE + 1):
            first = len(together) - len(rows)
            start = max(first, back_two)
            here = together[start:]
            one = together[start - back_one : len(together) - back_one] - here
            two = together[start - back_two : len(together) - back_two] - here
            found[start - first :] = np.maximum(found[start - first :], _aligned(one, two))
    return found


def _aligned(one: FloatArray, two: FloatArray) -> FloatArray:
    """1.0 where two differences point along one line and are not the same difference."""
    long_one, long_two = np.linalg.norm(one, axis=1), np.linalg.norm(two, axis=1)
    product = (one * two).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = product / (long_one * long_two)
    # A row asked twice before is one row, not two on a line with this one.
    twice = (np.abs(long_one - long_two) <= _SAME_LENGTH * long_one) & (product > 0)
    return ((1.0 - np.abs(cosine) < _ALIGNED) & ~twice).astype(np.float64)


def _unevenness(steps: FloatArray) -> float:
    """1 - W of the distances within three deviations of their mean; repeats are left out."""
    from scipy.stats import shapiro

    kept = steps[(steps > 0) & np.isfinite(steps)]
    if len(kept) > 2:
        kept = kept[np.abs(kept - kept.mean()) <= 3.0 * kept.std()]
    if len(kept) < 3:
        return 0.0
    # Equal distances have no W, and are as far from those of data as can be.
    if np.ptp(kept) <= 1e-12 * kept.max():
        return 1.0
    return 1.0 - float(shapiro((kept - kept.mean()) / kept.std()).statistic)


def _distances(rows: FloatArray, others: FloatArray) -> FloatArray:
    """Euclidean distances, "n d" and "m d" to "n m"; by differences, so that small ones keep their digits."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(rows, others), dtype=np.float64)


def _positive(values: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(values, _SMALLEST), dtype=np.float64)
