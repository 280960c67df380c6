"""The curve of inputs that stand, and the flips among all that was asked."""

from __future__ import annotations

import numpy as np
import pytest
from known_networks import linear_network

from hingeline.numerics.statistics import wilson
from hingeline.sensitivity.asked_flips import AskedFlips
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.standing import standing_curve
from hingeline.sensitivity.threat import Threat


def test_shares_fall_at_the_sizes_of_flips_and_never_below_what_is_proved() -> None:
    upper, lower = np.array([1.0, 2.0, np.inf, 4.0]), np.array([1.0, 1.5, 3.0, 0.0])
    curve = standing_curve("l2", upper, lower)
    assert curve.sizes.tolist() == [0.0, 1.0, 1.5, 2.0, 3.0, 4.0]
    assert curve.standing.tolist() == [4, 3, 3, 2, 2, 1] and curve.certain.tolist() == [3, 2, 1, 1, 0, 0]
    assert (curve.low[1], curve.high[1]) == pytest.approx(wilson(3, 4))


def test_what_is_wrong_has_fallen_at_size_zero() -> None:
    curve = standing_curve("l2", np.array([1.0, 2.0]), np.zeros(2), np.array([True, False]))
    assert curve.shares.tolist() == [0.5, 0.0] and curve.labelled
    assert "right and stand" in curve.figure().caption and curve.summary()["standing"] == [0.5, 0.0]


def test_nothing_known_is_one_point_at_zero() -> None:
    curve = standing_curve("linf", np.full(3, np.inf), np.zeros(3))
    assert curve.sizes.tolist() == [0.0] and curve.shares.tolist() == [1.0]
    assert curve.certain.tolist() == [0] and curve.figure().curves


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
def test_any_answer_may_flip_any_input(norm: str) -> None:
    starts, decision = np.array([[1.0, 0.0], [-3.0, 1.0], [2.0, 2.0]]), Decision(1)
    model = NetworkModel(linear_network([[1.0, 0.0]], [0.0]))
    threat = Threat(norm, box=(-3.0, 3.0))  # type: ignore[arg-type]
    asked = AskedFlips(model, decision, starts, np.array([1, 0, 1]), threat)
    rows = np.array([[-0.5, 0.0], [0.5, 1.0], [-4.0, 0.0], [-1.0, 2.0]])
    np.testing.assert_array_equal(asked.outputs(rows), model.outputs(rows))
    # the third answer lies outside the box
    nearest = [0, 1, 0 if norm == "linf" else 3]
    np.testing.assert_array_equal(asked.points, rows[nearest])
    np.testing.assert_allclose(asked.sizes, threat.size(rows[nearest] - starts))


def test_what_moves_a_fixed_coordinate_is_no_flip() -> None:
    threat = Threat(free=np.array([True, False]))
    model = NetworkModel(linear_network([[1.0, 0.0]], [0.0]))
    asked = AskedFlips(model, Decision(1), np.array([[1.0, 0.0]]), np.array([1]), threat)
    asked.outputs(np.array([[-0.1, 0.1]]))
    assert np.isinf(asked.sizes).all()
    asked.outputs(np.array([[-2.0, 0.0]]))
    assert asked.sizes.tolist() == [3.0]
