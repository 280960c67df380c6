"""Doors as models: derivatives by differences agree with the weights, or say that they are not known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from hingeline.core.errors import BudgetExhausted, InvalidInput, UnsupportedOracle
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.models import asked_model, straight_slopes, value_door
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.measured import MeasuredJacobians
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat


def asked(function: Callable[[Any], Any], dim: int, budget: int | None = None, **known: Any) -> AskedModel:
    oracle = CallableOracle(function, OracleSpec("door", dim, **known))
    return AskedModel(QuerySession(oracle, budget=budget), seed=3)


def normal(*shape: int, seed: int = 41) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def relative(found: MeasuredJacobians, truth: Any) -> Any:
    """Largest error over the outputs of each certified point, as a share of the gradient's length."""
    errors = np.linalg.norm(found.matrices - truth, axis=2) / np.linalg.norm(truth, axis=2)
    return errors.max(axis=1)[found.certified]


def surprise(found: MeasuredJacobians, truth: Any) -> Any:
    """Errors of certified points in units of what is said of them."""
    errors = np.sqrt(np.mean((found.matrices - truth) ** 2, axis=(1, 2)))
    return errors[found.certified] / found.errors[found.certified]


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky relu", "tanh", "gelu", "sin3", "sigmoid"])
@pytest.mark.parametrize("sizes", [(9, 25, 3), (30, 40, 1), (6, 20, 20, 2)])
def test_gradients_agree_with_the_weights_and_are_certified(activation: str, sizes: Any) -> None:
    network = random_network(sizes, seed=17, activation=activation, initialisation="torch")
    points = normal(25, sizes[0])
    found, truth = (
        asked(network, sizes[0]).measured_jacobians(points),
        NetworkModel(network).jacobians(points),
    )
    assert found.certified.all() and not found.flat.any()
    assert relative(found, truth).max() < 1e-6 and np.median(surprise(found, truth)) < 3


