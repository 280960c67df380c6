"""Which neuron should bend a swept line where, and whether the line was seen to bend there.

A bend that is predicted clearly above the noise and is not there contradicts its neuron. Two things do not:
a first-layer hyperplane crossed where the rest of the network is off shows nothing, and a bump between the
samples of a swept piece, after which the network meets the piece again, was overlooked by the sweep.

Source: prediction and sight of first-layer hyperplanes, Rolnick and Körding 2020; the count per neuron is
ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.earlier_bends import CLEAR_SIGMAS
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line, LineSweep

TINY = float(np.finfo(np.float64).tiny)
SLACK = 1e-6
"""Places agree to this fraction of scale + |t|."""
CLEAREST = 1e-6
"""Slope changes below this fraction of the line's largest slope are not insisted on."""


@dataclass(frozen=True, eq=False)
class Crossings:
    """Where a network's neurons switch on a line."""

    t: FloatArray
    """Parameters, shape "c"."""
    layer: IntArray
    """Hidden layer of each, from 1, shape "c"."""
    neuron: IntArray
    """Its number in the layer, shape "c"."""
    change: FloatArray
    """Largest change of an output's slope there, shape "c"."""
    room: FloatArray
    """Distance to the nearest other crossing, shape "c"."""
    steepest: float
    """Largest slope of an output on the line."""


@dataclass(eq=False)
class Sight:
    """How often a neuron was crossed by swept lines, and what was seen there."""

    crossed: int = 0
    shown: int = 0
    missed: int = 0
    """Crossings at which a clear bend was predicted and none was there."""
    place: FloatArray | None = None
    """The first of these, shape "d"."""


def crossings_of(network: PiecewiseLinearNetwork, line: Line) -> Crossings:
    """Every crossing of every hidden neuron on a line."""
    edges = np.array([line.low, line.high])
    found, layers, neurons = list[FloatArray](), list[IntArray](), list[IntArray]()
    for layer in range(len(network.weights) - 1):
        # within each piece of the layers before, this layer's pre-activations are affine in t
        low, high = edges[:-1], edges[1:]
        inner = np.stack([0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high])
        heights = network.pre_activations(line.at(inner.ravel()))[layer].reshape(2, len(low), -1)
        slope = (heights[1] - heights[0]) / np.maximum(inner[1] - inner[0], TINY)[:, np.newaxis]
        with np.errstate(divide="ignore", invalid="ignore"):
            t = inner[0][:, np.newaxis] - heights[0] / slope
        inside = np.isfinite(t) & (t > low[:, np.newaxis]) & (t < high[:, np.newaxis])
        found.append(t[inside])
        neurons.append(np.nonzero(inside)[1])
        layers.append(np.full(int(inside.sum()), layer + 1))
        edges = np.unique(np.concatenate([edges, t[inside]]))
    t = np.concatenate([np.zeros(0), *found])
    none = np.zeros(0, dtype=np.int64)
    slopes = _slopes(network, line, edges)
    after = np.searchsorted(edges, t)
    change = np.abs(slopes[after] - slopes[after - 1]).max(axis=1) if len(t) else np.zeros(0)
    room = np.minimum(t - edges[after - 1], edges[after + 1] - t) if len(t) else np.zeros(0)
    return Crossings(
        t, np.concatenate([none, *layers]), np.concatenate([none, *neurons]), change, room,
        float(np.abs(slopes).max(initial=0.0)),
    )  # fmt: skip


def _slopes(network: PiecewiseLinearNetwork, line: Line, edges: FloatArray) -> FloatArray:
    low, high = edges[:-1], edges[1:]
    inner = np.stack([0.75 * low + 0.25 * high, 0.25 * low + 0.75 * high])
    values = network(line.at(inner.ravel())).reshape(2, len(low), -1)
    return np.asarray((values[1] - values[0]) / np.maximum(inner[1] - inner[0], TINY)[:, np.newaxis])


def sights(
    network: PiecewiseLinearNetwork, sweeps: Sequence[LineSweep], error: float
) -> dict[tuple[int, int], Sight]:
    """What swept lines say of each neuron, by layer (from 1) and number.

    Args:
        network: What was recovered, in the coordinates of the sweeps.
        sweeps: Lines with exact answers.
        error: Error claimed for its unit rows.
    """
    told = {
        (layer, neuron): Sight()
        for layer, width in enumerate(network.hidden_widths, start=1)
        for neuron in range(width)
    }
    for sweep in sweeps:
        crossings = crossings_of(network, sweep.line)
        shown, clear = _seen(network, crossings, sweep, error)
        for index in range(len(crossings.t)):
            sight = told[int(crossings.layer[index]), int(crossings.neuron[index])]
            sight.crossed += 1
            sight.shown += int(shown[index])
            if clear[index] and not shown[index]:
                sight.missed += 1
                sight.place = sweep.line.at(crossings.t[[index]])[0] if sight.place is None else sight.place
    return told


def _off_pieces(network: PiecewiseLinearNetwork, sweep: LineSweep) -> FloatArray:
    """By how much the network misses each swept piece at its ends, shape "b+1"."""
    lengths = (sweep.highs - sweep.lows)[:, np.newaxis]
    ends = ((sweep.lows, sweep.values), (sweep.highs, sweep.values + lengths * sweep.slopes))
    gaps = [np.abs(network(sweep.line.at(at)) - seen).max(axis=1) for at, seen in ends]
    return np.asarray(np.max(gaps, axis=0))


def _seen(
    network: PiecewiseLinearNetwork, crossings: Crossings, sweep: LineSweep, error: float
) -> tuple[BoolArray, BoolArray]:
    """At which crossings the line bends, and at which it clearly should: shapes "c"."""
    t, line = crossings.t, sweep.line
    slack = max(SLACK, 1e3 * error) * (line.scale + np.abs(t))
    if len(sweep.bends):
        gaps = np.abs(sweep.bends - t[:, np.newaxis])
        near: BoolArray = gaps <= slack[:, np.newaxis] + 20 * sweep.bend_errors
        shown = np.asarray(near.any(axis=1))
    else:
        shown = np.zeros(len(t), dtype=np.bool_)
    piece = np.searchsorted(sweep.bends, t)
    wrong = _off_pieces(network, sweep) > SLACK * crossings.steepest * (line.scale + np.abs(sweep.highs))
    clear = wrong[piece] & (
        crossings.change > CLEAR_SIGMAS * sweep.slope_errors[piece] + CLEAREST * crossings.steepest
    )
    clear &= (crossings.room > 2 * slack) & (t > line.low + slack) & (t < line.high - slack)
    for low, high in sweep.unresolved:
        clear &= (t < low) | (t > high)
    return shown, clear
