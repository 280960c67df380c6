"""Attacks of ours: exact on linear models, near the best known elsewhere, and at work without gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from attack_scenes import digits_scene, he_scene, linear_scene, stepped_scene

from hingeline.core.errors import InvalidInput
from hingeline.numerics.statistics import median
from hingeline.sensitivity.attacks.base import Attack, scene_at
from hingeline.sensitivity.attacks.boundary_descent import BoundaryDescent
from hingeline.sensitivity.attacks.boundary_walk import Walk
from hingeline.sensitivity.attacks.label_search import LabelSearch, nearest_of_another_class
from hingeline.sensitivity.attacks.projected_gradient import ProjectedGradient, SmallestProjectedGradient
from hingeline.sensitivity.attacks.random_search import RandomSearch, square_blocks
from hingeline.sensitivity.attacks.ray import GradientRay, OneStep
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.threat import Norm, Threat

NORMS: tuple[Norm, ...] = ("l2", "linf", "l1")
STRONG = BoundaryDescent(starts=8, walk=Walk(steps=60))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("attack", [GradientRay(), BoundaryDescent()], ids=lambda a: a.name)
def test_a_linear_model_flips_at_the_linear_distance(attack: Attack, norm: Norm) -> None:
    scene = linear_scene(Threat(norm))
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    found = attack.run(scene, np.random.default_rng(0))
    np.testing.assert_allclose(found.sizes, flips.distances, rtol=1e-5)


@pytest.mark.parametrize(("norm", "slack"), [("l2", 1.02), ("linf", 1.02), ("l1", 1.35)])
def test_projected_gradient_comes_near_the_linear_distance_of_a_linear_model(
    norm: Norm, slack: float
) -> None:
    scene = linear_scene(Threat(norm))
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    found = SmallestProjectedGradient().run(scene, np.random.default_rng(0))
    ratio = found.sizes / flips.distances
    assert (ratio > 1 - 1e-9).all() and median(ratio) < slack


@pytest.mark.parametrize("length", [0.99, 1.01])
def test_one_step_flips_exactly_what_is_nearer_than_its_length(length: float) -> None:
    scene = linear_scene(Threat())
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    step = length * float(np.median(flips.distances))
    found = OneStep(length=step).run(scene, np.random.default_rng(0))
    np.testing.assert_array_equal(found.flipped, flips.distances < step)
    np.testing.assert_allclose(found.sizes[found.flipped], step)


def test_one_step_of_two_typical_lengths_flips_most_wide_random_networks() -> None:
    # 2 Phi(2) - 1 = .954 in the limit; each scene is one network, whose inputs share its weights
    flipped = [OneStep().run(he_scene(seed=s, count=4), np.random.default_rng(0)).flipped for s in range(40)]
    assert 0.85 < np.mean(flipped) < 1.0


@pytest.mark.parametrize(
    ("attack", "norm"),
    [
        (BoundaryDescent(), "l2"),
        (BoundaryDescent(), "linf"),
        (BoundaryDescent(), "l1"),
        (SmallestProjectedGradient(), "l2"),
        (SmallestProjectedGradient(), "linf"),
    ],
    ids=lambda a: getattr(a, "name", a),
)
def test_on_random_networks_gradient_attacks_end_near_the_linear_distance(attack: Attack, norm: Norm) -> None:
    scene = he_scene(norm)
    linear = linear_flips(scene.model, scene.decision, scene.points, scene.threat).distances
    found = attack.run(scene, np.random.default_rng(0))
    assert found.flipped.all() and median(found.sizes / linear) < 1.10


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize(
    ("attack", "slack"),
    [
        (BoundaryDescent(), 1.01),
        (SmallestProjectedGradient(), 1.02),
        (RandomSearch(), 1.15),
        (LabelSearch(), 1.3),
    ],
    ids=lambda a: getattr(a, "name", ""),
)
def test_on_trained_digits_attacks_come_near_the_smallest_known(
    attack: Attack, slack: float, norm: Norm
) -> None:
    scene = digits_scene(norm, count=15)
    found = attack.run(scene, np.random.default_rng(0))
    known = np.minimum(STRONG.run(scene, np.random.default_rng(1)).sizes, found.sizes)
    assert found.flipped.all() and median(found.sizes / known) < slack


def test_in_a_box_l1_flips_are_found_though_single_coordinates_do_not_reach() -> None:
    scene = digits_scene("l1", count=15)
    ray = GradientRay().run(scene, np.random.default_rng(0))
    found = BoundaryDescent().run(scene, np.random.default_rng(0))
    assert not ray.flipped.all() and found.flipped.all()


@pytest.mark.parametrize("attack", [BoundaryDescent(), LabelSearch(), RandomSearch()], ids=lambda a: a.name)
def test_fixed_coordinates_stay(attack: Attack) -> None:
    base = he_scene(d=32, count=8)
    free = np.arange(32) < 20
    scene = scene_at(base.model, base.decision, base.points, Threat("l2", free=free))
    found = attack.run(scene, np.random.default_rng(0))
    assert found.flipped.any()
    np.testing.assert_array_equal(found.points[:, ~free], scene.points[:, ~free])


@pytest.mark.parametrize("norm", ["l2", "linf"])
@pytest.mark.parametrize("activation", ["sign", "staircase"])
def test_without_gradients_the_searches_take_over(activation: str, norm: Norm) -> None:
    scene = stepped_scene(activation, norm)
    for attack in (GradientRay(), OneStep(), BoundaryDescent(), SmallestProjectedGradient()):
        assert not attack.run(scene, np.random.default_rng(0)).flipped.any()
    assert "zero gradient at 15 of 15" in GradientRay().run(scene, np.random.default_rng(0)).note
    for attack in (RandomSearch(), LabelSearch()):
        assert attack.run(scene, np.random.default_rng(0)).flipped.all()


def test_projected_gradient_at_a_radius_flips_what_lies_within_and_nothing_else() -> None:
    scene = he_scene(outputs=3)
    known = STRONG.run(scene, np.random.default_rng(0)).sizes
    radius = float(np.median(known))
    found = ProjectedGradient(radius).run(scene, np.random.default_rng(0))
    assert (found.sizes[found.flipped] <= radius * (1 + 1e-9)).all()
    assert found.flipped[known < 0.9 * radius].all()


def test_random_search_at_a_radius_stays_within_it() -> None:
    scene = digits_scene("linf")
    found = RandomSearch(radius=0.2).run(scene, np.random.default_rng(0))
    assert found.flipped.sum() > 10 and (found.sizes[found.flipped] <= 0.2 + 1e-12).all()


def test_windows_are_square_and_go_through_all_channels() -> None:
    base = he_scene(d=3 * 6 * 5, count=40)
    scene = replace(base, input_shape=(3, 6, 5))
    blocks = square_blocks(scene, 9 / 30, np.random.default_rng(0)).reshape(40, 3, 6, 5)
    assert (blocks == blocks[:, :1]).all() and (blocks.sum(axis=(1, 2, 3)) == 27).all()
    assert (blocks[:, 0].any(axis=2).sum(axis=1) == 3).all() and blocks[:, 0].any(axis=0).all()


def test_random_search_says_that_it_has_no_l1() -> None:
    with pytest.raises(InvalidInput, match="label search"):
        RandomSearch().run(linear_scene(Threat("l1")), np.random.default_rng(0))


def test_other_inputs_of_another_class_are_first_flips() -> None:
    scene = linear_scene(Threat())
    points, sizes = nearest_of_another_class(scene)
    apart = np.linalg.norm(scene.points[:, None] - scene.points, axis=2)
    apart[scene.classes[:, None] == scene.classes] = np.inf
    np.testing.assert_allclose(sizes, apart.min(axis=1))
    assert scene.flipped(points).all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: ProjectedGradient(-1.0),
        lambda: RandomSearch(steps=0),
        lambda: RandomSearch(first_share=2.0),
        lambda: LabelSearch(probes=0),
        lambda: BoundaryDescent(starts=0),
        lambda: OneStep(relative=0.0),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(make: object) -> None:
    with pytest.raises(InvalidInput):
        make()  # type: ignore[operator]
