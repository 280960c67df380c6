"""Bends of a line that known neurons explain: what happens at them need not be asked.

Where a neuron is known its hyperplane is, and the line's own slopes tell how far the answers bend there. So
gradients are only asked on both sides of bends that no known neuron explains, not on both sides of all.

Source: telescoping of partial signatures, Carlini, Jagielski and Mironov 2020, over all known layers.
Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.bends import KnownBends
from hingeline.extraction.depth.known_layers import MATTERS, KnownLayer, KnownLayers
from hingeline.probing.line import LineSweep

AT = 1e-8
"""A bend is where a neuron crosses the line if they agree to this part of scale + |t|."""
SIGMAS = 20.0
"""And deviations of the bend beside that."""
SURELY = 30.0
"""So many times as far no other known neuron may cross."""
ACROSS = 1e-3
"""Hyperplanes that the line meets at a smaller angle are measured: their slopes tell too little."""
VAGUE, EXACT = 10.0, 5e-10
"""Errors of a row, in typical ones of its layer, with which it is measured again; smaller ones are exact."""
SPREAD = 3.0
"""Errors of a row, in typical ones."""


def told_bends(known: KnownLayers, sweep: LineSweep) -> KnownBends:
    """Which bends of a swept line known neurons are, and the jump of the Jacobian at each.

    Args:
        known: Layers from the bottom up.
        sweep: In the same coordinates.
    """
    count, outputs, dim = len(sweep.bends), sweep.slopes.shape[1], known.dim
    mask, jumps, errors = np.zeros(count, dtype=np.bool_), np.zeros((count, outputs, dim)), np.zeros(count)
    if not count or not known.layers:
        return KnownBends(mask, jumps, errors)
    points = sweep.line.at(sweep.bends)
    allowed = AT * (sweep.line.scale + np.abs(sweep.bends)) + SIGMAS * sweep.bend_errors
    near, sure = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.bool_)
    normals, rough = np.zeros((count, dim)), np.zeros(count)
    for number, layer in enumerate(known.layers):
        below = known.below(number)
        own, beside, rows = _nearest(below, layer, points, sweep.line.direction, allowed)
        near += beside
        clear = (own >= 0) & _covered(below, layer, own, points)
        clear[clear] = ~_vague(layer)[own[clear]]
        sure |= clear
        normals[clear] = rows[clear]
        each = np.full(layer.width, layer.error) if layer.errors is None else layer.errors
        rough[clear] = SPREAD * np.hypot(below.error, each[own[clear]])
    length = np.linalg.norm(normals, axis=1)
    unit = normals / np.maximum(length, 1e-300)[:, np.newaxis]
    speed = unit @ sweep.line.direction
    mask = sure & (near == 1) & (np.abs(speed) > ACROSS * np.linalg.norm(sweep.line.direction))
    # J_after - J_before = jump normal^T, and the slopes along the line change by jump (normal . direction)
    jump = np.where(mask, 1 / np.where(mask, speed, 1.0), 0.0)[:, np.newaxis] * sweep.jumps
    jumps = jump[:, :, np.newaxis] * unit[:, np.newaxis]
    slope_errors = np.hypot(sweep.slope_errors[:-1], sweep.slope_errors[1:])
    errors[mask] = slope_errors[mask] / np.abs(speed[mask])
    errors *= np.abs(unit).max(axis=1)
    errors += mask * rough * np.abs(jump).max(axis=1)
    return KnownBends(mask, jumps, errors)


def _nearest(
    below: KnownLayers, layer: KnownLayer, points: FloatArray, direction: FloatArray, allowed: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """The neuron that crosses the line at each point (or -1), how many come near, and its gradient."""
    rows: FloatArray = layer.weights @ below.slopes(points)
    heights = below.offered(points)[:, :-1] @ layer.weights.T + layer.biases
    rate = np.abs(rows @ direction)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.where(rate > 0, np.abs(heights) / rate, np.inf) / allowed[:, np.newaxis]
    if not layer.width:
        return np.full(len(points), -1), np.zeros(len(points), dtype=np.int64), np.zeros(points.shape)
    best, every = np.argmin(away, axis=1), np.arange(len(points))
    own = np.where(away[every, best] < 1, best, -1)
    return own, (away < SURELY).sum(axis=1), rows[every, best]


def _vague(layer: KnownLayer) -> BoolArray:
    """Rows known so much worse than the layer's others that they are measured again wherever they are met."""
    if layer.errors is None:
        return np.zeros(layer.width, dtype=np.bool_)
    found: BoolArray = layer.errors > max(VAGUE * layer.error, EXACT)
    return found


def _covered(below: KnownLayers, layer: KnownLayer, own: IntArray, points: FloatArray) -> BoolArray:
    """Whether all that matters there is told of the layers below and of each point's neuron."""
    found = below.reliable(points)
    offered = below.offered(points)
    size = np.linalg.norm(offered, axis=1)
    for neuron in np.unique(own[own >= 0]):
        untold = layer.untold[neuron] if layer.untold else np.zeros((offered.shape[1], 0))
        at = own == neuron
        found[at] &= np.linalg.norm(offered[at] @ untold, axis=1) < MATTERS * size[at]
    return found
