"""Errors of the linear prediction where they are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from known_networks import linear_network, measured, points_for

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.local_linearity import local_linearity
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat


def test_a_linear_function_is_linear_at_every_radius() -> None:
    network = linear_network([[1.0, -2.0, 0.5]], [0.4])
    found = measured(network, points_for(network, 25)).linearity
    assert found.error_along.max() < 1e-10 and found.change_random.max() == 0
    assert np.isinf(found.linear_radius).all() and np.isinf(found.safety).all()
    np.testing.assert_allclose(found.cosine_along, 1.0)


def test_a_parabola_is_off_by_half_the_radius() -> None:
    # f = z^2, at z: E(rho) = (rho z)^2 / (2 z rho z) = rho / 2, so that E = 0.1 at rho = 0.2
    network = FeedForwardNetwork([[[1.0]], [[1.0]]], [[0.0], [0.0]], "square")
    found = measured(network, np.array([[1.5], [-2.0]])).linearity
    np.testing.assert_allclose(found.error_along, np.outer(found.radii, [0.5, 0.5]), rtol=1e-9)
    np.testing.assert_allclose(found.change_along, np.outer(found.radii, [1.0, 1.0]), rtol=1e-9)
    np.testing.assert_allclose(found.linear_radius, 0.2, rtol=1e-6)
    fit = found.exponents["error_along"]
    assert fit is not None and fit.exponent == pytest.approx(1.0)


def test_random_directions_hide_what_an_attack_meets() -> None:
    network = random_network((256, 256, 256, 256, 1), seed=24)
    found = measured(network, points_for(network, 40)).linearity
    at = list(found.radii).index(0.1)
    assert np.median(found.error_along[at]) > 5 * np.median(found.error_random[at])
    fit = found.exponents["change_random"]
    assert fit is not None and 0.4 < fit.exponent < 0.7


def test_an_input_that_does_not_flip_has_no_safety() -> None:
    network = FeedForwardNetwork([[[1.0]], [[1.0]]], [[0.0], [1.0]], "square")
    found = measured(network, np.array([[1.0], [2.0]])).linearity
    assert np.isinf(found.ray).all() and (found.safety == 0).all()


def test_radii_that_fall_are_refused() -> None:
    network = linear_network([[1.0, 1.0]], [0.0])
    with pytest.raises(InvalidInput, match="radii must rise"):
        local_linearity(
            NetworkModel(network),
            Decision(1),
            np.ones((2, 2)),
            Threat(),
            rng=np.random.default_rng(0),
            radii=(0.1, 0.01),
        )
