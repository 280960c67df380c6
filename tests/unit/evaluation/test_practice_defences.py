"""Typed defences at a practice server: like the settings of that name, and refusals as HTTP tells them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.evaluation.practice_model import PracticeModel, PracticeSettings
from hingeline.evaluation.practice_server import PracticeServer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.remote import remote_oracle
from hingeline.oracles.retries import RetryPolicy

NETWORK = PiecewiseLinearNetwork([np.eye(2), np.eye(2)], [np.zeros(2), np.array([1 / 3, -1 / 3])])
POINTS = np.random.default_rng(5).standard_normal((40, 2))


@pytest.mark.parametrize(
    ("settings", "texts"),
    [
        ({"round": 2}, ("round:2",)),
        ({"noise": 0.5}, ("noise:0.5",)),
        ({"labels": True}, ("labels",)),
        ({"softmax": True}, ("softmax",)),
        ({"noise": 0.5, "softmax": True, "round": 3}, ("noise:0.5+softmax", "round:3")),
        ({"dtype": "float32"}, ("float32",)),
    ],
)
def test_a_typed_defence_does_what_the_setting_does(settings: dict[str, Any], texts: tuple[str, ...]) -> None:
    dtype = settings.get("dtype", "float64")
    by_setting = PracticeModel(NETWORK, PracticeSettings(seed=4, **settings))
    typed = PracticeModel(NETWORK, PracticeSettings(seed=4, dtype=dtype, defences=texts))
    assert np.array_equal(by_setting.answers(POINTS), typed.answers(POINTS))
    assert (by_setting.output_name, by_setting.output_datatype) == (typed.output_name, typed.output_datatype)


def test_a_refusal_is_told_as_429_and_the_client_waits_for_its_turn() -> None:
    pauses: list[float] = []
    settings = PracticeSettings(defences=("rate:40",))
    with PracticeServer(NETWORK, settings=settings) as server:
        oracle = remote_oracle(server.url, policy=RetryPolicy(longest_wait=0.0, sleep=pauses.append))
        assert oracle.query(POINTS).shape == (40, 2)
        with pytest.raises(QueryFailed, match="at most 40 rows per second") as refused:
            oracle.query(POINTS)
        oracle.close()
    assert (refused.value.status, refused.value.sent) == (429, False)


def test_what_cannot_be_read_or_meant_is_refused_before_serving() -> None:
    with pytest.raises(InvalidInput, match="no defence is called"):
        PracticeSettings(defences=("rounded:3",))
    with pytest.raises(InvalidInput, match="probabilities already"):
        PracticeModel(NETWORK, PracticeSettings(softmax=True, defences=("softmax",)))
