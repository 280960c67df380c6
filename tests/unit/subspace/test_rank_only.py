"""The rank alone, cheaply."""

from __future__ import annotations

import numpy as np
import pytest
from practice import bench_of, he_layers, relu_function

from hingeline.core.errors import BudgetExhausted
from hingeline.subspace.rank_only import measure_rank


@pytest.mark.parametrize(("rank", "price"), [(3, 340), (10, 700), (20, 1_600)])
def test_the_rank_is_right_at_about_its_square(rank: int, price: int) -> None:
    bench = bench_of(relu_function(he_layers(200, rank, 12, 1)), 200)
    found = measure_rank(bench)
    assert found.rank == rank
    assert found.basis.shape == (200, 0)
    assert np.isnan(found.angle)
    assert bench.session.spent <= price


def test_more_neurons_than_inputs_leave_no_null_space() -> None:
    found = measure_rank(bench_of(relu_function(he_layers(30, 60, 20, 1)), 30))
    assert (found.rank, found.standing) == (30, "exact")
    assert "No null space" in found.reason


def test_a_constant_is_constant_as_far_as_seen() -> None:
    found = measure_rank(bench_of(lambda x: np.full((len(x), 2), 3.0), 40))
    assert (found.rank, found.standing) == (0, "partial")
    assert found.reason.startswith("Constant as far as seen")
    assert found.unseen.moves >= 60


def test_a_network_that_is_mostly_dead_gets_a_lower_bound() -> None:
    found = measure_rank(bench_of(relu_function(he_layers(100, 20, 3, 3, 1, seed=4)), 100))
    assert found.standing == "partial"
    assert found.reason.startswith(f"At least {found.rank}")


def test_many_outputs_share_the_price() -> None:
    bench = bench_of(relu_function(he_layers(200, 20, 15, 10)), 200)
    assert measure_rank(bench).rank == 20
    assert bench.session.spent < 700


def test_float32_answers_are_asked_on_both_sides() -> None:
    network = relu_function(he_layers(100, 10, 8, 1))
    found = measure_rank(bench_of(lambda x: network(x).astype(np.float32), 100))
    assert found.rank == 10


def test_a_budget_that_ends_leaves_a_lower_bound() -> None:
    bench = bench_of(relu_function(he_layers(200, 40, 20, 1)), 200, budget=1_000)
    with pytest.raises(BudgetExhausted):
        measure_rank(bench)
    assert bench.partial is not None
    assert bench.partial().standing == "partial"


@pytest.mark.slow
@pytest.mark.parametrize(("rank", "price"), [(10, 700), (40, 7_500), (80, 25_000)])
@pytest.mark.parametrize("seed", range(20, 24))
def test_784_inputs_keep_their_price(rank: int, price: int, seed: int) -> None:
    bench = bench_of(relu_function(he_layers(784, rank, max(6, rank // 2), 1, seed=seed)), 784, seed)
    assert measure_rank(bench).rank == rank
    assert bench.session.spent <= price
