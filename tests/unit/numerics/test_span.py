import numpy as np
import pytest

from hingeline.numerics.span import GrowingSpan


@pytest.mark.parametrize(("rank", "dim"), [(1, 4), (3, 10), (8, 8)])
def test_the_rank_of_noisy_rows_is_found(rank, dim):
    rng = np.random.default_rng(rank)
    truth = rng.standard_normal((rank, dim))
    span = GrowingSpan(dim)
    for _ in range(3 * rank):
        span.add(rng.standard_normal(rank) @ truth + 1e-12 * rng.standard_normal(dim), 1e-12)
    assert span.rank == rank
    rest = truth - truth @ span.refined().T @ span.refined()
    assert np.abs(rest).max() < 1e-9


def test_a_row_outside_by_more_than_its_error_adds_a_dimension():
    span = GrowingSpan(3)
    assert span.add(np.array([1.0, 0, 0]), 1e-10)
    assert not span.add(np.array([2.0, 1e-10, 0]), 1e-10)
    assert span.add(np.array([1.0, 1e-6, 0]), 1e-10)
    assert span.rank == 2


def test_what_a_full_span_contains_is_everything():
    span = GrowingSpan(2)
    span.add(np.array([1.0, 0]), 1e-9)
    span.add(np.array([1.0, 1.0]), 1e-9)
    assert span.full
    assert span.contains(np.array([3.0, -4.0]), 1e-9)
