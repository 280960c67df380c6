"""Products of Jacobians: exponents of known chains, ranks, and models that show less."""

from __future__ import annotations

import json

import numpy as np
import pytest
from network_cases import Shown, graded_network

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.renormalisation.feed_forward.cocycle import jacobian_cocycle
from hingeline.sensitivity.models.network_model import NetworkModel

RNG = np.random.default_rng(60)
POINTS = np.random.default_rng(62).standard_normal((6, 3))


def test_exponents_of_stretched_axes_are_exact_far_below_rounding() -> None:
    model = graded_network(np.array([2.0, 1.0, 1e-5]), depth=6)
    found = jacobian_cocycle(model, POINTS, rng=RNG)
    assert found.by_steps
    # the last singular value is 1e-30 beside 64: no product in float64 holds both
    np.testing.assert_allclose(found.exponents[-1], np.tile(np.log([2.0, 1.0, 1e-5]), (6, 1)), atol=1e-9)


def test_without_the_chain_what_rounding_hides_is_not_resolved() -> None:
    model = Shown(graded_network(np.array([2.0, 1.0, 1e-5]), depth=6))
    found = jacobian_cocycle(model, POINTS, rng=RNG)
    assert not found.by_steps
    np.testing.assert_allclose(found.exponents[-1, :, 0], np.log(2.0), atol=1e-9)
    assert (found.ranks[0] == 3).all() and (found.ranks[-1] == 2).all()


@pytest.mark.parametrize("sizes", [(7, 12, 9, 4), (12, 5, 5, 9, 6)])
def test_log_values_are_those_of_the_jacobian_itself(sizes: tuple[int, ...]) -> None:
    model = NetworkModel(random_network(sizes, seed=63, activation="tanh"))
    points = np.random.default_rng(64).standard_normal((20, sizes[0]))
    wanted = np.linalg.svd(model.jacobians(points), compute_uv=False)
    for found in (jacobian_cocycle(model, points, rng=RNG), jacobian_cocycle(Shown(model), points, rng=RNG)):
        count = min(sizes)
        np.testing.assert_allclose(np.exp(found.log_values[-1, :, :count]), wanted[:, :count], rtol=1e-9)
        assert np.isneginf(found.log_values[-1, :, count:]).all()


def test_relus_that_are_off_take_rank() -> None:
    model = NetworkModel(random_network((8, 10, 10, 8), seed=65))
    points = np.random.default_rng(66).standard_normal((30, 8))
    found = jacobian_cocycle(model, points, rng=RNG)
    every = np.broadcast_to(np.eye(8), (30, 8, 8))
    for layer in range(2):
        wanted = np.linalg.matrix_rank(model.push_forward(points, layer, every))
        np.testing.assert_array_equal(found.ranks[layer], wanted)
    np.testing.assert_array_equal(found.ranks[2], np.linalg.matrix_rank(model.jacobians(points)))


def test_the_dispersion_over_inputs_is_told() -> None:
    model = NetworkModel(random_network((8, 20, 20, 3), seed=67))
    found = jacobian_cocycle(model, np.random.default_rng(68).standard_normal((50, 8)), rng=RNG, exponents=2)
    told = found.summary()["layers"][1]
    assert told["band"][0] < told["largest_exponent"] < told["band"][1]
    assert told["standard_deviation"] == pytest.approx(found.exponents[1, :, 0].std(ddof=1))
    json.dumps(found.to_dict(), allow_nan=False)
    assert len(found.figure().curves) == 4


def test_layers_too_wide_to_form_a_jacobian_have_bounds_from_below() -> None:
    model = Shown(NetworkModel(random_network((40, 60, 50, 3), seed=69)))
    points = np.random.default_rng(70).standard_normal((10, 40))
    exact = jacobian_cocycle(model, points, rng=RNG, exponents=3)
    bounds = jacobian_cocycle(model, points, rng=RNG, exponents=3, most_passes=20)
    assert len(bounds.from_below) == 2 and not exact.from_below
    assert (bounds.log_values <= exact.log_values + 1e-9).all()
    np.testing.assert_allclose(bounds.log_values, exact.log_values, atol=0.05)


def test_nothing_to_measure_is_refused() -> None:
    model = graded_network(np.ones(3), depth=2)
    with pytest.raises(InvalidInput, match="want 1 or more"):
        jacobian_cocycle(model, POINTS, rng=RNG, exponents=0)
