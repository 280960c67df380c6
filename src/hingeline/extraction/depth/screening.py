"""Which views cannot be a neuron's, from the channels of which both tell: before anything is decomposed.

A view tells a neuron's weights on the channels that move in its region, up to scale and to the few
combinations of them that do not move there. So does a neuron that grows, on more channels. Where both tell,
they must agree up to scale: in wide layers two regions have dozens of such channels, and nearly all views of
other neurons are left out by one small product each. The offset is not compared, which far out is inexact.

Source: ours. Cost: no queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.known_layers import chunks
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.views import Cells, Views

FEW_CHANNELS = 20
"""Below, views have few channels in common, and trying them costs little."""
LOOSE = 1e-5
"""Combinations of channels that move less than this, of the most, count as not told."""
MOST_LOOSE = 16
"""Regions with more of them are not compared."""
AT_ONCE = 256
"""Views compared at a time, those of which most is told first."""
APART = 1e-3
"""Part of a unit row, on the channels of which both tell, that another neuron's view misses."""
DOUBT = 1e-5
"""Errors of a view's unit row beyond which it is not compared."""
RIDGE = 1e-12
"""Keeps combinations that do not reach the common channels from being solved for."""
WEAK = 1e-8
"""Combinations of the common channels that differ less than this are not told apart."""


@dataclass(frozen=True, eq=False)
class _Weights:
    """What views tell of weights, in a form that is quickly compared."""

    moving: FloatArray
    """1 for each channel that moves, shape "v c"."""
    rows: FloatArray
    """Unit weights on these and the combinations that are not told, zeros added, shape "v c 1+l"."""
    loose: IntArray
    """How many those are, shape "v"."""
    clear: BoolArray
    """Views that are compared, shape "v"."""

    @classmethod
    def of(cls, views: Views) -> _Weights:
        """Of all views."""
        cells = views.cells
        largest = cells.size.max(axis=1, initial=0.0, keepdims=True)
        strong = cells.size > LOOSE * np.maximum(largest, 1e-300)
        loose = cells.moving.sum(axis=1) - strong.sum(axis=1)
        comparable = loose <= MOST_LOOSE
        untold = _untold(cells, strong, np.where(comparable, loose, 0))
        weights = np.where(strong, 1 / np.where(strong, cells.size, 1.0), 0.0)[views.cell] * views.units
        a = np.zeros((views.count, cells.rows.shape[2]))
        for part in chunks(views.count):
            a[part] = np.matmul(weights[part, np.newaxis], cells.rows[views.cell[part]])[:, 0]
        length = np.maximum(np.linalg.norm(a, axis=1), 1e-300)
        weakest = np.where(strong, cells.size, np.inf).min(axis=1, initial=np.inf)[views.cell]
        clear = comparable[views.cell] & (views.errors < DOUBT * weakest * length)
        rows = np.concatenate([(a / length[:, np.newaxis])[:, :, np.newaxis], untold[views.cell]], axis=2)
        return cls(cells.moving[views.cell].astype(np.float64), rows, loose[views.cell], clear)

    def missed(self, theta: FloatArray, own: FloatArray, told: FloatArray, views: IntArray) -> FloatArray:
        """Square of what the views leave of a neuron on the channels of which both tell: shape "m"."""
        most = 1 + int(self.loose[views].max(initial=0))
        common = self.moving[views] * told
        theirs = self.rows[views, :, :most] * told[:, np.newaxis]
        # least squares of theta by the untold of the neuron and all of the view, by normal equations: the
        # squared condition only lets more views pass
        count, mine = len(views), own.shape[1]
        normal = np.zeros((count, mine + most, mine + most))
        right = np.zeros((count, mine + most))
        if mine:
            pairs = (own[:, :, np.newaxis] * own[:, np.newaxis]).reshape(len(own), -1)
            normal[:, :mine, :mine] = (common @ pairs).reshape(count, mine, mine)
            across = np.matmul(own.T, theirs)
            normal[:, :mine, mine:] = across
            normal[:, mine:, :mine] = across.transpose(0, 2, 1)
            right[:, :mine] = common @ (own * theta[:, np.newaxis])
        normal[:, mine:, mine:] = np.matmul(theirs.transpose(0, 2, 1), theirs)
        right[:, mine:] = np.matmul(theta, theirs)
        diagonal = np.arange(mine + most)
        normal[:, diagonal, diagonal] += RIDGE
        solution = np.linalg.solve(normal, right[:, :, np.newaxis])[:, :, 0]
        return np.asarray(common @ theta**2 - (right * solution).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Screen:
    """Compares views with neurons, where that is worth it."""

    views: Views

    def possible(self, neuron: PartialNeuron, views: IntArray) -> BoolArray:
        """Which of some views do not contradict a neuron: shape "m"."""
        found = np.ones(len(views), dtype=np.bool_)
        if neuron.whole or len(neuron.theta) < FEW_CHANNELS:
            return found
        told, own = neuron.told_weights
        if own.shape[1] > MOST_LOOSE:
            return found
        weights = self._weights
        # with no more channels in common than unknowns nothing can be contradicted
        common = weights.moving[views] @ told
        compared = np.nonzero(weights.clear[views] & (common > own.shape[1] + weights.loose[views] + 1))[0]
        compared = compared[np.argsort(weights.loose[views[compared]], kind="stable")]
        for part in chunks(len(compared), AT_ONCE):
            some = compared[part]
            missed = weights.missed(neuron.theta[:-1] * told, own, told, views[some])
            found[some] = missed < APART**2
        return found

    @cached_property
    def _weights(self) -> _Weights:
        return _Weights.of(self.views)


def _untold(cells: Cells, strong: BoolArray, loose: IntArray) -> FloatArray:
    """Combinations of the moving channels that do not move, or hardly: orthonormal columns, "q c l"."""
    found = np.zeros((*cells.moving.shape, int(loose.max(initial=0))))
    for cell in np.nonzero(loose)[0]:
        on = np.nonzero(cells.moving[cell])[0]
        rows = cells.rows[cell][strong[cell]][:, on]
        full = np.linalg.qr(rows.T, mode="complete")[0]
        found[cell, on[:, np.newaxis], np.arange(loose[cell])] = full[:, len(rows) :]
    return found


def differ(one: PartialNeuron, other: PartialNeuron) -> bool:
    """Whether two neurons contradict each other on the channels of which both tell."""
    if len(one.theta) < FEW_CHANNELS:
        return False
    (told, mine), (also, theirs) = one.told_weights, other.told_weights
    common = told * also > 0
    rows = np.concatenate([mine, theirs, other.theta[:-1, np.newaxis]], axis=1)[common]
    if len(rows) <= rows.shape[1]:
        return False
    wanted = one.theta[:-1][common]
    missed = wanted - rows @ np.linalg.lstsq(rows, wanted, rcond=WEAK)[0]
    return bool(np.linalg.norm(missed) > APART)
