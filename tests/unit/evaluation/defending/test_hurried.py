"""Doors that close in time."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import BudgetExhausted
from hingeline.evaluation.defending.hurried import Hurried
from hingeline.evaluation.defending.leak import leak_run
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import network_oracle


def _network() -> PiecewiseLinearNetwork:
    drawn = random_network((6, 4, 2), seed=5)
    return PiecewiseLinearNetwork(drawn.weights, drawn.biases)


def test_a_door_with_time_left_answers_as_the_one_inside() -> None:
    network, x = _network(), np.random.default_rng(0).standard_normal((9, 6))
    assert np.array_equal(Hurried(network_oracle(network), 1000.0).query(x), network(x))


def test_a_door_that_is_out_of_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Hurried(network_oracle(_network()), 5.0)
    import hingeline.evaluation.defending.hurried as module

    later = module.time.monotonic() + 6.0
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    with pytest.raises(BudgetExhausted, match="5 seconds"):
        door.query(np.zeros((1, 6)))


def test_an_attack_that_runs_out_of_time_is_told_as_such() -> None:
    network, x = _network(), np.random.default_rng(0).standard_normal((9, 6))
    run = leak_run(
        Hurried(network_oracle(network), 1e-9),
        seed=0,
        budget=None,
        truth=network,
        points=x,
        decided=network(x).argmax(axis=1),
    )
    assert run.status == "budget spent"
    assert "seconds" in run.reason
    assert run.neurons == 0
