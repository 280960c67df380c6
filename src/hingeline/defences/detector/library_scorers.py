"""Scores that scikit-learn fits: an isolation forest, and a support vector machine with its grid.

A support vector machine's decision function is written out after fitting (`Kernel`), so it is differentiated,
stored and asked without the library. A forest is a staircase and has no gradient: a small network learns to
imitate it, and what fools the imitation is then asked of the forest.

Source of the two choices and their grids: the code of Wojcik et al. 2020 (trees 20 to 200; rbf and poly, C
from 1e-2 to 1e3, AUROC of five folds). Its grid over the forest's contamination only moves the threshold,
which held-out scores set here. Cost: seconds for a few thousand rows.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, frozen
from hingeline.core.errors import InvalidInput, MissingExtra
from hingeline.defences.detector.dense import random_dense
from hingeline.defences.detector.scorers import Imitation, Kernel, standardised
from hingeline.defences.training.adam import Adam

_TREES = 100
_GRID = {"C": [1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3], "kernel": ["rbf", "poly"]}
_FOLDS = 5
_WRITTEN_OUT = 1e-6
"""Largest difference from the library's own decision function, relative to its spread."""
_HIDDEN, _EPOCHS, _BATCH, _RATE = (64, 64), 60, 100, 3e-3
_DRAWN, _FARTHEST = 4000, 4.0
"""Readings drawn around clean ones to imitate a score on, and how far, in standard deviations."""


@dataclass(frozen=True, eq=False)
class Forest:
    """An isolation forest of scikit-learn; larger for what is isolated sooner."""

    forest: Any

    @property
    def words(self) -> str:
        """For people."""
        return "isolation forest"

    def scores(self, readings: FloatArray) -> FloatArray:
        """Anomaly scores of Liu, Ting and Zhou 2008: "n m" to "n"."""
        return -np.asarray(self.forest.score_samples(readings), dtype=np.float64)


def fit_forest(clean: FloatArray, rng: np.random.Generator) -> Forest:
    """A forest of clean readings.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    ensemble = library("ensemble")
    seed = int(rng.integers(2**31))
    return Forest(ensemble.IsolationForest(n_estimators=_TREES, random_state=seed).fit(clean))


def fit_kernel(clean: FloatArray, attacked: FloatArray, rng: np.random.Generator) -> Kernel:
    """A support vector machine chosen by the AUROC of five folds, written out.

    Raises:
        MissingExtra: scikit-learn is not installed.
        InvalidInput: Fewer than five rows on a side.
    """
    machines, selection = library("svm"), library("model_selection")
    if min(len(clean), len(attacked)) < _FOLDS:
        raise InvalidInput(f"five folds want five rows on each side; got {len(clean)} and {len(attacked)}")
    rows = np.concatenate([clean, attacked])
    side = np.repeat([0, 1], [len(clean), len(attacked)])
    mean, spread = standardised(rows)
    scaled = (rows - mean) / spread
    width = 1.0 / (scaled.shape[1] * max(float(scaled.var()), np.finfo(np.float64).tiny))
    folds = selection.StratifiedKFold(_FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    machine = machines.SVC(gamma=width, class_weight="balanced")
    search = selection.GridSearchCV(machine, _GRID, scoring="roc_auc", cv=folds).fit(scaled, side)
    best = search.best_estimator_
    vectors = best.support_vectors_
    weights, offset = best.dual_coef_[0], float(best.intercept_[0])
    kernel = Kernel(
        best.kernel, width, frozen(vectors), frozen(weights), offset, frozen(mean), frozen(spread)
    )
    expected = np.asarray(best.decision_function(scaled))
    if np.abs(kernel.scores(rows) - expected).max() > _WRITTEN_OUT * max(1.0, float(np.abs(expected).max())):
        raise InvalidInput(
            "the support vector machine answers otherwise than its vectors say; take another kind"
        )
    return kernel


def imitate(scorer: Forest, readings: FloatArray, rng: np.random.Generator) -> Imitation:
    """Train a small network to answer like `scorer` around `readings`, "n m"."""
    mean, spread = standardised(readings)
    rows, held = (_around(readings, spread, count, rng) for count in (_DRAWN, _DRAWN // 4))
    answers = scorer.scores(rows)
    level, unit = answers.mean(), max(float(answers.std()), np.finfo(np.float64).tiny)
    wanted = (answers - level) / unit
    network = random_dense((readings.shape[1], *_HIDDEN, 1), rng)
    adam = Adam(network.parameters, _RATE)
    inputs = (rows - mean) / spread
    for epoch in range(_EPOCHS):
        adam.rate = _RATE * 0.5 * (1.0 + np.cos(np.pi * epoch / _EPOCHS))
        for part in np.array_split(rng.permutation(len(rows)), len(rows) // _BATCH):
            states = network.states(inputs[part])
            miss = states[-1] - wanted[part, np.newaxis]
            adam.step(network.backward(states, 2.0 * miss / len(part), parameters=True)[1])
    # back to the units of what is imitated
    network.weights[-1][:] *= unit
    network.biases[-1][:] = unit * network.biases[-1] + level
    made = Imitation(network.sealed(), frozen(mean), frozen(spread), scorer.words, 0.0)
    agreement = float(np.corrcoef(made.scores(held), scorer.scores(held))[0, 1])
    return Imitation(made.network, made.mean, made.spread, scorer.words, agreement)


def _around(readings: FloatArray, spread: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Readings as they are, and moved by up to some standard deviations."""
    drawn = readings[rng.integers(0, len(readings), count)]
    far = rng.uniform(0.0, _FARTHEST, (count, 1)) * (rng.random((count, 1)) < 0.75)
    return drawn + far * spread * rng.standard_normal(drawn.shape)


def library(part: str) -> Any:
    """A module of scikit-learn.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{part}")
    except ImportError as error:
        raise MissingExtra("a forest or a support vector machine on hidden layers", "scikit-learn") from error
