"""The knee of a curve of defences."""

from __future__ import annotations

import numpy as np

from hingeline.evaluation.defending.knee import front, knee


def test_dominated_defences_are_not_on_the_front() -> None:
    assert front(np.array([0.0, 0.2, 0.1, 0.3]), np.array([0.0, 0.4, 0.5, 0.5])) == [0, 2]


def test_the_knee_is_where_much_is_stopped_for_little() -> None:
    lost, prevented = np.array([0.0, 0.05, 0.5, 1.0]), np.array([0.0, 0.9, 0.95, 1.0])
    assert knee(lost, prevented) == 1


def test_a_defence_that_costs_nothing_and_stops_all_is_the_knee() -> None:
    assert knee(np.array([0.0, 1e-4]), np.array([0.0, 1.0])) == 1


def test_a_straight_line_has_no_knee() -> None:
    assert knee(np.array([0.0, 0.25, 0.5]), np.array([0.0, 0.5, 1.0])) is None


def test_where_nothing_is_stopped_there_is_no_knee() -> None:
    assert knee(np.array([0.0, 0.1]), np.array([0.0, 0.0])) is None


def test_order_and_units_of_what_is_stopped_do_not_matter() -> None:
    rng = np.random.default_rng(8)
    for _ in range(30):
        lost, prevented = rng.random(9), rng.random(9)
        found, order = knee(lost, prevented), rng.permutation(9)
        turned = knee(lost[order], 0.5 * prevented[order])
        assert found == (None if turned is None else order[turned])
