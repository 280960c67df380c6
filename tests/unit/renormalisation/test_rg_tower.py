"""The tower of majority votes is what enumeration and sampling say it is."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.renormalisation.known_answers.tower import TRANSITION_WEIGHT, MajorityTower
from hingeline.renormalisation.operators.operator_set import total
from hingeline.renormalisation.stacks.exact import ExactStack


@pytest.mark.parametrize(
    ("weight", "boundary", "mean", "inside"),
    [(0.6, 1.1129, 0.8245, 0.7742), (1.0, 1.3175, 0.9923, 0.3650), (2.0, 1.4730, 1.0000, 0.0540)],
)
def test_eigenvalues_are_those_of_the_table(
    weight: float, boundary: float, mean: float, inside: float
) -> None:
    tower = MajorityTower(weight)
    assert tower.eigenvalue(0.0) == pytest.approx(boundary, abs=5e-5)
    assert tower.class_mean == pytest.approx(mean, abs=5e-5)
    # at a fixed point the mean stays, and lambda is the slope
    assert tower.next_mean(tower.class_mean) == pytest.approx(tower.class_mean)
    assert tower.eigenvalue(tower.class_mean) == pytest.approx(inside, abs=5e-4)


def test_weak_towers_have_one_class() -> None:
    assert MajorityTower(0.3).eigenvalue(0.0) == pytest.approx(0.7557, abs=5e-5)
    assert MajorityTower(0.3).class_mean == 0.0
    assert MajorityTower(TRANSITION_WEIGHT).a == pytest.approx(1.0, abs=1e-14)
    assert pytest.approx(0.4753, abs=5e-5) == TRANSITION_WEIGHT


@pytest.mark.parametrize("mean", [0.0, 0.3, 0.9])
def test_eigenvalues_equal_enumeration_of_a_small_tower(mean: float) -> None:
    tower = MajorityTower(1.0, levels=2)
    exact, x = ExactStack(tower.stack), tower.input_of_mean(mean)
    for layer, (below, width) in enumerate(zip(tower.means(mean), (9, 3), strict=False), start=1):
        operators = total(width), total(width // 3)
        assert exact.stability(x, layer, *operators)[0, 0] == pytest.approx(tower.eigenvalue(below))
        correlation = exact.canonical_correlations(x, layer, *operators)[0]
        assert correlation == pytest.approx(tower.canonical_correlation(below))
    assert tower.canonical_correlation(0.0) == pytest.approx(0.7607, abs=5e-5)


@pytest.mark.parametrize("mean", [0.0, 0.3])
def test_input_information_equals_enumeration_of_a_small_tower(mean: float) -> None:
    tower = MajorityTower(0.8, levels=2, first_weight=0.7)
    found = ExactStack(tower.stack).class_information(tower.input_of_mean(mean))
    assert found == pytest.approx(np.full((9, 9), tower.input_information(mean) / 9))


def test_input_information_of_the_full_tower_is_the_known_number() -> None:
    assert MajorityTower(1.0).input_information() == pytest.approx(0.11207, abs=5e-6)


def ratios_without_blocks(pairs: np.ndarray) -> np.ndarray:
    """cov(O', O) / var(O') with one block left out; `pairs` has blocks, two layers, samples."""
    below, above = pairs[:, 0], pairs[:, 1]
    sums = np.stack([below, above, below * above, above**2]).sum(axis=2)
    means = (sums.sum(axis=1, keepdims=True) - sums) / (above.size - above.shape[1])
    return (means[2] - means[0] * means[1]) / (means[3] - means[1] ** 2)


def test_sampled_eigenvalues_agree_within_their_errors() -> None:
    tower, z = MajorityTower(1.0), []
    for seed, mean in itertools.product(range(5), (0.0, 0.3, 0.9)):
        drawn = tower.batches(mean, 40_000, np.random.default_rng([7, seed]), batch=1000)
        totals = np.array([[layer.sum(axis=1) for layer in states] for states in drawn])
        for layer, below in enumerate(tower.means(mean)[:-1]):
            ratios = ratios_without_blocks(totals[:, layer : layer + 2])
            error = jackknife_error(ratios)
            z.append((ratios.mean() - tower.eigenvalue(below)) / error)
            assert mean or error < 0.01
    assert np.mean(np.abs(z) < 3) >= 0.97
    assert 0.75 < np.sqrt(np.mean(np.square(z))) < 1.3


def test_sampled_input_information_agrees_within_three_errors() -> None:
    tower, gains = MajorityTower(1.0), []
    for states in tower.batches(0.0, 200_000, np.random.default_rng(8), batch=10_000):
        # the score of the first layer at mean 0 is w_0 h, the class the sign of the top unit
        gains.append((states[0] * states[-1]).mean(axis=0))
    slopes = np.array(gains)
    along = slopes.sum(axis=1) / 9.0
    error = 2 * along.mean() * along.std(ddof=1) / np.sqrt(len(along))
    assert abs(along.mean() ** 2 - tower.input_information()) < 3 * error
    direction = slopes.mean(axis=0) / np.linalg.norm(slopes.mean(axis=0))
    assert direction.sum() / 9.0 > 0.995


@pytest.mark.parametrize("wrong", [{"weight": 0.0}, {"weight": 1.0, "levels": 0}, {"weight": np.inf}])
def test_towers_that_cannot_be_are_refused(wrong: dict) -> None:
    with pytest.raises(InvalidInput):
        MajorityTower(**wrong)
    with pytest.raises(InvalidInput):
        MajorityTower(1.0).input_of_mean(1.0)
