from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.numerics.conjugate_gradients import solve_least_squares


@dataclass(frozen=True)
class Dense:
    matrix: FloatArray

    def apply(self, vector: FloatArray) -> FloatArray:
        return self.matrix @ vector

    def transpose(self, data: FloatArray) -> FloatArray:
        return self.matrix.T @ data


def problem(rows: int, columns: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(rows + columns)
    return rng.standard_normal((rows, columns)), rng.standard_normal(rows)


@pytest.mark.parametrize(("rows", "columns"), [(20, 5), (5, 5), (4, 9)])
@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_the_minimiser_is_that_of_the_normal_equations(rows: int, columns: int, damping: float) -> None:
    matrix, data = problem(rows, columns)
    step = solve_least_squares(
        Dense(matrix), data, lambda g: g, np.full(columns, damping), tolerance=1e-12, limit=100
    )
    expected = np.linalg.pinv(matrix.T @ matrix + damping * np.eye(columns)) @ matrix.T @ data
    np.testing.assert_allclose(step.vector, expected, atol=1e-9)
    assert step.reduction <= 1e-12


def test_an_exact_preconditioner_needs_one_iteration() -> None:
    matrix, data = problem(20, 6)
    inverse = np.linalg.inv(matrix.T @ matrix)
    step = solve_least_squares(
        Dense(matrix), data, lambda g: inverse @ g, np.zeros(6), tolerance=1e-10, limit=50
    )
    assert step.iterations == 1


def test_the_limit_is_kept_and_the_rest_reported() -> None:
    matrix, data = problem(40, 30)
    step = solve_least_squares(Dense(matrix), data, lambda g: g, np.zeros(30), tolerance=1e-12, limit=3)
    assert step.iterations == 3
    assert step.reduction > 1e-6


def test_nothing_to_fit_gives_no_step() -> None:
    matrix, _ = problem(6, 3)
    step = solve_least_squares(Dense(matrix), np.zeros(6), lambda g: g, np.zeros(3), tolerance=1e-12, limit=9)
    assert (step.iterations, step.reduction) == (0, 0.0)
    assert not step.vector.any()
