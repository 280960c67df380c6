"""The smallest step on a line that changes the class, of networks and of stacks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.renormalisation.perturbations.line import flips_on_lines
from hingeline.renormalisation.perturbations.stack_model import StackModel
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

THREE = NetworkModel(PiecewiseLinearNetwork([np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 3.0]])], [np.zeros(3)]))
"""Classes x, -x and 3 y: linear, so that every distance is known."""


def test_distances_to_known_boundaries_and_what_lies_behind() -> None:
    points = np.array([[1.0, 0.0], [-2.0, 0.0], [1.0, 0.0], [1.0, -9.0]])
    directions = np.array([[5.0, 0.0], [1.0, 0.0], [0.0, -2.0], [0.0, 0.0]])
    found = flips_on_lines(THREE, Decision(3), points, directions, reach=4.0)
    assert found.steps == pytest.approx([1.0, 2.0, 1 / 3, np.inf], abs=1e-5)
    assert found.becomes.tolist() == [1, 0, 2, -1]
    assert found.signs.tolist() == [-1, 1, -1, 0]
    assert (THREE.outputs(found.points).argmax(axis=1)[:3] == found.becomes[:3]).all()
    assert (found.points[3] == points[3]).all()


def test_beyond_the_reach_nothing_is_found() -> None:
    found = flips_on_lines(THREE, Decision(3), np.array([[1.0, -9.0]]), np.array([1.0, 0.0]), reach=0.9)
    assert np.isinf(found.steps).all()
    assert found.summary()["median_step"] is None
    assert found.summary()["share_flipped"] == 0.0
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_nearer_of_both_ways_counts() -> None:
    # y may grow to 1/3 or x may fall to 0; along (-1, 1) the first boundary is at y = 1/4
    point, line = np.array([[1.0, 0.0]]), np.array([1.0, -1.0])
    found = flips_on_lines(THREE, Decision(3), point, line, reach=3.0)
    assert found.steps[0] == pytest.approx(np.sqrt(2) / 4, abs=1e-5)
    assert found.figure().curves[0].y == (1.0,)


def test_a_box_shortens_the_change_and_may_hide_the_flip() -> None:
    points, line = np.array([[0.5, 0.9], [0.5, -1.0]]), np.array([0.0, 1.0])
    model = NetworkModel(
        PiecewiseLinearNetwork([np.array([[0.0, 1.0], [0.0, -1.0]])], [np.array([0.0, 2.1])])
    )
    threat = Threat("linf", box=(-1.0, 1.0))
    found = flips_on_lines(model, Decision(2), points, line, reach=3.0, threat=threat)
    # the boundary y = 1.05 lies outside
    assert np.isinf(found.steps).all()


def test_where_a_box_cuts_a_step_short_the_change_is_smaller_than_the_step() -> None:
    # x stops at its edge after 0.1, y goes on to 3 y = x = 1
    point, line = np.array([[0.9, 0.0]]), np.array([1.0, 1.0])
    found = flips_on_lines(THREE, Decision(3), point, line, reach=2.0, threat=Threat(box=(-1.0, 1.0)))
    assert found.points[0] == pytest.approx([1.0, 1 / 3], abs=1e-4)
    assert found.steps[0] == pytest.approx(np.sqrt(2) / 3, abs=1e-4)
    assert found.distances[0] == pytest.approx(np.hypot(0.1, 1 / 3), abs=1e-4)


def test_no_inputs_give_no_rows() -> None:
    found = flips_on_lines(THREE, Decision(3), np.zeros((0, 2)), np.zeros((0, 2)), reach=1.0)
    assert found.summary()["share_flipped"] is None


def test_the_boundary_of_a_stack_is_found_within_its_noise() -> None:
    # one unit of field x decides: classes are alike at x = 0
    stack = StochasticStack([np.ones((1, 1)), np.array([[2.0], [-2.0]])], [np.zeros(1), np.zeros(2)])
    points = np.linspace(-0.8, 0.8, 9)[[0, 1, 2, 6, 7, 8], np.newaxis]
    found = flips_on_lines(StackModel(stack, 400, 5), Decision(2), points, np.ones(1), reach=2.0)
    assert found.found.all()
    assert (found.becomes != found.classes).all()
    # tanh x is told from 0 to about 1 / sqrt(400), and a flip must be seen beyond the scatter of 16 answers
    assert found.steps == pytest.approx(np.abs(points[:, 0]), abs=0.2)


@pytest.mark.parametrize("seed", [901, 902, 903])
def test_what_is_said_to_flip_a_stack_flips_it_when_many_samples_are_asked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal(shape) * 0.6 for shape in ((8, 6), (5, 8), (3, 5))]
    stack = StochasticStack(weights, [0.2 * rng.standard_normal(w) for w in (8, 5, 3)])
    points, line = rng.random((40, 6)), rng.standard_normal(6)
    found = flips_on_lines(StackModel(stack, 200, seed), Decision(3), points, line, reach=4.0)
    where = found.found
    before, after = (stack.class_probabilities(p[where], 20_000, rng) for p in (points, found.points))
    assert where.sum() > 5
    assert (before.argmax(axis=1) == found.classes[where]).all()
    assert (after.argmax(axis=1) == found.becomes[where]).all()


def test_an_input_whose_class_cannot_be_told_flips_nowhere() -> None:
    stack = StochasticStack([np.ones((1, 1)), np.array([[2.0], [-2.0]])], [np.zeros(1), np.zeros(2)])
    points = np.full((30, 1), 1e-4)
    found = flips_on_lines(StackModel(stack, 100, 7), Decision(2), points, np.ones(1), reach=2.0)
    assert found.found.sum() <= 1
    assert found.refuted.sum() >= 29


@pytest.mark.parametrize(
    ("directions", "reach", "words"),
    [(np.ones(3), 1.0, "of shape"), (np.ones(2), 0.0, "reach"), (np.array([np.nan, 1.0]), 1.0, "finite")],
)
def test_lines_that_cannot_be_are_refused(directions: np.ndarray, reach: float, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        flips_on_lines(THREE, Decision(3), np.zeros((4, 2)), directions, reach=reach)
