"""Which bends of a fresh line are told by what is known already, so that they need not be measured.

A neuron that was found bends a line where its layers say. So does the boundary seen at a single bend, if
what is known below moves in every dimension there: it is a hypothesis of a whole neuron, and a bend at the
very place where it predicts one confirms it without a gradient.

Cost: no queries; a predicted bend saves about four, an explained one a gradient. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.bends import KnownBends
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.probing.line import Line, LineSweep

PLACE = 1e-8
"""Bends are explained if they are where predicted to this fraction of scale + |t|."""
STEEP = 1e-3
"""Boundaries met flatter than this are measured: their place on the line is vague."""
ROUGH = 1e-9
"""Neurons whose unit row is less exact are measured again where they are met."""
VAGUE = 1e-10
"""Normals with a larger error are measured again where they are met."""


@dataclass(frozen=True, eq=False)
class Boundaries:
    """Neurons over the same known layers, as far as each is known."""

    below: KnownLayers
    thetas: FloatArray
    """Rows (a, b), shape "n c+1"."""
    untold: tuple[FloatArray, ...] = ()
    """Per neuron the directions not known; none: all are whole."""
    errors: FloatArray | None = None
    """Standard deviation of an entry of each unit row, shape "n"; None: as those below."""

    def crossings(self, line: Line) -> FloatArray:
        """Where each neuron crosses a line, where it is known: pairs (parameter, neuron), shape "p 2"."""
        if not len(self.thetas):
            return np.zeros((0, 2))
        edges = self.below.breaks(line)
        offered = self.below.offered(line.at(edges))
        z = offered @ self.thetas.T
        change = (z[:-1] * z[1:] < 0) & self._covered(offered)
        piece, neuron = np.nonzero(change)
        low, high = z[piece, neuron], z[piece + 1, neuron]
        t = edges[piece] - low * (edges[piece + 1] - edges[piece]) / (high - low)
        return np.stack([t, neuron.astype(np.float64)], axis=1)

    def gradients(self, points: FloatArray, neuron: FloatArray) -> FloatArray:
        """Gradient of one neuron at each point: "p r", "p" to "p r"."""
        rows = self.thetas[neuron.astype(np.int64), :-1]
        return np.einsum("pc,pcr->pr", rows, self.below.slopes(points))

    def _covered(self, offered: FloatArray) -> BoolArray:
        covered = np.ones((len(offered) - 1, len(self.thetas)), dtype=np.bool_)
        for index, columns in enumerate(self.untold):
            if columns.shape[1]:
                at = PartialNeuron(self.thetas[index], columns, ()).covers(offered)
                covered[:, index] = at[:-1] & at[1:]
        return covered


def of_layers(known: KnownLayers, errors: Sequence[FloatArray]) -> list[Boundaries]:
    """The neurons of all layers found, with the error of each."""
    found: list[Boundaries] = []
    for count, (layer, error) in enumerate(zip(known.layers, errors, strict=True)):
        thetas = np.concatenate([layer.weights, layer.biases[:, np.newaxis]], axis=1)
        found.append(Boundaries(known.below(count), thetas, layer.untold, error))
    return found


def predicted(sure: list[Boundaries], line: Line) -> FloatArray:
    """Parameters at which known neurons cross a line, ascending."""
    t = np.concatenate([np.zeros(0), *(one.crossings(line)[:, 0] for one in sure)])
    return np.unique(t[(t > line.low) & (t < line.high)])


def explained(boundaries: list[Boundaries], sweep: LineSweep) -> KnownBends:
    """Which bends of a swept line these neurons are, and the Jacobian jump at each.

    Args:
        boundaries: The surest first: what one explains is left to it.
        sweep: The line.
    """
    line, bends = sweep.line, sweep.bends
    mask = np.zeros(len(bends), dtype=np.bool_)
    jumps = np.zeros((len(bends), sweep.slopes.shape[1], len(line.origin)))
    errors = np.zeros(len(bends))
    for one in boundaries:
        pairs = one.crossings(line)
        if one.errors is not None:
            pairs = pairs[one.errors[pairs[:, 1].astype(np.int64)] < ROUGH]
        if not len(pairs) or not len(bends):
            continue
        at, near = _nearest(bends, pairs[:, 0], line)
        near &= ~mask[at]
        if not near.any():
            continue
        at, pairs = at[near], pairs[near]
        normals = one.gradients(line.at(bends[at]), pairs[:, 1])
        speed = normals @ line.direction
        steep = np.abs(speed) > STEEP * np.linalg.norm(normals, axis=1)
        for bend, normal, rate in zip(at[steep], normals[steep], speed[steep], strict=True):
            # J_after - J_before = (slope jump) normal^T / (normal . direction)
            mask[bend] = True
            jumps[bend] = np.outer(sweep.jumps[bend], normal / rate)
            slack = float(np.hypot(*sweep.slope_errors[bend : bend + 2]))
            errors[bend] = slack * float(np.abs(normal).max() / abs(rate))
            errors[bend] += one.below.error * float(np.abs(jumps[bend]).max())
    return KnownBends(mask, jumps, errors)


def only(chosen: BoolArray, told: KnownBends) -> tuple[BoolArray, KnownBends]:
    """What to ask for so that these bends are measured and no others: the bends, and what passes for known.

    A normal is the difference of the gradients on either side, so what lies next to a chosen bend must count
    as unknown too; its own normal then means nothing.

    Args:
        chosen: Bends to measure, shape "b".
        told: Which are explained.
    """
    beside = chosen.copy()
    beside[1:] |= chosen[:-1]
    beside[:-1] |= chosen[1:]
    return chosen, KnownBends(told.mask | ~(beside & ~told.mask), told.jumps, told.errors)


def _nearest(bends: FloatArray, t: FloatArray, line: Line) -> tuple[IntArray, BoolArray]:
    right = np.clip(np.searchsorted(bends, t), 0, len(bends) - 1)
    left = np.maximum(right - 1, 0)
    at = np.where(np.abs(bends[left] - t) < np.abs(bends[right] - t), left, right)
    near: BoolArray = np.abs(bends[at] - t) < PLACE * (line.scale + np.abs(t - line.centre))
    return at, near
