"""The Gamma method finds autocorrelation times that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from hingeline.core.errors import InvalidInput
from hingeline.numerics.autocorrelation import integrated_time


def remembering(memory: float, chains: int, sweeps: int, seed: int) -> np.ndarray:
    """Stationary chains of x' = memory x + noise; tau = (1 + memory) / (2 (1 - memory))."""
    noise = np.random.default_rng(seed).standard_normal((chains, sweeps))
    noise[:, 0] /= np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise, axis=1)


@pytest.mark.parametrize(("memory", "tau"), [(0.0, 0.5), (0.5, 1.5), (0.8, 4.5), (0.95, 19.5)])
def test_tau_of_a_remembering_chain_is_the_known_one(memory: float, tau: float) -> None:
    found = integrated_time(remembering(memory, 40, 5000, 1))
    assert found.settled
    assert abs(found.tau - tau) < 4 * found.error + 0.02 * tau
    assert found.error < 0.06 * tau


def test_errors_are_the_spread_between_repeats() -> None:
    found = [integrated_time(remembering(0.8, 1, 4000, seed)) for seed in range(200)]
    taus = np.array([one.tau for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(taus.std(), rel=0.25)
    assert taus.mean() == pytest.approx(4.5, rel=0.05)


def test_a_series_that_turns_over_has_tau_below_one_half() -> None:
    found = integrated_time(remembering(-0.5, 40, 5000, 2))
    assert found.tau == pytest.approx(1 / 6, abs=0.02)


def test_a_series_shorter_than_its_memory_says_so() -> None:
    drift = np.cumsum(np.random.default_rng(3).standard_normal(40))
    assert not integrated_time(drift).settled


def test_chains_stuck_in_different_places_are_not_settled() -> None:
    places = np.repeat([[1.0], [-1.0], [-1.0]], 50, axis=1)
    stuck = places + 1e-3 * np.random.default_rng(4).standard_normal(places.shape)
    assert not integrated_time(stuck).settled


@pytest.mark.parametrize("series", [np.ones((3, 10)), np.zeros(3), np.array([[1.0, np.nan, 2, 3]])])
def test_series_without_a_tau_are_refused(series: np.ndarray) -> None:
    with pytest.raises(InvalidInput):
        integrated_time(series)
