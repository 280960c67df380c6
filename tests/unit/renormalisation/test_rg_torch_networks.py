"""Torch modules through the diagnosis; skipped where torch is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.networks.feed_forward import random_network
from hingeline.renormalisation.feed_forward.network_diagnosis import diagnose_network
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.torch_model import TorchModel

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
POINTS = np.random.default_rng(121).standard_normal((12, 6))


def chain(network: Any, activation: Any) -> Any:
    parts: list[Any] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        linear = nn.Linear(*weight.shape[::-1]).double()
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
        parts += [linear, activation()]
    return nn.Sequential(*parts[:-1])


@pytest.mark.parametrize(("name", "kind", "traced"), [("relu", "ReLU", True), ("tanh", "Tanh", False)])
def test_a_module_has_the_diagnosis_of_the_network_it_is(name: str, kind: str, traced: bool) -> None:
    network = random_network((6, 9, 8, 4), seed=122, activation=name)
    ours = diagnose_network(NetworkModel(network), POINTS, rng=np.random.default_rng(123))
    module = TorchModel(chain(network, getattr(nn, kind)))
    theirs = diagnose_network(module, POINTS, rng=np.random.default_rng(123))
    assert ours.gains is not None and theirs.gains is not None
    assert ours.cocycle is not None and theirs.cocycle is not None
    np.testing.assert_allclose(theirs.gains.whitened.random, ours.gains.whitened.random, atol=1e-8)
    assert theirs.cocycle.by_steps is traced and (theirs.twin is not None) is traced
    np.testing.assert_allclose(np.exp(theirs.cocycle.log_values), np.exp(ours.cocycle.log_values), atol=1e-9)


class Skip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)

    def forward(self, x: Any) -> Any:
        h = torch.relu(self.first(x))
        return self.last(h + torch.relu(self.second(h)))


def test_skip_connections_have_gains_and_exponents_and_no_twin() -> None:
    torch.manual_seed(124)
    found = diagnose_network(TorchModel(Skip()), POINTS, rng=np.random.default_rng(125))
    assert found.gains is not None and found.cocycle is not None
    assert found.twin is None and any("twin" in words for words in found.not_measured)
