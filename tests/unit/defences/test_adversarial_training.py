"""Adversaries to train against: closed forms on linear networks, and what training against them gives."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.defences.training.adversarial import cross_entropy_gradients, fgsm, pgd, train_robust
from hingeline.defences.training.classifier import TrainingSettings, train_classifier
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

LINEAR = PiecewiseLinearNetwork([np.array([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]])], [np.zeros(2)])
TOWARDS = np.array([1.0, -2.0, 0.5])
"""Lowering the class 0 of LINEAR is a step against this."""


def test_one_step_on_a_linear_network_goes_against_the_weights() -> None:
    x, y, rng = np.zeros((4, 3)), np.zeros(4, dtype=np.int64), np.random.default_rng(0)
    signs = fgsm(Threat("linf"), 0.1)(LINEAR, x, y, rng)
    assert np.allclose(signs, -0.1 * np.sign(TOWARDS))
    straight = fgsm(Threat("l2"), 0.1)(LINEAR, x, y, rng)
    assert np.allclose(straight, -0.1 * TOWARDS / np.linalg.norm(TOWARDS))


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_several_steps_on_a_linear_network_end_where_one_does(norm: str) -> None:
    threat = Threat(norm)  # type: ignore[arg-type]
    x, y, rng = np.zeros((5, 3)), np.zeros(5, dtype=np.int64), np.random.default_rng(0)
    one, many = fgsm(threat, 0.1)(LINEAR, x, y, rng), pgd(threat, 0.1, steps=60)(LINEAR, x, y, rng)
    # steps of 2.5 radii in all leave a tenth of the first angle, and its square of the value
    assert np.allclose(one @ TOWARDS, many @ TOWARDS, rtol=0.05)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_changes_stay_within_the_radius_and_the_box(norm: str) -> None:
    network, rng = random_network((6, 20, 4), seed=1), np.random.default_rng(2)
    threat = Threat(norm, box=(0.0, 1.0))  # type: ignore[arg-type]
    x, y = rng.uniform(0, 1, (30, 6)), rng.integers(0, 4, 30)
    moved = pgd(threat, 0.4, steps=5)(network, x, y, rng)
    assert threat.size(moved - x).max() <= 0.4 + 1e-12
    assert moved.min() >= 0 and moved.max() <= 1 and not np.array_equal(moved, x)


def test_the_share_says_how_many_examples_are_changed() -> None:
    x, y = np.zeros((4000, 3)), np.zeros(4000, dtype=np.int64)
    moved = fgsm(Threat("linf"), 0.1, share=0.3)(LINEAR, x, y, np.random.default_rng(7))
    # five standard errors of 4,000 draws
    assert abs(moved.any(axis=1).mean() - 0.3) < 5 * np.sqrt(0.3 * 0.7 / 4000)


def test_gradients_are_those_of_the_cross_entropy() -> None:
    network, rng = random_network((5, 12, 3), seed=3), np.random.default_rng(0)
    x, y, way = rng.normal(size=(8, 5)), rng.integers(0, 3, 8), rng.normal(size=(8, 5))

    def loss(points: np.ndarray) -> np.ndarray:
        outputs = network(points)
        return np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(8), y]

    slopes = (cross_entropy_gradients(NetworkModel(network), x, y) * way).sum(axis=1)
    assert np.allclose(slopes, (loss(x + 1e-6 * way) - loss(x - 1e-6 * way)) / 2e-6, atol=1e-6)


def test_training_against_an_adversary_uses_the_feature_that_it_cannot_turn() -> None:
    # coordinate 0 is weak and always right, coordinate 1 strong but right in nine of ten; the radius turns 0
    rng = np.random.default_rng(11)
    y = rng.integers(0, 2, 600)
    side = 2.0 * y - 1.0
    x = np.stack([0.1 * side, np.where(rng.random(600) < 0.9, side, -side)], axis=1)
    settings, threat = TrainingSettings(hidden=(8,), epochs=40, rate=1e-2), Threat("linf")
    plain, robust = (
        train_classifier(x, y, settings=settings),
        train_robust(x, y, threat, 0.3, settings=settings),
    )
    attacked = [
        (n(pgd(threat, 0.3)(n, x, y, np.random.default_rng(0))).argmax(axis=1) == y).mean()
        for n in (plain, robust)
    ]
    # whoever uses coordinate 1 alone is right in nine of ten, whatever the adversary does
    assert attacked[1] > 0.85 > attacked[0]


@pytest.mark.parametrize(("radius", "share"), [(0.0, 1.0), (0.1, 0.0), (0.1, 1.5), (np.inf, 1.0)])
def test_an_adversary_that_cannot_be_meant_is_refused(radius: float, share: float) -> None:
    with pytest.raises(InvalidInput, match="an adversary wants"):
        fgsm(Threat("linf"), radius, share=share)


def test_inputs_outside_the_box_are_refused() -> None:
    x, y = np.full((3, 3), 2.0), np.zeros(3, dtype=np.int64)
    with pytest.raises(InvalidInput, match="outside the box"):
        fgsm(Threat("linf", box=(0.0, 1.0)), 0.1)(LINEAR, x, y, np.random.default_rng(0))
