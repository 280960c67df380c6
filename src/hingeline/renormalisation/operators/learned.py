"""Learned operators: any regression of targets, such as a score, on a layer's units.

A regressor is whatever has `fit(states, targets)` and `predict(states)`, as in scikit-learn. The one here is
ridge regression on the units and on random features tanh(V h + c), whose penalty is chosen by generalised
cross-validation (Golub, Heath and Wahba 1979); it needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.operators.operator_set import CallableOperators

PENALTIES = tuple(10.0**power for power in range(-6, 3))
"""Ridge penalties tried, in units of the mean square of the features."""


class Regressor(Protocol):
    """Learns targets from a layer's states."""

    def fit(self, states: FloatArray, targets: FloatArray, /) -> Any:
        """Learn from states "m w" and targets "m t"."""
        ...

    def predict(self, states: FloatArray, /) -> Any:
        """Targets at states, "m w" to "m t"."""
        ...


class RandomFeatureRidge:
    """Ridge regression on units and random features.

    Args:
        rng: Draws the features when it is fitted.
        features: How many random ones; 0 for the units alone.
        penalties: Tried, in units of the mean square of the features.
    """

    def __init__(
        self, rng: np.random.Generator, *, features: int = 256, penalties: Sequence[float] = PENALTIES
    ) -> None:
        self._rng = rng
        self._features = features
        self._penalties = tuple(penalties)
        self._fitted: tuple[FloatArray, FloatArray, FloatArray] | None = None
        self._hidden: tuple[FloatArray, FloatArray] | None = None
        if features < 0 or not penalties or min(penalties) <= 0:
            raise InvalidInput("a ridge wants 0 features or more, and penalties above 0")

    def fit(self, states: FloatArray, targets: FloatArray, /) -> RandomFeatureRidge:
        """Learn from states "m w" and targets "m t". Cost: m k^2 + k^3 for k features and units."""
        width = states.shape[1]
        # a few units each, of size 1 in all: tanh is neither straight nor saturated
        weights = self._rng.standard_normal((width, self._features)) * np.sqrt(2.0 / width)
        self._hidden = weights, self._rng.standard_normal(self._features)
        features = self._values(states)
        centre, level = features.mean(axis=0), targets.mean(axis=0)
        features = features - centre
        sizes, vectors = np.linalg.eigh(features.T @ features / len(states))
        sizes = np.maximum(sizes, 0.0)
        seen = vectors.T @ (features.T @ (targets - level)) / len(states)
        total = float(((targets - level) ** 2).sum()) / len(states)
        penalty = self._penalty(sizes, (seen**2).sum(axis=1), total, len(states))
        slopes = vectors @ (seen / (sizes + penalty)[:, np.newaxis])
        self._fitted = centre, level, slopes
        return self

    def predict(self, states: FloatArray, /) -> FloatArray:
        """Targets at states, "m w" to "m t".

        Raises:
            InvalidInput: It has not been fitted.
        """
        if self._fitted is None:
            raise InvalidInput("nothing has been learned yet; call fit first")
        centre, level, slopes = self._fitted
        return (self._values(states) - centre) @ slopes + level

    def _values(self, states: FloatArray) -> FloatArray:
        if self._hidden is None:
            return states
        weights, offsets = self._hidden
        return np.hstack([states, np.tanh(states @ weights + offsets)])

    def _penalty(self, sizes: FloatArray, seen: FloatArray, total: float, samples: int) -> float:
        """The penalty of least generalised cross-validation score."""
        scale = float(sizes.mean()) or 1.0
        alive = sizes > np.finfo(np.float64).eps * sizes.max(initial=0.0) * len(sizes)
        sizes, seen = sizes[alive], seen[alive]

        def score(penalty: float) -> float:
            # mean squared residual over (1 - degrees of freedom / m)^2
            kept = sizes / (sizes + penalty)
            residual = total - float((seen / sizes * (2 * kept - kept**2)).sum())
            left = max(1.0 - float(kept.sum()) / samples, 1e-6)
            return residual / left**2

        return min((scale * penalty for penalty in self._penalties), key=score)


def learned_operators(regressor: Regressor, width: int, count: int) -> CallableOperators:
    """A fitted regressor's predictions as operators of a layer of `width` units, `count` of them."""
    names = tuple(f"learned {i}" for i in range(count))

    def values(states: FloatArray) -> FloatArray:
        return np.asarray(regressor.predict(states), dtype=np.float64).reshape(len(states), -1)

    return CallableOperators(width, names, values, kind="learned")
