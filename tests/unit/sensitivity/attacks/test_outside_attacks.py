"""Attacks of outside libraries run against any model of ours, are counted and confirmed."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from attack_scenes import digits_scene, he_scene

from hingeline.core.errors import InvalidInput, MissingExtra
from hingeline.numerics.statistics import median
from hingeline.sensitivity.attacks.adversarial_library import LibraryAttack
from hingeline.sensitivity.attacks.auto_attack import AutoAttack
from hingeline.sensitivity.attacks.base import Attack, scene_at
from hingeline.sensitivity.attacks.best_of import best_of
from hingeline.sensitivity.attacks.counting import CountingModel
from hingeline.sensitivity.attacks.foolbox_attacks import FoolboxAttack
from hingeline.sensitivity.attacks.ray import GradientRay
from hingeline.sensitivity.attacks.torch_bridge import as_module, as_tensors, frame_of, own_randomness
from hingeline.sensitivity.threat import Threat

# what these libraries warn of is theirs to change
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

FOOLBOX = [
    FoolboxAttack("ddn"),
    FoolboxAttack("deepfool"),
    FoolboxAttack("carlini-wagner", options={"steps": 100, "binary_search_steps": 3}),
    FoolboxAttack("fmn"),
    FoolboxAttack("boundary", options={"steps": 200}),
]
LIBRARY = [LibraryAttack(kind) for kind in ("ddn", "fmn", "alma", "pdgd", "pdpgd", "apgd")]


def installed(module: str) -> None:
    """Skip if a library, or what it stands on, is not there or not whole."""
    pytest.importorskip("torch")
    try:
        importlib.import_module(module)
    except (ImportError, RuntimeError) as error:
        pytest.skip(f"{module}: {error}")


@pytest.mark.parametrize("attack", [*FOOLBOX, *LIBRARY], ids=lambda a: a.name)
def test_no_outside_attack_makes_the_best_worse_than_the_ray(attack: Attack) -> None:
    installed("foolbox" if isinstance(attack, FoolboxAttack) else "adv_lib.attacks")
    scene = he_scene(d=48, outputs=3, count=6)
    best = best_of(scene, [attack], np.random.default_rng(0))
    ray = GradientRay().run(scene, np.random.default_rng(0))
    assert (best.sizes <= ray.sizes).all()
    # FMN of adv-lib leaves some inputs unflipped
    assert best.attacked[1].flipped.all() or attack.name == "adv-lib fmn"
    assert best.attacked[1].flipped.any() and "bounds" in best.attacked[1].note


@pytest.mark.parametrize("attack", [FoolboxAttack("ddn"), FoolboxAttack("deepfool"), LibraryAttack("ddn")])
def test_on_random_networks_ddn_and_deepfool_end_near_the_linear_distance(attack: Attack) -> None:
    installed("foolbox" if isinstance(attack, FoolboxAttack) else "adv_lib.attacks")
    # one network's 16 inputs share its weights: medians of single networks run from 0.99 to 1.3
    ratios: list[np.ndarray] = []
    for seed in range(300, 324):
        best = best_of(he_scene(seed=seed), [attack], np.random.default_rng(seed))
        assert best.attacked[1].flipped.all()
        ratios.append(best.attacked[1].sizes / best.linear)
    assert 1.00 <= median(np.concatenate(ratios)) <= 1.10


def test_images_in_a_box_stay_in_it_and_no_bounds_are_assumed() -> None:
    installed("foolbox")
    found = FoolboxAttack("ddn").run(digits_scene(count=10), np.random.default_rng(0))
    assert found.flipped.all() and found.note == ""
    assert found.points.min() >= 0.0 and found.points.max() <= 1.0


def test_pulling_back_never_makes_a_flip_larger() -> None:
    installed("foolbox")
    scene = he_scene(d=48, outputs=3, count=6)
    plain, pulled = (FoolboxAttack("fmn", halvings=n).run(scene, np.random.default_rng(0)) for n in (0, 20))
    assert (pulled.sizes <= plain.sizes).all() and (pulled.sizes < plain.sizes).any()


def test_what_a_library_asks_is_counted() -> None:
    installed("foolbox")
    scene = he_scene(d=48, outputs=3, count=6)
    counter = CountingModel(scene.model)
    found = FoolboxAttack("deepfool").run(replace(scene, model=counter), np.random.default_rng(0))
    assert (found.rows_asked, found.gradients_asked) == (counter.rows, counter.gradient_rows)
    assert found.gradients_asked > 6


def test_fixed_coordinates_stay_under_an_outside_attack() -> None:
    installed("foolbox")
    base, free = he_scene(d=48, count=6), np.arange(48) < 30
    scene = scene_at(base.model, base.decision, base.points, Threat(free=free))
    found = FoolboxAttack("ddn").run(scene, np.random.default_rng(0))
    assert found.flipped.any()
    np.testing.assert_array_equal(found.points[:, ~free], scene.points[:, ~free])


def test_a_norm_that_an_attack_lacks_is_refused() -> None:
    installed("foolbox")
    with pytest.raises(InvalidInput, match="measures l2, not linf"):
        FoolboxAttack("ddn").run(he_scene("linf", d=16, count=2), np.random.default_rng(0))


@pytest.mark.parametrize("outputs", [1, 4])
def test_the_module_answers_and_differentiates_as_the_model_does(outputs: int) -> None:
    torch: Any = pytest.importorskip("torch")
    scene = he_scene(d=24, outputs=outputs, count=5)
    frame = frame_of(scene, gradients=True)
    shown, labels = as_tensors(scene, frame, double=True)
    shown.requires_grad_()
    logits = as_module(scene, frame)(shown)
    np.testing.assert_array_equal(logits.argmax(1).numpy(), labels.numpy())
    lead = logits[:, -1] - logits[:, 0]
    (gradient,) = torch.autograd.grad(lead.sum(), shown)
    weights = np.zeros((5, outputs))
    weights[:, 0] -= 1.0 if outputs > 1 else 0.0
    weights[:, -1] += 1.0
    wanted = frame.span * scene.model.gradients(scene.points, weights)
    np.testing.assert_allclose(gradient.numpy(), wanted, rtol=1e-9)


def test_torch_draws_go_on_as_if_no_attack_had_run() -> None:
    torch: Any = pytest.importorskip("torch")
    before = torch.random.get_rng_state()
    with own_randomness(np.random.default_rng(3)):
        first = torch.rand(3)
    with own_randomness(np.random.default_rng(3)):
        again = torch.rand(3)
    assert torch.equal(before, torch.random.get_rng_state()) and torch.equal(first, again)


@pytest.mark.skipif(importlib.util.find_spec("foolbox") is not None, reason="it is installed")
def test_without_the_library_the_command_that_installs_it_is_told() -> None:
    with pytest.raises(MissingExtra, match=r'pip install "hingeline\[foolbox\]"'):
        FoolboxAttack("ddn").run(he_scene(d=16, count=2), np.random.default_rng(0))


@pytest.mark.parametrize("make", [FoolboxAttack, LibraryAttack])
def test_an_unknown_kind_is_told_with_those_known(make: Any) -> None:
    with pytest.raises(InvalidInput, match="known are ddn"):
        make("nothing")


class StandInProgram:
    """AutoAttack's interface, around a few signed gradient steps in the unit cube."""

    made: dict[str, Any]

    def __init__(self, model: Any, norm: str, eps: float, **options: Any) -> None:
        type(self).made = {"norm": norm, "eps": eps, **options}
        self.model, self.eps = model, eps

    def run_standard_evaluation(self, x_orig: Any, y_orig: Any, bs: int = 250) -> Any:
        torch: Any = importlib.import_module("torch")
        assert x_orig.dtype == torch.float32 and x_orig.ndim == 4
        moved = x_orig.clone()
        for _ in range(20):
            moved.requires_grad_()
            loss = torch.nn.functional.cross_entropy(self.model(moved), y_orig, reduction="sum")
            (gradient,) = torch.autograd.grad(loss, moved)
            moved = moved.detach() + 0.2 * self.eps * gradient.sign()
            moved = torch.clamp(torch.clamp(moved, x_orig - self.eps, x_orig + self.eps), 0, 1)
        return moved


