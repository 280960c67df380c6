"""The next layer over known ones of a wide network, from the bends that were measured for those below.

Lines that were swept for the second layer cross the boundaries of all layers above, and their normals were
measured with them. With everything below known, each tells its neuron's weights over the channels that are on
there; those of one neuron are found among thousands by `overlaps`, put together, and tried: the neuron must
bend all lines where it is predicted.

Source: local normals as linear equations and cross-line votes, specs on reverse engineering 2.3 and 3.5.
Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.overlaps import PartialRows, WholeRow, same_neuron, whole_row
from hingeline.extraction.line_votes import bends_near

FITS = 1e-5
"""Part of a unit normal that channels that are on may fail to make: errors of the rows below leave some."""
WORST_CONDITION = 1e4
"""Channels whose gradients are worse conditioned do not tell weights one by one."""
SIGMAS = 12.0
"""Deviations of a prediction within which a bend is taken for the predicted one."""
MOST_MISSED = 0.3
"""Share of the predicted bends that lines may not show: others lie near, or a row below is inexact."""
TINY = 1e-200
FEWEST_SHOWN = 3
"""Predicted bends that lines must show."""


@dataclass(frozen=True, eq=False)
class UpperLayer:
    """Rows of a layer over the channels below, in any orientation."""

    weights: FloatArray
    """Unit rows, zero where nothing is told, shape "n c"."""
    biases: FloatArray
    """Shape "n"."""
    told: BoolArray
    """Weights that are known, shape "n c"."""
    errors: FloatArray
    """Largest standard deviation of a weight that is told, shape "n"."""
    shown: IntArray
    """Predicted bends that lines showed, shape "n"."""
    explained: tuple[BoolArray, ...]
    """Per line, the bends that are this layer's."""


def upper_layer(known: KnownLayers, lines: Sequence[MeasuredLine], free: Sequence[BoolArray]) -> UpperLayer:
    """The neurons of the next layer that the lines tell.

    Args:
        known: All layers below, wholly decided.
        lines: Swept and measured, in the coordinates of `known`.
        free: Per line, the bends that no neuron below explains.
    """
    rows, heights = _partial_rows(known, lines, free)
    offered = [_offered(known, line) for line in lines]
    explained = [np.zeros(len(line.sweep.bends), dtype=np.bool_) for line in lines]
    found: list[tuple[WholeRow, float, int]] = []
    for group in same_neuron(rows):
        row = whole_row(rows, group)
        if row is None:
            continue
        bias, blur = _bias(row, heights)
        shown, missed, own = _votes(row, bias, blur, lines, offered)
        if shown < FEWEST_SHOWN or missed > MOST_MISSED * (shown + missed):
            continue
        if all(explained[line][bends].all() for line, bends in enumerate(own)):
            continue
        for line, bends in enumerate(own):
            explained[line][bends] = True
        found.append((row, bias, shown))
    channels = known.channels
    return UpperLayer(
        np.array([row.theta for row, _, _ in found]).reshape(-1, channels),
        np.array([bias for _, bias, _ in found]),
        np.array([row.told for row, _, _ in found], dtype=np.bool_).reshape(-1, channels),
        np.array([row.errors.max() for row, _, _ in found]),
        np.array([shown for _, _, shown in found], dtype=np.int64),
        tuple(explained),
    )


def _partial_rows(
    known: KnownLayers, lines: Sequence[MeasuredLine], free: Sequence[BoolArray]
) -> tuple[PartialRows, FloatArray]:
    """What each usable bend tells of its neuron's weights, and the channels there, "v c"."""
    values, told, heights = list[FloatArray](), list[BoolArray](), list[FloatArray]()
    errors, of_line = list[float](), list[int]()
    for index, (line, allowed) in enumerate(zip(lines, free, strict=True)):
        chosen = np.nonzero(line.measured & allowed)[0]
        points = line.sweep.line.at(line.sweep.bends[chosen])
        channels = known.offered(points)[:, :-1]
        for bend, point, height in zip(chosen, points, channels, strict=True):
            one = _told_by(known, point, line.normals[bend], float(line.errors[bend]))
            if one is None:
                continue
            on, weights, error = one
            value = np.zeros(known.channels)
            value[on] = weights
            values.append(value)
            told.append(on)
            errors.append(error)
            of_line.append(index)
            heights.append(height)
    shape = (-1, known.channels)
    rows = PartialRows(
        np.array(values).reshape(shape), np.array(told, dtype=np.bool_).reshape(shape), np.array(errors),
        np.array(of_line, dtype=np.int64),
    )  # fmt: skip
    return rows, np.array(heights).reshape(shape)


