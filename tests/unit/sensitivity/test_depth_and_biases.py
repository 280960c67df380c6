"""What depth and biases do to outputs, beside closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from known_networks import linear_network, measured, points_for

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import random_network
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.measures.depth_collapse import depth_collapse
from hingeline.sensitivity.measures.homogeneity import homogeneity
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat


def test_angles_of_orthogonal_inputs_follow_the_map() -> None:
    rng, pairs = np.random.default_rng(2), np.arange(40).reshape(-1, 2)
    frame = np.linalg.qr(rng.standard_normal((128, 40)))[0].T
    networks = [random_network((128, *[128] * 6, 1), seed=270 + seed) for seed in range(20)]
    found = [depth_collapse(NetworkModel(n), Decision(1), frame, rng=rng, pairs=pairs) for n in networks]
    np.testing.assert_allclose(found[0].angles[0], np.pi / 2)
    np.testing.assert_allclose(
        np.mean([f.angles.mean(axis=1) for f in found], axis=0), found[0].expected_angles[:, 0], rtol=0.08
    )
    agreement = np.mean([f.agreement for f in found])
    assert agreement == pytest.approx(np.mean([f.agreement_expected for f in found]), abs=0.08)


def test_equal_inputs_agree_at_angle_zero_and_opposite_ones_at_pi() -> None:
    model = NetworkModel(linear_network([[1.0, 2.0]], [0.0]))
    points = np.array([[1.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
    pairs = np.array([[0, 1], [0, 2]])
    found = depth_collapse(model, Decision(1), points, rng=np.random.default_rng(0), pairs=pairs)
    np.testing.assert_allclose(found.angles, [[0.0, np.pi]])
    np.testing.assert_array_equal(found.same_class, [1.0, 0.0])
    assert found.histogram.tolist() == [1, 2] and not found.constant


def test_pairs_that_name_no_rows_are_refused() -> None:
    model, rng = NetworkModel(linear_network([[1.0, 2.0]], [0.0])), np.random.default_rng(0)
    with pytest.raises(InvalidInput, match="rows below 2"):
        depth_collapse(model, Decision(1), np.ones((2, 2)), rng=rng, pairs=np.array([[0, 5]]))
    with pytest.raises(InvalidInput, match="at least two"):
        depth_collapse(model, Decision(1), np.ones((1, 2)), rng=rng)


def test_without_biases_the_ratio_is_one() -> None:
    for outputs in (1, 4):
        network = random_network((30, 20, 20, outputs), seed=28)
        found = measured(network, points_for(network, 40)).biases
        assert np.abs(found.ratio - 1).max() < 1e-6 and np.abs(found.biases).max() < 1e-10


def test_biases_are_what_is_left_of_the_lead() -> None:
    model, points = NetworkModel(linear_network([[2.0, 0.0]], [3.0])), np.array([[1.0, 7.0], [-4.0, 0.0]])
    found = homogeneity(model, Decision(1), points, Threat())
    np.testing.assert_allclose(found.leads, [5.0, 5.0])
    np.testing.assert_allclose(found.ratio, [2 / 5, 8 / 5])
    np.testing.assert_allclose(found.biases, [3.0, -3.0])