def test_an_auto_attack_class_is_made_with_our_model_and_its_claims_are_checked() -> None:
    pytest.importorskip("torch")
    scene = digits_scene("linf", count=10)
    found = AutoAttack(StandInProgram, radius=0.2).run(scene, np.random.default_rng(0))
    assert found.flipped.sum() > 5 and (found.sizes[found.flipped] <= 0.2 * (1 + 1e-12)).all()
    assert found.gradients_asked >= 20 * 10
    assert StandInProgram.made["version"] == "standard" and StandInProgram.made["eps"] == 0.2


def test_with_two_classes_auto_attack_runs_without_the_ratio_loss() -> None:
    pytest.importorskip("torch")
    found = AutoAttack(StandInProgram, radius=1.0).run(
        he_scene("linf", d=48, count=5), np.random.default_rng(0)
    )
    assert StandInProgram.made["attacks_to_run"] == ["apgd-ce", "fab", "square"]
    assert found.flipped.any() and "2 classes: without DLR" in found.note


def test_an_auto_attack_made_elsewhere_is_run_as_it_is() -> None:
    pytest.importorskip("torch")
    scene = digits_scene("linf", count=5)
    frame = frame_of(scene, gradients=True)
    program = StandInProgram(as_module(scene, frame), "Linf", 0.2)
    found = AutoAttack(program, radius=0.2).run(scene, np.random.default_rng(0))
    assert found.flipped.any() and "not counted" in found.note


@pytest.mark.parametrize("program", ["no_such_module_anywhere:AutoAttack", 7])
def test_without_auto_attack_it_is_told_where_to_get_it(program: Any) -> None:
    pytest.importorskip("torch")
    with pytest.raises(InvalidInput, match=r"github\.com/fra31/auto-attack"):
        AutoAttack(program, radius=0.1).run(he_scene("linf", d=16, count=2), np.random.default_rng(0))
