"""Flip curves and the choice of signs, where shares are known in closed form, and at doors that waver."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import beta

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.figure_data import Curves
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.fisher.directions import fisher_directions
from hingeline.sensitivity.fisher.flip_curves import flip_curves, random_steps
from hingeline.sensitivity.fisher.most_dangerous import most_dangerous
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

DIM = 30


def half_space() -> NetworkModel:
    normal = np.zeros((1, DIM))
    normal[0, :2] = 0.6, 0.8
    return NetworkModel(PiecewiseLinearNetwork([normal], [[0.0]]))


def at_distances(distances: FloatArray, seed: int) -> FloatArray:
    """Points so far from the half space's boundary, on either side, elsewhere random."""
    model, rng = half_space(), np.random.default_rng(seed)
    normal = model.network.weights[0]
    points = rng.normal(size=(len(distances), DIM))
    return points - points @ normal.T * normal + distances[:, np.newaxis] * normal


class Wavering(NetworkModel):
    """Answers with noise, as a stochastic door does."""

    rng = np.random.default_rng(61)

    def outputs(self, points: FloatArray) -> FloatArray:
        exact = super().outputs(points)
        return exact + 0.3 * self.rng.normal(size=exact.shape)


def test_every_direction_found_crosses_a_half_space_at_its_distance() -> None:
    points = at_distances(np.array([0.1, -0.2, 0.3, -0.4]), 1)
    curves = flip_curves(half_space(), Decision(1), points, [0.15, 0.25, 0.5], rng=np.random.default_rng(0))
    for name in ("fisher", "fisher_by_slope", "gradient", "boundary"):
        np.testing.assert_allclose(curves[name].shares, [0.25, 0.5, 1.0])
    np.testing.assert_allclose(curves["fisher_unsigned"].shares, [0.125, 0.25, 0.5])
    assert not curves.control.shares.any() and not curves.wavers


def test_random_steps_cross_a_half_space_as_often_as_theory_says() -> None:
    points, sizes = at_distances(np.full(500, 0.1), 2), np.array([0.2, 0.5])
    rng = np.random.default_rng(3)
    curves = flip_curves(half_space(), Decision(1), points, list(sizes), rng=rng, random_directions=40)
    # exactly: (1 + u) / 2 of a uniform direction is a beta variable; the normal law is its limit
    exact = beta((DIM - 1) / 2, (DIM - 1) / 2).sf((1 + 0.1 / sizes) / 2)
    np.testing.assert_allclose(curves["random"].shares, exact, atol=0.012)
    np.testing.assert_allclose(curves.theory, exact, atol=0.005)


def test_random_signs_cross_where_the_two_coordinates_that_count_agree() -> None:
    points, rng = at_distances(np.full(500, 0.1), 2), np.random.default_rng(3)
    curves = flip_curves(half_space(), Decision(1), points, [0.2, 0.4], rng=rng, threat=Threat("linf"))
    # the lead changes by 1.4, 0.2, -0.2 or -1.4 times the size
    np.testing.assert_allclose(curves["random"].shares, 0.25, atol=0.015)


def test_theory_with_random_signs_is_that_of_many_like_coordinates() -> None:
    weights = np.random.default_rng(4).normal(size=(1, 400))
    model = NetworkModel(PiecewiseLinearNetwork([weights], [[1.0]]))
    points = 0.02 * np.random.default_rng(5).normal(size=(300, 400))
    curves = flip_curves(
        model, Decision(1), points, [0.03, 0.1], rng=np.random.default_rng(6), threat=Threat("linf")
    )
    np.testing.assert_allclose(curves["random"].shares, curves.theory, atol=0.02)


