"""Scaling with depth is claimed for one law over enough layers, and for nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.scaling import depth_scaling, jackknife_means, slope_weights


def judged(centres: list[float], noise: float, rows: int = 400, seed: int = 31):
    drawn = np.array(centres) + noise * np.random.default_rng(seed).standard_normal((rows, len(centres)))
    return depth_scaling(*jackknife_means(drawn))


def test_the_weights_are_those_of_a_line_through_cumulative_sums() -> None:
    gains = np.random.default_rng(7).standard_normal(6)
    cumulative = np.concatenate([[0.0], np.cumsum(gains)])
    assert slope_weights(6) @ gains == pytest.approx(np.polyfit(np.arange(7), cumulative, 1)[0], abs=1e-13)
    assert slope_weights(6).sum() == pytest.approx(1.0)


def test_left_out_means_are_those_of_the_other_rows() -> None:
    rows = np.random.default_rng(8).standard_normal((5, 3))
    mean, left_out = jackknife_means(rows)
    np.testing.assert_allclose(left_out[2], np.delete(rows, 2, axis=0).mean(axis=0), atol=1e-15)
    np.testing.assert_allclose(mean, rows.mean(axis=0))
    rows[1, 0] = -np.inf
    _, left_out = jackknife_means(rows)
    assert np.isneginf(left_out[:, 0]).sum() == 4 and np.isfinite(left_out[:, 1:]).all()


@pytest.mark.parametrize(
    ("centres", "noise", "verdict"),
    [
        ([0.3, 0.3, 0.3, 0.3], 0.5, "scaling"),
        ([-0.3, -0.3, -0.3, -0.3, -0.3], 0.5, "scaling"),
        ([0.3, 0.3, 0.3], 0.5, "undecided"),
        ([0.0, 0.0, 0.0, 0.0], 0.1, "no scaling"),
        ([0.0, 0.0, 0.0, 0.0], 5.0, "undecided"),
        ([0.9, 0.1, 0.4, 0.2], 0.5, "no scaling"),
        ([0.5, -0.5, 0.5, -0.5], 0.2, "no scaling"),
    ],
)
def test_the_verdict_follows_the_rule(centres: list[float], noise: float, verdict: str) -> None:
    assert judged(centres, noise).verdict == verdict


def test_agreement_is_judged_as_often_wrong_as_it_says() -> None:
    chances = np.array([judged([0.2] * 5, 1.0, rows=12, seed=500 + i).probability for i in range(400)])
    # twelve replicates: chi squared without Hotelling's correction would reject three times in ten
    assert 0.025 < (chances < 0.05).mean() < 0.085
    assert (chances < 0.5).mean() == pytest.approx(0.5, abs=0.08)


def test_a_law_without_noise_is_a_law() -> None:
    gains = np.full(5, np.log(1.3175))
    found = depth_scaling(gains, np.tile(gains, (8, 1)))
    assert found.verdict == "scaling" and found.slope == pytest.approx(np.log(1.3175))
    assert found.chi_squared == pytest.approx(0.0, abs=1e-3)


def test_what_cannot_be_judged_is_undecided() -> None:
    assert judged([0.3] * 8, 0.1, rows=5).verdict == "undecided"
    dead = depth_scaling(np.array([0.1, -np.inf, 0.1, 0.1]), np.zeros((4, 4)))
    assert dead.verdict == "undecided" and dead.summary()["slope"] is None
    with pytest.raises(InvalidInput, match="replicates"):
        depth_scaling(np.zeros(4), np.zeros((4, 3)))


@pytest.mark.parametrize("inputs", [5, 8])
def test_noise_of_few_inputs_is_called_scaling_no_oftener_than_three_errors_allow(inputs: int) -> None:
    rng = np.random.default_rng(911)
    said = [depth_scaling(*jackknife_means(rng.standard_normal((inputs, 4)))).verdict for _ in range(2000)]
    # 5.4 are expected; at three errors whatever the number of inputs there would be 80 or 40
    assert said.count("scaling") < 16
