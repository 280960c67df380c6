"""What a fit leaves uncertain: noise that got into the parameters, and neurons that no sample pins.

Idea: solving the same least-squares problem for drawn noise gives parameter errors as the noise makes them.
Solving it for the answers to a drawn change of the parameters gives that change back, except for what the
samples do not determine: that part of the draw is missing in the solution.

Source: Monte Carlo in place of the inverse matrix; ours. Cost: one solution per draw, no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.gauss_newton import Descent, Fit, PolishSettings, Recorded
from hingeline.extraction.linearised import Layers, Linearised, flatten, unflatten
from hingeline.extraction.parameter_chart import ParameterChart
from hingeline.extraction.preconditioning import DenseInverse

# Directions that excite the answers less than this, relative to a typical parameter, count as undetermined:
# as far from the solution as a polish starts, their excitement may come from the error itself.
FAINT = 1e-5
# A neuron is undetermined if this share of a drawn change does not come back.
LOST = 1e-2
# Neurons that are seldom on weigh little in the norm that the solution is stopped by.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Uncertainty:
    """What is known about the errors of polished parameters."""

    expected_error: float | None
    """Largest parameter error that noise leads to, without undetermined neurons; None if not estimated."""
    undetermined: tuple[tuple[int, int], ...]
    """Layer (1 for the first; the output layer too) and neuron that the samples do not pin."""


def uncertainty(
    chart: ParameterChart, data: Recorded, fit: Descent, settings: PolishSettings, rng: np.random.Generator
) -> Uncertainty:
    """Estimate both; for the Kronecker engine by counting samples, as a draw costs an iteration there."""
    problem = Fit(chart.samples(data.points), data, settings)
    linear = problem.linearise(fit.layers)
    if fit.engine != DenseInverse.NAME:
        return Uncertainty(None, _named(_starved(linear)))
    lost = _lost(problem, linear, fit, rng)
    shape = linear.values.shape
    worst = 0.0
    for _ in range(settings.draws):
        drawn = problem.solve(linear, rng.standard_normal(shape), fit.inverse, 0.0, TOLERANCE).vector
        parts = zip(unflatten(_without_stretch(drawn, linear.layers), linear.layers), lost, strict=True)
        pinned = tuple((w * ~off[:, np.newaxis], b * ~off) for (w, b), off in parts)
        worst = max(worst, chart.largest(flatten(pinned)))
    return Uncertainty(worst * max(1.0, fit.last), _named(lost))


def _lost(problem: Fit, linear: Linearised, fit: Descent, rng: np.random.Generator) -> list[BoolArray]:
    """Per layer: the neurons for which a drawn change does not come back."""
    drawn = rng.standard_normal(linear.unknowns)
    found = problem.solve(linear, linear.apply(drawn), fit.inverse, FAINT**2, TOLERANCE).vector
    missing = unflatten(np.abs(_without_stretch(drawn - found, linear.layers)), linear.layers)
    return [np.maximum(weight.max(axis=1), bias) > LOST for weight, bias in missing]


def _without_stretch(change: FloatArray, layers: Layers) -> FloatArray:
    """The same change of the function with hidden rows that keep their length.

    (row, offset, outgoing) -> (1 + c) (row, offset), (1 - c) outgoing changes nothing to first order.
    """
    parts = list(unflatten(change, layers))
    for index, (weight, bias) in enumerate(layers[:-1]):
        (dw, db), (dw_next, db_next) = parts[index], parts[index + 1]
        norms = np.maximum((weight**2).sum(axis=1), np.finfo(np.float64).tiny)
        along = (weight * dw).sum(axis=1) / norms
        parts[index] = (dw - along[:, np.newaxis] * weight, db - along * bias)
        parts[index + 1] = (dw_next + along * layers[index + 1][0], db_next)
    return flatten(parts)


def _starved(linear: Linearised) -> list[BoolArray]:
    """Per layer: the neurons that are on at fewer samples than their row has unknowns."""
    found: list[BoolArray] = []
    for active, (weight, _) in zip(linear.active, linear.layers[:-1], strict=True):
        found.append(active.sum(axis=0) <= weight.shape[1])
    weight, bias = linear.layers[-1]
    return [*found, np.full(bias.shape, len(linear.values) <= weight.shape[1])]


def _named(neurons: list[BoolArray]) -> tuple[tuple[int, int], ...]:
    return tuple(
        (layer + 1, int(neuron)) for layer, chosen in enumerate(neurons) for neuron in np.flatnonzero(chosen)
    )
