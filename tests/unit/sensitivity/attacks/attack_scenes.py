"""Scenes that the tests of attacks share."""

from __future__ import annotations

from functools import cache

import numpy as np

from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.attacks.base import Scene, scene_at
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Norm, Threat


def linear_scene(threat: Threat, classes: int = 4, count: int = 12, d: int = 9) -> Scene:
    """A linear classifier, whose smallest flips are known in closed form."""
    rng = np.random.default_rng(31)
    outputs = 1 if classes == 2 else classes
    network = PiecewiseLinearNetwork([rng.standard_normal((outputs, d))], [rng.standard_normal(outputs)])
    points = threat.inside(rng.standard_normal((count, d)))
    return scene_at(NetworkModel(network), Decision(outputs), points, threat)


def he_scene(norm: Norm = "l2", *, d: int = 128, outputs: int = 1, count: int = 16, seed: int = 77) -> Scene:
    """Two hidden layers of width d with Gaussian weights, inputs on the sphere of radius sqrt(d)."""
    model = NetworkModel(random_network((d, d, d, outputs), seed=seed))
    points = np.random.default_rng(seed + 1).standard_normal((count, d))
    points *= np.sqrt(d) / np.linalg.norm(points, axis=1, keepdims=True)
    return scene_at(model, Decision(outputs), points, Threat(norm))


def stepped_scene(activation: str, norm: Norm = "l2") -> Scene:
    """A network whose gradient is zero everywhere."""
    model = NetworkModel(random_network((20, 30, 30, 1), seed=9, activation=activation))
    points = np.random.default_rng(10).standard_normal((15, 20))
    return scene_at(model, Decision(1), points, Threat(norm))


@cache
def digits_network() -> tuple[PiecewiseLinearNetwork, np.ndarray]:
    """A small network trained on 8 by 8 digits, and inputs it was not trained on."""
    import warnings

    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    images, labels = load_digits(return_X_y=True)
    images = images / 16.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trained = MLPClassifier((48, 48), max_iter=40, random_state=4).fit(images[:1200], labels[:1200])
    return PiecewiseLinearNetwork([w.T for w in trained.coefs_], trained.intercepts_), images[1200:]


def digits_scene(norm: Norm = "l2", count: int = 25) -> Scene:
    """Images in the box [0, 1]."""
    network, images = digits_network()
    threat = Threat(norm, box=(0.0, 1.0))
    return scene_at(NetworkModel(network), Decision(10), images[:count], threat, input_shape=(8, 8))
