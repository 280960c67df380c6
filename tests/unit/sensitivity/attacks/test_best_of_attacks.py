"""The best of several attacks: never worse than the ray, never worse with more attacks, never rising."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from attack_scenes import he_scene, stepped_scene

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, UnsupportedOracle
from hingeline.sensitivity.attacks.best_of import best_of
from hingeline.sensitivity.attacks.label_search import LabelSearch
from hingeline.sensitivity.attacks.named import SETS, attack_names, attacks_named
from hingeline.sensitivity.attacks.random_search import RandomSearch
from hingeline.sensitivity.attacks.ray import GradientRay, OneStep


def test_the_ray_always_takes_part() -> None:
    scene = he_scene(d=32, outputs=3, count=8)
    best = best_of(scene, [OneStep()], np.random.default_rng(0))
    ray = GradientRay().run(scene, np.random.default_rng(0))
    assert best.names == ("gradient ray", "one step") and (best.sizes <= ray.sizes).all()


def test_more_attacks_never_leave_more_standing() -> None:
    scene = he_scene(d=32, outputs=3, count=6)
    names = SETS["standard-l2"]
    sizes = [
        best_of(scene, attacks_named(names[:count]), np.random.default_rng(4)).sizes
        for count in range(1, len(names) + 1)
    ]
    for fewer, more in itertools.pairwise(sizes):
        assert (more <= fewer).all()


def test_the_standing_share_never_rises_with_the_size() -> None:
    best = best_of(he_scene(d=32, count=12), attacks_named("standard-l2"), np.random.default_rng(4))
    standing = best.standing_share(np.linspace(0.0, 10.0, 200))
    assert (np.diff(standing) <= 0).all() and standing[0] == 1.0


def test_the_finder_of_each_flip_is_named() -> None:
    best = best_of(he_scene(d=32, count=12), attacks_named("standard-l2"), np.random.default_rng(4))
    for row, place in enumerate(best.found_by):
        assert best.attacked[place].sizes[row] == best.sizes[row]
    assert sum(line["best"] for line in best.table()) == 12


def test_without_gradients_the_flips_are_those_of_the_searches() -> None:
    best = best_of(stepped_scene("sign"), attacks_named("standard-l2"), np.random.default_rng(4))
    assert {best.names[place] for place in best.found_by} <= {"random search", "label search"}
    assert best.table()[0]["flipped_share"] == 0.0 and best.summary()["median_ratio"] is None


def test_what_was_not_flipped_was_found_by_nobody() -> None:
    best = best_of(stepped_scene("sign"), [], np.random.default_rng(4))
    assert (best.found_by == -1).all() and np.isinf(best.sizes).all()
    assert best.standing_share(np.array([1e9]))[0] == 1.0


def test_results_are_ready_for_json_and_the_figure_has_a_line_for_each() -> None:
    best = best_of(he_scene(d=16, count=3), [OneStep(), LabelSearch()], np.random.default_rng(4))
    json.dumps(best.to_dict(), allow_nan=False)
    assert [c.label for c in best.figure().curves] == [
        "gradient ray",
        "one step",
        "label search",
        "best of all",
    ]


class LabelsOnly:
    """A model that refuses gradients."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.name = inner, inner.name
        self.input_dim, self.output_dim = inner.input_dim, inner.output_dim

    def outputs(self, points: FloatArray) -> FloatArray:
        return np.sign(self.inner.outputs(points))

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        raise UnsupportedOracle("no gradients here")

    def jacobians(self, points: FloatArray) -> FloatArray:
        raise UnsupportedOracle("no gradients here")


def test_what_the_model_does_not_serve_is_told_and_the_others_go_on() -> None:
    scene = he_scene(d=32, count=6)
    scene = replace(scene, model=LabelsOnly(scene.model))
    best = best_of(scene, attacks_named("standard-l2"), np.random.default_rng(4))
    assert np.isfinite(best.sizes).all()
    assert "needs gradients: no gradients here" in best.attacked[0].note


def test_every_name_makes_an_attack_of_that_name() -> None:
    for name in attack_names():
        made = attacks_named(name)
        assert [one.name for one in made] == list(SETS.get(name, (name,)))


def test_a_set_and_an_attack_can_be_named_together_and_count_once() -> None:
    made = attacks_named(["standard-linf", "foolbox ddn", "random search"])
    assert [one.name for one in made] == [*SETS["standard-linf"], "foolbox ddn"]


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'random search'"):
        attacks_named("randon search")


def test_two_attacks_of_one_name_draw_differently() -> None:
    scene = he_scene(d=32, count=6)
    best = best_of(scene, [RandomSearch(steps=40), RandomSearch(steps=40)], np.random.default_rng(4))
    assert not np.array_equal(best.attacked[1].points, best.attacked[2].points)
