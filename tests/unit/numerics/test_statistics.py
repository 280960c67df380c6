"""Statistics with few or infinite samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import clustered_wilson, fit_power_law, median, quantile, wilson


def test_infinity_counts_as_the_largest_value() -> None:
    assert median(np.array([1.0, np.inf, 2.0])) == 2.0
    assert median(np.array([1.0, np.inf, np.inf])) == np.inf
    assert quantile(np.array([3.0, np.inf, 1.0, 2.0]), 0.75) == 3.0


def test_a_quantile_of_nan_is_refused() -> None:
    with pytest.raises(InvalidInput, match="NaN"):
        median(np.array([1.0, np.nan]))


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 10), (10, 10), (77, 80)])
def test_the_interval_of_a_proportion_is_that_of_wilson(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(successes, trials), (expected.low, expected.high), atol=1e-12)


def test_trials_that_always_agree_count_once_for_each_cluster() -> None:
    successes = np.repeat([0.0, 20.0], [300, 100])
    low, high, effective = clustered_wilson(successes, 20)
    assert 399 <= effective <= 400
    np.testing.assert_allclose((low, high), wilson(100, 400), rtol=0.01)
    assert clustered_wilson(np.zeros(50), 20) == (*wilson(0, 50), 50.0)


def test_one_trial_in_each_cluster_is_the_interval_of_wilson() -> None:
    assert clustered_wilson(np.array([1.0, 0, 0, 1, 0]), 1) == (*wilson(2, 5), 5.0)


def test_intervals_of_clustered_trials_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(51)
    # chances of single inputs differ widely: mean 0.1, most near 0
    chances = rng.beta(0.1, 0.9, (600, 400))
    ends = [clustered_wilson(row, 20)[:2] for row in rng.binomial(20, chances).astype(float)]
    naive = [wilson(row.sum(), 20 * 400) for row in rng.binomial(20, chances)]
    assert 0.92 < np.mean([low <= 0.1 <= high for low, high in ends]) < 0.98
    assert np.mean([low <= 0.1 <= high for low, high in naive]) < 0.7


def test_a_power_law_is_found_with_an_interval_that_holds_it() -> None:
    rng = np.random.default_rng(0)
    x = np.array([8.0, 16.0, 32.0, 64.0])
    samples = [3.0 * v**-0.5 * np.exp(0.2 * rng.standard_normal(400)) for v in x]
    law = fit_power_law(x, samples, rng)
    assert law.exponent_interval[0] < -0.5 < law.exponent_interval[1]
    assert law.exponent_interval[1] - law.exponent_interval[0] < 0.1
