from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from practice import angle_to, bench_of, he_layers, relu_function

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted, UnsupportedOracle
from hingeline.probing.domain import Domain
from hingeline.subspace.labels import recover_from_labels
from hingeline.subspace.laws import BoxLaw, DataLaw
from hingeline.subspace.workbench import Bench, DirectionsFound, Gathered

Values = Callable[[FloatArray], FloatArray]


def signs(values: Values) -> Values:
    return lambda x: (values(x)[:, 0] > 0).astype(np.float64)[:, np.newaxis]


def label_bench(labels: Values, dim: int, seed: int = 0, **known: Any) -> Bench:
    return bench_of(labels, dim, seed, answers="labels", examined=False, **known)


def network_labels(*sizes: int, seed: int, smooth: bool = False) -> tuple[Values, FloatArray]:
    """Balanced labels of a random network, and its first layer."""
    layers = he_layers(*sizes, seed=seed)
    values = _tanh_function(layers) if smooth else relu_function(layers)
    middle = np.median(values(np.random.default_rng(seed).standard_normal((500, sizes[0]))), axis=0)
    if sizes[-1] > 1:
        return lambda x: (values(x) - middle).argmax(axis=1).astype(float)[:, np.newaxis], layers[0][0]
    return signs(lambda x: values(x) - middle), layers[0][0]


def _tanh_function(layers: list[tuple[FloatArray, FloatArray]]) -> Values:
    def values(points: FloatArray) -> FloatArray:
        for weight, bias in layers[:-1]:
            points = np.tanh(points @ weight.T + bias)
        return points @ layers[-1][0].T + layers[-1][1]

    return values


def flipped_at_random(labels: Values, share: float) -> Values:
    rng = np.random.default_rng(0)
    return lambda x: np.abs(labels(x) - (rng.random((len(x), 1)) < share))


def flipped_for_good(labels: Values, share: float) -> Values:
    """The same inputs are always wrong."""

    def wrong(row: FloatArray) -> bool:
        return int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=4).digest()) < share * 2**32

    return lambda x: np.abs(labels(x) - np.array([[wrong(row)] for row in x]))


def found_exactly(found: Gathered, truth: FloatArray, angle: float) -> None:
    assert found.rank == len(truth), found.reason
    assert found.standing == "exact", found.reason
    true_angle = angle_to(found.basis, truth)
    assert true_angle < angle
    assert true_angle < 3 * found.angle < 100 * max(true_angle, 1e-10)


CLOSED_FORMS: dict[str, tuple[Values, FloatArray, str]] = {
    "a hyperplane": (lambda x: x @ np.ones((12, 1)) - 0.3, np.ones((1, 12)), "piecewise linear"),
    "a ridge": (lambda x: np.abs(x[:, :1]) - np.abs(x[:, 1:2]) - 0.2, np.eye(12)[:2], "piecewise linear"),
    "a cylinder": (lambda x: (x[:, :3] ** 2).sum(1, keepdims=True) - 2.0, np.eye(12)[:3], "smooth"),
    "a saddle": (lambda x: x[:, :1] * x[:, 1:2] - 0.1 * x[:, 2:3], np.eye(12)[:3], "smooth"),
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_the_span_of_a_known_boundary_is_found_from_labels(name: str) -> None:
    values, truth, kind = CLOSED_FORMS[name]
    found = recover_from_labels(label_bench(signs(values), 12))
    found_exactly(found, truth, 1e-7)
    assert found.details["boundary"] == kind
    assert found.votes.candidates == (len(truth),)
    assert found.unseen.moves >= 60


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("smooth", "most"), [(False, 15_000), (True, 20_000)])
def test_networks_are_recovered_from_labels(seed: int, smooth: bool, most: int) -> None:
    labels, first = network_labels(30, 5, 6, 1, seed=seed, smooth=smooth)
    bench = label_bench(labels, 30, seed + 10)
    found_exactly(recover_from_labels(bench), first, 1e-6)
    assert bench.session.spent < most


@pytest.mark.parametrize("one_hot", [False, True])
def test_the_boundary_between_two_of_three_classes_serves(one_hot: bool) -> None:
    labels, first = network_labels(20, 4, 6, 3, seed=1)
    answers: Values = (lambda x: np.eye(3)[labels(x)[:, 0].astype(int)]) if one_hot else labels
    found_exactly(recover_from_labels(label_bench(answers, 20)), first, 1e-6)


def test_labels_of_a_network_without_null_space_say_so() -> None:
    labels, _ = network_labels(4, 8, 6, 1, seed=0)
    found = recover_from_labels(label_bench(labels, 4))
    assert (found.rank, found.standing, found.angle) == (4, "exact", 0.0)
    assert "No null space" in found.reason


def test_one_label_alone_is_reported_with_what_to_do() -> None:
    found = recover_from_labels(label_bench(lambda x: np.ones((len(x), 1)), 10))
    assert (found.standing, found.rank) == ("partial", 0)
    assert "Only one label" in found.reason
    assert "both classes" in found.advice
    assert found.basis.shape == (10, 0)


