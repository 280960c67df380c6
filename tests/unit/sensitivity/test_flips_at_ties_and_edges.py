"""Smallest flips where leads are zero: plateaus, ties, inputs on the boundary, digits that drown."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.exact.minimal import Solved, minimal_flips
from hingeline.sensitivity.exact.minimal import _both as better_of  # pyright: ignore[reportPrivateUsage]
from hingeline.sensitivity.exact.search import ExactSettings
from hingeline.sensitivity.threat import NORMS, Norm, Threat

FEW = ExactSettings(nodes=300)


@pytest.mark.parametrize("big", [1.0, 1e3, 1e6])
@pytest.mark.parametrize("dip", [1e-3, 1e-5, 1e-8])
def test_a_shallow_flip_beside_a_large_number_is_not_proved_away(big: float, dip: float) -> None:
    # the lead is max(1 - x1, 0) - dip min(max(x2, 0), 1), and both outputs hold the large number x0
    first = [[0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    last = [[1.0, -dip, dip, 1.0], [0.0, 0.0, 0.0, 1.0]]
    network = PiecewiseLinearNetwork([first, last], [[1.0, 0.0, -1.0, 0.0], [0.0, 0.0]])
    point = np.array([[big, 0.0, 0.0]])
    found = minimal_flips(network, point, Threat(free=np.array([False, True, True])), settings=FEW)
    shallow = np.array([[0.0, 1.000001, 0.1]])
    if 0.1 * dip > 1e-13 * big:  # beside rounding
        assert found.lower[0] <= np.linalg.norm(shallow)


@pytest.mark.parametrize("norm", NORMS)
def test_equal_outputs_are_a_flip_where_the_first_class_is_another(norm: Norm) -> None:
    # class 1 leads by max(x, 0); where that is zero, class 0 is taken
    network = PiecewiseLinearNetwork([[[1.0]], [[0.0], [1.0]]], [[0.0], [1.0, 1.0]])
    found = minimal_flips(network, [[1.0]], Threat(norm), settings=FEW)
    assert found.ended == ("proved",) and found.upper[0] == pytest.approx(1.0)
    assert found.flipped_to[0] == 0


def test_one_output_that_falls_to_its_threshold_and_no_farther_flips() -> None:
    network = PiecewiseLinearNetwork([np.eye(3), np.ones((1, 3))], [np.zeros(3), [0.0]])
    found = minimal_flips(network, [[0.3, 0.4, -1.0]], settings=FEW)
    assert found.proved.all() and found.upper[0] == pytest.approx(0.5)


@pytest.mark.parametrize("norm", NORMS)
def test_equal_outputs_are_no_flip_where_the_own_class_comes_first(norm: Norm) -> None:
    network = PiecewiseLinearNetwork([[[1.0]], [[1.0], [0.0]]], [[0.0], [0.0, 0.0]])
    found = minimal_flips(network, [[0.5]], Threat(norm, box=(-1.0, 1.0)), settings=FEW)
    assert found.proved.all() and np.isinf(found.upper).all()


@pytest.mark.parametrize("norm", NORMS)
def test_an_input_on_the_boundary_flips_at_once(norm: Norm) -> None:
    network = PiecewiseLinearNetwork([np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]])], [np.zeros(3)])
    found = minimal_flips(network, np.zeros((1, 2)), Threat(norm), settings=FEW)
    assert found.lower[0] == 0.0 and found.upper[0] < 1e-9
    assert network(found.changes).argmax() != 0


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("box", [None, (0.0, 1.0)])
def test_where_no_coordinate_may_change_nothing_flips(norm: Norm, box: tuple[float, float] | None) -> None:
    network = PiecewiseLinearNetwork([np.eye(2)], [np.zeros(2)])
    found = minimal_flips(network, [[0.3, 0.2]], Threat(norm, box, np.zeros(2, dtype=np.bool_)))
    assert np.isinf(found.upper).all() and not found.changes.any()


def test_a_change_that_is_told_is_never_zero() -> None:
    # the input lies on the boundary up to its last digit, and answers differ with the batch there
    rng = np.random.default_rng(5)
    network = PiecewiseLinearNetwork(
        [rng.standard_normal((7, 4)), rng.standard_normal((3, 7))], [rng.standard_normal(7), np.zeros(3)]
    )
    pairs = rng.standard_normal((40, 2, 4))
    for _ in range(60):
        middle = pairs.mean(axis=1)
        same = network(middle).argmax(axis=1) == network(pairs[:, 0]).argmax(axis=1)
        pairs[np.arange(40), np.where(same, 0, 1)] = middle
    points = pairs[:, 0]
    found = minimal_flips(network, points, settings=ExactSettings(nodes=20))
    told = np.isfinite(found.upper)
    alone = np.array([network(row[np.newaxis])[0].argmax() for row in points + found.changes])
    assert (found.upper > 0).all() and (alone != found.classes)[told].all()


@pytest.mark.parametrize("norm", NORMS)
def test_rival_outputs_that_are_equal_everywhere_break_nothing(norm: Norm) -> None:
    network = PiecewiseLinearNetwork([np.array([[2.0, 1.0], [2.0, 1.0], [-1.0, 1.0]])], [[1.0, 1.0, 0.0]])
    found = minimal_flips(network, [[0.5, 0.5]], Threat(norm, box=(0.0, 1.0)), settings=FEW)
    assert np.isinf(found.lower[0]) and found.proved.all()


def test_no_flip_within_reach_proves_no_flip_that_was_found_beyond() -> None:
    change = np.array([30.0])
    far = Solved(change, 30.0, 2.0, "budget", 5)
    near = Solved(np.zeros(1), np.inf, 10.0, "proved", 9)
    both = better_of(far, near, 1e-6)
    assert (both.upper, both.lower, both.ended) == (30.0, 10.0, "budget")


def test_changes_end_inside_the_box_to_the_last_digit() -> None:
    rng = np.random.default_rng(8)
    low, high = -0.1, 0.3
    points = rng.uniform(low, high, (2000, 3))
    threat = Threat("l1", box=(low, high))
    moved = points + threat.changes_inside(points, 10 * rng.standard_normal((2000, 3)))
    assert moved.min() >= low and moved.max() <= high
