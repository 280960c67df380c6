"""Distances to another class: linear networks exactly, random ones beside the half-normal."""

from __future__ import annotations

import json

import numpy as np
import pytest
from known_networks import linear_network, measured, points_for

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.flip_distance import flip_distance
from hingeline.sensitivity.measures.gradient_ray import gradient_rays
from hingeline.sensitivity.measures.theory import success
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

SIGN = Decision(1)


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
def test_a_linear_function_flips_at_the_linear_distance(norm: str) -> None:
    network = linear_network(np.random.default_rng(1).standard_normal((3, 9)).tolist(), [0.1, -0.2, 0.3])
    found = measured(network, points_for(network, 80), Threat(norm)).distance  # type: ignore[arg-type]
    # bisection halves a step of the ray, which is long beside the smallest distances
    np.testing.assert_allclose(found.ratio, 1.0, rtol=1e-6)
    assert found.flipped.all() and (found.best <= found.ray).all()


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
def test_random_linear_functions_are_half_normal_in_natural_units(norm: str) -> None:
    rng, values, steps = np.random.default_rng(2), [], []
    for _ in range(300):
        network = linear_network(rng.standard_normal((1, 60)).tolist(), [0.0])
        found = flip_distance(
            NetworkModel(network),
            SIGN,
            rng.standard_normal((1, 60)),
            Threat(norm),
            rng=rng,  # type: ignore[arg-type]
        )
        values.append(found.in_units[0])
        steps.append(found.stepped[0])
    assert np.median(values) == pytest.approx(0.6745, abs=0.12)
    np.testing.assert_allclose(np.mean(steps, axis=0), success(found.kappas), atol=0.08)


def test_masked_coordinates_and_those_at_the_edge_do_not_count() -> None:
    network = linear_network([[1.0, 1.0, 1.0, 1.0]], [-1.5])
    free = np.array([True, True, True, False])
    # the score is positive, so descent lowers every coordinate; the third is at 0 already
    found = flip_distance(
        NetworkModel(network),
        SIGN,
        np.array([[0.9, 0.8, 0.0, 0.5]]),
        Threat("l2", box=(0.0, 1.0), free=free),
        rng=np.random.default_rng(0),
    )
    assert found.free.tolist() == [2]
    np.testing.assert_allclose(found.linear, 0.7 / np.sqrt(2))
    np.testing.assert_allclose(found.ray, found.linear, rtol=1e-8)


def test_inputs_that_never_flip_stay_as_infinite() -> None:
    # positive everywhere: a hidden pair that sums to |x| + 1
    network = PiecewiseLinearNetwork([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [1.0]])
    found = measured(network, np.array([[0.5], [-2.0], [3.0]])).distance
    assert np.isinf(found.ray).all() and np.isinf(found.ratio).all() and len(found.best) == 3
    told = found.summary()
    assert told["no_flip"] == 1.0 and told["ray"] is None
    np.testing.assert_allclose(found.success(np.array([100.0])), [0.0])


def test_sizes_of_attacks_compete_with_the_ray_and_bounds_are_checked() -> None:
    network = random_network((30, 40, 1), seed=21)
    model, points, rng = NetworkModel(network), points_for(network, 12), np.random.default_rng(0)
    ray = flip_distance(model, SIGN, points, Threat(), rng=rng).ray
    handed = np.where(np.arange(12) % 2, 0.5 * ray, np.inf)
    found = flip_distance(model, SIGN, points, Threat(), rng=rng, best=handed, lower=0.4 * ray)
    assert (found.best <= np.minimum(ray, handed)).all() and not found.bound_broken.any()
    wrong = flip_distance(model, SIGN, points, Threat(), rng=rng, lower=1.1 * ray)
    assert wrong.bound_broken.all()


def test_sizes_of_another_shape_are_refused() -> None:
    network = linear_network([[1.0, 2.0]], [0.0])
    with pytest.raises(InvalidInput, match="best wants one size"):
        flip_distance(
            NetworkModel(network),
            SIGN,
            np.ones((3, 2)),
            Threat(),
            rng=np.random.default_rng(0),
            best=np.ones(2),
        )
    with pytest.raises(InvalidInput, match="outside the box"):
        gradient_rays(NetworkModel(network), SIGN, 2 * np.ones((3, 2)), Threat(box=(0.0, 1.0)))


def test_scaling_of_layers_and_of_the_input_changes_no_relative_distance() -> None:
    network = random_network((40, 30, 20, 1), seed=22)
    points = points_for(network, 30)
    scaled = type(network)([3.0 * w for w in network.weights], network.biases)
    first = gradient_rays(NetworkModel(network), SIGN, points, Threat())
    second = gradient_rays(NetworkModel(scaled), SIGN, points, Threat())
    third = gradient_rays(NetworkModel(network), SIGN, 3 * points, Threat())
    np.testing.assert_allclose(second.linear, first.linear, atol=1e-10)
    np.testing.assert_allclose(third.linear / third.units, first.linear / first.units, atol=1e-10)


def test_every_result_is_json_and_every_figure_has_its_reference() -> None:
    network = random_network((30, 40, 30, 1), seed=23)
    found = measured(network, points_for(network, 20))
    for result in vars(found).values():
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["summary"]
        assert "robust" not in json.dumps(result.to_dict())
    named = {curve.label for figure in found.distance.figures() for curve in figure.curves}
    assert {"half-normal (one output)", "2 Phi(kappa) - 1"} <= named
    assert "0.6745 / sqrt(PR)" in {c.label for f in found.layers.figures() for c in f.curves}
    assert "radius^(1/2)" in {c.label for c in found.linearity.figure().curves}
    with pytest.raises(ValueError, match="read-only"):
        found.distance.ray[0] = 0.0
