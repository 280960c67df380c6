"""The population loss against sampling, the orders against the whole, resuming, and reading rows out."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.absolute_value.learning import (
    LearningProgressed,
    LearningSettings,
    learn,
    sample_rule,
)
from hingeline.absolute_value.population import (
    hermite_weight,
    loss_gradient,
    loss_terms,
    quadratic_floor,
)
from hingeline.absolute_value.read_out import read_out
from hingeline.core.errors import InvalidInput
from hingeline.core.events import Event
from hingeline.networks.absolute_value import AbsoluteValueNetwork, compare_absolute

TEN = np.eye(10) / 10
FEW = LearningSettings(neurons=40, every=100)


def test_the_closed_form_is_what_sampling_gives() -> None:
    rng = np.random.default_rng(31)
    u, c, x = rng.standard_normal((4, 3)), rng.standard_normal((2, 3)), rng.standard_normal((400_000, 3))
    gaps = np.abs(x @ u.T).sum(axis=1) - np.abs(x @ c.T).sum(axis=1)
    assert loss_terms(u, c)[0] == pytest.approx(np.mean(gaps**2), rel=0.02)


def test_the_weights_are_those_of_the_hermite_series() -> None:
    np.testing.assert_allclose(
        [hermite_weight(k) for k in (0, 2, 4, 6)], [0.6366, 0.3183, 0.0265, 0.0080], atol=5e-5
    )
    assert sum(hermite_weight(k) for k in range(0, 160, 2)) == pytest.approx(1.0, abs=1e-3)
    with pytest.raises(InvalidInput, match="orders"):
        hermite_weight(3)


def test_the_orders_add_up_to_the_loss_where_cosines_are_small() -> None:
    learner = np.zeros((0, 5))
    loss, terms = loss_terms(learner, np.eye(5) / 5)
    higher = (1 - sum(hermite_weight(k) for k in (0, 2, 4, 6, 8))) / 5
    assert loss == pytest.approx(terms.sum() + higher)


def test_the_gradient_agrees_with_differences() -> None:
    rng, step = np.random.default_rng(32), 1e-6
    u, c = rng.standard_normal((3, 4)), rng.standard_normal((5, 4))
    moves = step * np.eye(12).reshape(12, 3, 4)
    slopes = [(loss_terms(u + m, c)[0] - loss_terms(u - m, c)[0]) / (2 * step) for m in moves]
    np.testing.assert_allclose(loss_gradient(u, c).ravel(), slopes, atol=1e-6)


def test_the_quadratic_floor_is_what_orders_above_two_hold() -> None:
    terms = loss_terms(np.zeros((0, 30)), np.eye(30) / 30)
    assert terms[0] - terms[1][0] - terms[1][1] == pytest.approx(quadratic_floor(30))


def test_order_two_falls_long_before_order_four() -> None:
    curve = learn(TEN, 400, seed=33, settings=FEW)
    assert curve.order_at(2, 400) < 1e-2 * curve.order_at(2, 0)
    assert curve.order_at(4, 400) > 0.2 * curve.order_at(4, 0)


def test_a_resumed_descent_ends_where_an_uninterrupted_one_does() -> None:
    half = learn(TEN, 150, seed=34, settings=FEW)
    resumed = learn(TEN, 300, settings=FEW, state=half.state)
    np.testing.assert_array_equal(resumed.state.weights, learn(TEN, 300, seed=34, settings=FEW).state.weights)
    with pytest.raises(InvalidInput, match="from step 150"):
        learn(TEN, 100, settings=FEW, state=half.state)


def test_truncated_neurons_stand_still() -> None:
    tight = LearningSettings(neurons=40, first_lambda=1.0, every=100)
    start = learn(TEN, 0, seed=35, settings=tight).state.weights
    large = np.linalg.norm(start, axis=1) > 1
    moved = learn(TEN, 50, seed=35, settings=tight).state.weights
    np.testing.assert_array_equal(moved[large], start[large])
    assert (moved[~large] != start[~large]).any()


def test_a_large_sample_gives_the_population_gradient() -> None:
    rng = np.random.default_rng(36)
    x, u = rng.standard_normal((200_000, 4)), rng.standard_normal((3, 4))
    teacher = np.eye(4) / 4
    y = np.abs(x @ teacher.T).sum(axis=1)
    np.testing.assert_allclose(sample_rule(x, y)(u), loss_gradient(u, teacher), atol=0.1)


def test_progress_is_told_and_the_curve_can_be_shown() -> None:
    events: list[Event] = []
    curve = learn(TEN, 200, seed=37, settings=FEW, on_event=events.append)
    assert [e.step for e in events if isinstance(e, LearningProgressed)] == [0, 100, 200]
    assert curve.figure().levels[0][1] == quadratic_floor(10)
    assert curve.to_dict()["at_steps"] == [0, 100, 200]
    with pytest.raises(InvalidInput, match="not measured"):
        curve.at(150)


def test_rows_are_read_out_of_clusters_and_dust_is_left() -> None:
    rng = np.random.default_rng(38)
    units = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    shares = np.repeat(units, 3, axis=0) * rng.choice([-1.0, 1.0], 18)[:, np.newaxis] / 3
    dust = 1e-3 * rng.standard_normal((10, 6))
    result = read_out(np.concatenate([shares, dust]))
    difference = compare_absolute(AbsoluteValueNetwork(units, np.ones(6)), result.network)
    assert difference.max_relative_error < 0.02
    assert result.accepted_mass > 0.95


def test_a_scattered_cluster_is_no_row() -> None:
    fan = np.array([[1.2, 0, 0], [1, 0.45, 0], [1, -0.45, 0], [1, 0, 0.45], [1, 0, -0.45]])
    assert read_out(fan).network.width == 0
