"""Small classifiers: gradients against differences, learning, and an adversary that is listened to."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.defences.training.classifier import (
    TrainingSettings,
    accuracy,
    loss_gradients,
    train_classifier,
)
from hingeline.networks.feed_forward import random_network


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(3)
    network = random_network((5, 7, 6, 3), seed=3)
    x, y = rng.standard_normal((9, 5)), rng.integers(0, 3, 9)
    weights, biases = list(network.weights), [rng.standard_normal(b.shape) for b in network.biases]
    _, gradients = loss_gradients(weights, biases, x, y, 0.0)
    for index in range(3):
        direction = rng.standard_normal(weights[index].shape)
        moved = [
            [w + (sign * 1e-6 * direction if i == index else 0.0) for i, w in enumerate(weights)]
            for sign in (1, -1)
        ]
        up, down = (loss_gradients(m, biases, x, y, 0.0)[0] for m in moved)
        assert (up - down) / 2e-6 == pytest.approx(float((gradients[index] * direction).sum()), rel=1e-5)


def test_two_clouds_are_told_apart_by_every_seed() -> None:
    rng = np.random.default_rng(11)
    y = rng.integers(0, 2, 300)
    x = rng.standard_normal((300, 4)) + 3.0 * y[:, None]
    for seed in range(3):
        network = train_classifier(x, y, settings=TrainingSettings((8,), epochs=40, rate=1e-2), seed=seed)
        assert accuracy(network, x, y) > 0.97


def test_the_adversary_changes_what_is_learnt() -> None:
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 200)
    x = rng.standard_normal((200, 3)) + 3.0 * y[:, None]
    settings = TrainingSettings((6,), epochs=40, rate=1e-2)
    turned = train_classifier(x, y, settings=settings, adversary=lambda network, rows, labels, chance: -rows)
    assert accuracy(turned, -x, y) > 0.9 > accuracy(turned, x, y)


@pytest.mark.parametrize(("x", "y"), [([[1.0, 2.0]], [0, 1]), ([[1.0]], [-1]), ([[1.0]], [0.5]), ([], [])])
def test_examples_that_do_not_fit_are_refused(x: object, y: object) -> None:
    with pytest.raises(InvalidInput):
        train_classifier(x, y)
