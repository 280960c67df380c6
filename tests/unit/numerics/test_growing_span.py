from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.numerics.span import GrowingSpan


def noisy_rows(dim: int, rank: int, count: int, error: float, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Orthonormal rows, and random combinations of them with noise."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((dim, rank)))[0].T
    return basis, rng.standard_normal((count, rank)) @ basis + error * rng.standard_normal((count, dim))


def largest_angle(one: FloatArray, other: FloatArray) -> float:
    """Sine of the largest principal angle between the spans of orthonormal rows."""
    return float(np.linalg.norm(one - one @ other.T @ other, 2))


@pytest.mark.parametrize("error", [0.0, 1e-13, 1e-8, 1e-4])
@pytest.mark.parametrize(("dim", "rank"), [(1, 1), (10, 1), (10, 4), (10, 10), (60, 25)])
def test_the_rank_is_that_of_the_rows_without_their_noise(dim: int, rank: int, error: float) -> None:
    basis, rows = noisy_rows(dim, rank, 3 * rank, error)
    span = GrowingSpan(dim)
    grew = [span.add(row, max(error, 1e-15)) for row in rows]
    assert span.rank == rank == sum(grew)
    assert all(grew[:rank])
    assert span.full == (rank == dim)
    assert span.basis @ span.basis.T == pytest.approx(np.eye(rank), abs=1e-12)
    assert largest_angle(span.refined(), basis) < 20 * error * np.sqrt(dim) + 1e-12


def test_refining_with_many_rows_beats_the_first_ones() -> None:
    basis, rows = noisy_rows(30, 3, 300, 1e-6)
    span = GrowingSpan(30)
    for row in rows:
        span.add(row, 1e-6)
    assert largest_angle(span.refined(), basis) < largest_angle(span.basis, basis) / 3


def test_refining_trusts_precise_rows_more() -> None:
    basis, rows = noisy_rows(20, 2, 2, 0.0)
    span = GrowingSpan(20)
    rng = np.random.default_rng(1)
    for row in rows:
        span.add(row + 1e-4 * rng.standard_normal(20), 1e-4)
    for row in rows:
        span.add(row, 1e-12)
    assert largest_angle(span.refined(), basis) < 1e-9


@pytest.mark.parametrize(("excess", "inside"), [(0.0, True), (2.0, True), (40.0, False)])
def test_a_row_is_contained_if_its_error_explains_what_is_left_of_it(excess: float, inside: bool) -> None:
    span = GrowingSpan(9)
    for axis in np.eye(9)[:3]:
        span.add(axis, 1e-14)
    row = np.eye(9)[0] + excess * 1e-8 * np.sqrt(9) * np.eye(9)[5]
    assert span.contains(row, 1e-8) is inside
    assert span.add(row, 1e-8) is not inside


def test_the_error_of_the_basis_counts_for_rows_measured_better() -> None:
    """A direction known to 1e-6 cannot tell a new dimension from its own error."""
    span = GrowingSpan(4)
    span.add(np.array([1.0, 1e-6, 0.0, 0.0]), 1e-6)
    assert span.contains(np.array([1.0, 0.0, 0.0, 0.0]), 1e-15)
    assert not span.contains(np.array([1.0, 0.0, 1e-3, 0.0]), 1e-15)


def test_a_full_span_takes_no_more_and_an_empty_one_contains_nothing() -> None:
    span = GrowingSpan(2)
    assert not span.contains(np.ones(2), 1e-12)
    assert [span.add(row, 1e-12) for row in np.array([[1.0, 0.0], [1.0, 1.0], [3.0, -5.0]])] == [
        True, True, False,
    ]  # fmt: skip
    assert span.refined() == pytest.approx(np.eye(2))


def test_a_zero_row_adds_nothing() -> None:
    assert not GrowingSpan(3).add(np.zeros(3), 0.0)
