"""Judgements: both attackers side by side, nothing believed unseen, nothing left out."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pytest
from detector_cases import THREAT, clouds, detector, host

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.detector.adaptive import ExtraClassAttack, JointAttack
from hingeline.defences.detector.judgement import DetectorJudgement
from hingeline.defences.detector.judging import judge_detector
from hingeline.defences.detector.pursuit import Pursuit
from hingeline.defences.detector.smallest import LabelsAttack
from hingeline.sensitivity.attacks.label_search import LabelSearch

RADII = (0.3, 0.05, 0.15)


@functools.cache
def judged() -> DetectorJudgement:
    found, (x, y) = detector("logistic"), clouds(60, 80)
    attacks = (JointAttack(found), ExtraClassAttack(found))
    searches = (LabelsAttack(found, LabelSearch(directions=4, probes=20)),)
    return judge_detector(host(), found, x, y, THREAT, RADII, attacks=attacks, searches=searches)


def test_both_attackers_stand_side_by_side_at_rising_radii() -> None:
    told = judged().summary()
    assert told["radii"] == (0.05, 0.15, 0.3)
    for key in ("undefended", "undetected_oblivious", "undetected_adaptive", "noise_fires"):
        assert len(told[key]) == 3
        assert all(entry["low"] <= entry["share"] <= entry["high"] for entry in told[key])
    assert json.loads(json.dumps(judged().to_dict(), allow_nan=False))["inputs"] == 60


def test_who_knows_the_detector_reaches_nearly_what_there_is_to_reach() -> None:
    one = judged()
    undefended, adaptive = one.undefended[1].mean(), one.undetected_adaptive[1].mean()
    assert adaptive >= 0.95 * undefended
    assert adaptive > one.undetected_oblivious[1].mean()


@pytest.mark.parametrize("what", ["undefended", "undetected_oblivious", "undetected_adaptive", "undetected"])
def test_no_input_recovers_as_the_radius_grows(what: str) -> None:
    share = getattr(judged(), what)
    assert (share[1:] >= share[:-1]).all()
    assert (judged().undetected <= judged().undefended).all()


def test_the_defence_rate_and_what_is_bought_add_up() -> None:
    one = judged()
    assert one.defence_rate == pytest.approx(1.0 - one.undetected.mean(axis=1))
    assert one.bought == pytest.approx(one.undefended.mean(axis=1) - one.undetected.mean(axis=1))


def test_every_fact_is_named_and_told_once() -> None:
    names = [fact.name for fact in judged().facts]
    assert len(names) == len(set(names)) == 9
    assert all(fact.words for fact in judged().facts)


def cheat(model: Any, x: FloatArray, y: Any, threat: Any, radius: float, rng: Any) -> FloatArray:
    """Goes ten times as far as it may."""
    return np.clip(x + 10 * radius, 0.0, 1.0)


def idle(model: Any, x: FloatArray, y: Any, threat: Any, radius: float, rng: Any) -> FloatArray:
    """Hands everything back as it was."""
    return x


def test_what_lies_outside_the_radius_counts_as_no_change() -> None:
    found, (x, y) = detector("mahalanobis"), clouds(40, 81)
    one = judge_detector(host(), found, x, y, THREAT, (0.05,), attacks=(cheat,), searches=())
    assert np.array_equal(one.adaptive["cheat"].undetected[0], one.clean_success)
    assert np.array_equal(one.adaptive["cheat"].scores[0], found.scores(x))


def test_an_idle_attacker_breaks_the_facts() -> None:
    found, (x, y) = detector("mahalanobis"), clouds(40, 82)
    one = judge_detector(host(), found, x, y, THREAT, (0.15, 0.3), attacks=(idle,), searches=())
    broken = {fact.name for fact in one.facts if not fact.holds}
    assert "knowing the detector is no disadvantage" in broken
    assert "gradients beat labels alone" in broken


def test_weak_pursuits_are_told_from_strong_ones() -> None:
    found, (x, y) = detector("svc"), clouds(60, 83)
    weak = JointAttack(found, pursuit=Pursuit(steps=1, restarts=1, first_step=0.02))
    one = judge_detector(host(), found, x, y, THREAT, (0.15,), attacks=(weak,), searches=())
    assert not {f.name: f.holds for f in one.facts}["knowing the detector is no disadvantage"]


def test_the_figures_hold_every_attacker() -> None:
    success, areas = judged().figures("one")
    assert [curve.label for curve in success.curves][:2] == ["no detector", "detector, attacker knows it"]
    assert {curve.label for curve in areas.curves} >= {"one step", "labels alone", "a class more"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"radii": (0.0,)}, "above 0"),
        ({"radii": ()}, "above 0"),
        ({"y": np.zeros(3, dtype=np.int64)}, "one whole number"),
        ({"y": np.full(5, 3)}, "from 0 to 2"),
        ({"x": np.full((5, 8), 2.0)}, "outside the box"),
        ({"attacks": (), "searches": ()}, "not judged without"),
    ],
)
def test_what_cannot_be_judged_is_refused(change: dict[str, Any], words: str) -> None:
    x, y = clouds(5, 84)
    given: dict[str, Any] = {"x": x, "y": y, "threat": THREAT, "radii": (0.1,), **change}
    with pytest.raises(InvalidInput, match=words):
        judge_detector(host(), detector("mahalanobis"), given.pop("x"), given.pop("y"), **given)