def test_a_wavering_door_shows_in_the_control_at_size_zero() -> None:
    points = at_distances(np.full(400, 0.3), 7)
    model = Wavering(half_space().network)
    curves = flip_curves(model, Decision(1), points, [1e-6], rng=np.random.default_rng(8))
    # a right first answer (Phi(1) = .841) is followed by a wrong one with .159, and the other way round
    assert abs(curves.control.shares[0] - 2 * 0.841 * 0.159) < 0.05
    assert curves.control_of_two.shares[0] > curves.control.shares[0]
    assert curves.wavers and curves.figure().levels
    low, high = curves.control_of_two.low[0], curves.control_of_two.high[0]
    assert low - 0.05 < curves["fisher"].shares[0] < high + 0.05


def test_the_sign_chosen_flips_whenever_one_of_the_two_does() -> None:
    model = NetworkModel(random_network((DIM, 40, 40, 6), seed=41))
    points = np.random.default_rng(9).normal(size=(200, DIM))
    fisher = fisher_directions(model, Decision(6), points)
    found = most_dangerous(model, Decision(6), points, fisher, size=1.0)
    flipped = Decision(6).flipped(model.outputs(found.points), fisher.classes)
    np.testing.assert_array_equal(flipped, found.flipped.any(axis=1))
    np.testing.assert_allclose(found.points, points + found.steps, atol=1e-15)
    told = found.summary()
    assert told["flipped"] >= 1.5 * told["flipped_either_sign_alone"] > 0
    assert told["slope_agrees"] > 0.8 and told["changed_when_asked_again"] == 0
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_sign_does_not_depend_on_that_of_the_eigenvector() -> None:
    points = at_distances(np.array([0.1, -0.2]), 10)
    fisher = fisher_directions(half_space(), Decision(1), points)
    turned = type(fisher)(**{**vars(fisher), "directions": -fisher.directions})
    one, two = (most_dangerous(half_space(), Decision(1), points, f, size=0.3) for f in (fisher, turned))
    np.testing.assert_array_equal(one.steps, two.steps)
    np.testing.assert_array_equal(one.signs, -two.signs)


def test_box_and_free_coordinates_are_kept() -> None:
    seen: list[FloatArray] = []

    class Watched(NetworkModel):
        def outputs(self, points: FloatArray) -> FloatArray:
            seen.append(points)
            return super().outputs(points)

    free = np.arange(DIM) > 0
    model = Watched(random_network((DIM, 20, 3), seed=42))
    points = np.random.default_rng(11).uniform(size=(20, DIM))
    threat = Threat("linf", box=(0.0, 1.0), free=free)
    curves = flip_curves(model, Decision(3), points, [0.1, 0.4], rng=np.random.default_rng(12), threat=threat)
    for asked in seen:
        assert asked.min() >= 0 and asked.max() <= 1
        np.testing.assert_array_equal(asked[:, 0], points[:, 0])
    assert curves.boxed and len(seen) == 3 + 2 * (5 + 20)


def test_random_steps_have_size_one() -> None:
    for norm in ("l2", "linf", "l1"):
        threat = Threat(norm)  # type: ignore[arg-type]
        steps = random_steps((50, 7), threat, np.random.default_rng(13))
        np.testing.assert_allclose(threat.size(steps), 1.0)


def test_what_is_told_is_json_and_the_ratio_has_a_cautious_limit() -> None:
    model = NetworkModel(random_network((DIM, 40, 40, 6), seed=43))
    points = np.random.default_rng(14).normal(size=(60, DIM))
    curves = flip_curves(model, Decision(6), points, [0.3, 1.0], rng=np.random.default_rng(15))
    json.dumps(curves.to_dict(), allow_nan=False)
    assert isinstance(curves.figure(), Curves)
    assert np.all(curves.ratio_low < curves.ratio)
    again = flip_curves(model, Decision(6), points, [0.3, 1.0], rng=np.random.default_rng(15))
    assert curves.summary() == again.summary()


def test_sizes_that_are_no_steps_are_refused() -> None:
    points = at_distances(np.ones(2), 16)
    for sizes in ([], [0.0], [np.inf]):
        with pytest.raises(InvalidInput, match="above 0"):
            flip_curves(half_space(), Decision(1), points, sizes, rng=np.random.default_rng(0))