def test_combinations_of_outputs_are_those_of_the_weights() -> None:
    network = random_network((12, 30, 4), seed=18)
    points, weights = normal(10, 12), normal(10, 4, seed=2)
    model, truth = asked(network, 12), NetworkModel(network)
    np.testing.assert_allclose(model.gradients(points, weights), truth.gradients(points, weights), rtol=1e-6)
    np.testing.assert_allclose(model.jacobians(points), truth.jacobians(points), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(model.outputs(points), network(points))


def test_a_linear_region_costs_little_more_than_its_dimension() -> None:
    network = random_network((60, 40, 2), seed=19)
    model = asked(network, 60)
    before = (model.card.queries, model.session.spent)
    model.jacobians(normal(20, 60))
    assert before[0] == before[1] and model.session.spent - before[1] < 20 * 2 * 60


def test_every_query_is_counted_and_none_is_asked_twice() -> None:
    network, seen = random_network((8, 20, 3), seed=20), list[Any]()

    def counted(points: Any) -> Any:
        seen.extend(row.tobytes() for row in points)
        return network(points)

    model, points = asked(counted, 8), normal(12, 8)
    first = model.measured_jacobians(points)
    assert model.session.spent == len(seen)
    again = model.measured_jacobians(points[::-1])
    model.gradients(points, np.ones((12, 3)))
    assert model.session.spent == len(seen)
    np.testing.assert_array_equal(again.matrices[::-1], first.matrices)


def test_noise_shows_in_the_errors() -> None:
    network, rng = random_network((15, 30, 2), seed=21), np.random.default_rng(6)
    model = asked(lambda x: network(x) + 1e-6 * rng.standard_normal((len(x), 2)), 15)
    points = normal(40, 15)
    found, truth = model.measured_jacobians(points), NetworkModel(network).jacobians(points)
    assert found.certified.mean() > 0.9 and np.median(relative(found, truth)) < 2e-3
    assert np.quantile(surprise(found, truth), 0.9) < 3 and np.median(surprise(found, truth)) > 0.1


def test_answers_rounded_to_four_decimals_give_gradients_with_errors() -> None:
    network = random_network((15, 30, 2), seed=22)
    model, points = asked(lambda x: np.round(network(x), 4), 15), normal(40, 15)
    found, truth = model.measured_jacobians(points), NetworkModel(network).jacobians(points)
    assert found.certified.mean() > 0.9 and np.median(relative(found, truth)) < 0.05
    assert np.quantile(surprise(found, truth), 0.9) < 3


def test_a_door_in_float32_is_stepped_on_its_own_grid() -> None:
    network = random_network((15, 30, 2), seed=23)

    def single(points: Any) -> Any:
        assert points.dtype == np.float32
        first, second = (w.astype(np.float32) for w in network.weights)
        return np.maximum(points @ first.T, 0) @ second.T

    model, points = asked(single, 15, dtype="float32"), normal(40, 15)
    found, truth = model.measured_jacobians(points), NetworkModel(network).jacobians(points)
    assert found.certified.mean() > 0.9 and np.median(relative(found, truth)) < 2e-3
    assert np.quantile(surprise(found, truth), 0.9) < 3


@pytest.mark.parametrize("activation", ["sign", "staircase"])
@pytest.mark.parametrize("sizes", [(10, 20, 3), (64, 100, 1), (5, 40, 40, 2)])
def test_no_gradient_is_made_up_of_steps(activation: str, sizes: Any) -> None:
    model = asked(random_network(sizes, seed=24, activation=activation), sizes[0])
    found = model.measured_jacobians(normal(20, sizes[0]))
    assert not found.matrices.any() and found.certified.mean() > 0.9
    np.testing.assert_array_equal(found.flat, found.certified)
    flips = linear_flips(model, Decision(model.output_dim), normal(20, sizes[0]), Threat())
    assert flips.without_gradient.all()


@pytest.mark.parametrize("seed", range(6))
def test_steps_that_pass_for_noise_or_are_rounded_give_no_gradient(seed: int) -> None:
    network = random_network((9, 25, 2), seed=50 + seed, activation="staircase", initialisation="torch")
    points = normal(10, 9, seed=seed)
    for function in (network, lambda x: np.round(network(x), 4)):
        assert not asked(function, 9).measured_jacobians(points).matrices.any()


@pytest.mark.parametrize("levels", [16, 256])
def test_a_quantised_smooth_network_is_flat_or_not_known(levels: int) -> None:
    first, second = normal(30, 12, seed=1), normal(2, 30, seed=2)
    model = asked(lambda x: np.round(np.tanh(x @ first.T / 4) * levels) / levels @ second.T, 12)
    found = model.measured_jacobians(normal(15, 12))
    assert not found.matrices.any()


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_differences_stay_in_the_box(activation: str) -> None:
    network = random_network((12, 25, 3), seed=25, activation=activation, initialisation="torch")

    def strict(points: Any) -> Any:
        assert points.min() >= 0.1 and points.max() <= 0.9
        return network(points)

    rng = np.random.default_rng(8)
    corners, faces = rng.choice([0.1, 0.9], (10, 12)), rng.uniform(0.1, 0.9, (10, 12))
    faces[:, :4] = 0.9
    points = np.concatenate([corners, faces, np.clip(faces + 1e-12, 0.1, 0.9)])
    found = asked(strict, 12, bounds=(0.1, 0.9)).measured_jacobians(points)
    assert found.certified.all()
    assert relative(found, NetworkModel(network).jacobians(points)).max() < 1e-6


def test_a_point_on_a_kink_gets_the_slope_of_one_side_or_none() -> None:
    network = FeedForwardNetwork([np.eye(2), [[1.0, 1.0]]], [np.zeros(2), [0.0]])
    found = asked(network, 2).measured_jacobians(np.array([[0.0, 1.0], [1e-4, -2.0], [3.0, 0.5]]))
    assert found.matrices[0, 0, 0] in (0.0, pytest.approx(1.0))
    np.testing.assert_allclose(found.matrices[1:, 0], [[1.0, 0.0], [1.0, 1.0]], atol=1e-9)


def test_a_constant_door_is_flat() -> None:
    found = asked(lambda x: np.ones((len(x), 2)), 5).measured_jacobians(normal(4, 5))
    assert not found.matrices.any()


def test_probabilities_are_read_as_log_ratios() -> None:
    network = random_network((8, 30, 4), seed=26)
    model, points = asked(lambda x: softmax(network(x), axis=1), 8), normal(20, 8)
    outputs, logits = model.outputs(points), network(points)
    reference = model.card.head.reference
    np.testing.assert_allclose(outputs, logits - logits[:, [reference]], atol=1e-9)
    truth = NetworkModel(network).jacobians(points)
    found = model.measured_jacobians(points)
    np.testing.assert_allclose(found.matrices, truth - truth[:, [reference]], atol=1e-8)
    assert found.certified.all()


def test_one_probability_above_one_half_is_an_output_above_zero() -> None:
    network = random_network((8, 30, 1), seed=27)
    model, points = asked(lambda x: expit(network(x)), 8), normal(20, 8)
    np.testing.assert_allclose(model.outputs(points), network(points), atol=1e-9)
    np.testing.assert_allclose(model.jacobians(points), NetworkModel(network).jacobians(points), atol=1e-6)


def test_where_probabilities_are_saturated_nothing_is_certified() -> None:
    network = random_network((6, 20, 3), seed=28)
    model = asked(lambda x: softmax(network(x), axis=1), 6)
    far = np.concatenate([normal(5, 6), 5000 * normal(5, 6, seed=4)])
    found = model.measured_jacobians(far)
    assert (
        found.certified[:5].all() and not found.certified[5:].any() and np.isfinite(model.outputs(far)).all()
    )
    np.testing.assert_array_equal(model.outputs(far).argmax(axis=1), network(far).argmax(axis=1))


@pytest.mark.parametrize("one_hot", [True, False])
def test_labels_are_decided_and_have_no_gradients(one_hot: bool) -> None:
    network, points = random_network((6, 20, 4), seed=29), normal(50, 6)

    def labels(x: Any) -> Any:
        found = network(x).argmax(axis=1)
        return np.eye(4)[found] if one_hot else found.astype(float)

    model = asked(labels, 6)
    assert not model.has_values
    decided = Decision(model.output_dim).of(model.outputs(points))
    np.testing.assert_array_equal(decided, network(points).argmax(axis=1))
    with pytest.raises(UnsupportedOracle, match="labels only"):
        model.gradients(points, np.ones((50, model.output_dim)))


def test_two_labels_of_different_sign_are_two_classes() -> None:
    network, points = random_network((6, 20, 1), seed=30), normal(50, 6)
    model = asked(lambda x: np.where(network(x) > 0, 1.0, -1.0), 6)
    decided = Decision(model.output_dim).of(model.outputs(points))
    np.testing.assert_array_equal(decided, network(points)[:, 0] > 0)


def test_a_label_that_the_doctor_did_not_see_asks_for_the_number_of_classes() -> None:
    def labels(x: Any) -> Any:
        return np.where(np.abs(x - rare).max(axis=1) < 1e-3, 9.0, (x[:, 1] > 0).astype(float))

    rare = np.array([[0.3, 0.7]])
    with pytest.raises(InvalidInput, match="classes=10"):
        asked(labels, 2).outputs(rare)
    oracle = CallableOracle(labels, OracleSpec("door", 2))
    assert AskedModel(QuerySession(oracle), classes=10).outputs(rare).argmax() == 9


def test_the_budget_is_never_exceeded_and_says_so() -> None:
    model = asked(random_network((20, 30, 2), seed=31), 20, budget=200)
    with pytest.raises(BudgetExhausted):
        model.jacobians(normal(50, 20))
    assert model.session.spent <= 200


def test_parts_and_memory_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    network, points = random_network((9, 20, 2), seed=32), normal(11, 9)
    whole = asked(network, 9).measured_jacobians(points)
    for module in (asked_model, straight_slopes, value_door):
        monkeypatch.setattr(module, "CHUNK_BYTES", 500)
    monkeypatch.setattr(asked_model, "MEMORY_BYTES", 1000)
    model = asked(network, 9)
    parts = model.measured_jacobians(points)
    np.testing.assert_allclose(parts.matrices, whole.matrices, atol=1e-9)
    assert len(model._kept) < 11 and parts.certified.all()


def test_the_same_point_twice_and_none_at_all() -> None:
    model = asked(random_network((5, 9, 2), seed=33), 5)
    point = normal(1, 5)
    found = model.measured_jacobians(np.repeat(point, 3, axis=0))
    np.testing.assert_array_equal(found.matrices[0], found.matrices[2])
    assert model.measured_jacobians(np.zeros((0, 5))).matrices.shape == (0, 2, 5)
    assert model.outputs(np.zeros((0, 5))).shape == (0, 2)
    assert found.summary()["certified"] == 3
