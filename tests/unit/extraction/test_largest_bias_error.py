"""The error claimed for all biases together holds for the largest of them, rounded answers or not."""

from __future__ import annotations

import numpy as np
import pytest
from practice_benches import he_network

from hingeline.extraction.bias_fit import BiasFit, fit_biases, with_rounding
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

STEP = 1e-6
FITS, FEWEST_HOLD = 60, 57


def fitted(network: PiecewiseLinearNetwork, seed: int) -> BiasFit:
    """Biases of a network from its answers, rounded."""
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((300, network.input_dim)) * np.exp(rng.uniform(-1, 1, (300, 1)))
    noise = np.full(300, STEP / np.sqrt(12))
    fit = fit_biases(network, points, np.round(network(points) / STEP) * STEP, noise)
    return with_rounding(fit, points, noise, STEP, rng)


def largest_miss(fit: BiasFit, network: PiecewiseLinearNetwork) -> float:
    gaps = [np.abs(a - b).max() for a, b in zip(fit.network.biases, network.biases, strict=True)]
    return float(max(gaps))


@pytest.mark.parametrize("sizes", [(8, 5, 3, 1), (12, 9, 6, 1), (6, 8, 2)])
def test_the_largest_error_of_rounded_answers_is_within_the_claim(sizes: tuple[int, ...]) -> None:
    held = tight = 0
    for seed in range(FITS):
        network = he_network(*sizes, seed=seed)
        fit = fitted(network, seed)
        missed = largest_miss(fit, network)
        held += missed <= fit.largest
        tight += missed > fit.largest / 10
    assert held >= FEWEST_HOLD
    assert tight >= FITS // 2


def test_a_bias_that_is_not_told_has_no_bound() -> None:
    network = he_network(8, 5, 3, 1, seed=1)
    fit = fitted(network, 1)
    loose = BiasFit(fit.network, fit.covariance, (np.full(5, np.inf), *fit.errors[1:]), 1.0, 1.0)
    assert loose.largest == np.inf


def test_scaled_errors_are_scaled_wherever_they_are_told() -> None:
    fit = fitted(he_network(8, 5, 3, 1, seed=2), 2)
    twice = fit.scaled(2.0)
    assert twice.largest == pytest.approx(2 * fit.largest)
    assert all(np.allclose(b, 2 * a) for a, b in zip(fit.errors, twice.errors, strict=True))
