"""The gap that errors of the parameters allow: known truths and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from samples import random_network

from hingeline.core.errors import InvalidInput
from hingeline.networks.gap_from_errors import gap_from_errors
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

ONE = PiecewiseLinearNetwork([[[1.0]], [[2.0]]], [[0.0], [1.0]])


@pytest.mark.parametrize(
    ("rows", "biases", "gap"),
    [
        ([0, 0], [0, 0], 0.0),
        ([0, 0], [0, 0.5], 0.5),
        ([0, 0.5], [0, 0], 1.5),  # 0.5 relu(x), at x = 3
        ([0.25, 0], [0, 0], 1.5),  # 2 * 0.25 * x, at x = 3
        ([0, 0], [0.25, 0], 0.5),
        ([0.25, 0.5], [0, 0], 1.5 + 1.5 + 0.375),  # both, and 0.5 * 0.25 * x
    ],
)
def test_the_worst_network_of_one_neuron_is_found(rows: Any, biases: Any, gap: float) -> None:
    found = gap_from_errors(ONE, rows, -2, 3, bias_errors=biases)
    assert found.certified and found.sampled is None
    assert gap <= found.bound <= gap * (1 + 1e-6) + 1e-13
    assert "seen" not in found.summary()


def test_the_bound_covers_a_network_that_is_not_in_unit_rows() -> None:
    given = random_network(5, 6, 4, 2, seed=3)
    assert gap_from_errors(given, [0, 0, 0], -1, 1).bound < 1e-11
    unit = gap_from_errors(given.canonical(), [1e-6] * 3, -1, 1).bound
    assert gap_from_errors(given, [1e-6] * 3, -1, 1).bound == pytest.approx(unit, rel=1e-6)


def test_errors_of_each_row_are_taken_each() -> None:
    given = random_network(4, 3, 1, seed=5)
    all_rows = gap_from_errors(given, [1e-4, 0], -1, 1).bound
    one_row = gap_from_errors(given, [np.array([1e-4, 0, 0]), 0], -1, 1).bound
    assert 0 < one_row < all_rows


@pytest.mark.parametrize("rows", [[0.1], [0.1, -0.1], [[0.1, 0.1], 0], ["x", 0], [np.nan, 0]])
def test_errors_that_cannot_be_meant_are_refused(rows: Any) -> None:
    with pytest.raises(InvalidInput, match="row_errors"):
        gap_from_errors(ONE, rows, -1, 1)
