"""A small host whose classes are clouds, and detectors on it, fitted once."""

from __future__ import annotations

import functools

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.defences.detector.autoencoder import AutoencoderSettings
from hingeline.defences.detector.detector import SUPERVISED, HiddenLayerDetector, Kind
from hingeline.defences.detector.fitting import DetectorSettings, fit_detector
from hingeline.defences.detector.oblivious import many_steps
from hingeline.defences.training.classifier import TrainingSettings, train_classifier
from hingeline.sensitivity.models.network_model import NetworkModel
from hingeline.sensitivity.threat import Threat

THREAT, RADIUS = Threat("linf", (0.0, 1.0)), 0.15
QUICK = DetectorSettings(AutoencoderSettings(hidden=16, code=4, epochs=30))


def clouds(count: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Three overlapping classes in a box of eight dimensions."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).uniform(0.3, 0.7, (3, 8))
    y = rng.integers(0, 3, count)
    return np.clip(centres[y] + 0.08 * rng.standard_normal((count, 8)), 0.0, 1.0), y


@functools.cache
def host() -> NetworkModel:
    x, y = clouds(600, 1)
    return NetworkModel(train_classifier(x, y, settings=TrainingSettings((24, 24), epochs=30), seed=4))


@functools.cache
def detector(kind: Kind) -> HiddenLayerDetector:
    x, y = clouds(800, 2)
    attacked = None
    if kind in SUPERVISED:
        attacked = many_steps(host(), x, y, THREAT, RADIUS, np.random.default_rng(5))
    return fit_detector(
        host(), x, kind=kind, attacked=attacked, training=clouds(600, 1)[0], settings=QUICK, seed=7
    )
