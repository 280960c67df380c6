"""The nearest linearised boundary and the first crossing of a ray, on networks with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.rays import ray_crossings
from hingeline.sensitivity.threat import Threat


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sin3", "abs", "square", "leaky relu"])
def test_gradients_agree_with_differences(activation: str) -> None:
    model = NetworkModel(random_network((7, 9, 8, 3), seed=2, activation=activation))
    rng = np.random.default_rng(0)
    points, weights, step = rng.standard_normal((5, 7)), rng.standard_normal((5, 3)), 1e-6
    moves = step * np.eye(7)
    ahead = np.array([(weights @ model.outputs(p + moves).T).T for p in points])
    behind = np.array([(weights @ model.outputs(p - moves).T).T for p in points])
    differences = np.array([(ahead[i, :, i] - behind[i, :, i]) / (2 * step) for i in range(5)])
    np.testing.assert_allclose(model.gradients(points, weights), differences, atol=1e-7)
    np.testing.assert_allclose(
        np.einsum("nk,nkd->nd", weights, model.jacobians(points)), differences, atol=1e-7
    )


def test_pulling_back_is_the_transpose_of_pushing_forward() -> None:
    model = NetworkModel(random_network((6, 9, 8, 1), seed=3, activation="tanh"))
    rng = np.random.default_rng(1)
    points, down, up = (
        rng.standard_normal((4, 6)),
        rng.standard_normal((4, 2, 8)),
        rng.standard_normal((4, 2, 6)),
    )
    pulled, pushed = model.pull_back(points, 1, down), model.push_forward(points, 1, up)
    np.testing.assert_allclose((pulled * up).sum(axis=2), (pushed * down).sum(axis=2))


def test_the_linear_distance_of_a_network_without_biases_is_a_cosine() -> None:
    model = NetworkModel(random_network((20, 15, 12, 1), seed=4))
    points = np.random.default_rng(2).standard_normal((30, 20))
    flips = linear_flips(model, Decision(1), points, Threat())
    gradients = model.gradients(points, np.ones((30, 1)))
    norms = np.linalg.norm(points, axis=1)
    cosines = np.abs((points * gradients).sum(axis=1)) / (norms * np.linalg.norm(gradients, axis=1))
    np.testing.assert_allclose(flips.distances / norms, cosines, atol=1e-12)


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
def test_a_linear_classifier_flips_where_the_linear_distance_says(norm: str) -> None:
    rng = np.random.default_rng(3)
    network = PiecewiseLinearNetwork([rng.standard_normal((4, 9))], [rng.standard_normal(4)])
    model, decision = NetworkModel(network), Decision(4)
    threat = Threat(norm)  # type: ignore[arg-type]
    points = rng.standard_normal((50, 9))
    flips = linear_flips(model, decision, points, threat)
    reaches = 2 * flips.distances
    crossings = ray_crossings(model, decision, points, flips.classes, flips.directions, reaches, threat)
    np.testing.assert_allclose(crossings.sizes, flips.distances, rtol=1e-8)
    np.testing.assert_array_equal(decision.of(model.outputs(crossings.points)), flips.rivals)


def test_a_network_without_gradient_is_infinitely_far_in_the_linear_sense() -> None:
    model = NetworkModel(random_network((5, 8, 1), seed=1, activation="sign"))
    flips = linear_flips(model, Decision(1), np.ones((2, 5)), Threat())
    assert flips.without_gradient.all() and np.isinf(flips.distances).all() and np.isfinite(flips.leads).all()


def test_what_the_box_stops_is_not_counted_as_change() -> None:
    network = PiecewiseLinearNetwork([[[1.0, 1.0]]], [[-1.5]])
    threat = Threat("l2", box=(0.0, 1.0))
    start = np.array([[0.2, 0.9]])
    found = ray_crossings(
        NetworkModel(network), Decision(1), start, np.array([0]), np.ones((1, 2)), np.array([2.0]), threat
    )
    np.testing.assert_allclose(found.points, [[0.5, 1.0]], atol=1e-8)
    np.testing.assert_allclose(found.sizes, [np.hypot(0.3, 0.1)])
