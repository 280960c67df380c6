"""Judgements: no static number alone, facts that can fail, and what asking again buys."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.randomness import Randomness
from hingeline.defences.family.expectation import FamilyAttackSettings, attack_family
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.judgement import DefenceRow, FamilyJudgement, Share
from hingeline.defences.family.judging import judge_family
from hingeline.defences.family.retries import covered_by_best, measure_retries
from hingeline.defences.family.sanity import Checked, sanity_facts, sweep
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

QUICK = FamilyAttackSettings(steps=12, restarts=2)
BOX = Threat("linf", (0.0, 1.0))


class Stairs(NetworkModel):
    """A network whose inputs are rounded to tenths: it can be fooled, but its gradients say nothing."""

    def outputs(self, points: FloatArray) -> FloatArray:
        return super().outputs(np.round(points, 1))

    def gradients(self, points: FloatArray, weights: FloatArray) -> FloatArray:
        return np.zeros_like(points)


def scattered(count: int = 60) -> tuple[FloatArray, ModelFamily, np.ndarray]:
    family = ModelFamily([random_network((6, 24, 3), seed=s) for s in (7, 8, 9)])
    x = np.random.default_rng(3).uniform(0, 1, (count, 6))
    return x, family, family.member_logits(x)[0].argmax(axis=1)


@pytest.fixture(scope="module")
def judged() -> FamilyJudgement:
    x, family, y = scattered()
    return judge_family(
        family, x, y, BOX, 0.1, robust=random_network((6, 24, 3), seed=30), settings=QUICK, checked=20
    )


def test_a_judgement_holds_the_four_numbers_and_json_can_hold_it(judged: FamilyJudgement) -> None:
    summary = json.loads(json.dumps(judged.summary(), allow_nan=False))
    assert {"static_family", "adaptive_family", "any_fooled", "adaptive_robust"} <= set(summary)
    told = json.loads(json.dumps(judged.to_dict(), allow_nan=False))
    assert [set(row) >= {"static", "adaptive"} for row in told["rows"]] == [True] * 3
    assert [figure.name for figure in judged.figures()] == [
        "family-accuracy",
        "family-transfer",
        "family-retries",
    ]


def test_a_row_without_its_adaptive_accuracy_cannot_be_made() -> None:
    share = Share.of(np.ones(10))
    given = {f.name: share for f in fields(DefenceRow) if f.name not in ("name", "adaptive")}
    with pytest.raises(TypeError, match="adaptive"):
        DefenceRow(name="static alone", **given)  # type: ignore[call-arg]
    with pytest.raises(InvalidInput, match="as `known`"):
        DefenceRow(name="weak attack", adaptive=share, **{**given, "static": Share.of(np.zeros(10))})


def test_no_attack_is_stronger_than_the_adaptive_one(judged: FamilyJudgement) -> None:
    for row in judged.rows:
        assert row.adaptive.value <= min(row.static.value, row.one_member.value, row.clean.value) + 1e-12
        assert row.all_fooled.value <= row.any_fooled.value
        assert row.adaptive.low <= row.adaptive.value <= row.adaptive.high


def test_diversity_is_the_mean_off_the_diagonal_less_that_on_it(judged: FamilyJudgement) -> None:
    planted = replace(judged, transfer=np.array([[0.1, 0.8], [0.6, 0.3]]))
    assert planted.diversity == pytest.approx(0.7 - 0.2)


def test_a_family_evaluates_itself_as_the_function_does(judged: FamilyJudgement) -> None:
    x, family, y = scattered()
    again = family.evaluate(x, y, BOX, 0.1, robust=random_network((6, 24, 3), seed=30), settings=QUICK)
    assert again.family == judged.family


def test_asking_again_follows_the_closed_forms() -> None:
    # two walls 1 away each: with radius 1.2 one of two members falls
    members = [PiecewiseLinearNetwork([np.outer([1.0, 0.0], row)], [np.zeros(2)]) for row in np.eye(2)]
    found = attack_family(
        ModelFamily(members), np.ones((1, 2)), np.zeros(1, dtype=np.int64), Threat("l2"), 1.2,
        np.random.default_rng(0),
    )  # fmt: skip
    retries = measure_retries(found, (1, 2, 3))
    assert np.allclose(retries.per_query, [0.5, 0.75, 0.875])
    assert np.allclose(retries.once, 0.5)
    assert np.allclose(retries.once_varied, [0.5, 1.0, 1.0])


def test_each_next_candidate_is_the_one_that_adds_most() -> None:
    fooled = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], dtype=bool)[:, :, np.newaxis]
    covered = covered_by_best(fooled, np.array([0.4, 0.3, 0.2, 0.1]), 4)
    assert np.allclose(covered[:, 0], [0.7, 0.9, 1.0, 1.0])


@pytest.mark.parametrize("seed", [0, 1])
def test_a_larger_radius_never_helps_at_any_input(seed: int) -> None:
    x, family, y = scattered(30)
    carried, _ = sweep(Checked(family, x, y, BOX, 0.1, QUICK, Randomness(seed)), (0.02, 0.05, 0.1, 0.3))
    assert (np.diff(carried, axis=0) <= 1e-12).all()


def test_the_checks_pass_on_networks_that_hide_nothing() -> None:
    x, family, y = scattered(40)
    settings = replace(QUICK, steps=40, restarts=3)
    facts = sanity_facts(Checked(family, x, y, BOX, 0.1, settings, Randomness(1)))
    assert [fact.name for fact in facts if not fact.passed] == []
    assert len(facts) == 7


def test_hidden_gradients_are_found_out() -> None:
    x, _, _ = scattered(40)
    stairs = ModelFamily([Stairs(random_network((6, 24, 3), seed=s)) for s in (7, 8)])
    y = stairs.member_logits(x)[0].argmax(axis=1)
    settings = replace(QUICK, restarts=1)
    facts = {f.name: f for f in sanity_facts(Checked(stairs, x, y, BOX, 0.15, settings, Randomness(1)))}
    assert not facts["random noise is worse"].passed
    assert not facts["a very large radius reaches chance"].passed


def test_inputs_outside_the_box_and_classes_that_are_none_are_refused() -> None:
    x, family, y = scattered(5)
    robust = random_network((6, 24, 3), seed=30)
    with pytest.raises(InvalidInput, match="outside the box"):
        judge_family(family, x + 1.0, y, BOX, 0.1, robust=robust)
    with pytest.raises(InvalidInput, match="classes 0 to 2"):
        judge_family(family, x, y + 3, BOX, 0.1, robust=robust)
    with pytest.raises(InvalidInput, match="adversarially trained"):
        judge_family(family, x, y, BOX, 0.1, robust=random_network((5, 3), seed=0), settings=QUICK)
