"""What is above a known convolution, if it is one dense layer: by linear algebra, signs one bit per filter.

With all hyperplanes known, answers are linear in the rectified pre-activations, the inputs and a constant.
The line's own answers and some fresh ones fix the coefficients; those of the inputs are what wrong-way-round
filters leave over, so they tell the signs, and all positions of a filter share one.

Source: bypass form of specs on signs; sharing of the sign is ours. Cost: about 1.3 queries per hidden neuron,
or one per input if that is more; divided by nothing, as every answer has all outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.extraction.single_layer import SIGN_SECONDS, SingleLayer
from hingeline.extraction.verify import fresh_points
from hingeline.numerics.binary_system import BinarySolution, BinaryStatus, solve_binary
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe

SPARE = 1.3
"""Fresh answers per unknown."""
MORE = 16
"""Fresh answers beyond that."""
TINY = 1e-100
FAINTEST = 1e-10
"""Directions that show so little of what the clearest shows are left out: answers do not tell them."""
WORST_FIT = 1e-6
"""Residual, as a share of what answers vary, above which no dense layer explains them."""
ROW_SIGMAS = 3.0
"""Deviations of rows that a residual may come from."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Points and values to fit, each with its noise."""

    points: FloatArray
    """Shape "n d"."""
    values: FloatArray
    """Shape "n k"."""
    noise: FloatArray
    """Standard deviation of a value, shape "n"."""


@dataclass(frozen=True, eq=False)
class ReadOut:
    """A dense layer above known hyperplanes."""

    layer: SingleLayer
    """Neurons the way round that was decided; with a linear bypass where it was not."""
    turned: FloatArray
    """-1 for every filter that is the other way round, 1 for the others."""
    signs: BinarySolution
    """What decided."""
    misfit: float
    """Root mean square of the largest residual of each answer, in deviations of its noise."""


def gathered(
    probe: Probe, sweeps: Sequence[LineSweep], normals: FloatArray, shared: int, rng: np.random.Generator
) -> Answers:
    """The lines' answers, and as many fresh ones as there is to fit.

    Args:
        probe: Where queries go.
        sweeps: Lines.
        normals: Rows of the hyperplanes, shape "p d".
        shared: Numbers that all outputs share: weights and biases of the filters.
        rng: Draws points.
    """
    unknowns = len(normals) + 1 + shared / sweeps[0].slopes.shape[1]
    count = max(int(SPARE * unknowns), probe.input_dim) + MORE
    fresh = np.concatenate([fresh_points(probe, rng, count), _far_sides(probe, normals, rng)])
    points, values = [fresh], [probe.ask(fresh)]
    for sweep in sweeps:
        lengths = (sweep.highs - sweep.lows)[:, np.newaxis]
        points += [sweep.line.at(sweep.lows), sweep.line.at(sweep.highs)]
        values += [sweep.values, sweep.values + lengths * sweep.slopes]
    where, answers = np.concatenate(points), np.concatenate(values)
    return Answers(where, answers, probe.noise.at(where) + EPSILON * np.abs(answers).max(axis=1))


