"""All biases of a network whose weights are known far better than the answers are: one small regression.

Seen from far away an absolute error of the answers hardly touches the weights, but a bias never shows better
than a single answer is known. With the weights fixed, the outputs are linear in the biases of one activation
pattern, and every answer at whatever norm tells as much about them: many answers, few unknowns.

Cost: no queries; n b^2 flops for n answers and b biases. Source: Gauss-Newton, restricted; ours.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.linearised import Layers, Linearised, Samples, flatten, moved
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

ITERATIONS = 12
"""Most Gauss-Newton steps; patterns hardly change after the first."""
CONVERGED = 1e-3
"""A step of less than this many standard deviations ends the fit."""
MARGIN = 2.0
"""A sample stays while every pre-activation is at least this many times its predicted change."""
SPARE = 1.5
"""Samples are left out only while the others are this many times the unknowns."""
ROUNDED_DRAWS = 12
"""Networks whose rounded answers tell what rounding does to the biases."""
ALIKE = 2.0
"""Such errors within so many times the stated ones are those of independent answers."""
GRAIN = 1e-3
"""Predictions that differ by less than this share of the noise are one."""
LARGEST_DRAWS, HOLDS = 2000, 0.99
"""Draws of all errors together, and the share of them that stays below a claim for the largest."""
UNSEEN = 1e-9
"""Directions that excite the answers less than this, relative to a bias of its own, cannot be told."""


@dataclass(frozen=True, eq=False)
class BiasFit:
    """Biases as the answers tell them."""

    network: PiecewiseLinearNetwork
    """The network with the fitted biases."""
    covariance: FloatArray
    """Of all biases, layer after layer, "b b"; directions that nothing tells count as exact here."""
    errors: tuple[FloatArray, ...]
    """Standard deviation of each bias, by layer, the output layer too; inf where nothing tells it."""
    factor: float
    """By how much the fitted answers are missed, in units of the noise as it was said."""
    worst: float
    """Largest residual of a fitted answer, in units of that."""

    @property
    def largest(self) -> float:
        """What the largest error of all biases stays below, in 99 of 100 fits; inf if a bias is not told.

        The largest of many errors is seldom within the largest of their standard deviations.
        """
        if np.isinf(np.concatenate(self.errors)).any():
            return np.inf
        values, vectors = np.linalg.eigh(self.covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        draws = np.random.default_rng(0).standard_normal((LARGEST_DRAWS, len(root))) @ root.T
        return float(np.quantile(np.abs(draws).max(axis=1, initial=0.0), HOLDS))

    def scaled(self, factor: float) -> BiasFit:
        """The same with errors larger by a factor."""
        errors = tuple(factor * part for part in self.errors)
        return replace(self, covariance=self.covariance * factor**2, errors=errors)

    def gap(self, points: FloatArray) -> FloatArray:
        """Standard deviation of the outputs that the biases' errors lead to, the worst output: "n"."""
        rows = bias_rows(_linearised(self.network, points, np.ones((len(points), 1))))
        variance = np.einsum("knb,bc,knc->kn", rows, self.covariance, rows)
        return np.sqrt(np.maximum(variance, 0.0)).max(axis=0)


def fit_biases(
    network: PiecewiseLinearNetwork, points: FloatArray, answers: FloatArray, noise: FloatArray
) -> BiasFit:
    """Fit every bias to answers, weights fixed.

    Args:
        network: Weights right, biases right to a fraction of the points' norms.
        points: Where it was asked, "n d".
        answers: What it answered, "n k".
        noise: Standard deviation of an answer as far as it is known, "n".
    """
    importance = 1.0 / noise[:, np.newaxis]
    kept = np.ones(len(points), dtype=np.bool_)
    inverse = np.zeros((0, 0))
    unseen = np.zeros(0, dtype=np.bool_)
    for _ in range(ITERATIONS):
        linear = _linearised(network, points, importance)
        rows = bias_rows(linear)
        residual = ((answers - linear.values) * importance).T
        step, inverse, unseen = _solved(rows, residual, np.ones(len(points), dtype=np.bool_))
        kept = _kept(linear, step)
        if not kept.all():
            step, inverse, unseen = _solved(rows, residual, kept)
        network = _with_biases(network, linear.layers, step)
        deviations = np.sqrt(np.maximum(np.diag(inverse), np.finfo(np.float64).tiny))
        if np.abs(step / deviations).max(initial=0.0) < CONVERGED:
            break
    left = ((answers - network(points)) * importance)[kept]
    factor = _factor(left, int(inverse.shape[0] - unseen.sum()))
    covariance = inverse * factor**2
    errors = np.where(unseen, np.inf, np.sqrt(np.maximum(np.diag(covariance), 0.0)))
    ends = np.cumsum([len(bias) for bias in network.biases])[:-1]
    worst = float(np.abs(left).max()) / factor
    return BiasFit(network, covariance, tuple(np.split(errors, ends)), factor, worst)


