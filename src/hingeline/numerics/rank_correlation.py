"""Rank correlations of one outcome with several predictors, with intervals and paired differences.

Spearman's rho is the correlation of ranks, the mean rank where values tie; infinities are the largest values
and tie with each other, so that no row has to be left out. Several targets measured at the same inputs (such
as trainings of one network) are pooled by the mean of Fisher's z = artanh rho, and the bootstrap draws
inputs, the same for all targets and predictors: what inputs have in common is not counted twice, and the
difference of two predictors has an interval of its own, which overlap of two intervals would not give.

Source: Spearman 1904; percentile bootstrap, Efron 1979. Cost: `draws` sorts of every row of values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import CONFIDENCE

DRAWS = 1000
"""Bootstrap repetitions: an end of a 95 % interval rests on 25 of them."""
_FEWEST = 3
_CLOSEST = 1.0 - 1e-12
"""Correlations nearer to 1 count as this one, whose z is finite."""


@dataclass(frozen=True, eq=False)
class RankCorrelations:
    """How well each of several predictors orders the inputs of one or more targets.

    Attributes:
        values: Spearman's rho of each predictor and target, shape "p t"; NaN where either is constant.
        low: Lower ends of their 95 % intervals, shape "p t".
        high: Upper ends, shape "p t".
        pooled: tanh of the mean z over targets, shape "p"; NaN where a target has none.
        pooled_draws: The same of each bootstrap draw, shape "draws p".
    """

    values: FloatArray
    low: FloatArray
    high: FloatArray
    pooled: FloatArray
    pooled_draws: FloatArray

    @property
    def pooled_interval(self) -> FloatArray:
        """Ends of the 95 % intervals of `pooled`, shape "2 p"."""
        return _ends(self.pooled_draws)

    def difference(self, one: int, other: int) -> tuple[float, float, float]:
        """Pooled rho of predictor `one` less that of `other`, and the ends of the interval of that.

        The interval is paired: both were drawn at the same inputs.
        """
        low, high = _ends((self.pooled_draws[:, one] - self.pooled_draws[:, other])[:, np.newaxis])[:, 0]
        return float(self.pooled[one] - self.pooled[other]), float(low), float(high)

    def summary(self) -> dict[str, Any]:
        """JSON-ready, by predictor; None for what is not a number."""
        low, high = self.pooled_interval
        return {
            "values": [[_told(v) for v in row] for row in self.values],
            "low": [[_told(v) for v in row] for row in self.low],
            "high": [[_told(v) for v in row] for row in self.high],
            "pooled": [_told(v) for v in self.pooled],
            "pooled_low": [_told(v) for v in low],
            "pooled_high": [_told(v) for v in high],
        }


def average_ranks(values: FloatArray) -> FloatArray:
    """Ranks 1 to n, the mean rank where values tie: "n" to "n".

    Raises:
        InvalidInput: A value is NaN, so that there is no order.
    """
    if np.isnan(values).any():
        raise InvalidInput("there are no ranks of values of which some are NaN")
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - 0.5 * (counts - 1))[place]


def spearman(one: FloatArray, other: FloatArray) -> float:
    """Spearman's rho of paired values, shape "n" each; NaN where either does not vary.

    Raises:
        InvalidInput: Fewer than three pairs, different lengths, or NaN.
    """
    if one.ndim != 1 or one.shape != other.shape or len(one) < _FEWEST:
        raise InvalidInput(
            f"a rank correlation wants {_FEWEST} pairs of values or more; got {one.shape} and {other.shape}"
        )
    a, b = (ranks - ranks.mean() for ranks in (average_ranks(one), average_ranks(other)))
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def rank_correlations(
    outcomes: FloatArray, predictors: FloatArray, *, rng: np.random.Generator, draws: int = DRAWS
) -> RankCorrelations:
    """Spearman's rho of each predictor with the outcome, for each target, with intervals.

    Args:
        outcomes: What is to be foretold of each target at each input, shape "t n"; the same inputs for all.
        predictors: By which, shape "p t n"; larger values are to go with larger outcomes.
        rng: Draws inputs.
        draws: Bootstrap repetitions.

    Raises:
        InvalidInput: Shapes that do not belong together, NaN, fewer than three inputs or no draws.
    """
    if outcomes.ndim != 2 or predictors.shape[1:] != outcomes.shape or draws < 1:
        raise InvalidInput(
            f"want outcomes of shape (t, n), predictors (p, t, n) and at least one draw; got "
            f"{outcomes.shape}, {predictors.shape}, {draws}"
        )
    values = _table(outcomes, predictors)
    drawn = np.empty((draws, *values.shape))
    for draw in range(draws):
        rows = rng.integers(outcomes.shape[1], size=outcomes.shape[1])
        drawn[draw] = _table(outcomes[:, rows], predictors[:, :, rows])
    low, high = _ends(drawn)
    return RankCorrelations(values, low, high, _pooled(values), _pooled(drawn))


def _table(outcomes: FloatArray, predictors: FloatArray) -> FloatArray:
    return np.array(
        [[spearman(row, outcome) for row, outcome in zip(rows, outcomes, strict=True)] for rows in predictors]
    )


def _pooled(values: FloatArray) -> FloatArray:
    """The mean z over the last axis, as a correlation."""
    return np.tanh(np.arctanh(np.clip(values, -_CLOSEST, _CLOSEST)).mean(axis=-1))


def _ends(draws: FloatArray) -> FloatArray:
    """Ends of the percentile interval over the first axis; NaN where a draw has no correlation at all."""
    return np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)


def _told(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
