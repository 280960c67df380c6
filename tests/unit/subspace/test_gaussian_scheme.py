"""The fixed scheme: exact counts, queries that no answer changes, and noticing its own mistakes."""

from __future__ import annotations

import numpy as np
import pytest
from practice import Function, angle_to, bench_of, he_layers, relu_function

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.subspace.gaussian import recover_gaussian


class Recorder:
    """Keeps the rows that a function was asked."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.rows: list[FloatArray] = []

    def __call__(self, points: FloatArray) -> FloatArray:
        self.rows.append(points)
        return self.function(points)


def test_a_small_step_gives_the_exact_span_at_the_exact_price() -> None:
    layers = he_layers(60, 12, 8, 1)
    bench = bench_of(relu_function(layers), 60, examined=False, points=30)
    found = recover_gaussian(bench)
    assert (found.rank, found.standing) == (12, "exact")
    assert bench.session.spent == 30 * 61 == found.forecast
    assert angle_to(found.basis, layers[0][0]) < min(1e-7, 2 * found.angle)


def test_the_queries_do_not_depend_on_the_answers() -> None:
    doors = [Recorder(relu_function(he_layers(20, 5, 4, 1, seed=seed))) for seed in (0, 1)]
    for door in doors:
        recover_gaussian(bench_of(door, 20, examined=False, points=15))
    assert np.array_equal(*(np.concatenate(door.rows) for door in doors))


@pytest.mark.parametrize("step", [0.3, 0.1, 0.03])
@pytest.mark.parametrize("seed", range(4))
def test_a_step_that_meets_kinks_is_never_called_exact(step: float, seed: int) -> None:
    layers = he_layers(100, 20, 15, 10, 1, seed=seed)
    found = recover_gaussian(bench_of(relu_function(layers), 100, seed, examined=False, points=40, step=step))
    assert found.rank == 20 or found.standing == "partial"
    assert found.standing == "partial" or angle_to(found.basis, layers[0][0]) < 1e-7


def test_two_points_spoiled_along_one_axis_do_not_cover_for_each_other() -> None:
    # |x_0 - 0.5| bends within the step at many points, always along the same axis
    def spoiled(points: FloatArray) -> FloatArray:
        return points @ np.eye(40)[:, 1:4] @ np.ones((3, 1)) + np.abs(points[:, :1] - 0.5)

    found = recover_gaussian(bench_of(spoiled, 40, examined=False, points=30, step=0.2))
    assert found.rank == 2 or found.standing == "partial"


def test_dead_points_forbid_exact_however_clear_the_votes() -> None:
    layers = he_layers(60, 12, 3, 3, 1, seed=2)
    found = recover_gaussian(bench_of(relu_function(layers), 60, examined=False, points=40))
    assert found.standing == "partial"
    assert found.details["dead_share"] > 0.01
    assert 0 < found.unseen.probability <= 1


def test_without_a_number_of_points_they_are_doubled_until_the_rank_stalls() -> None:
    found = recover_gaussian(bench_of(relu_function(he_layers(60, 20, 10, 1)), 60, examined=False))
    assert (found.rank, found.standing, found.details["points"]) == (20, "exact", 32)


def test_noise_that_nobody_measured_fills_the_space_and_is_not_exact() -> None:
    rng, network = np.random.default_rng(0), relu_function(he_layers(20, 5, 1))

    def noisy(points: FloatArray) -> FloatArray:
        return network(points) + 1e-3 * rng.standard_normal((len(points), 1))

    assert recover_gaussian(bench_of(noisy, 20, examined=False, points=60)).standing == "partial"


def test_a_constant_has_rank_zero_and_says_so() -> None:
    found = recover_gaussian(bench_of(lambda x: np.full((len(x), 1), 2.0), 10, examined=False, points=5))
    assert (found.rank, found.basis.shape) == (0, (10, 0))
    assert "Constant as far as seen" in found.reason


def test_a_budget_that_ends_leaves_the_points_so_far() -> None:
    bench = bench_of(relu_function(he_layers(784, 5, 1)), 784, examined=False, points=40, budget=20_000)
    with pytest.raises(BudgetExhausted):
        recover_gaussian(bench)
    assert bench.partial is not None
    partial = bench.partial()
    assert partial.rank == 5
    assert 0 < partial.details["points"] <= 25


@pytest.mark.slow
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_784_inputs_cost_exactly_78500_queries(seed: int) -> None:
    layers = he_layers(784, 80, 40, 20, 1, seed=seed)
    bench = bench_of(relu_function(layers), 784, seed, examined=False, points=100, step=1e-4)
    found = recover_gaussian(bench)
    assert (found.rank, bench.session.spent) == (80, 78_500)
    assert angle_to(found.basis, layers[0][0]) < 1e-7
    thin = relu_function(he_layers(784, 80, 3, 3, 3, 1, seed=seed))
    again = recover_gaussian(bench_of(thin, 784, seed, examined=False, points=100))
    assert again.standing == "partial"
    wide = bench_of(relu_function(layers), 784, seed, examined=False, points=100, step=1e-1)
    assert recover_gaussian(wide).standing == "partial"
