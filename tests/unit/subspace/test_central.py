"""The span through rounding, noise and float32; refinement and polish."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from practice import Function, angle_to, bench_of, he_layers, relu_function

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted
from hingeline.subspace.central import recover_central
from hingeline.subspace.fresh_check import leaves_span
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.polish import polished
from hingeline.subspace.recovered import RankVotes, Unseen
from hingeline.subspace.refinement import refine
from hingeline.subspace.workbench import Gathered

Layers = list[tuple[FloatArray, FloatArray]]


def float32(layers: Layers) -> Function:
    """The network computed in float32."""
    single = [(weight.astype(np.float32), bias.astype(np.float32)) for weight, bias in layers]

    def values(points: FloatArray) -> FloatArray:
        hidden = points.astype(np.float32)
        for weight, bias in single[:-1]:
            hidden = np.maximum(hidden @ weight.T + bias, 0)
        return (hidden @ single[-1][0].T + single[-1][1]).astype(np.float64)

    return values


def rounded(digits: int) -> Callable[[Layers], Function]:
    """Answers rounded to decimals."""
    return lambda layers: lambda x: np.round(relu_function(layers)(x), digits)


def noisy(layers: Layers) -> Function:
    """Answers with noise of deviation 1e-6."""
    rng = np.random.default_rng(5)
    return lambda x: relu_function(layers)(x) + 1e-6 * rng.standard_normal((len(x), len(layers[-1][1])))


def softmax(layers: Layers) -> Function:
    """Probabilities with 6 decimals."""

    def values(points: FloatArray) -> FloatArray:
        logits = relu_function(layers)(points)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.round(odds / odds.sum(axis=1, keepdims=True), 6)

    return values


def tilt(basis: FloatArray, layers: Layers) -> float:
    """How far the worst direction of the basis is from the true span; the basis may be smaller than that."""
    truth = np.linalg.qr(layers[0][0].T)[0]
    return float(np.linalg.norm(basis - truth @ (truth.T @ basis), 2))


@pytest.mark.parametrize(
    ("door", "limit"),
    [(relu_function, 1e-11), (float32, 2e-3), (rounded(6), 1e-6), (noisy, 1e-6), (rounded(3), 1e-3)],
)
@pytest.mark.parametrize("seed", [31, 32])
def test_the_span_comes_through_every_noise(
    door: Callable[[Layers], Function], limit: float, seed: int
) -> None:
    layers = he_layers(100, 15, 10, 10, 1, seed=seed)
    found = recover_central(bench_of(door(layers), 100, seed))
    assert (found.rank, found.standing) == (15, "exact")
    assert tilt(found.basis, layers) < min(limit, 2 * found.angle)
    assert found.unseen.moves >= 60


@pytest.mark.parametrize("digits", [6, 3, 2])
def test_inside_a_box_only_directions_of_use_are_returned(digits: int) -> None:
    layers = he_layers(100, 15, 10, 10, 1, seed=33)
    bench = bench_of(rounded(digits)(layers), 100, 33, bounds=(-1.0, 1.0), answers="logits")
    found = recover_central(bench)
    assert found.standing != "exact" or found.rank == 15
    assert found.basis.shape == (100, found.rank)
    assert not found.rank or tilt(found.basis, layers) < 0.1


def test_no_query_leaves_the_box() -> None:
    network, rows = relu_function(he_layers(40, 6, 5, 1)), []

    def watched(points: FloatArray) -> FloatArray:
        rows.append(points)
        return np.round(network(points), 5)

    recover_central(bench_of(watched, 40, bounds=(0.0, 1.0)))
    asked = np.concatenate(rows)
    assert asked.min() >= 0
    assert asked.max() <= 1


def test_inputs_on_a_grid_are_asked_on_the_grid_and_never_called_exact() -> None:
    layers, rows = he_layers(60, 8, 6, 1), []

    def watched(points: FloatArray) -> FloatArray:
        rows.append(points)
        return relu_function(layers)(points)

    bench = bench_of(watched, 60, bounds=(0.0, 1.0), quantum=1 / 255)
    examined = len(rows)
    found = recover_central(bench)
    levels = 255 * np.concatenate(rows[examined:])
    assert np.abs(levels - np.rint(levels)).max() < 1e-9
    assert found.standing == "partial"
    assert tilt(found.basis, layers) < 1e-9


def test_softmax_with_six_decimals_ends_honestly() -> None:
    layers = he_layers(100, 15, 10, 5, seed=3)
    found = recover_central(bench_of(softmax(layers), 100, 3))
    assert found.rank == 15 or found.standing != "exact"
    assert tilt(found.basis, layers) < 0.1


def test_a_constant_door_is_partial_and_has_no_directions() -> None:
    found = recover_central(bench_of(lambda x: np.full((len(x), 1), 2.0), 20))
    assert (found.rank, found.standing) == (0, "partial")
    assert "Constant as far as seen" in found.reason


def test_no_null_space_is_said() -> None:
    found = recover_central(bench_of(rounded(6)(he_layers(20, 40, 15, 1)), 20))
    assert (found.rank, found.standing) == (20, "exact")
    assert "No null space" in found.reason


def test_a_number_of_points_that_is_too_small_is_partial() -> None:
    found = recover_central(bench_of(rounded(6)(he_layers(60, 20, 10, 1)), 60, points=12))
    assert (found.rank, found.standing, found.details["points"]) == (12, "partial", 12)


def test_a_budget_that_ends_leaves_the_points_so_far() -> None:
    layers = he_layers(60, 20, 10, 1)
    bench = bench_of(rounded(6)(layers), 60, budget=5_000)
    with pytest.raises(BudgetExhausted):
        recover_central(bench)
    assert bench.partial is not None
    partial = bench.partial()
    assert partial.standing == "partial"
    assert tilt(partial.basis, layers) < 0.1


@pytest.mark.parametrize("start", [1e-3, 1e-6, 1e-9])
def test_refinement_squares_the_error_until_rounding(start: float) -> None:
    layers, rng = he_layers(100, 15, 10, 1, seed=4), np.random.default_rng(0)
    truth = np.linalg.qr(layers[0][0].T)[0]
    rough = np.linalg.qr(truth + start / 10 * rng.standard_normal(truth.shape))[0]
    again = refine(NoisyDoor(bench_of(relu_function(layers), 100)), rough, start, rng)
    assert again is not None
    assert again.votes.candidates == (15,)
    assert angle_to(again.basis, layers[0][0]) < min(2 * again.angle, 1e-12)


def test_refinement_sees_a_direction_that_the_span_lacks() -> None:
    layers = he_layers(60, 8, 6, 1, seed=4)
    truth = np.linalg.qr(layers[0][0].T)[0]
    again = refine(
        NoisyDoor(bench_of(relu_function(layers), 60)), truth[:, :7], 1e-3, np.random.default_rng(0)
    )
    assert again is None or again.votes.edge > 7


def gathered(basis: FloatArray, angle: float) -> Gathered:
    """What another method found."""
    rank = basis.shape[1]
    votes = RankVotes(rank, rank, None, 1e9, 1e-12)
    return Gathered(
        basis, rank, "exact", "All agree.", np.ones(rank), votes, angle, Unseen(99, "moves"), 1_000
    )


def test_polish_gives_the_last_digits() -> None:
    layers, rng = he_layers(100, 15, 10, 1, seed=6), np.random.default_rng(1)
    truth = np.linalg.qr(layers[0][0].T)[0]
    rough = np.linalg.qr(truth + 1e-11 * rng.standard_normal(truth.shape))[0]
    result = polished(bench_of(relu_function(layers), 100), gathered(rough, 1e-10))
    assert (result.standing, result.votes.remeasured) == ("exact", 15)
    assert angle_to(result.basis, layers[0][0]) < 1e-13
    assert np.abs(result.basis.T @ result.basis - np.eye(15)).max() < 1e-13


def test_polish_leaves_a_span_without_null_space_as_it_is() -> None:
    before = gathered(np.eye(10), 0.0)
    after = polished(bench_of(relu_function(he_layers(10, 20, 1)), 10), before)
    assert after.basis is before.basis
    assert "Not polished" in after.notes[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [41, 42])
@pytest.mark.parametrize(
    ("door", "limit"), [(float32, 2e-3), (rounded(6), 1e-2), (noisy, 1e-2), (rounded(3), 0.1)]
)
def test_784_inputs_through_noise(door: Callable[[Layers], Function], limit: float, seed: int) -> None:
    layers = he_layers(784, 80, 40, 20, 1, seed=seed)
    found = recover_central(bench_of(door(layers), 784, seed))
    assert found.rank == 80 or found.standing == "partial"
    assert tilt(found.basis, layers) < limit


def test_what_only_shows_near_the_origin_is_not_lost_far_out() -> None:
    layers, hump = he_layers(60, 6, 5, 1, seed=8), np.random.default_rng(2).standard_normal(60) / 8

    def values(points: FloatArray) -> FloatArray:
        along = points @ hump[:, np.newaxis]
        return np.round(relu_function(layers)(points) + np.maximum(0, 2 - np.abs(along)), 4)

    found = recover_central(bench_of(values, 60))
    assert found.rank == 7 or found.standing == "partial"


@pytest.mark.parametrize(("known", "news"), [(8, False), (7, True)])
def test_a_few_columns_tell_whether_a_gradient_leaves_the_span(known: int, news: bool) -> None:
    layers = he_layers(100, 8, 1, seed=4)
    door = NoisyDoor(bench_of(relu_function(layers), 100))
    truth, rng = np.linalg.qr(layers[0][0].T)[0][:, :known], np.random.default_rng(0)
    spent = door.bench.session.spent
    seen = [leaves_span(door, truth, 1e-13, rng.standard_normal(100), 0.05, rng) for _ in range(5)]
    assert (True in seen) == news
    assert door.bench.session.spent - spent < 5 * 2 * 40


def test_no_point_at_all_still_hands_over_something() -> None:
    bench = bench_of(rounded(6)(he_layers(60, 20, 10, 1)), 60, budget=60)
    with pytest.raises(BudgetExhausted):
        recover_central(bench)
    assert bench.partial is not None
    assert (bench.partial().rank, bench.partial().standing) == (0, "partial")
