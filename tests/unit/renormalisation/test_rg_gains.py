"""Gains of directions: known factors, and what rescaled layers may and may not change."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from network_cases import Shown, graded_network, rescaled, rotation

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.renormalisation.feed_forward.gains import LayerGains, layer_gains
from hingeline.renormalisation.feed_forward.whitening import Whitening
from hingeline.sensitivity.models.model import LayeredModel
from hingeline.sensitivity.models.network_model import NetworkModel

RNG = np.random.default_rng(71)
POINTS = RNG.standard_normal((40, 6))
STEPS = RNG.standard_normal((40, 6))


def measured(model: LayeredModel, **settings: Any) -> LayerGains:
    return layer_gains(model, POINTS, STEPS, rng=np.random.default_rng(72), **settings)


def test_a_stretched_axis_gains_its_factor_at_every_layer() -> None:
    factors = np.array([1.5, 1.0, 0.7])
    model = graded_network(factors, depth=5, seed=73)
    points = np.random.default_rng(74).standard_normal((30, 3))
    axis = np.tile(rotation(3, 73)[:, 0], (30, 1))
    found = layer_gains(model, points, axis, rng=np.random.default_rng(75), ridge=1e-9)
    np.testing.assert_allclose(np.exp(found.raw.chosen), 1.5, rtol=1e-12)
    np.testing.assert_allclose(np.exp(found.raw.cumulative[-1]), 1.5**5, rtol=1e-12)
    assert found.raw.scaling.verdict == "scaling"
    # data are stretched along with the direction: relative to them nothing grows
    np.testing.assert_allclose(found.whitened.chosen, 0.0, atol=1e-6)
    assert (found.raw.random < np.log(1.5)).all()


def test_rescaled_layers_change_raw_gains_but_neither_the_outputs_nor_whitened_gains() -> None:
    network = random_network((6, 9, 7, 8, 4), seed=76)
    factors = [np.full(9, 5.0), np.full(7, 0.2), np.full(8, 3.0)]
    plain, other = measured(NetworkModel(network)), measured(NetworkModel(rescaled(network, factors)))
    assert np.abs(plain.raw.chosen - other.raw.chosen).min() > 0.5
    np.testing.assert_allclose(plain.raw.cumulative[-1], other.raw.cumulative[-1], atol=1e-11)
    np.testing.assert_allclose(plain.whitened.chosen, other.whitened.chosen, atol=1e-9)
    np.testing.assert_allclose(plain.whitened.random, other.whitened.random, atol=1e-9)
    assert plain.scaling.slope == pytest.approx(other.scaling.slope)
    assert plain.scaling.verdict == other.scaling.verdict


def test_neurons_that_are_rescaled_one_by_one_do_not_change_whitened_gains() -> None:
    network = random_network((6, 9, 7, 8, 4), seed=77)
    drawn = np.random.default_rng(78)
    factors = [np.exp(drawn.standard_normal(width)) for width in (9, 7, 8)]
    plain, other = measured(NetworkModel(network)), measured(NetworkModel(rescaled(network, factors)))
    np.testing.assert_allclose(plain.whitened.chosen, other.whitened.chosen, atol=1e-8)


def test_raw_gains_are_those_of_finite_steps() -> None:
    model = NetworkModel(random_network((6, 9, 7, 4), seed=79, activation="tanh"))
    found, size = measured(model), 1e-6
    unit = STEPS / np.linalg.norm(STEPS, axis=1, keepdims=True)
    for layer in range(2):
        ahead, back = (model.layers(POINTS + s * size * unit)[layer].values for s in (1, -1))
        wanted = np.linalg.norm(ahead - back, axis=1) / (2 * size)
        np.testing.assert_allclose(np.exp(found.raw.cumulative[layer]), wanted, rtol=1e-6)


def test_a_model_that_only_shows_its_layers_has_the_same_gains() -> None:
    model = NetworkModel(random_network((6, 9, 7, 4), seed=80))
    np.testing.assert_allclose(measured(model).whitened.chosen, measured(Shown(model)).whitened.chosen)


def test_units_that_are_constant_over_the_data_are_rescaled_as_unseen_as_the_others() -> None:
    network = random_network((6, 9, 7, 4), seed=96)
    still, first = [np.array(weight) for weight in network.weights], np.array(network.biases[0])
    # one unit reads only coordinates that are 0 in all the data, and is on
    still[0][0] = [1.0, -2.0, 0.0, 0.0, 0.0, 0.0]
    first[0] = 0.7
    plain = type(network)(still, [first, *network.biases[1:]])
    data = POINTS * np.array([0.0, 0.0, 1.0, 1.0, 1.0, 1.0])
    factors = [np.linspace(0.01, 9.0, 9)[::-1], np.linspace(0.2, 30.0, 7)]
    one, other = (
        layer_gains(NetworkModel(net), data, STEPS, rng=np.random.default_rng(97))
        for net in (plain, rescaled(plain, factors))
    )
    assert one.constant_units[1] == 1
    np.testing.assert_allclose(one.whitened.chosen, other.whitened.chosen, atol=1e-9)
    np.testing.assert_allclose(one.whitened.random, other.whitened.random, atol=1e-9)


def test_where_nothing_comes_through_there_is_no_verdict() -> None:
    network = random_network((6, 5, 5, 5, 3), seed=81)
    biases = [network.biases[0], np.full(5, -100.0), *network.biases[2:]]
    data = np.concatenate([POINTS, 1e3 * POINTS])
    found = measured(NetworkModel(type(network)(network.weights, biases)), data=data)
    assert np.isneginf(found.raw.chosen[1]).all()
    assert found.raw.scaling.verdict == "undecided"
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.summary()["raw"]["per_layer"][1]["chosen"]["median"] == 0.0


def test_whitened_sizes_are_those_of_mahalanobis() -> None:
    values = np.random.default_rng(82).standard_normal((500, 4)) @ RNG.standard_normal((4, 4))
    found = Whitening.of(values, ridge=1e-12, own_scale=True).sizes(values - values.mean(axis=0))
    assert (found**2).mean() == pytest.approx(4.0, rel=1e-9)


@pytest.mark.parametrize("own_scale", [True, False])
@pytest.mark.parametrize("rows", [5, 50])
def test_few_or_many_rows_are_whitened_by_the_same_formula(rows: int, own_scale: bool) -> None:
    values = np.random.default_rng(84).standard_normal((rows, 9)) * np.arange(1, 10)
    values[:, 2] = 7.0
    found, ridge = Whitening.of(values, ridge=0.05, own_scale=own_scale), 0.05
    covariance = np.cov(values.T, bias=True)
    own, mean = np.diag(covariance).copy(), np.delete(np.diag(covariance), 2).mean()
    # a hidden unit that does not vary is measured by its own size, which is scaled along with it
    covariance[2, 2] = own[2] = 49.0 if own_scale else mean
    added = ridge * (np.diag(own) if own_scale else mean * np.eye(9))
    u = np.random.default_rng(85).standard_normal((4, 9))
    wanted = np.einsum("nw,nw->n", u, np.linalg.solve(covariance + added, u.T).T)
    np.testing.assert_allclose(found.sizes(u) ** 2, wanted, rtol=1e-10)
    assert found.constant == 1


def test_what_cannot_be_measured_is_refused() -> None:
    model = NetworkModel(random_network((6, 5, 3), seed=83))
    with pytest.raises(InvalidInput, match="not zero"):
        layer_gains(model, POINTS, np.zeros_like(POINTS), rng=RNG)
    with pytest.raises(InvalidInput, match="ridge"):
        measured(model, ridge=0.0)


def test_without_variation_to_whiten_by_there_are_raw_gains_and_a_reason() -> None:
    model = NetworkModel(random_network((6, 5, 3), seed=86))
    found = measured(model, data=np.ones((5, 6)))
    assert found.whitened is None and "nothing to whiten" in found.summary()["not_whitened"]
    assert found.raw.chosen.shape == (2, 40) and len(found.figures()) == 1
    json.dumps(found.to_dict(), allow_nan=False)


def test_one_input_has_gains_without_errors() -> None:
    model = NetworkModel(random_network((6, 5, 5, 5, 5, 3), seed=87, activation="tanh"))
    found = layer_gains(model, POINTS[:1], STEPS[:1], rng=RNG, data=POINTS)
    assert found.scaling.verdict == "undecided" and np.isnan(found.scaling.error)
    assert np.isfinite(found.raw.chosen).all()
