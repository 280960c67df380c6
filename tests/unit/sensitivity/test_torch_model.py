"""Torch modules as models; skipped where torch is not installed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.oracles.opening import oracle
from hingeline.oracles.session import QuerySession
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.models import torch_model
from hingeline.sensitivity.models.asked_model import AskedModel
from hingeline.sensitivity.models.model import LayeredModel
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.models.opening import open_model
from hingeline.sensitivity.models.torch_model import TorchModel
from hingeline.sensitivity.rays import ray_crossings
from hingeline.sensitivity.threat import Threat

torch: Any = pytest.importorskip("torch")
nn: Any = torch.nn
F: Any = torch.nn.functional
SHAPE = (2, 6, 6)


def normal(*shape: int, seed: int = 11) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def chain(network: FeedForwardNetwork, activation: Any) -> Any:
    parts: list[Any] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        linear = nn.Linear(*weight.shape[::-1]).double()
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
        parts += [linear, activation()]
    return nn.Sequential(*parts[:-1])


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        inner = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        inner += x
        return self.relu(inner)


def small_resnet(seed: int = 5) -> Any:
    torch.manual_seed(seed)
    stem = [nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    module = nn.Sequential(
        *stem, Residual(), Residual(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    with torch.no_grad():
        module(torch.randn(64, *SHAPE))  # one pass of training fills the running statistics
        module[-1].bias -= module.eval()(torch.randn(64, *SHAPE)).mean(dim=0)  # so that classes vary
    return module.train()


def differences(model: Any, points: Any, step: float = 1e-6) -> Any:
    moves = step * np.eye(points.shape[1])
    return np.array([((model.outputs(p + moves) - model.outputs(p - moves)) / (2 * step)).T for p in points])


@pytest.mark.parametrize(("name", "kind"), [("relu", "ReLU"), ("tanh", "Tanh"), ("gelu", "GELU")])
def test_a_chain_agrees_with_our_own_network(name: str, kind: str) -> None:
    network = random_network((7, 9, 8, 3), seed=6, activation=name, initialisation="torch")
    ours, theirs = NetworkModel(network), TorchModel(chain(network, getattr(nn, kind)))
    points, weights = normal(20, 7), normal(20, 3, seed=12)
    np.testing.assert_allclose(theirs.outputs(points), ours.outputs(points), atol=1e-13)
    np.testing.assert_allclose(theirs.gradients(points, weights), ours.gradients(points, weights), atol=1e-12)
    np.testing.assert_allclose(theirs.jacobians(points), ours.jacobians(points), atol=1e-12)
    for mine, other in zip(ours.layers(points), theirs.layers(points), strict=True):
        np.testing.assert_allclose(other.values, mine.values, atol=1e-13)
        np.testing.assert_allclose(other.slopes, mine.slopes, atol=1e-12)
    for layer, width in enumerate((9, 8)):
        down, up = normal(20, 4, width), normal(20, 3, 7)
        np.testing.assert_allclose(
            theirs.pull_back(points, layer, down), ours.pull_back(points, layer, down), atol=1e-12
        )
        np.testing.assert_allclose(
            theirs.push_forward(points, layer, up), ours.push_forward(points, layer, up), atol=1e-12
        )
    assert isinstance(theirs, LayeredModel) and len(theirs.layer_names) == 2


def test_a_residual_network_is_measured_and_stays_as_it_was() -> None:
    module = small_resnet()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    model = TorchModel(module, input_shape=SHAPE)
    points = normal(6, 72)
    np.testing.assert_allclose(model.jacobians(points), differences(model, points), atol=1e-7)
    after = module.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert module.training and all(p.dtype == torch.float32 and p.requires_grad for p in module.parameters())
    assert module[2].inplace and not module[2]._forward_hooks


def test_the_linear_distance_of_a_residual_network_is_about_its_ray_distance() -> None:
    model, decision = TorchModel(small_resnet(), input_shape=SHAPE), Decision(3)
    points = normal(40, 72)
    flips = linear_flips(model, decision, points, Threat())
    rays = ray_crossings(
        model, decision, points, flips.classes, flips.directions, 4 * flips.distances, Threat()
    )
    ratios = rays.sizes / flips.distances
    assert rays.flipped.mean() > 0.8 and 0.8 < np.median(ratios) < 2


def test_every_call_of_an_activation_is_a_layer() -> None:
    model = TorchModel(small_resnet(), input_shape=SHAPE)
    places = [name.split()[1] for name in model.layer_names]
    assert places == ["2", "4.relu", "4.relu", "5.relu", "5.relu"]
    states = model.layers(normal(3, 72))
    assert [state.values.shape[1] for state in states] == [144, 36, 36, 36, 36]
    for state in states:
        np.testing.assert_array_equal(state.slopes, (state.values > 0).astype(float))


@pytest.mark.parametrize("layer", range(5))
def test_pulling_back_through_a_residual_network_is_the_transpose_of_pushing_forward(layer: int) -> None:
    model = TorchModel(small_resnet(), input_shape=SHAPE)
    points = normal(3, 72)
    down, up = normal(3, 2, 144 if layer == 0 else 36), normal(3, 2, 72, seed=13)
    pulled, pushed = model.pull_back(points, layer, down), model.push_forward(points, layer, up)
    np.testing.assert_allclose((pulled * up).sum(axis=2), (pushed * down).sum(axis=2), atol=1e-10)
    ahead = model.layers(points + 1e-6 * up[:, 0])[layer].values
    behind = model.layers(points - 1e-6 * up[:, 0])[layer].values
    np.testing.assert_allclose(pushed[:, 0], (ahead - behind) / 2e-6, atol=1e-6)


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        return torch.sigmoid(self.second(F.relu(self.first(x)).tanh()))


def test_activations_that_are_functions_are_seen_and_that_of_the_output_is_not() -> None:
    model = TorchModel(Functional())
    assert [name.split(" ", 1)[1] for name in model.layer_names] == ["relu (8)", "tanh (8)"]
    points = normal(4, 5)
    np.testing.assert_allclose(model.jacobians(points), differences(model, points), atol=1e-8)
    relu, tanh = model.layers(points)
    np.testing.assert_allclose(tanh.values, np.tanh(relu.values))
    np.testing.assert_allclose(tanh.slopes, 1 - np.tanh(relu.values) ** 2)


@pytest.mark.parametrize("batch_first", [True, False])
def test_attention_is_differentiated_whatever_axis_holds_the_rows(batch_first: bool) -> None:
    torch.manual_seed(3)

    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=batch_first)
            self.head = nn.Linear(12, 2)

        def forward(self, x: Any) -> Any:
            x = self.block(x if batch_first else x.transpose(0, 1))
            return self.head((x if batch_first else x.transpose(0, 1)).flatten(1))

    model = TorchModel(Attending(), input_shape=(3, 4))
    points = normal(5, 12)
    np.testing.assert_allclose(model.jacobians(points), differences(model, points), atol=1e-7)
    assert [name.split(" ", 1)[1] for name in model.layer_names] == ["block.relu (24)"]
    states = model.layers(points)[0]
    np.testing.assert_allclose(model.layers(points[2:3])[0].values, states.values[2:3], atol=1e-12)
    up, down = normal(5, 2, 12, seed=1), normal(5, 2, 24, seed=2)
    pulled, pushed = model.pull_back(points, 0, down), model.push_forward(points, 0, up)
    np.testing.assert_allclose((pulled * up).sum(axis=2), (pushed * down).sum(axis=2), atol=1e-10)


def test_work_in_parts_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    points, weights = normal(9, 72), normal(9, 3, seed=4)
    whole = TorchModel(small_resnet(), input_shape=SHAPE)
    monkeypatch.setattr(torch_model, "CHUNK_BYTES", 1)
    parts = TorchModel(small_resnet(), input_shape=SHAPE)
    assert parts._rows == 1
    np.testing.assert_allclose(parts.outputs(points), whole.outputs(points), atol=1e-12)
    np.testing.assert_allclose(parts.gradients(points, weights), whole.gradients(points, weights), atol=1e-12)
    for a, b in zip(parts.layers(points), whole.layers(points), strict=True):
        np.testing.assert_allclose(a.values, b.values, atol=1e-12)


def test_it_works_whatever_mode_the_caller_is_in() -> None:
    points = normal(3, 5)
    model = TorchModel(nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1)))
    expected = model.gradients(points, np.ones((3, 1)))
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            np.testing.assert_array_equal(model.gradients(points, np.ones((3, 1))), expected)


def test_what_does_not_depend_on_the_input_has_gradient_zero() -> None:
    class Signs(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.sign(x).sum(dim=1, keepdim=True)

    class Constant(nn.Module):
        def forward(self, x: Any) -> Any:
            return torch.ones(len(x), dtype=x.dtype)

    for module in (Signs(), Constant()):
        model = TorchModel(module, input_dim=4)
        assert not model.gradients(normal(2, 4), np.ones((2, 1))).any() and model.output_dim == 1
    assert TorchModel(Constant(), input_dim=4).layers(normal(2, 4)) == ()


class Lambda(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (lambda x: x.float(), "float32"),
        (lambda x: x.half().double(), "half gives float16"),
        (lambda x: x.argmax(dim=1), "int64"),
        (lambda x: x.sum(), "shape"),
        (lambda x: (x, x), "tuple"),
        (lambda x: x - x.mean(dim=0), "rows mix"),
        (lambda x: F.dropout(x, 0.5, training=True), "random"),
        (lambda x: x @ torch.ones(3, 1).double(), "does not take rows"),
    ],
)
def test_what_cannot_be_differentiated_in_float64_is_refused(function: Any, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        TorchModel(Lambda(function), input_dim=4)


def test_inputs_that_are_not_known_are_asked_for() -> None:
    with pytest.raises(InvalidInput, match="input_shape"):
        TorchModel(nn.Conv2d(1, 2, 3))
    with pytest.raises(InvalidInput, match="does not hold"):
        TorchModel(nn.Conv2d(1, 2, 3), input_shape=(1, 5, 5), input_dim=24)
    with pytest.raises(InvalidInput, match="int"):
        TorchModel(3)


def test_answers_that_are_not_finite_are_refused_in_words() -> None:
    model = TorchModel(Lambda(lambda x: torch.log(x.sum(dim=1) + 100)), input_dim=2)
    with pytest.raises(InvalidInput, match="1 of 2 rows"):
        model.outputs(np.array([[0.0, 0.0], [-80.0, -80.0]]))


def test_layers_of_a_module_chosen_by_its_input_are_not_compared() -> None:
    module = Lambda(
        lambda x: F.relu(x) @ torch.ones(2, 1).double() if x.max() > 5 else x.sum(1, keepdim=True)
    )
    model = TorchModel(module, input_dim=2)
    assert model.layer_names == () and model.layers(10 * np.ones((1, 2))) == ()
    assert list(itertools.chain(model.outputs(10 * np.ones((1, 2)))[0])) == [20.0]


def test_a_module_is_differentiated_when_it_is_opened() -> None:
    model = open_model(small_resnet(), session=QuerySession, input_shape=SHAPE, name="mine")
    assert isinstance(model, TorchModel) and model.name == "mine" and model.input_dim == 72
    with pytest.raises(InvalidInput, match="bounds"):
        open_model(small_resnet(), session=QuerySession, input_shape=SHAPE, bounds=(0.0, 1.0))


def test_a_door_to_a_module_agrees_with_the_module() -> None:
    module = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 2)).double()
    door = open_model(oracle(module), session=QuerySession)
    points = normal(8, 6)
    assert isinstance(door, AskedModel)
    np.testing.assert_allclose(door.jacobians(points), TorchModel(module).jacobians(points), atol=1e-7)
