"""Rank correlations against closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from hingeline.core.errors import InvalidInput
from hingeline.numerics.rank_correlation import average_ranks, rank_correlations, spearman


def test_ranks_of_ties_are_their_mean_and_infinities_are_last() -> None:
    values = np.array([3.0, np.inf, 1.0, 3.0, np.inf, -np.inf])
    np.testing.assert_array_equal(average_ranks(values), [3.5, 5.5, 2.0, 3.5, 5.5, 1.0])
    np.testing.assert_array_equal(average_ranks(values), rankdata(values))


def test_without_ties_it_is_one_minus_the_squared_rank_differences() -> None:
    # rho = 1 - 6 sum d^2 / (n (n^2 - 1))
    one, other = np.arange(6.0), np.array([1.0, 0.0, 2.0, 5.0, 3.0, 4.0])
    assert spearman(one, other) == pytest.approx(1 - 6 * 8 / (6 * 35))
    assert spearman(one, one**3) == pytest.approx(1.0)
    assert spearman(one, -one) == pytest.approx(-1.0)


@pytest.mark.parametrize("levels", [3, 10, 10_000])
def test_with_ties_it_is_that_of_scipy(levels: int) -> None:
    rng = np.random.default_rng(levels)
    one, other = rng.integers(levels, size=(2, 60)).astype(np.float64)
    assert spearman(one, one + other) == pytest.approx(spearmanr(one, one + other)[0])


def test_what_does_not_vary_has_no_correlation() -> None:
    assert np.isnan(spearman(np.full(5, np.inf), np.arange(5.0)))
    found = rank_correlations(
        np.arange(5.0)[np.newaxis], np.zeros((1, 1, 5)), rng=np.random.default_rng(0), draws=4
    )
    assert np.isnan(found.pooled[0]) and found.summary()["pooled_low"] == [None]


def test_nan_and_lengths_that_differ_are_refused() -> None:
    with pytest.raises(InvalidInput, match="NaN"):
        spearman(np.array([1.0, np.nan, 2.0]), np.arange(3.0))
    with pytest.raises(InvalidInput, match="pairs"):
        spearman(np.arange(4.0), np.arange(3.0))
    with pytest.raises(InvalidInput, match="want outcomes"):
        rank_correlations(np.zeros((2, 5)), np.zeros((1, 3, 5)), rng=np.random.default_rng(0))


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    # of normal pairs with correlation r, Spearman's rho is 6/pi asin(r/2)
    rng, true, held = np.random.default_rng(20), 6 / np.pi * np.arcsin(0.7 / 2), 0
    for _ in range(100):
        x = rng.standard_normal((2, 80))
        y = 0.7 * x[0] + np.sqrt(1 - 0.7**2) * x[1]
        found = rank_correlations(y[np.newaxis], x[:1, np.newaxis], rng=rng, draws=200)
        held += found.low[0, 0] <= true <= found.high[0, 0]
    assert 87 <= held <= 99


def test_the_difference_of_two_predictors_is_paired() -> None:
    rng = np.random.default_rng(3)
    y = rng.standard_normal((2, 100))
    noisy = y + 0.5 * rng.standard_normal(y.shape)
    # a predictor that is nearly the other: either interval is wide, that of the difference is not
    found = rank_correlations(y, np.stack([noisy, noisy + 1e-3 * y]), rng=rng, draws=200)
    difference, low, high = found.difference(1, 0)
    alone = found.pooled_interval
    assert low <= difference <= high and high - low < 0.1 * (alone[1, 0] - alone[0, 0])
    assert found.pooled[0] == pytest.approx(np.tanh(np.arctanh(found.values[0]).mean()))