def _told_by(
    known: KnownLayers, point: FloatArray, normal: FloatArray, error: float
) -> tuple[BoolArray, FloatArray, float] | None:
    """Channels that are on at a bend, unit weights over them, and their error; None if it tells none."""
    values, slopes = point, np.eye(known.dim)
    on = np.ones(known.dim, dtype=np.bool_)
    for layer in known.layers:
        sums = layer.weights[:, on] @ values[on] + layer.biases
        slopes = layer.weights[np.ix_(sums > 0, on)] @ slopes
        on, values = sums > 0, np.maximum(sums, 0.0)
    count = int(on.sum())
    if not 0 < count <= known.dim:
        return None
    gram = slopes @ slopes.T
    try:
        inverse = np.linalg.inv(gram)
    except np.linalg.LinAlgError:
        return None
    spread = float(np.diag(inverse).max())
    if not 0 < spread * float(np.diag(gram).max()) < WORST_CONDITION**2:
        return None
    weights = inverse @ (slopes @ normal)
    # once more for the digits that the squared system loses
    weights = weights + inverse @ (slopes @ (normal - weights @ slopes))
    rest = float(np.linalg.norm(normal - weights @ slopes))
    if rest > FITS:
        return None
    length = float(np.linalg.norm(weights))
    spare = max(1, known.dim - count)
    noise = max(error, rest / np.sqrt(spare), known.error)
    return on, weights / length, float(noise * np.sqrt(spread) / length)


def _bias(row: WholeRow, heights: FloatArray) -> tuple[float, float]:
    """The offset that puts the row's bends on its boundary, and its error; near ones tell it best."""
    sums = heights[row.members] @ row.theta
    variances = heights[row.members] ** 2 @ row.errors**2 + TINY
    return float(-(sums / variances).sum() / (1 / variances).sum()), float(np.sqrt(variances.min()))


def _offered(known: KnownLayers, line: MeasuredLine) -> tuple[FloatArray, FloatArray]:
    """Parameters between which all channels are affine, and the channels there."""
    edges = known.breaks(line.sweep.line)
    return edges, known.offered(line.sweep.line.at(edges))[:, :-1]


def _votes(
    row: WholeRow,
    bias: float,
    bias_error: float,
    lines: Sequence[MeasuredLine],
    offered: Sequence[tuple[FloatArray, FloatArray]],
) -> tuple[int, int, list[IntArray]]:
    """Predicted bends that lines show, that they do not show, and which bends those are."""
    shown, missed, own = 0, 0, list[IntArray]()
    for line, (edges, channels) in zip(lines, offered, strict=True):
        sums = channels @ row.theta + bias
        known: BoolArray = np.asarray(~(channels[:, ~row.told] > 0).any(axis=1), dtype=np.bool_)
        at = np.nonzero((sums[:-1] * sums[1:] < 0) & known[:-1] & known[1:])[0]
        rate = (sums[at + 1] - sums[at]) / (edges[at + 1] - edges[at])
        t = edges[at] - sums[at] / rate
        blur = np.sqrt(channels[at] ** 2 @ row.errors**2 + bias_error**2) / np.abs(rate)
        bends, near, telling = bends_near(line.sweep, t, SIGMAS * blur)
        own.append(np.unique(bends[near]))
        shown += int(near.sum())
        missed += int(telling.sum())
    return shown, missed, own
