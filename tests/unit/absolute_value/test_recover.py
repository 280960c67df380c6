"""Exact recovery from queries and from gradients; honest where the door or the function does not allow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.absolute_value.from_gradients import recover_from_gradients
from hingeline.absolute_value.recover import recover_absolute_value
from hingeline.core.events import Event, NeuronRecovered
from hingeline.core.outcome import Status
from hingeline.networks.absolute_value import AbsoluteValueNetwork, compare_absolute


def teacher(d: int, m: int, seed: int, *, signed: bool = False) -> AbsoluteValueNetwork:
    rng = np.random.default_rng(7000 + seed)
    rows = rng.standard_normal((m, d))
    signs = rng.choice(np.array([-1.0, 1.0]), m) if signed else np.ones(m)
    return AbsoluteValueNetwork(rows / np.linalg.norm(rows, axis=1, keepdims=True), signs / m)


def recovered(function: Callable[[Any], Any], d: int, **known: Any) -> Any:
    return recover_absolute_value(hl.oracle(function, input_dim=d, **known), seed=3)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("d", "m"), [(2, 1), (2, 5), (7, 3), (10, 10), (6, 24)])
def test_rows_of_any_number_are_recovered(d: int, m: int, signed: bool) -> None:
    network = teacher(d, m, 1, signed=signed)
    finding = recovered(network, d)
    assert finding.outcome.ok, str(finding.outcome)
    assert compare_absolute(network, finding.value).max_relative_error < 1e-7


def test_every_row_asked_is_counted() -> None:
    network, rows = teacher(8, 6, 2), 0

    def counted(points: Any) -> Any:
        nonlocal rows
        rows += len(points)
        return network(points)

    finding = recovered(counted, 8)
    assert finding.queries == rows
    assert sum(finding.spending.queries_by_phase.values()) == rows


def test_the_same_seed_gives_the_same_finding() -> None:
    network = teacher(8, 6, 3)
    first, second = (recovered(network, 8) for _ in range(2))
    np.testing.assert_array_equal(first.value.rows, second.value.rows)


def test_parallel_rows_come_out_as_one() -> None:
    network = teacher(6, 4, 4)
    twice = AbsoluteValueNetwork(np.concatenate([network.rows, -network.rows[:1]]), np.ones(5))
    finding = recovered(twice, 6)
    assert finding.outcome.ok
    assert finding.value.width == 4


def test_nearly_parallel_rows_are_told_apart() -> None:
    rows = teacher(6, 4, 5).rows.copy()
    rows[1] = rows[0] + 1e-4 * rows[1]
    network = AbsoluteValueNetwork(rows, [1.0, 0.5, 1.0, 1.0])
    finding = recovered(network, 6)
    assert finding.outcome.ok
    assert compare_absolute(network, finding.value).max_relative_error < 1e-6


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "output bias": (lambda x: np.abs(x).sum(axis=1) + 0.5, "biases"),
    "hidden bias": (lambda x: np.abs(x + 0.1).sum(axis=1), "biases"),
    "linear part": (lambda x: np.abs(x).sum(axis=1) + x[:, 0], "not even"),
    "ReLU": (lambda x: np.maximum(x @ np.ones((5, 3)), 0).sum(axis=1), "not even"),
    "labels": (lambda x: (np.abs(x).sum(axis=1) > 4).astype(int), "labels"),
    "two outputs": (lambda x: np.abs(x[:, :2]) + np.abs(x[:, 2:3]), "takes one"),
    "norm": (lambda x: np.linalg.norm(x, axis=1), "smooth"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_functions_are_refused_with_the_reason(name: str) -> None:
    function, words = REFUSED[name]
    finding = recovered(function, 5)
    assert finding.outcome.status is Status.REFUSED, str(finding.outcome)
    assert words in finding.outcome.reason
    assert finding.queries < 60


def test_absolute_values_behind_absolute_values_are_never_called_recovered() -> None:
    rng = np.random.default_rng(8)
    first, second = rng.standard_normal((6, 5)), rng.standard_normal((4, 6))
    finding = recovered(lambda x: np.abs(np.abs(x @ first.T) @ second.T).sum(axis=1), 5)
    assert not finding.outcome.ok


def test_a_box_is_never_left() -> None:
    network = teacher(6, 5, 6)
    finding = recovered(network, 6, bounds=(-0.5, 2.0))
    assert finding.outcome.ok, str(finding.outcome)
    assert compare_absolute(network, finding.value).max_relative_error < 1e-7


@pytest.mark.parametrize("noise", [1e-9, 1e-6, 1e-3])
def test_a_noisy_door_never_claims_more_than_noise_allows(noise: float) -> None:
    network, rng = teacher(8, 6, 7), np.random.default_rng(9)
    finding = recovered(lambda x: network(x) + noise * rng.standard_normal((len(x), 1)), 8)
    assert not (finding.outcome.ok and noise > 1e-8)
    if finding.outcome.status in (Status.PARTIAL, Status.COMPLETE):
        claimed = finding.evidence["recovery"]["claimed_relative_error"]
        assert compare_absolute(network, finding.value).max_relative_error < 4 * claimed


def test_single_precision_gives_rows_within_the_error_told() -> None:
    network = teacher(8, 6, 8)
    finding = recovered(lambda x: network(x).astype(np.float32), 8)
    assert finding.outcome.status is Status.PARTIAL
    error = compare_absolute(network, finding.value).max_relative_error
    assert error < 8 * finding.evidence["recovery"]["claimed_relative_error"]


def test_a_budget_is_never_exceeded() -> None:
    finding = recover_absolute_value(hl.oracle(teacher(10, 10, 9), input_dim=10), budget=100)
    assert finding.outcome.status is Status.BUDGET_SPENT
    assert finding.queries <= 100


def test_rows_are_announced() -> None:
    events: list[Event] = []
    recover_absolute_value(hl.oracle(teacher(6, 5, 10), input_dim=6), on_event=events.append)
    assert max(e.found for e in events if isinstance(e, NeuronRecovered)) == 5


@pytest.mark.parametrize(("d", "m"), [(10, 10), (5, 12)])
def test_gradients_cost_one_call_a_row_beyond_location(d: int, m: int) -> None:
    network = teacher(d, m, 11, signed=True)
    finding = recover_from_gradients(network.gradient, d, seed=4)
    assert finding.outcome.ok, str(finding.outcome)
    assert compare_absolute(network, finding.require()).max_relative_error < 1e-12
    assert finding.spending.queries_by_phase["gradients"] == m + 1


def test_gradients_of_a_relu_network_are_refused() -> None:
    rows = teacher(5, 4, 12).rows
    finding = recover_from_gradients(lambda x: (x @ rows.T > 0) @ rows, 5)
    assert finding.outcome.status is Status.REFUSED
