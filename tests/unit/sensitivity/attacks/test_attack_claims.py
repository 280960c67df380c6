"""What an attack claims is checked by asking, and what it asks is counted."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from attack_scenes import he_scene, linear_scene

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.sensitivity.attacks.base import Attack, Claims, Needs, Scene, scene_at
from hingeline.sensitivity.attacks.counting import CountingModel
from hingeline.sensitivity.attacks.named import NATIVE
from hingeline.sensitivity.attacks.random_search import RandomSearch
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.threat import Threat

QUICK = [RandomSearch(steps=40) if name == "random search" else make() for name, make in NATIVE.items()]


@dataclass(frozen=True)
class Boaster(Attack):
    """Claims whatever it is told to."""

    points: FloatArray

    @property
    def name(self) -> str:
        return "boaster"

    @property
    def needs(self) -> Needs:
        return "labels"

    def search(self, scene: Scene, rng: np.random.Generator) -> Claims:
        return Claims(self.points, np.ones(len(self.points), dtype=np.bool_))


def beyond(scene: Scene, factor: float = 1.1) -> FloatArray:
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    return scene.points + factor * flips.distances[:, np.newaxis] * flips.directions


def test_a_true_claim_keeps_its_size() -> None:
    scene = linear_scene(Threat())
    found = Boaster(beyond(scene)).run(scene, np.random.default_rng(0))
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    np.testing.assert_allclose(found.sizes, 1.1 * flips.distances)
    assert found.note == "" and found.rows_asked == len(scene.points) and found.gradients_asked == 0


def test_a_claim_of_the_old_class_becomes_infinite_and_is_told() -> None:
    scene = linear_scene(Threat())
    found = Boaster(beyond(scene, 0.9)).run(scene, np.random.default_rng(0))
    assert not found.flipped.any() and "12 of the old class when asked" in found.note
    np.testing.assert_array_equal(found.points, scene.points)
    assert found.summary()["median_size"] is None and found.to_dict()["sizes"] == [None] * 12


def test_a_claim_outside_the_box_becomes_infinite() -> None:
    scene = linear_scene(Threat(box=(-1.0, 1.0)))
    found = Boaster(np.full_like(scene.points, 1.5)).run(scene, np.random.default_rng(0))
    assert not found.flipped.any() and "outside what may be changed" in found.note
    assert found.rows_asked == 0


def test_a_claim_that_moves_a_fixed_coordinate_becomes_infinite() -> None:
    scene = linear_scene(Threat(free=np.arange(9) < 5))
    moved = beyond(scene)
    moved[0, 7] += 1e-12
    found = Boaster(moved).run(scene, np.random.default_rng(0))
    assert np.isinf(found.sizes[0]) and found.flipped[1:].all() and "1 of 12 claims" in found.note


def test_a_claim_that_is_not_a_number_is_not_asked() -> None:
    scene = linear_scene(Threat())
    found = Boaster(np.full_like(scene.points, np.nan)).run(scene, np.random.default_rng(0))
    assert not found.flipped.any() and "12 not finite" in found.note


def test_a_start_is_no_flip_of_itself() -> None:
    scene = linear_scene(Threat())
    assert not Boaster(scene.points).run(scene, np.random.default_rng(0)).flipped.any()


@pytest.mark.parametrize("attack", QUICK, ids=lambda a: a.name)
def test_an_independent_counter_sees_the_rows_that_are_told(attack: Attack) -> None:
    scene = he_scene(d=24, outputs=3, count=6)
    counter = CountingModel(scene.model)
    found = attack.run(replace(scene, model=counter), np.random.default_rng(3))
    assert (found.rows_asked, found.gradients_asked) == (counter.rows, counter.gradient_rows)


@pytest.mark.parametrize("attack", QUICK, ids=lambda a: a.name)
def test_the_same_seed_finds_the_same(attack: Attack) -> None:
    scene = he_scene(d=24, outputs=3, count=6)
    first, again = (attack.run(scene, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.points, again.points)


@pytest.mark.parametrize("attack", QUICK, ids=lambda a: a.name)
def test_what_an_attack_asks_for_is_what_it_says_it_needs(attack: Attack) -> None:
    found = attack.run(he_scene(d=24, outputs=3, count=6), np.random.default_rng(3))
    assert (found.gradients_asked > 0) == (attack.needs == "gradients")


def test_a_jacobian_counts_a_gradient_for_each_output() -> None:
    scene = he_scene(d=24, outputs=3, count=6)
    counter = CountingModel(scene.model)
    counter.jacobians(scene.points)
    assert (counter.rows, counter.gradient_rows) == (0, 18)


def test_points_outside_the_box_are_refused() -> None:
    scene = linear_scene(Threat())
    with pytest.raises(InvalidInput, match="outside the box"):
        scene_at(scene.model, scene.decision, scene.points, Threat(box=(0.0, 0.1)))


def test_a_shape_that_does_not_hold_the_inputs_is_refused() -> None:
    with pytest.raises(InvalidInput, match="input_shape"):
        replace(linear_scene(Threat()), input_shape=(2, 2))