def with_rounding(
    fit: BiasFit, points: FloatArray, noise: FloatArray, step: float, rng: np.random.Generator
) -> BiasFit:
    """The fit with the errors that rounding makes where it is no noise: one value is always rounded alike.

    Where all hidden neurons are off, many questions have one answer, and averaging gains nothing. So the
    rounding is done to networks that this fit cannot tell from its own, and their biases are fitted.

    Args:
        fit: Biases, with errors as if those of answers were independent.
        points: Where it was asked, "n d".
        noise: As for the fit, "n".
        step: Of the rounding.
        rng: Draws the networks.
    """
    importance = 1.0 / noise[:, np.newaxis]
    linear = _linearised(fit.network, points, importance)
    rows = bias_rows(linear)
    everything = np.ones(len(points), dtype=np.bool_)
    outputs = fit.network.output_dim
    known = np.sqrt(np.maximum(np.diag(fit.covariance), 0.0))
    misses = np.zeros((ROUNDED_DRAWS, len(known)))
    for draw in range(ROUNDED_DRAWS):
        step_taken = known * rng.standard_normal(len(known))
        step_taken[-outputs:] += step * rng.uniform(-0.5, 0.5, outputs)
        values = _with_biases(fit.network, linear.layers, step_taken)(points)
        lost = np.round(values / step) * step - values
        misses[draw] = _solved(rows, (lost * importance).T, everything)[0]
    return _enlarged(fit, misses.T @ misses / ROUNDED_DRAWS)


def with_repeats(fit: BiasFit, points: FloatArray, answers: FloatArray, noise: FloatArray) -> BiasFit:
    """The fit with the errors of answers that are all one: where the network is constant, they err alike.

    Args:
        fit: Biases, with errors as if those of answers were independent.
        points: Where it was asked, "n d".
        answers: What it answered, "n k".
        noise: As for the fit, "n".
    """
    same = np.round(fit.network(points) / (GRAIN * noise.min()))
    _, group, count = np.unique(
        np.column_stack([answers, same]), axis=0, return_inverse=True, return_counts=True
    )
    if count.max() == 1:
        return fit
    once = fit_biases(fit.network, points, answers, noise * np.sqrt(count[group.ravel()]))
    return _enlarged(fit, once.covariance * (fit.factor / once.factor) ** 2)


def _enlarged(fit: BiasFit, covariance: FloatArray) -> BiasFit:
    """The fit with another covariance added, if that is clearly larger than its own anywhere."""
    if (np.diag(covariance) <= ALIKE**2 * np.diag(fit.covariance)).all():
        return fit
    covariance = fit.covariance + covariance
    told = np.isfinite(np.concatenate(fit.errors))
    errors = np.where(told, np.sqrt(np.maximum(np.diag(covariance), 0.0)), np.inf)
    ends = np.cumsum([len(bias) for bias in fit.network.biases])[:-1]
    return replace(fit, covariance=covariance, errors=tuple(np.split(errors, ends)))


def bias_rows(linear: Linearised) -> FloatArray:
    """Derivatives of the weighted outputs by all biases: "k n b"."""
    everything = slice(0, len(linear.values))
    return np.stack([np.concatenate(parts, axis=1) for parts in linear.sensitivities(everything)])


def _linearised(network: PiecewiseLinearNetwork, points: FloatArray, importance: FloatArray) -> Linearised:
    layers = tuple(zip(network.weights, network.biases, strict=True))
    return Linearised.at(layers, Samples(points, None), importance)


def _solved(
    rows: FloatArray, residual: FloatArray, kept: BoolArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """The least-squares step, the inverse of the normal equations, and which biases nothing tells."""
    used = rows[:, kept].reshape(-1, rows.shape[-1])
    normal = used.T @ used
    scales = np.sqrt(np.diag(normal))
    idle = scales == 0
    scales = np.where(idle, 1.0, scales)
    values, vectors = np.linalg.eigh(normal / scales / scales[:, np.newaxis])
    seen = values > UNSEEN * len(values)
    basis = vectors[:, seen] / scales[:, np.newaxis]
    inverse = (basis / values[seen]) @ basis.T
    share = (vectors[:, ~seen] ** 2).sum(axis=1)
    return inverse @ (used.T @ residual[:, kept].ravel()), inverse, idle | (share > UNSEEN)


def _kept(linear: Linearised, step: FloatArray) -> BoolArray:
    """Samples that the step does not carry across a hyperplane; all if too few are left."""
    changes = linear.changes(_flat(linear.layers, step))[:-1]
    kept = np.ones(len(linear.values), dtype=np.bool_)
    for height, change in zip(linear.heights, changes, strict=True):
        kept &= (np.abs(height) >= MARGIN * np.abs(change)).all(axis=1)
    enough = kept.sum() * linear.values.shape[1] >= SPARE * len(step)
    return kept if enough else np.ones_like(kept)


def _flat(layers: Layers, step: FloatArray) -> FloatArray:
    """A step of the biases as a step of all parameters."""
    ends = np.cumsum([len(bias) for _, bias in layers])[:-1]
    parts = np.split(step, ends)
    return flatten([(np.zeros_like(w), part) for (w, _), part in zip(layers, parts, strict=True)])


def _with_biases(network: PiecewiseLinearNetwork, layers: Layers, step: FloatArray) -> PiecewiseLinearNetwork:
    changed = moved(layers, _flat(layers, step))
    return PiecewiseLinearNetwork(network.weights, [bias for _, bias in changed])


def _factor(left: FloatArray, unknowns: int) -> float:
    """By how much the residuals exceed the noise as it was said; 1 if nothing is left over to tell."""
    spare = left.size - unknowns
    return float(np.sqrt((left**2).sum() / spare)) if spare > 0 and left.any() else 1.0
