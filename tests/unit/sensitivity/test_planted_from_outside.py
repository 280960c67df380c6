"""Failures planted as a user would meet them, their reports read; and honest networks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding, Status
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.fragility import fragility_report
from hingeline.report.model import Tone
from hingeline.sensitivity.fragility import fragility
from hingeline.sensitivity.profile import FragilityProfile

DIM = 15
POINTS = np.random.default_rng(411).standard_normal((3, DIM))
MADE = random_network((DIM, 24, 4), seed=412)
SCORES = PiecewiseLinearNetwork(MADE.weights, MADE.biases)
ONE = random_network((DIM, 24, 1), seed=413)
GOOD_WORDS = ("robust", "safe", "secure", "resist", "can be trusted")
FALSE_ALARMS = {"wavering", "dead", "constant", "zero gradient", "saturated or masked", "depth-collapsed"}
LAYERS = {"parts": ("distance", "depth", "layers"), "attacks": ("label search",)}
SHORT = {"parts": ("distance", "depth")}


def told(finding: Finding[FragilityProfile]) -> tuple[FragilityProfile, str, Tone]:
    """The profile, and all that the head of its report says."""
    assert finding.value is not None
    report = fragility_report(finding, None)
    tiles = " ".join(f"{tile.value} {tile.label}" for tile in report.tiles)
    head = f"{report.verdict} {report.headline} {report.summary} {tiles} {finding.outcome.reason}"
    return finding.value, head.lower(), report.tone


def noisy(deviation: float) -> Any:
    rng = np.random.default_rng(414)
    return lambda p: SCORES(p) + deviation * rng.standard_normal((len(p), 4))


_CHANCE = np.random.default_rng(415)


def _labels_by_chance(points: FloatArray) -> FloatArray:
    drawn = _CHANCE.integers(0, 4, len(points))
    return np.where(_CHANCE.random(len(points)) < 0.3, drawn, SCORES(points).argmax(axis=1))[:, np.newaxis]


PLANTED: dict[str, Any] = {
    "inputs rounded to sixteenths": lambda p: SCORES(np.round(p * 16) / 16),
    "outputs cut off": lambda p: np.clip(SCORES(p), -0.05, 0.05),
    "softmax at a millionth": lambda p: softmax(1e6 * SCORES(p), axis=1),
    "a sigmoid of zeros and ones": lambda p: expit(1e9 * ONE(p)),
    "slopes that point the other way": lambda p: SCORES(np.floor(p * 4) - 3 * (p * 4 - np.floor(p * 4))),
    "noise as large as the lead": noisy(1.0),
    "one label in ten at random": _labels_by_chance,
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_door_that_hides_something_is_named_and_never_praised(kind: str) -> None:
    finding = fragility(hl.oracle(PLANTED[kind], input_dim=DIM), POINTS, settings=SHORT)
    profile, head, tone = told(finding)
    assert {v.name for v in profile.verdicts} & (FALSE_ALARMS - {"depth-collapsed"})
    assert finding.outcome.status == Status.INCONCLUSIVE and tone == Tone.BAD
    assert not any(word in head for word in GOOD_WORDS)
    # attacks without gradients find what is there
    assert np.isfinite(profile.upper).all()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_dead_layer_is_named_wherever_it_is(place: int) -> None:
    rng = np.random.default_rng(416)
    widths = (DIM, 12, 12, 12, 3)
    weights = [rng.standard_normal((w, v)) for v, w in pairwise(widths)]
    biases = [np.full(w, -1e3 if i == place else 0.1) for i, w in enumerate(widths[1:])]
    biases[-1] = np.array([0.1, 0.2, 0.3])
    profile, head, tone = told(
        fragility(PiecewiseLinearNetwork(weights, biases), POINTS, box=(-4, 4), settings=LAYERS)
    )
    assert profile.verdicts[0].name == "dead" and tone == Tone.BAD
    assert "nothing smaller flips" not in head and not any(word in head for word in GOOD_WORDS)


def test_a_network_of_one_class_is_not_told_as_good_news() -> None:
    made = random_network((1, 8, 2), seed=417)
    network = PiecewiseLinearNetwork(made.weights, [made.biases[0], np.array([100.0, 0.0])])
    points = np.random.default_rng(418).uniform(0, 1, (4, 1))
    finding = fragility(network, points, box=(0.0, 1.0))
    profile, head, tone = told(finding)
    assert profile.proved.all() and np.isinf(profile.upper).all()
    assert tone == Tone.PART and "no strength" in head and "does not depend on" in head


def test_a_target_that_wavers_says_so_and_how_often() -> None:
    finding = fragility(hl.oracle(noisy(1.0), input_dim=DIM), POINTS)
    assert finding.value is not None
    verdict = finding.value.verdicts[0]
    assert verdict.name == "wavering" and verdict.figures["inputs"] == 3
    assert verdict.figures["inputs_changed"] + verdict.figures["flips_lost"] > 0
    # what stands without any step is asked again too, not told from memory
    rng_curves = finding.value.curves
    assert rng_curves is None or rng_curves.control.trials == 2


@pytest.mark.parametrize("kind", ["values", "labels", "noise"])
def test_the_changes_of_a_door_flip_when_they_are_added(kind: str) -> None:
    doors: dict[str, Any] = {
        "values": SCORES,
        "labels": lambda p: SCORES(p).argmax(axis=1)[:, np.newaxis],
        "noise": noisy(1e-3),
    }
    finding = fragility(hl.oracle(doors[kind], input_dim=DIM), POINTS, settings=SHORT)
    profile = finding.value
    assert profile is not None and not finding.outcome.ok
    moved = SCORES(profile.points + profile.changes).argmax(axis=1)
    if kind == "noise":
        # a flip that came three times is beyond the boundary, or nearer to it than the noise
        leads = np.sort(SCORES(profile.points + profile.changes), axis=1)
        assert ((moved == profile.flipped_to) | (leads[:, -1] - leads[:, -2] < 5e-3)).all()
    else:
        np.testing.assert_array_equal(moved, profile.flipped_to)
    np.testing.assert_allclose(np.linalg.norm(profile.changes, axis=1), profile.upper, rtol=1e-12)
    assert finding.spending.queries_by_phase["asked again"] >= 2 * len(POINTS)
    assert "wavering" not in {v.name for v in profile.verdicts}


@pytest.mark.parametrize("widths", [(1, 20, 2), (2, 16, 16, 3), (5, 30, 1), (40, 60, 10)])
@pytest.mark.parametrize("centre", [0.0, 3.0])
def test_an_honest_network_raises_no_alarm(widths: tuple[int, ...], centre: float) -> None:
    network = random_network(widths, seed=sum(widths))
    points = centre + np.random.default_rng(419).standard_normal((6, widths[0]))
    settings = {"parts": ("distance", "biases", "depth", "linearity", "layers"), "exact": False}
    profile = fragility(network, points, settings=settings).value
    assert profile is not None
    named = {v.name for v in profile.verdicts}
    assert not (FALSE_ALARMS - {"depth-collapsed"}) & named
    if widths[0] > 2:
        assert "depth-collapsed" not in named


def test_a_regression_is_told_to_name_its_threshold() -> None:
    made = random_network((DIM, 20, 1), seed=420)
    lifted = PiecewiseLinearNetwork(made.weights, [made.biases[0], np.array([8.0])])
    points = np.random.default_rng(421).standard_normal((12, DIM)) * 3
    profile = fragility(lifted, points, settings=SHORT | {"exact": False}).value
    assert profile is not None
    words = " ".join(v.words for v in profile.verdicts if v.name == "depth-collapsed")
    assert not words or "--threshold" in words


def test_a_narrow_straight_network_is_not_told_two_things() -> None:
    network = PiecewiseLinearNetwork([np.random.default_rng(422).standard_normal((3, 8))], [np.zeros(3)])
    wide = random_network((8, 40, 2), seed=423)
    points = 0.01 * np.random.default_rng(424).standard_normal((4, 8)) + 5.0
    for target in (network, wide):
        settings = {"exact": False, "parts": ("distance", "linearity", "layers")}
        profile = fragility(target, points, settings=settings).value
        assert profile is not None
        words = {v.name: v.words for v in profile.verdicts}
        if {"bottlenecked", "linear regime"} <= set(words):
            assert "elsewhere one gradient step may mislead" in words["bottlenecked"]


def test_an_input_of_zeros_switches_no_layer_off() -> None:
    finding = fragility(SCORES, np.zeros((1, DIM)))
    assert finding.value is not None and np.isfinite(finding.value.upper).all()
    assert not {"dead", "constant"} & {v.name for v in finding.value.verdicts}


def test_answers_in_tenths_hide_no_flip() -> None:
    rounded = fragility(hl.oracle(lambda p: np.round(SCORES(p), 1), input_dim=DIM), POINTS, settings=SHORT)
    profile, head, tone = told(rounded)
    assert tone != Tone.GOOD and not rounded.outcome.ok and not any(word in head for word in GOOD_WORDS)
    seen = fragility(SCORES, POINTS, settings={"parts": ()}).value
    assert seen is not None and (profile.upper <= 1.5 * seen.upper + 0.1).all()
