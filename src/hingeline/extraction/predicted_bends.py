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

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.crossings import Crossings, crossings_of
from hingeline.extraction.earlier_bends import CLEAR_SIGMAS
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import LineSweep

SLACK = 1e-6
"""Places agree to this fraction of scale + |t|."""
CLEAREST = 1e-6
"""Slope changes below this fraction of the line's largest slope are not insisted on."""


@dataclass(eq=False)
class Sight:
    """How often a neuron was crossed by swept lines, and what was seen there."""

    crossed: int = 0
    shown: int = 0
    missed: int = 0
    """Crossings at which a clear bend was predicted and none was there."""
    place: FloatArray | None = None
    """The first of these, shape "d"."""


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
