"""What is said of neurons that were made from answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from hingeline.extraction.depth.filled_network import Filled, note_made, with_made
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def _done(departs: float | None) -> Filled:
    network = PiecewiseLinearNetwork([np.ones((2, 3)), np.ones((1, 2))], [np.zeros(2), np.zeros(1)])
    return Filled(network, (1,), (0,), departs, 1e-11)


def test_made_neurons_are_named_and_counted() -> None:
    evidence: dict[str, Any] = {
        "layers": [{"layer": 1, "neurons": 1, "built_on": 1, "signs_undetermined": 1}],
        "neurons": [{"layer": 1, "neuron": 0, "status": "measured", "sign": "undetermined"}],
    }
    note_made(cast("Any", SimpleNamespace(evidence=evidence)), _done(0.01))
    assert evidence["layers"][0]["neurons"] == 2
    assert evidence["layers"][0]["signs_undetermined"] == 0
    assert "sign" not in evidence["neurons"][0]
    assert evidence["neurons"][1]["neuron"] == 1
    assert evidence["neurons"][1]["status"] == "pooled"
    assert "made from answers" in evidence["neurons"][1]["why"]


def test_the_reason_says_what_share_departs() -> None:
    assert "1 neurons were made from answers" in with_made(_done(0.0125))
    assert "at 1.25% of typical inputs" in with_made(_done(0.0125))
    assert "typical inputs" not in with_made(_done(None))
