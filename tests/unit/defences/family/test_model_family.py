"""Families: who may answer, how likely, and what is expected of them."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.defences.family.family import ModelFamily
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.network_model import NetworkModel


def along(coordinate: int) -> PiecewiseLinearNetwork:
    """Class 0 where one of two coordinates is positive."""
    weight = np.zeros((2, 2))
    weight[0, coordinate] = 1.0
    return PiecewiseLinearNetwork([weight], [np.zeros(2)])


def test_the_expected_accuracy_is_the_weight_of_the_members_that_are_right() -> None:
    family = ModelFamily([along(0), along(1)], [3.0, 1.0])
    x, y = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]), np.zeros(4, dtype=np.int64)
    assert np.allclose(family.expected_right(x, y), [1.0, 0.75, 0.25, 0.0])
    assert family.expected_accuracy(x, y) == pytest.approx(0.5)


def test_answers_come_from_members_as_often_as_their_weights_say() -> None:
    family = ModelFamily([along(0), along(1)], [3.0, 1.0])
    x = np.tile([1.0, -1.0], (20_000, 1))
    answers = family.predict(x, np.random.default_rng(3))
    # member 0 says class 0; five standard errors of 20,000 draws
    assert abs((answers == 0).mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 20_000)


def test_the_same_generator_gives_the_same_answers() -> None:
    family = ModelFamily([random_network((4, 8, 3), seed=s) for s in range(3)])
    x = np.random.default_rng(0).normal(size=(50, 4))
    first, again = (family.predict(x, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first, again)


def test_the_way_back_is_the_sum_of_the_members_gradients() -> None:
    networks = [random_network((5, 16, 16, 3), seed=s) for s in range(4)]
    family, rng = ModelFamily(networks), np.random.default_rng(1)
    x, combined = rng.normal(size=(20, 5)), rng.normal(size=(4, 20, 3))
    logits, pull = family.logits_and_pull(x)
    each = [NetworkModel(n).gradients(x, w) for n, w in zip(networks, combined, strict=True)]
    assert np.allclose(logits, family.member_logits(x), atol=1e-12)
    assert np.allclose(pull(combined), sum(each), atol=1e-10)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 1.0], [np.nan, 1.0]])
def test_weights_that_are_no_chances_are_refused(weights: list[float]) -> None:
    with pytest.raises(InvalidInput, match="weight above 0"):
        ModelFamily([along(0), along(1)], weights)


def test_members_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(InvalidInput, match="at least one member"):
        ModelFamily([])
    with pytest.raises(InvalidInput, match="same inputs and classes"):
        ModelFamily([along(0), random_network((3, 2), seed=0)])
    with pytest.raises(InvalidInput, match="one logit for each class"):
        ModelFamily([random_network((3, 1), seed=0)])
