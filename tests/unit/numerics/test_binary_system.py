from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.numerics.binary_system import BinaryStatus, solve_binary

NOISE = 1e-10


def planted(
    inputs: int, width: int, seed: int, outputs: int = 1
) -> tuple[FloatArray, FloatArray, np.random.Generator]:
    """The signs of a random layer: row (o, i) has the coefficients c_oj w_ji."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((width, inputs))
    rows /= np.linalg.norm(rows, axis=1)[:, np.newaxis]
    columns = rng.standard_normal((outputs, width))
    matrix = np.concatenate([column * rows.T for column in columns])
    return matrix, rng.integers(0, 2, width).astype(float), rng


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("inputs", "width", "outputs", "method"),
    [
        (60, 50, 1, "least squares"),
        (10, 20, 2, "least squares"),
        (1, 6, 1, "listing"),
        (3, 20, 1, "listing"),
        (8, 40, 1, "listing"),
        (90, 120, 1, "projections"),
    ],
)
def test_planted_signs_are_found_and_proved_unique(
    inputs: int, width: int, outputs: int, method: str, seed: int
) -> None:
    matrix, bits, rng = planted(inputs, width, seed, outputs)
    noisy = matrix @ bits + NOISE * rng.standard_normal(len(matrix))
    solution = solve_binary(matrix, noisy, NOISE)
    assert (solution.status, solution.unique, solution.method) == (BinaryStatus.EXACT, True, method)
    assert solution.bits is not None
    assert solution.bits.tolist() == bits.astype(bool).tolist()
    assert solution.residual < 6
    assert solution.free_bits == max(0, width - inputs * outputs)


@pytest.mark.parametrize(("inputs", "width"), [(30, 80), (100, 200)])
def test_integer_program_solves_what_the_box_alone_does_not_decide(inputs: int, width: int) -> None:
    matrix, bits, rng = planted(inputs, width, seed=1)
    solution = solve_binary(matrix, matrix @ bits + NOISE * rng.standard_normal(inputs), NOISE)
    assert (solution.status, solution.unique) == (BinaryStatus.EXACT, True)
    assert solution.bits is not None
    assert (solution.bits == bits.astype(bool)).all()


def test_full_rank_deviation_is_at_the_noise_when_complete_and_large_when_a_neuron_is_missing() -> None:
    matrix, bits, rng = planted(60, 50, seed=0)
    bits[0] = 1.0
    noisy = matrix @ bits + NOISE * rng.standard_normal(60)
    complete, missing = solve_binary(matrix, noisy, NOISE), solve_binary(matrix[:, 1:], noisy, NOISE)
    assert complete.deviation < 1e-7
    assert missing.status is BinaryStatus.NONE
    assert missing.bits is None


@pytest.mark.parametrize(("inputs", "width"), [(60, 50), (10, 30), (50, 120), (100, 200)])
def test_a_missing_neuron_leaves_no_solution(inputs: int, width: int) -> None:
    matrix, bits, rng = planted(inputs, width, seed=2)
    bits[0] = 1.0
    noisy = matrix @ bits + NOISE * rng.standard_normal(inputs)
    solution = solve_binary(matrix[:, 1:], noisy, NOISE)
    assert (solution.status, solution.bits) == (BinaryStatus.NONE, None)


@pytest.mark.parametrize(("inputs", "width"), [(60, 50), (10, 30), (30, 80)])
def test_a_small_linear_bypass_leaves_no_solution(inputs: int, width: int) -> None:
    matrix, bits, rng = planted(inputs, width, seed=3)
    bypass = 1e-6 * rng.standard_normal(inputs)
    assert solve_binary(matrix, matrix @ bits + bypass, NOISE).status is BinaryStatus.NONE


@pytest.mark.parametrize(("inputs", "width"), [(60, 50), (10, 30), (100, 200)])
@pytest.mark.parametrize(("factor", "planted_pair"), [(1.0, (0.0, 1.0)), (-1.0, (1.0, 1.0))])
def test_exchangeable_columns_are_reported_as_ambiguous(
    inputs: int, width: int, factor: float, planted_pair: tuple[float, float]
) -> None:
    """Equal columns may swap their bits; opposite ones (c1 a1 + c2 a2 = 0) may flip both."""
    matrix, bits, _ = planted(inputs, width, seed=4)
    matrix[:, 7] = factor * matrix[:, 3]
    bits[[3, 7]] = planted_pair
    solution = solve_binary(matrix, matrix @ bits, NOISE)
    assert (solution.status, solution.unique) == (BinaryStatus.AMBIGUOUS, False)
    assert solution.differing == (3, 7)
    assert solution.bits is not None
    assert np.abs(matrix @ solution.bits - matrix @ bits).max() < 1e-12


def test_equal_columns_with_equal_bits_stay_unique() -> None:
    matrix, bits, _ = planted(60, 50, seed=5)
    matrix[:, 7], bits[[3, 7]] = matrix[:, 3], 1.0
    solution = solve_binary(matrix, matrix @ bits, NOISE)
    assert (solution.status, solution.unique, solution.method) == (BinaryStatus.EXACT, True, "listing")


@pytest.mark.parametrize("size", [0.0, 1e-14])
def test_a_column_below_the_noise_is_named_and_the_others_stay_decided(size: float) -> None:
    matrix, bits, rng = planted(60, 50, seed=6)
    matrix[:, 9] *= size
    solution = solve_binary(matrix, matrix @ bits + NOISE * rng.standard_normal(60), NOISE)
    assert (solution.status, solution.differing) == (BinaryStatus.AMBIGUOUS, (9,))
    assert solution.bits is not None
    assert np.delete(solution.bits == bits.astype(bool), 9).all()


def test_rows_are_weighted_by_their_tolerance() -> None:
    matrix, bits, rng = planted(60, 30, seed=7)
    tolerance = np.where(np.arange(60) < 40, NOISE, 1.0)
    noisy = matrix @ bits + tolerance * rng.standard_normal(60)
    assert solve_binary(matrix, noisy, tolerance).status is BinaryStatus.EXACT
    assert solve_binary(matrix, noisy, NOISE).status is BinaryStatus.NONE


def test_a_hard_system_with_no_time_is_undecided_not_guessed() -> None:
    matrix, bits, _ = planted(10, 70, seed=8)
    solution = solve_binary(matrix, matrix @ bits, NOISE, time_limit=0.1)
    assert (solution.status, solution.bits, solution.unique) == (BinaryStatus.UNDECIDED, None, None)


def test_without_proof_uniqueness_stays_open() -> None:
    matrix, bits, _ = planted(90, 120, seed=9)
    solution = solve_binary(matrix, matrix @ bits, NOISE, prove_unique=False)
    assert (solution.status, solution.unique) == (BinaryStatus.EXACT, None)


@pytest.mark.parametrize(
    ("matrix", "right_side", "status"),
    [
        (np.zeros((3, 0)), np.zeros(3), BinaryStatus.EXACT),
        (np.zeros((3, 0)), np.ones(3), BinaryStatus.NONE),
        (np.zeros((0, 2)), np.zeros(0), BinaryStatus.AMBIGUOUS),
        (np.zeros((3, 2)), np.zeros(3), BinaryStatus.AMBIGUOUS),
        (np.zeros((3, 2)), np.ones(3), BinaryStatus.NONE),
    ],
)
def test_degenerate_systems_have_an_answer(
    matrix: FloatArray, right_side: FloatArray, status: BinaryStatus
) -> None:
    assert solve_binary(matrix, right_side, NOISE).status is status


@pytest.mark.parametrize(
    ("matrix", "right_side", "tolerance", "message"),
    [
        (np.zeros((3, 2)), np.zeros(2), 1.0, r"want \(m, n\) and \(m,\)"),
        (np.zeros(3), np.zeros(3), 1.0, r"want \(m, n\) and \(m,\)"),
        (np.zeros((3, 2)), np.zeros(3), np.ones(2), "one number or one per row"),
        (np.zeros((3, 2)), np.full(3, np.nan), 1.0, "must be finite"),
        (np.zeros((3, 2)), np.zeros(3), -1.0, "not negative"),
    ],
)
def test_input_that_cannot_be_meant_is_refused(
    matrix: FloatArray, right_side: FloatArray, tolerance: FloatArray | float, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        solve_binary(matrix, right_side, tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_784_equations_decide_1024_signs(seed: int) -> None:
    matrix, bits, rng = planted(784, 1024, seed)
    solution = solve_binary(matrix, matrix @ bits + NOISE * rng.standard_normal(784), NOISE)
    assert (solution.status, solution.unique, solution.free_bits) == (BinaryStatus.EXACT, True, 240)
    assert solution.bits is not None
    assert (solution.bits == bits.astype(bool)).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_integer_program_decides_50_by_120(seed: int) -> None:
    matrix, bits, rng = planted(50, 120, seed)
    solution = solve_binary(matrix, matrix @ bits + NOISE * rng.standard_normal(50), NOISE)
    assert (solution.status, solution.unique) == (BinaryStatus.EXACT, True)
    assert solution.bits is not None
    assert (solution.bits == bits.astype(bool)).all()
