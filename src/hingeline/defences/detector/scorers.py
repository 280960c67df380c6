"""From readings to a score, larger for what looks attacked; all with gradients, all in NumPy.

    Gaussian  s = sqrt((r - m)' P (r - m)), the Mahalanobis distance from clean readings
    Logistic  s = w . (r - m) / sd + b, the log-odds of attacked against clean
    Kernel    s = sum_i a_i k((r - m) / sd, v_i) + b, a support vector machine written out
    Imitation s = a small network that was trained to answer like a score without gradients

Cost: one product of readings and parameters for each call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from scipy.special import expit

from hingeline.core.arrays import FloatArray, frozen
from hingeline.defences.detector.dense import Dense

_RIDGE = 1e-9
"""Added to the covariance, as a share of its mean variance, so that it can be inverted."""
_DEGREE = 3


class Scorer(Protocol):
    """A score of readings."""

    @property
    def words(self) -> str:
        """For people."""
        ...

    def scores(self, readings: FloatArray) -> FloatArray:
        """Scores: "n m" to "n"."""
        ...


class SmoothScorer(Scorer, Protocol):
    """One that can be differentiated."""

    def gradients(self, readings: FloatArray) -> FloatArray:
        """Gradients of the scores: "n m" to "n m"."""
        ...


@dataclass(frozen=True, eq=False)
class Gaussian:
    """Mahalanobis distance from clean readings: `mean` "m", `precision` "m m"."""

    mean: FloatArray
    precision: FloatArray

    @property
    def words(self) -> str:
        """For people."""
        return "Mahalanobis distance"

    def scores(self, readings: FloatArray) -> FloatArray:
        """Distances."""
        away = readings - self.mean
        return np.sqrt(np.maximum(((away @ self.precision) * away).sum(axis=1), 0.0))

    def gradients(self, readings: FloatArray) -> FloatArray:
        """P (r - m) / s; zero at the mean."""
        away = (readings - self.mean) @ self.precision
        length = self.scores(readings)[:, np.newaxis]
        return away / np.where(length > 0, length, 1.0)


@dataclass(frozen=True, eq=False)
class Logistic:
    """Log-odds linear in readings less `mean` "m" over `spread` "m": `weights` "m" and an `offset`."""

    weights: FloatArray
    offset: float
    mean: FloatArray
    spread: FloatArray

    @property
    def words(self) -> str:
        """For people."""
        return "logistic regression"

    def scores(self, readings: FloatArray) -> FloatArray:
        """Log-odds of attacked against clean."""
        return (readings - self.mean) / self.spread @ self.weights + self.offset

    def gradients(self, readings: FloatArray) -> FloatArray:
        """The same everywhere."""
        return np.broadcast_to(self.weights / self.spread, readings.shape)


@dataclass(frozen=True, eq=False)
class Kernel:
    """The decision function of a support vector machine.

    Attributes:
        kind: exp(-width |a - b|^2), or (width a . b)^3.
        width: Of the kernel.
        vectors: Standardised support vectors, shape "v m".
        weights: One for each, shape "v".
        offset: Added.
        mean: Taken from readings first, shape "m".
        spread: What they are then divided by, shape "m".
    """

    kind: Literal["rbf", "poly"]
    width: float
    vectors: FloatArray
    weights: FloatArray
    offset: float
    mean: FloatArray
    spread: FloatArray

    @property
    def words(self) -> str:
        """For people."""
        return f"support vector machine ({self.kind})"

    def scores(self, readings: FloatArray) -> FloatArray:
        """Values of the decision function."""
        rows = (readings - self.mean) / self.spread
        values = self._close(rows) if self.kind == "rbf" else (self.width * rows @ self.vectors.T) ** _DEGREE
        return values @ self.weights + self.offset

    def gradients(self, readings: FloatArray) -> FloatArray:
        """Written out, so no stand-in is needed."""
        rows = (readings - self.mean) / self.spread
        if self.kind == "rbf":
            pull = self._close(rows) * self.weights
            by_row = 2.0 * self.width * (pull @ self.vectors - rows * pull.sum(axis=1, keepdims=True))
        else:
            inner = self.width * rows @ self.vectors.T
            by_row = (_DEGREE * self.width * inner ** (_DEGREE - 1) * self.weights) @ self.vectors
        return by_row / self.spread

    def _close(self, rows: FloatArray) -> FloatArray:
        distance = (rows**2).sum(axis=1)[:, np.newaxis] + (self.vectors**2).sum(axis=1)
        return np.exp(-self.width * np.maximum(distance - 2.0 * rows @ self.vectors.T, 0.0))


@dataclass(frozen=True, eq=False)
class Imitation:
    """A network that imitates another score; `mean` and `spread` ("m") standardise its readings."""

    network: Dense
    mean: FloatArray
    spread: FloatArray
    of: str
    """What is imitated."""
    correlation: float
    """With the real scores, on readings that it was not trained on."""

    @property
    def words(self) -> str:
        """For people."""
        return f"a network that imitates the {self.of} (correlation {self.correlation:.2f})"

    def scores(self, readings: FloatArray) -> FloatArray:
        """About what the real one gives."""
        return self.network((readings - self.mean) / self.spread)[:, 0]

    def gradients(self, readings: FloatArray) -> FloatArray:
        """Of the imitation."""
        states = self.network.states((readings - self.mean) / self.spread)
        return self.network.backward(states, np.ones((len(readings), 1)))[0] / self.spread


def fit_gaussian(clean: FloatArray) -> Gaussian:
    """Mean and inverse covariance of clean readings, "n m"."""
    covariance = np.atleast_2d(np.cov(clean, rowvar=False))
    level = max(float(np.trace(covariance)) / len(covariance), np.finfo(np.float64).tiny)
    # readings have different units: standardise before the ridge is added
    sizes = np.sqrt(np.maximum(np.diag(covariance), 1e-12 * level))
    inverse = np.linalg.inv(covariance / np.outer(sizes, sizes) + _RIDGE * np.eye(len(sizes)))
    return Gaussian(frozen(clean.mean(axis=0)), frozen(inverse / np.outer(sizes, sizes)))


def standardised(readings: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and spread of readings, "m" each; a reading that never changes has spread 1."""
    spread = readings.std(axis=0)
    return readings.mean(axis=0), np.where(spread > 0, spread, 1.0)


def fit_logistic(clean: FloatArray, attacked: FloatArray, penalty: float = 1.0) -> Logistic:
    """Logistic regression, both sides weighing the same, with `penalty` |w|^2 / 2 on standardised ones."""
    from scipy.optimize import minimize

    rows = np.concatenate([clean, attacked])
    side = np.repeat([0.0, 1.0], [len(clean), len(attacked)])
    counts = np.array([len(clean), len(attacked)])
    weight = np.repeat(0.5 * len(rows) / counts, counts)
    mean, spread = standardised(rows)
    scaled = (rows - mean) / spread

    def loss(held: FloatArray) -> tuple[float, FloatArray]:
        odds = scaled @ held[:-1] + held[-1]
        value = weight @ (np.logaddexp(0.0, odds) - side * odds) + 0.5 * penalty * held[:-1] @ held[:-1]
        miss = weight * (expit(odds) - side)
        return float(value), np.append(scaled.T @ miss + penalty * held[:-1], miss.sum())

    best = minimize(
        loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}
    ).x
    return Logistic(frozen(best[:-1]), float(best[-1]), frozen(mean), frozen(spread))
