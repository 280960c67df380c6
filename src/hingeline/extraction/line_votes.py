"""Do hyperplanes bend the lines that were swept, wherever they should?

A neuron of the first layer bends every line that crosses its hyperplane, unless nothing above it is on there,
and then the answers do not vary at all. A deeper boundary that was taken for one, because it was met a few
times far out, is a hyperplane only near the line on which it was measured: the other lines do not know it.

Source: cross-line vote, specs on reverse engineering 2.3; that only pieces on which answers vary count is
ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.probing.line import LineSweep

MOST_MISSED = 0.3
"""Share of the lines that cross a hyperplane which may not show it; two thirds let false ones pass."""
LIVE = 1e-9
"""A piece counts if its slope is more than this share of the steepest on its line."""
SURE = 12.0
"""And more than so many deviations."""
NEAR = 1e-7
"""A bend is where it is predicted if it is as near as this fraction of scale + |t|, or as errors allow."""
SIGMAS = 30.0
"""Deviations of a prediction within which a bend is taken for the predicted one."""
VAGUE = 0.02
"""A line does not vote where a prediction is vaguer than this share of the way between two bends there."""
AROUND = 3
"""Bends on either side from which that is taken."""


def line_votes(planes: Hyperplanes, sweeps: Sequence[LineSweep]) -> tuple[IntArray, IntArray]:
    """On how many lines each hyperplane shows where it should, and on how many it does not: "n", "n"."""
    shown, missed = (np.zeros(planes.count, dtype=np.int64) for _ in range(2))
    for sweep in sweeps:
        t = planes.crossings(sweep.line)
        crossed = (t > sweep.line.low) & (t < sweep.line.high)
        if not len(sweep.bends) or not crossed.any():
            continue
        place = np.where(crossed, t, sweep.line.centre)
        slack = _slack(planes, sweep, place)
        voting = crossed & (slack < VAGUE * _spacing(sweep, place))
        near = np.abs(sweep.bends[_nearest(sweep.bends, place)] - place) < slack
        shown += voting & near
        missed += voting & ~near & _telling(sweep, place)
    return shown, missed


def in_agreement(planes: Hyperplanes, sweeps: Sequence[LineSweep]) -> BoolArray:
    """Which hyperplanes nearly all lines show that cross them, shape "n"."""
    shown, missed = line_votes(planes, sweeps)
    agreed: BoolArray = missed <= MOST_MISSED * (shown + missed)
    return agreed


def bends_near(sweep: LineSweep, t: FloatArray, blur: FloatArray) -> tuple[IntArray, BoolArray, BoolArray]:
    """Bends nearest to predictions on one line.

    Args:
        sweep: The line.
        t: Where bends are predicted, shape "p".
        blur: How far each prediction may be off, shape "p".

    Returns:
        Index of the nearest bend; whether it is the predicted one; whether a bend is missing where it surely
        would show: each of shape "p". Neither where a prediction is too vague to say.
    """
    none = np.zeros(len(t), dtype=np.bool_)
    if not len(sweep.bends) or not len(t):
        return np.zeros(len(t), dtype=np.int64), none, none
    slack = NEAR * (sweep.line.scale + np.abs(t)) + blur
    voting = slack < VAGUE * _spacing(sweep, t)
    nearest = _nearest(sweep.bends, t)
    near = np.abs(sweep.bends[nearest] - t) < slack
    return nearest, voting & near, voting & ~near & _telling(sweep, t)


def _nearest(bends: FloatArray, t: FloatArray) -> IntArray:
    """Index of the bend (ascending) nearest to each prediction."""
    right = np.clip(np.searchsorted(bends, t), 0, len(bends) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(np.abs(bends[left] - t) < np.abs(bends[right] - t), left, right)


def _slack(planes: Hyperplanes, sweep: LineSweep, t: FloatArray) -> FloatArray:
    """How far a bend may lie from its prediction: the normal's error over the way from where it was seen."""
    speed = np.abs(planes.normals @ sweep.line.direction)
    away = np.linalg.norm(sweep.line.at(t) - planes.witnesses, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = SIGMAS * planes.errors * away / speed
    return NEAR * (sweep.line.scale + np.abs(t)) + np.where(np.isfinite(error), error, np.inf)


def _spacing(sweep: LineSweep, t: FloatArray) -> FloatArray:
    """Typical way between neighbouring bends around each place."""
    index = np.searchsorted(sweep.bends, t)
    first, last = np.maximum(index - AROUND, 0), np.minimum(index + AROUND, len(sweep.bends)) - 1
    ends = sweep.bends[last] - sweep.bends[first]
    return np.where(last > first, ends / np.maximum(last - first, 1), np.inf)


def _telling(sweep: LineSweep, t: FloatArray) -> BoolArray:
    """Where answers vary and no bend can have been overlooked."""
    size = np.abs(sweep.slopes).max(axis=1)
    live = (size > LIVE * size.max(initial=0.0)) & (size > SURE * sweep.slope_errors)
    telling = live[np.searchsorted(sweep.bends, t)]
    for low, high in sweep.unresolved:
        telling &= (t < low) | (t > high)
    return np.asarray(telling, dtype=np.bool_)
