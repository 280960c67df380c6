"""A neuron that was found twice is kept once; others are kept."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.candidates import FoundNeuron
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.predictions import Vote
from hingeline.extraction.depth.refit import Refit
from hingeline.extraction.depth.twins import without_twins

ROW = np.array([0.6, -0.4, 0.5, 0.3, -0.2])


def _found(
    row: FloatArray, lines: range, key: int, error: float = 1e-10, untold: tuple[int, ...] = ()
) -> FoundNeuron:
    """A neuron that bends some lines, each at its third bend."""
    theta = row.copy()
    theta[list(untold)] = 0.0
    neuron = PartialNeuron(theta / np.linalg.norm(theta), np.eye(len(row))[:, list(untold)], ())
    vote = Vote(tuple((line, 2) for line in lines), ())
    return FoundNeuron(Refit(neuron, np.full(len(row), error), 1.0), vote, np.zeros(0, dtype=np.int64), key)


def _keys(*found: FoundNeuron) -> list[int]:
    return [one.key for one in without_twins(found)]


def test_of_two_with_one_row_to_a_sign_the_surer_stays() -> None:
    poor = _found(-ROW + 1e-5 * np.array([1, 0, -1, 0, 1]), range(20), 1, error=2e-6)
    assert _keys(poor, _found(ROW, range(20), 2)) == [2]
    assert _keys(_found(ROW, range(20), 2), poor) == [2]


def test_a_row_further_off_than_its_error_is_another_neuron() -> None:
    apart = _found(ROW + 1e-4 * np.array([1, 0, -1, 0, 1]), range(20), 1, error=1e-10)
    assert _keys(apart, _found(ROW, range(20), 2)) == [1, 2]


def test_equal_rows_that_bend_lines_elsewhere_are_not_put_together() -> None:
    assert _keys(_found(ROW, range(20), 1), _found(ROW, range(20, 40), 2)) == [1, 2]


def test_a_part_of_a_neuron_that_explains_no_bend_of_its_own_is_left_out() -> None:
    whole, part = _found(ROW, range(20), 1), _found(ROW + 0.1, range(10, 16), 2, untold=(3,))
    assert _keys(part, whole) == [1]


def test_a_part_that_explains_more_stays() -> None:
    whole, part = _found(ROW, range(20), 1), _found(ROW + 0.1, range(12, 32), 2, untold=(3,))
    assert _keys(whole, part) == [1, 2]
