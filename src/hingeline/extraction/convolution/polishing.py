"""Filters fitted to all answers at once, together with the dense layer above them.

Between bends an answer is linear in the output weights, and its derivative by a shared weight is a sum over
the positions that are on. So a step of Gauss and Newton has as many unknowns as there are shared weights: the
output weights are projected out. Far along the line answers are large, and rows come out as exact as the
answers are.

Source: variable projection (Golub and Pereyra 1973); its use with shared weights is ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.convolution.read_out import Answers
from hingeline.networks.convolution import ConvolutionLayer
from hingeline.numerics.tolerances import EPSILON

STEPS = 4
"""Steps at most; one or two are the rule."""
WORTHWHILE = 0.9
"""A step that leaves more than this share of the misfit is the last."""
FAINTEST = 1e-12
"""Directions of the shared weights that answers do not tell: above all the scale of each filter."""


@dataclass(frozen=True, eq=False)
class Polished:
    """A convolution that fits the answers better."""

    layer: ConvolutionLayer
    errors: FloatArray
    """Standard deviation of a weight of each filter, whose norm is 1, shape "c_out"."""
    misfit: float
    """Root mean square residual in deviations of the noise, per degree of freedom."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """What a convolution is fitted to."""

    answers: Answers
    """In coordinates around `centre`."""
    centre: FloatArray
    """What to add to get inputs as the door takes them, shape "d"."""
    kept: BoolArray
    """Which outputs of the convolution the dense layer sees, shape "c_out*h'*w'"."""
    bypass: bool
    """Whether inputs also reach the output directly."""


def polished(layer: ConvolutionLayer, fitted: Fitted) -> Polished | None:
    """A convolution, filters of norm 1, fitted to answers; None if that is no better than before.

    Args:
        layer: The convolution, right to about ten digits, filters the right way round.
        fitted: The answers.
    """
    best: Polished | None = None
    misfit, step, spread = _step(layer, fitted)
    for _ in range(STEPS):
        better = _moved(layer, step)
        after, step, spread = _step(better, fitted)
        if not after < misfit:
            break
        errors = np.sqrt(np.mean(spread[:, :-1] ** 2, axis=1)) * max(1.0, after) + EPSILON
        best = Polished(better, errors, after)
        if after > WORTHWHILE * misfit:
            break
        layer, misfit = better, after
    return best


def _moved(layer: ConvolutionLayer, step: FloatArray) -> ConvolutionLayer:
    """The convolution after a step, "c_out weights+1", its filters of norm 1 again."""
    filters = layer.filters + step[:, :-1].reshape(layer.filters.shape)
    biases = layer.biases + step[:, -1]
    sizes = np.linalg.norm(filters.reshape(len(filters), -1), axis=1)
    filters = filters / sizes[:, np.newaxis, np.newaxis, np.newaxis]
    return ConvolutionLayer(filters, biases / sizes, layer.stride, layer.padding, layer.input_shape)


def _step(layer: ConvolutionLayer, fitted: Fitted) -> tuple[float, FloatArray, FloatArray]:
    """Misfit of a convolution, the step that lessens it and its errors, "c_out weights+1" each."""
    answers = fitted.answers
    points, weight = answers.points + fitted.centre, 1 / answers.noise[:, np.newaxis]
    heights = layer(points)
    columns = [np.maximum(heights[:, fitted.kept], 0.0), np.ones((len(points), 1))]
    features = np.concatenate([*columns, answers.points] if fitted.bypass else columns, axis=1) * weight
    scales = np.linalg.norm(features, axis=0)
    basis, rest_of = np.linalg.qr(features / np.where(scales > 0, scales, 1.0))
    target = answers.values * weight
    unknowns = np.linalg.lstsq(rest_of, basis.T @ target, rcond=FAINTEST)[0]
    residual = target - basis @ (rest_of @ unknowns)
    jumps = np.zeros((heights.shape[1], target.shape[1]))
    jumps[fitted.kept] = (unknowns / np.where(scales > 0, scales, 1.0)[:, np.newaxis])[: fitted.kept.sum()]
    slopes = _derivatives(layer, points, heights > 0, jumps) * weight[:, :, np.newaxis]
    for output in range(slopes.shape[1]):
        slopes[:, output] -= basis @ (basis.T @ slopes[:, output])
    matrix = slopes.reshape(-1, slopes.shape[2])
    sizes = np.linalg.norm(matrix, axis=0)
    sizes = np.where(sizes > 0, sizes, 1.0)
    inverse = np.linalg.pinv(matrix / sizes, rcond=FAINTEST) / sizes[:, np.newaxis]
    shape = (len(layer.filters), -1)
    freedom = max(1, residual.size - unknowns.size - matrix.shape[1])
    misfit = float(np.sqrt(np.sum(residual**2) / freedom))
    step = (inverse @ residual.reshape(-1)).reshape(shape)
    return misfit, step, np.linalg.norm(inverse, axis=1).reshape(shape)


def _derivatives(layer: ConvolutionLayer, points: FloatArray, on: BoolArray, jumps: FloatArray) -> FloatArray:
    """Of every output by every shared weight and bias: "n k c_out*(weights+1)"."""
    channels, rows, columns = layer.output_shape
    images = points.reshape(len(points), *layer.input_shape)
    padded = np.pad(images, ((0, 0), (0, 0), *layer.padding))
    windows = np.lib.stride_tricks.sliding_window_view(padded, layer.kernel, axis=(2, 3))
    windows = windows[:, :, :: layer.stride[0], :: layer.stride[1]][:, :, :rows, :columns]
    seen = windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(points), rows * columns, -1)
    seen = np.concatenate([seen, np.ones((*seen.shape[:2], 1))], axis=2)
    active = on.reshape(len(points), channels, rows * columns)
    outgoing = jumps.reshape(channels, rows * columns, -1)
    # sum over positions of [on] jump window, one filter at a time to bound memory
    parts = [
        np.einsum("np,pk,npw->nkw", active[:, o].astype(np.float64), outgoing[o], seen, optimize=True)
        for o in range(channels)
    ]
    return np.concatenate(parts, axis=2)
