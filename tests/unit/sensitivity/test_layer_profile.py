"""Layers: ranks by probes and by singular values, displacements, dead neurons."""

from __future__ import annotations

import numpy as np
import pytest
from known_networks import dead_network, measured, points_for

from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.layer_profile import layer_profile
from hingeline.sensitivity.measures.theory import pr_profile
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat


def test_an_orthogonal_layer_of_absolute_values_lets_everything_through() -> None:
    frame = np.linalg.qr(np.random.default_rng(1).standard_normal((12, 12)))[0]
    network = FeedForwardNetwork([2 * frame, np.ones((1, 12))], [np.zeros(12), np.zeros(1)], "abs")
    model, points, rng = NetworkModel(network), points_for(network, 10), np.random.default_rng(0)
    found = layer_profile(model, Decision(1), points, Threat(), rng=rng, exact=True)
    np.testing.assert_allclose(found.ranks, 12.0)
    np.testing.assert_allclose(found.gains, 2.0)
    masked = Threat(free=np.arange(12) < 5)
    np.testing.assert_allclose(
        layer_profile(model, Decision(1), points, masked, rng=rng, exact=True).ranks, 5.0
    )


def test_probes_agree_with_singular_values_and_with_the_formula() -> None:
    sizes = (128, 128, 24, 128)
    model = NetworkModel(random_network((*sizes, 1), seed=25))
    points, rng = points_for(model.network, 60), np.random.default_rng(1)
    probed = layer_profile(model, Decision(1), points, Threat(), rng=rng)
    exact = layer_profile(model, Decision(1), points, Threat(), rng=rng, exact=True)
    np.testing.assert_allclose(probed.ranks.mean(axis=1), exact.ranks.mean(axis=1), rtol=0.12)
    np.testing.assert_allclose(exact.ranks.mean(axis=1), pr_profile(sizes), rtol=0.3)
    # power steps approach the largest singular value from below
    assert (probed.gains <= exact.gains * (1 + 1e-9)).all()
    assert np.median(probed.gains / exact.gains) > 0.9
    assert probed.bottleneck == 1


def test_the_share_of_patterns_lost_is_counted_at_the_flip() -> None:
    # two inputs, two neurons; the ray goes down the first coordinate, through its kink, to the flip at -1
    network = FeedForwardNetwork(
        [[[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]], [[1.0, 0.0, -1.0]]], [[0.0, 0.0, 0.0], [1.0]], "relu"
    )
    found = measured(network, np.array([[1.0, 5.0], [1.0, 6.0]])).layers
    np.testing.assert_allclose(found.changed[0], 2 / 3)
    assert found.validity == pytest.approx(2 / 3)


def test_a_layer_that_is_off_is_dead_and_lets_nothing_through() -> None:
    network = dead_network()
    found = measured(network, points_for(network, 30)).layers
    assert found.dead_layers == ("2 (30)",) and found.bottleneck is None
    assert (found.ranks[1] == 0).all() and (found.ranks[0] > 0).all()
    assert np.isinf(found.displacements).all()


def test_smooth_slopes_are_compared_by_their_angle() -> None:
    network = random_network((40, 50, 1), seed=26, activation="tanh")
    found = measured(network, points_for(network, 20)).layers
    assert ((found.changed > 0) & (found.changed < 0.5)).all()