def test_examples_of_both_classes_help_where_one_is_rare() -> None:
    # no point of the law comes so far out
    labels = signs(lambda x: x[:, :1] + x[:, 1:2] ** 2 - 900.0)
    bench = label_bench(labels, 10)
    examples = np.zeros((2, 10))
    examples[0, 0] = 2000.0
    bench.data = DataLaw(examples, bench.law)
    assert recover_from_labels(label_bench(labels, 10)).rank == 0
    found_exactly(recover_from_labels(bench), np.eye(10)[:2], 1e-5)


@pytest.mark.parametrize("noise", [flipped_at_random, flipped_for_good])
@pytest.mark.parametrize("share", [0.3, 0.02, 0.003])
@pytest.mark.parametrize("smooth", [False, True])
def test_noisy_labels_never_end_exact(
    noise: Callable[[Values, float], Values], share: float, smooth: bool
) -> None:
    labels, first = network_labels(30, 5, 6, 1, seed=0, smooth=smooth)
    found = recover_from_labels(label_bench(noise(labels, share), 30))
    assert found.standing == "partial"
    assert found.rank <= len(first)


@pytest.mark.parametrize("budget", [10, 100, 1_000, 6_000, 11_000])
def test_what_was_found_from_labels_outlives_the_budget(budget: int) -> None:
    labels, first = network_labels(30, 5, 6, 1, seed=0)
    bench = label_bench(labels, 30, budget=budget)
    with pytest.raises(BudgetExhausted):
        recover_from_labels(bench)
    assert bench.partial is not None
    found = bench.partial()
    assert found.standing == "partial"
    if found.rank:
        outside = found.basis - np.linalg.qr(first.T)[0] @ (np.linalg.qr(first.T)[0].T @ found.basis)
        assert np.abs(outside).max() < 1e-7
    assert found.rank >= (budget - 3_000) // 2_000


def test_no_label_is_asked_outside_the_box() -> None:
    values, first = network_labels(16, 3, 4, 1, seed=2)
    asked: list[FloatArray] = []

    def labels(x: FloatArray) -> FloatArray:
        asked.append(x.copy())
        return values(10 * (x - 0.5))

    bench = label_bench(labels, 16, bounds=(0.0, 1.0))
    bench.law = BoxLaw(16, Domain(half_width=0.5), np.full(16, 0.5))
    found_exactly(recover_from_labels(bench), first, 1e-6)
    points = np.concatenate(asked)
    assert points.min() >= 0.0
    assert points.max() <= 1.0


def test_the_same_seed_asks_for_the_same_labels() -> None:
    labels, _ = network_labels(20, 3, 4, 1, seed=3)
    first, second = label_bench(labels, 20), label_bench(labels, 20)
    assert np.array_equal(recover_from_labels(first).basis, recover_from_labels(second).basis)
    assert first.session.spent == second.session.spent


def test_a_weak_direction_is_found_or_left_open_but_never_false() -> None:
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((5, 24)) / 5
    for strength in (1e-2, 1e-4, 1e-6, 1e-9):
        heights = np.array([strength, -1.0, 1.0, -1.0, 1.0])
        values = signs(lambda x, h=heights: (np.maximum(x @ weights.T + 0.1, 0.0) @ h)[:, np.newaxis])
        found = recover_from_labels(label_bench(values, 24))
        true = weights if found.rank == 5 else weights[1:]
        assert found.rank in (4, 5)
        assert angle_to(found.basis, true) < 3 * found.angle
        assert found.rank == 5 or strength < 1e-5


def test_real_answers_are_no_labels() -> None:
    with pytest.raises(UnsupportedOracle, match="whole numbers"):
        recover_from_labels(label_bench(lambda x: x[:, :1], 5))


def test_every_direction_found_from_labels_is_told() -> None:
    labels, _ = network_labels(20, 3, 4, 1, seed=3)
    events: list[object] = []
    bench = label_bench(labels, 20, moves=30)
    bench.session.emit = events.append  # type: ignore[method-assign]
    found = recover_from_labels(replace(bench))
    assert [e.found for e in events if isinstance(e, DirectionsFound)] == [1, 2, 3]
    assert found.unseen.moves >= 30


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_tanh_networks_show_no_false_dimension_from_labels(seed: int) -> None:
    labels, first = network_labels(64, 8, 8, 1, seed=seed, smooth=True)
    bench = label_bench(labels, 64, seed + 100)
    found_exactly(recover_from_labels(bench), first, 1e-6)
    assert bench.session.spent <= 60_000


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_a_wide_relu_network_costs_at_most_two_million_labels(seed: int) -> None:
    labels, first = network_labels(784, 80, 40, 1, seed=seed)
    bench = label_bench(labels, 784, seed + 100)
    found_exactly(recover_from_labels(bench), first, 1e-8)
    assert bench.session.spent <= 2_000_000
