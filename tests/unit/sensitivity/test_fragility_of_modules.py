"""The verb on torch modules: plain chains are proved, everything else is differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.core.outcome import Status
from hingeline.sensitivity.fragility import fragility
from hingeline.sensitivity.models.torch_chain import chain_of_module
from hingeline.sensitivity.models.torch_model import TorchModel

torch: Any = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional

FLAT = {"parts": ("distance", "biases"), "attacks": ("boundary descent",)}


@pytest.fixture(autouse=True)
def _same_weights_each_time() -> None:
    torch.manual_seed(141)


def learned(module: Any) -> Any:
    """With statistics of batch normalisation that are not those it begins with."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.5, 1.5)
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.uniform_(-0.2, 0.2)
    return module


class Chain(nn.Module):
    """A chain that only its `forward` tells of."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(9, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        hidden = functional.relu(self.norm(self.first(x.view(x.size(0), -1))))
        return self.last(functional.dropout(hidden, 0.5, self.training))


class Clamped(Chain):
    """Looks like one, and is none far out."""

    def forward(self, x: Any) -> Any:
        return super().forward(x).clamp(-1e6, 1e6)


class Skipped(Chain):
    """Its first layer goes round the second."""

    def forward(self, x: Any) -> Any:
        hidden = self.first(x.flatten(1))
        return self.last(functional.relu(hidden) + hidden)


class Branching(Chain):
    """What it does depends on what it gets."""

    def forward(self, x: Any) -> Any:
        return super().forward(x) if bool((x.sum() > -1e9).item()) else x


def sequential() -> Any:
    layers = (nn.Flatten(), nn.Linear(9, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Identity())
    return nn.Sequential(nn.Sequential(*layers), nn.Linear(8, 6, bias=False), nn.ReLU(), nn.Linear(6, 3))


def normalised_inputs() -> Any:
    return nn.Sequential(nn.BatchNorm1d(9), nn.ReLU(), nn.ReLU(), nn.Linear(9, 2), nn.BatchNorm1d(2))


@pytest.mark.parametrize("make", [sequential, normalised_inputs, Chain, lambda: nn.Linear(9, 2)])
def test_a_plain_chain_is_read_as_the_network_it_computes(make: Any) -> None:
    module = learned(make())
    model = TorchModel(module, input_dim=9)
    network, points = chain_of_module(model), np.random.default_rng(142).standard_normal((40, 9))
    assert network is not None
    np.testing.assert_allclose(network(points), model.outputs(points), atol=1e-10)
    assert module.training


@pytest.mark.parametrize(
    "make", [Clamped, Skipped, Branching, lambda: nn.Sequential(nn.Linear(9, 4), nn.Tanh())]
)
def test_what_is_no_plain_chain_is_not_taken_for_one(make: Any) -> None:
    assert chain_of_module(TorchModel(learned(make()), input_dim=9)) is None


def test_a_module_that_a_hook_changes_is_no_plain_chain() -> None:
    module = sequential()
    module[0][3].register_forward_hook(lambda *args: args[-1] + 1.0)
    assert chain_of_module(TorchModel(module, input_dim=9)) is None


def test_smallest_flips_of_a_plain_chain_are_proved_and_flip_the_module() -> None:
    module, images = learned(Chain()).eval(), np.random.default_rng(143).uniform(0, 1, (4, 1, 3, 3))
    finding = fragility(module, images, box=(0.0, 1.0), settings=FLAT)
    profile = finding.value
    assert profile is not None and profile.proved.all() and finding.outcome.ok
    flips = np.isfinite(profile.upper)
    moved = torch.as_tensor((profile.points + profile.changes)[flips])
    classes = module.double()(moved).argmax(dim=1).numpy()
    np.testing.assert_array_equal(classes, profile.flipped_to[flips])


class Block(nn.Module):
    """Two convolutions and a way round them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.two = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)])

    def forward(self, x: Any) -> Any:
        return functional.relu(x + self.norms[1](self.two(functional.relu(self.norms[0](self.one(x))))))


def residual() -> Any:
    head = (nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    return learned(nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), Block(4), Block(4), *head))


def test_a_residual_network_of_convolutions_goes_through_the_whole_verb() -> None:
    images = np.random.default_rng(144).standard_normal((4, 1, 6, 6))
    module = residual()
    finding = fragility(
        module, images, [0, 1, 2, 0], settings={"attacks": ("boundary descent", "label search")}
    )
    profile = finding.value
    assert profile is not None and finding.outcome.status == Status.PARTIAL and finding.queries == 0
    assert {"distance", "biases", "depth", "linearity", "layers", "fisher"} <= set(profile.parts())
    assert profile.layers is not None and len(profile.layers.names) == 5
    assert np.isfinite(profile.upper).all() and not profile.lower.any() and profile.accuracy is not None
    shaped = torch.as_tensor((profile.points + profile.changes).reshape(4, 1, 6, 6))
    classes = module.eval().double()(shaped).argmax(dim=1).numpy()
    np.testing.assert_array_equal(classes, profile.flipped_to)


def test_the_standard_attacks_on_a_module_end_soon() -> None:
    images = np.random.default_rng(145).standard_normal((2, 1, 6, 6))
    profile = fragility(residual(), images, settings={"parts": ("distance",)}).value
    assert profile is not None and profile.attacks is not None
    rows = sum(one.rows_asked + one.gradients_asked for one in profile.attacks.attacked)
    assert rows < 2 * 8_000 and len(profile.attacks.names) == 5


class StraightThrough(nn.Module):
    """Answers in steps, differentiated as if there were none."""

    def __init__(self, pretended: bool) -> None:
        super().__init__()
        self.score, self.pretended = nn.Linear(9, 3), pretended
        self.other = nn.Linear(9, 3)

    def forward(self, x: Any) -> Any:
        scores, elsewhere = self.score(x.flatten(1)), self.other(x.flatten(1))
        # the gradient is that of another function altogether, or none
        return scores.detach() + (elsewhere - elsewhere.detach() if self.pretended else 0.0 * elsewhere)


@pytest.mark.parametrize("pretended", [True, False])
def test_gradients_that_belong_to_another_function_are_named(pretended: bool) -> None:
    points = np.random.default_rng(146).standard_normal((10, 9))
    settings = {"parts": ("distance", "linearity"), "attacks": ("boundary descent", "label search")}
    finding = fragility(StraightThrough(pretended), points, settings=settings)
    assert finding.value is not None and finding.outcome.status == Status.INCONCLUSIVE
    names = {v.name for v in finding.value.verdicts}
    assert {"saturated or masked", "zero gradient"} & names and "linear regime" not in names
    assert np.isfinite(finding.value.upper).all()
