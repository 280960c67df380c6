"""Networks that hide their gradients, in every way we know: each is named, none is called anything good."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from known_networks import dead_network, saturated_network
from scipy.special import expit, softmax

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding, Status
from hingeline.networks.feed_forward import FeedForwardNetwork, random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.fragility import fragility
from hingeline.sensitivity.profile import FragilityProfile

POINTS = np.random.default_rng(131).standard_normal((12, 20))
SCORES = random_network((20, 16, 3), seed=132)
BAD = {"zero gradient", "saturated or masked", "dead", "constant"}
SEEN = {
    "parts": ("distance", "biases", "depth", "linearity", "layers"),
    "attacks": ("boundary descent", "label search"),
}


def tanh_of_scale(scale: float) -> FeedForwardNetwork:
    made = random_network((20, 30, 30, 3), seed=133, activation="tanh")
    weights = [scale * w for w in made.weights[:-1]]
    return FeedForwardNetwork([*weights, made.weights[-1]], made.biases, "tanh")


def constant() -> PiecewiseLinearNetwork:
    return PiecewiseLinearNetwork([np.ones((4, 20)), np.zeros((2, 4))], [np.zeros(4), np.array([0.7, 0.1])])


def assert_named(finding: Finding[FragilityProfile], *names: str) -> FragilityProfile:
    profile = finding.value
    assert profile is not None
    said = {v.name for v in profile.verdicts}
    assert said & set(names), said
    assert "linear regime" not in said
    if not profile.proved.all():
        assert finding.outcome.status == Status.INCONCLUSIVE and not finding.outcome.ok
    words = [finding.outcome.reason, finding.outcome.advice, *(v.words for v in profile.verdicts)]
    assert not any(good in text.lower() for text in words for good in ("robust", "safe", "secure"))
    return profile


PLANTED: dict[str, tuple[Any, str, float]] = {
    "staircase": (random_network((20, 30, 3), seed=134, activation="staircase"), "zero gradient", 0.0),
    "sign": (random_network((20, 30, 1), seed=135, activation="sign"), "zero gradient", 0.0),
    "saturated sigmoid": (saturated_network(1e3), "saturated or masked", 0.5),
    "saturated tanh": (tanh_of_scale(100.0), "saturated or masked", 0.0),
    "half saturated tanh": (tanh_of_scale(30.0), "saturated or masked", 0.0),
    "dead layer": (dead_network(), "dead", 0.0),
    "constant": (constant(), "constant", 0.0),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_hides_its_gradients_is_named(kind: str) -> None:
    network, name, threshold = PLANTED[kind]
    box = (-6.0, 6.0) if kind in ("dead layer", "constant") else None
    profile = assert_named(
        fragility(network, POINTS, threshold=threshold, box=box, settings=SEEN), name, "zero gradient"
    )
    if kind not in ("dead layer", "constant"):
        # attacks that ask for no gradient find what is there
        assert np.isfinite(profile.upper).all()
    assert "bias-dominated" not in {v.name for v in profile.verdicts}


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0])
def test_a_network_that_saturates_a_little_is_neither_masked_nor_held_by_biases(scale: float) -> None:
    profile = fragility(tanh_of_scale(scale), POINTS, settings=SEEN).value
    assert profile is not None
    assert not (BAD | {"bias-dominated"}) & {v.name for v in profile.verdicts}


def with_staircase(points: FloatArray) -> FloatArray:
    """Steps far finer than any distance: what differences see of the slope is what they take for noise."""
    return np.floor(SCORES(points) / 0.05) * 0.05


def wavy(points: FloatArray) -> FloatArray:
    """A tiny wave of high frequency: locally it is all that a gradient sees."""
    waves = np.sin(3e4 * points @ np.random.default_rng(136).standard_normal((20, 3)))
    return SCORES(points) + 1e-2 * waves


DOORS: dict[str, Any] = {
    "staircase": with_staircase,
    "huge logits": lambda p: softmax(1e5 * SCORES(p), axis=1),
    "saturated sigmoids": lambda p: expit(1e4 * SCORES(p)),
    "constant": lambda p: np.tile([[0.2, 0.3]], (len(p), 1)),
}


@pytest.mark.parametrize("kind", DOORS)
def test_a_door_that_hides_its_gradients_is_named(kind: str) -> None:
    door = hl.oracle(DOORS[kind], input_dim=20)
    profile = assert_named(fragility(door, POINTS[:4], settings={"parts": ("distance", "depth")}), *BAD)
    if kind != "constant":
        assert np.isfinite(profile.upper).all()


def test_a_wave_on_the_answers_does_not_pass_for_evidence() -> None:
    profile = fragility(hl.oracle(wavy, input_dim=20), POINTS[:6], settings={"parts": ("distance",)})
    plain = fragility(SCORES, POINTS[:6], settings={"parts": ("distance",)}).value
    found = assert_named(profile, *BAD)
    assert plain is not None and (found.upper <= 1.6 * plain.upper + 0.05).all()


def test_inputs_of_one_label_make_no_network_collapsed() -> None:
    network = random_network((20, 64, 2), seed=137)
    drawn = np.random.default_rng(138).standard_normal((2000, 20))
    outputs = network(drawn)
    alike = drawn[outputs[:, 0] > outputs[:, 1] + np.quantile(outputs[:, 0] - outputs[:, 1], 0.9)][:20]
    for labels in (None, np.zeros(len(alike), dtype=int)):
        profile = fragility(network, alike, labels, settings=SEEN | {"exact": False}).value
        assert profile is not None and profile.depth is not None and profile.depth.agreement == 1.0
        assert "depth-collapsed" not in {v.name for v in profile.verdicts}


def test_a_deep_network_as_torch_starts_it_is_still_named() -> None:
    network = random_network((64, *[64] * 8, 1), seed=139, initialisation="torch")
    points = np.random.default_rng(140).standard_normal((20, 64))
    settings = SEEN | {"exact": False, "attacks": ("gradient ray",)}
    profile = fragility(network, points, settings=settings).value
    assert profile is not None
    assert {"bias-dominated", "depth-collapsed"} <= {v.name for v in profile.verdicts}
