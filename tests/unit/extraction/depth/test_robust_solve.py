"""Solves that some equations, far off, do not disturb."""

import numpy as np

from hingeline.extraction.depth.robust_solve import agreeing_solution, least_absolute

RNG = np.random.default_rng(5)
TRUTH = np.array([[1.0, -0.5], [0.3, 2.0], [0.0, 0.7]])
MATRIX = RNG.standard_normal((200, 3))


def test_a_quarter_of_the_equations_may_be_far_off() -> None:
    target = MATRIX @ TRUTH
    target[::4] += 5 * RNG.standard_normal((50, 2))
    np.testing.assert_allclose(least_absolute(MATRIX, target), TRUTH, atol=1e-11)


def test_an_unknown_that_only_chosen_places_show_is_told_by_them() -> None:
    matrix = np.concatenate([MATRIX, MATRIX[:20]])
    matrix[:200, 2] = 0.0
    typical = np.arange(220) < 200
    found = agreeing_solution(matrix, matrix @ TRUTH, typical, 1e-9)
    np.testing.assert_allclose(found, TRUTH, atol=1e-11)


def test_many_chosen_places_that_are_wrong_together_do_not_outvote_the_typical_ones() -> None:
    matrix = np.concatenate([MATRIX, MATRIX, MATRIX])
    target = matrix @ TRUTH
    target[200:] += matrix[200:] @ np.ones((3, 2))
    found = agreeing_solution(matrix, target, np.arange(600) < 200, 1e-9)
    np.testing.assert_allclose(found, TRUTH, atol=1e-11)


def test_a_seldom_unknown_whose_equations_are_mostly_wrong_is_settled_by_those_that_agree() -> None:
    """Of two neurons that are seldom on, mostly together, one is known: where it is on alone tells it."""
    rng = np.random.default_rng(8)
    matrix = rng.standard_normal((300, 3))
    matrix[100:, 2] = 0.0
    target = matrix @ TRUTH
    # the other one, as like the first as it can be
    target[:60] += np.outer(matrix[:60, 2], [3.0, -1.0]) + 0.01 * rng.standard_normal((60, 2))
    found = agreeing_solution(matrix, target, np.arange(300) >= 100, 1e-9, settled=True)
    np.testing.assert_allclose(found, TRUTH, atol=1e-9)
