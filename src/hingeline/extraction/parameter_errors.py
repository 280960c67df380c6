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
# Neurons that are seldom on weigh little in the norm that a solution is stopped by.
TOLERANCE = 1e-9
# Noise needs its size only.
NOISE_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """What is known about the errors of polished parameters, rows at unit norm."""

    row_errors: tuple[FloatArray, ...] | None
    """Per layer, the output layer too: largest error of each row and its bias that the noise leads to,
    "width"; inf where the samples do not pin the row. None if not estimated."""
    undetermined: tuple[tuple[int, int], ...]
    """Layer (1 for the first; the output layer too) and neuron that the samples do not pin."""

    @property
    def expected_error(self) -> float | None:
        """The largest finite row error; None if there is none."""
        finite = [errors[np.isfinite(errors)] for errors in self.row_errors or ()]
        return max((float(errors.max()) for errors in finite if errors.size), default=None)


UNKNOWN = Uncertainty(None, ())
"""Where nothing was estimated."""


def uncertainty(
    chart: ParameterChart, data: Recorded, fit: Descent, settings: PolishSettings, rng: np.random.Generator
) -> Uncertainty:
    """Estimate both; for the Kronecker engine by counting samples, as a draw costs an iteration there."""
    problem = Fit(chart.samples(data.points), data, settings, chart.layers)
    linear = problem.linearise(fit.layers)
    if fit.engine != DenseInverse.NAME:
        return Uncertainty(None, _named(_starved(linear)))
    lost = _lost(chart, problem, linear, fit, rng)
    errors = [np.where(off, np.inf, 0.0) for off in lost]
    for _ in range(settings.draws):
        noise = rng.standard_normal(linear.values.shape)
        drawn = problem.solve(linear, noise, fit.inverse, 0.0, NOISE_TOLERANCE).vector
        found = chart.row_sizes(chart.without_stretch(drawn, linear.layers))
        errors = [np.maximum(error, size) for error, size in zip(errors, found, strict=True)]
    # residuals above the noise mean that the noise is larger than was said
    return Uncertainty(tuple(error * max(1.0, fit.last) for error in errors), _named(lost))


def _lost(
    chart: ParameterChart, problem: Fit, linear: Linearised, fit: Descent, rng: np.random.Generator
) -> list[BoolArray]:
    """Per layer: the neurons for which a drawn change does not come back."""
    sizes = _sizes(linear.layers)
    drawn = rng.standard_normal(linear.unknowns) * sizes
    found = problem.solve(linear, linear.apply(drawn), fit.inverse, FAINT**2, TOLERANCE).vector
    left = np.abs(chart.without_stretch(drawn - found, linear.layers)) / sizes
    return [
        np.maximum(weight.max(axis=1, initial=0.0), bias) > LOST
        for weight, bias in unflatten(left, linear.layers)
    ]


def _sizes(layers: Layers) -> FloatArray:
    """What a change of each parameter is a share of: one for hidden rows, which have length one.

    The output layer carries the scale of the answers, and the verdict must be the same in any unit of them.
    """
    sizes = [(np.ones_like(weight), np.ones_like(bias)) for weight, bias in layers]
    weight, bias = layers[-1]
    typical = float(np.sqrt(np.mean(weight**2))) or 1.0
    sizes[-1] = np.full_like(weight, typical), np.full_like(bias, typical)
    return flatten(sizes)


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
