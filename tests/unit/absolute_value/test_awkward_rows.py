"""Rows that nearly cancel, nearly coincide or nearly vanish: what is called complete is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.absolute_value.certificate import lengthened
from hingeline.absolute_value.gradients import Frame, PieceGradients
from hingeline.absolute_value.great_circle import Circle, find_kinks
from hingeline.absolute_value.piece import Piece
from hingeline.absolute_value.recover import recover_absolute_value
from hingeline.core.arrays import FloatArray
from hingeline.networks.absolute_value import AbsoluteValueNetwork, compare_absolute
from hingeline.oracles.protocol import Oracle


def pair(angle: float, second: float) -> AbsoluteValueNetwork:
    return AbsoluteValueNetwork([[1.0, 0.0], [np.cos(angle), np.sin(angle)]], [1.0, second])


def honest(network: AbsoluteValueNetwork, finding: Any) -> bool:
    right = finding.outcome.ok and compare_absolute(network, finding.value).max_relative_error < 1e-6
    return right or not finding.outcome.ok


def behind(network: AbsoluteValueNetwork, door: Callable[[FloatArray], Any]) -> Oracle:
    def answers(points: FloatArray) -> Any:
        return door(network(points))

    return hl.oracle(answers, input_dim=network.input_dim)


@pytest.mark.parametrize("second", [-0.7, 0.7, -1.3, 1.3])
@pytest.mark.parametrize("angle", [1e-3, 1e-5, 1e-7, 1e-9])
def test_a_nearly_parallel_pair_is_never_taken_for_one_row(angle: float, second: float) -> None:
    network = pair(angle, second)
    for seed in range(6):
        finding = recover_absolute_value(hl.oracle(network, input_dim=2), seed=seed)
        assert finding.value is not None
        assert finding.value.width == 2
        assert honest(network, finding)


@pytest.mark.parametrize("angle", [1e-3, 1e-5, 1e-7])
def test_a_pair_beside_the_corner_that_its_neighbours_make_is_found(angle: float) -> None:
    # |t - 1| - 0.8 |t - 1 - angle| bends to the left of where its two ends would meet
    def ask(angles: FloatArray) -> FloatArray:
        return np.abs(np.sin(angles - 1)) - 0.8 * np.abs(np.sin(angles - 1 - angle))

    circle = find_kinks(ask, 1e-15)
    np.testing.assert_allclose(circle.kinks % np.pi, [1.0, 1.0 + angle], rtol=1e-9)
    assert circle.unresolved == 0
    assert circle.blur.max() < 1e-9


def test_pairs_that_nearly_cancel_behind_a_rounded_door_give_an_outcome() -> None:
    for seed in range(12):
        rng = np.random.default_rng([9100, seed])
        rows = np.repeat(rng.standard_normal((3, 6)), 2, axis=0)
        rows[1::2] += 10.0 ** rng.uniform(-6, -3) * rng.standard_normal((3, 6))
        network = AbsoluteValueNetwork(rows, [1.0, -1.0] * 3)
        finding = recover_absolute_value(behind(network, lambda v: np.round(v, 6)), seed=seed)
        assert honest(network, finding)


def test_single_precision_never_calls_rows_complete_that_it_cannot_tell_apart() -> None:
    complete = 0
    for seed in range(30):
        rng = np.random.default_rng([9200, seed])
        row = rng.standard_normal(7)
        rows = np.stack([row, row, row, rng.standard_normal(7)])
        rows[1:3] += 3e-6 * rng.standard_normal((2, 7))
        network = AbsoluteValueNetwork(rows, [3.0, -2.5, 1.5, 1.0])
        finding = recover_absolute_value(behind(network, np.float32), seed=seed)
        complete += finding.outcome.ok
        assert honest(network, finding)
    assert complete == 0


def test_a_longer_step_that_meets_a_faint_kink_is_not_believed() -> None:
    # the third component of the gradient is 0 up to x3 = 0.05; beyond it a faint neuron is on
    def ask(points: FloatArray) -> FloatArray:
        return points[:, 0] + 8e-6 * np.maximum(points[:, 2] - 0.05, 0.0)

    frame = Frame(np.eye(3)[:2], np.eye(3)[2:], 1.0)
    first = Piece([-0.4, 0.0, 0.4], np.cos([-0.4, 0.0, 0.4]).tolist())
    first.fit()
    circle = Circle(np.array([np.pi / 2]), (first, first.turned()), 0, np.zeros(1))
    known = PieceGradients(np.eye(3)[:1], np.array([1e-6]), np.zeros(1), np.array([0.01]))
    rng, every = np.random.default_rng(1), np.ones(1, dtype=np.bool_)
    longer = lengthened(ask, frame, circle, known, every, rng, 1e-10)
    off = float(np.abs(longer.gradients[0] - [1.0, 0.0, 0.0]).max())
    assert off <= 3 * float(longer.errors[0])


@pytest.mark.parametrize("seed", range(40))
def test_awkward_networks_are_right_where_complete(seed: int) -> None:
    rng = np.random.default_rng([9300, seed])
    d, m = int(rng.integers(2, 8)), int(rng.integers(2, 8))
    rows = rng.standard_normal((m, d))
    rows[1] = rows[0] + 10.0 ** rng.uniform(-6, -2) * rng.standard_normal(d)
    coefficients = rng.choice(np.array([-1.0, 1.0]), m) * 10.0 ** rng.uniform(-3, 0, m)
    network = AbsoluteValueNetwork(rows, coefficients)
    finding = recover_absolute_value(hl.oracle(network, input_dim=d), seed=seed)
    assert honest(network, finding)