def _far_sides(probe: Probe, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
    """In a box, a point as far as possible on either side of each hyperplane: some cut off a corner only."""
    if np.isinf(probe.domain.half_width):
        return np.zeros((0, normals.shape[1]))
    corners = np.where(normals != 0, np.sign(normals), rng.uniform(-1.0, 1.0, normals.shape))
    shrunk = corners * rng.uniform(0.9, 1.0, corners.shape) * probe.domain.half_width
    return probe.domain.pulled_in(np.concatenate([shrunk, -shrunk]))


def read_out(
    normals: FloatArray,
    offsets: FloatArray,
    errors: FloatArray,
    owners: IntArray,
    filters: int,
    answers: Answers,
) -> ReadOut | None:
    """The dense layer above hyperplanes, and which filters are the wrong way round.

    Args:
        normals: Unit rows, shape "p d".
        offsets: Shape "p".
        errors: Standard deviation of an entry of each row, shape "p".
        owners: Which filter each row belongs to, shape "p".
        filters: How many filters there are.
        answers: What to fit.

    Returns:
        The layer; None if no dense layer explains the answers.
    """
    width, (_, dim) = len(normals), answers.points.shape
    features = np.maximum(answers.points @ normals.T + offsets, 0.0)
    ones = np.ones((len(features), 1))
    fit = _fitted(np.concatenate([features, ones, answers.points], axis=1), answers)
    if fit.worst > WORST_FIT * np.ptp(answers.values[: width + 1], axis=0).max():
        return None
    jumps, linear = fit.unknowns[:width], fit.unknowns[width + 1 :].T
    layer = SingleLayer(normals, offsets, jumps, errors, linear, fit.unknowns[width])
    signs = _signs(layer, owners, filters, fit.errors[:width], fit.errors[width + 1 :])
    turned = np.ones(filters)
    if signs.bits is not None and signs.status is BinaryStatus.EXACT:
        turned = np.where(signs.bits, -1.0, 1.0)
        sign = turned[owners]
        layer = replace(layer, normals=normals * sign[:, np.newaxis], offsets=offsets * sign)
        features = np.maximum(answers.points @ layer.normals.T + layer.offsets, 0.0)
        fit = _fitted(np.concatenate([features, ones], axis=1), answers)
        layer = replace(
            layer,
            jumps=fit.unknowns[:width],
            linear=np.zeros((len(linear), dim)),
            constant=fit.unknowns[width],
        )
    # an output weight that is wrong by so much of itself counts like a row
    relative = fit.errors[:width] / np.maximum(np.linalg.norm(layer.jumps, axis=1), TINY)
    layer = replace(layer, errors=np.hypot(errors, relative))
    return ReadOut(layer, turned, signs, fit.misfit)


@dataclass(frozen=True, eq=False)
class _Fit:
    """Least squares, every answer weighted by its noise."""

    unknowns: FloatArray
    errors: FloatArray
    worst: float
    misfit: float


def _fitted(columns: FloatArray, answers: Answers) -> _Fit:
    weighted = columns / answers.noise[:, np.newaxis]
    scales = np.linalg.norm(weighted, axis=0)
    scales = np.where(scales > 0, scales, 1.0)
    inverse = np.linalg.pinv(weighted / scales, rcond=FAINTEST) / scales[:, np.newaxis]
    unknowns = inverse @ (answers.values / answers.noise[:, np.newaxis])
    # once more with what is left over: the inverse itself is rounded
    rest = answers.values - columns @ unknowns
    unknowns = unknowns + inverse @ (rest / answers.noise[:, np.newaxis])
    rest = np.abs(answers.values - columns @ unknowns).max(axis=1)
    freedom = max(1, len(columns) - columns.shape[1])
    misfit = float(np.sqrt(np.sum((rest / answers.noise) ** 2) / freedom))
    near = answers.noise <= 10 * np.median(answers.noise)
    errors = np.linalg.norm(inverse, axis=1) * max(1.0, misfit)
    return _Fit(unknowns, errors, float(rest[near].max()), misfit)


def _signs(
    layer: SingleLayer, owners: IntArray, filters: int, jump_errors: FloatArray, linear_errors: FloatArray
) -> BinarySolution:
    """Which filters are the wrong way round: linear = - sum over those of jumps normals."""
    shared = np.zeros((filters, *layer.linear.shape))
    np.add.at(shared, owners, layer.jumps[:, :, np.newaxis] * layer.normals[:, np.newaxis])
    columns = shared.reshape(len(shared), -1).T
    rows = np.linalg.norm(np.linalg.norm(layer.jumps, axis=1) * layer.errors)
    tolerance = ROW_SIGMAS * float(np.hypot(rows, np.hypot(np.linalg.norm(jump_errors), linear_errors.max())))
    return solve_binary(columns, -layer.linear.ravel(), tolerance, time_limit=SIGN_SECONDS)
