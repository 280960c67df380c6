"""Votes on the rank of tables whose rank and noise are known."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.subspace.votes import fixed_rule, read_rank, stalled


def table(
    rank: int, *, rows: int = 30, dim: int = 50, noise: float = 0.0, weakest: float = 1.0, seed: int = 0
) -> FloatArray:
    """Random rows of a random subspace, its last direction weaker, with noise on every entry."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.standard_normal((dim, rank)))[0]
    sizes = np.append(np.ones(rank - 1), weakest)
    clean = rng.standard_normal((rows, rank)) * sizes @ directions.T
    return clean + noise * rng.standard_normal((rows, dim))


@pytest.mark.parametrize("rank", [1, 5, 20])
@pytest.mark.parametrize("noise", [1e-6, 1e-10, 1e-14])
def test_a_clear_gap_makes_the_rank_exact(rank: int, noise: float) -> None:
    reading = read_rank(table(rank, noise=noise), noise)
    assert (reading.rank, reading.standing) == (rank, "exact")
    assert reading.votes.candidates == (rank,)
    assert reading.basis.shape == (50, rank)


@pytest.mark.parametrize("noise", [1e-3, 1e-2])
def test_a_gap_below_a_thousand_is_ambiguous(noise: float) -> None:
    reading = read_rank(table(5, noise=noise), noise)
    assert (reading.rank, reading.standing) == (5, "ambiguous")


@pytest.mark.parametrize("rank", [24, 26, 30])
def test_a_rank_near_the_number_of_gradients_is_partial(rank: int) -> None:
    assert read_rank(table(rank, rows=rank + 2), 1e-12).standing == "partial"


def test_a_full_space_is_exact_once_there_are_as_many_gradients() -> None:
    reading = read_rank(table(10, rows=12, dim=10), 1e-12)
    assert (reading.rank, reading.standing) == (10, "exact")


@pytest.mark.parametrize("weakest", [1e-3, 1e-5, 1e-7])
def test_a_weak_direction_is_kept_where_the_fixed_rule_loses_it(weakest: float) -> None:
    gradients = table(5, noise=1e-14, weakest=weakest)
    assert read_rank(gradients, 1e-14).rank == 5
    assert fixed_rule(gradients) == (5 if weakest > 1e-4 else 4)


def test_noise_that_differs_by_rows_is_not_taken_for_directions() -> None:
    rng = np.random.default_rng(1)
    spread = 10.0 ** rng.uniform(-9, -5, (30, 1)) * np.ones((30, 50))
    noisy = table(5) + spread * rng.standard_normal((30, 50))
    reading = read_rank(noisy, spread)
    assert (reading.rank, reading.votes.edge) == (5, 5)
    assert fixed_rule(noisy) >= 5


def test_noise_in_single_columns_raises_the_edge() -> None:
    rng = np.random.default_rng(2)
    spread = np.full((30, 50), 1e-9)
    spread[:, 7] = 1e-5
    reading = read_rank(table(5) + spread * rng.standard_normal((30, 50)), spread)
    assert reading.votes.edge == 5


def test_the_angle_is_at_least_the_truth_and_within_ten_times() -> None:
    for seed in range(5):
        noise, truth = 1e-6, np.linalg.svd(table(5, seed=seed))[2][:5].T
        reading = read_rank(table(5, noise=noise, seed=seed), noise)
        missing = reading.basis - truth @ (truth.T @ reading.basis)
        assert np.linalg.norm(missing, 2) <= reading.angle <= 10 * np.linalg.norm(missing, 2)


def test_a_spoiled_gradient_is_essential_to_its_false_direction() -> None:
    gradients = table(5, noise=1e-12)
    gradients[11, 3] += 1e-4
    reading = read_rank(gradients, 1e-12)
    assert reading.rank == 6
    assert np.flatnonzero(reading.essential).tolist() == [11]


def test_a_spoiled_column_of_all_outputs_is_essential_too() -> None:
    gradients = table(5, rows=40, noise=1e-12)
    gradients[12:16, 3] += 1e-4 * np.arange(1, 5)
    reading = read_rank(gradients, 1e-12, outputs=4)
    assert reading.rank == 6
    assert np.flatnonzero(reading.essential).tolist() == [3]


def test_a_vote_by_fresh_points_lowers_the_rank() -> None:
    reading = read_rank(table(5, noise=1e-12), 1e-12, remeasured=4)
    assert (reading.rank, reading.standing) == (4, "ambiguous")


def test_an_empty_table_has_rank_zero() -> None:
    reading = read_rank(np.zeros((10, 20)), 0.0)
    assert (reading.rank, reading.basis.shape) == (0, (20, 0))
    assert reading.angle == 0.0


def test_a_tail_of_a_tiny_term_is_no_gap() -> None:
    honeypot = 1e-9 * np.random.default_rng(3).standard_normal((30, 50))
    assert read_rank(table(5) + honeypot, 1e-15).standing != "exact"


def test_the_stall_counts_live_points_after_the_full_rank() -> None:
    gradients = table(5, rows=20, noise=1e-12)
    gradients[15] = 0.0
    assert stalled(gradients, read_rank(gradients, 1e-12)) == 14
