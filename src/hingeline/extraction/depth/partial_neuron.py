"""A neuron of the next layer as far as a set of bends tells it.

Its coefficients (a, b) over the channels below are known up to one scale and up to the directions that no
bend of the set has told; where those do not matter, the neuron can be predicted.

Source: null space of stacked views, specs on extraction, section 2, stage 4. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.known_layers import MATTERS
from hingeline.extraction.depth.views import Views

TOLD = 1e-6
"""Singular values of what a view adds, above which it tells a direction."""
UNTOLD = 1e-8
"""And below which it does not; in between nothing is concluded."""
NOTHING = 1e-9
"""A channel of which nothing is known lies in the untold directions to this."""


@dataclass(frozen=True, eq=False)
class PartialNeuron:
    """Coefficients with the directions that are not known."""

    theta: FloatArray
    """(a, b) of length one, orthogonal to `untold`, shape "c+1"."""
    untold: FloatArray
    """Orthonormal columns, shape "c+1 f"."""
    members: tuple[int, ...]
    """Views it was made from; the first is where it began."""

    @property
    def whole(self) -> bool:
        """True if every coefficient is known."""
        return self.untold.shape[1] == 0

    @property
    def told(self) -> BoolArray:
        """Which coefficients are known, the offset last: shape "c+1"."""
        share = np.linalg.norm(self.untold, axis=1)
        told: BoolArray = share < MATTERS
        return told

    @cached_property
    def told_weights(self) -> tuple[FloatArray, FloatArray]:
        """Channels of which anything is known (1 or 0, shape "c"), and what is not known of these: "c l"."""
        untold = self.untold[:-1]
        told = (np.linalg.norm(untold, axis=1) < 1 - NOTHING).astype(np.float64)
        left, size, _ = np.linalg.svd(untold * told[:, np.newaxis], full_matrices=False)
        return told, left[:, size > UNTOLD]

    def values(self, offered: FloatArray) -> FloatArray:
        """Z for channels "p c+1"."""
        return offered @ self.theta

    def covers(self, offered: FloatArray) -> BoolArray:
        """Points at which z is known, for channels "p c+1"."""
        if self.whole:
            return np.ones(len(offered), dtype=np.bool_)
        size = np.linalg.norm(offered, axis=1)
        covered: BoolArray = np.linalg.norm(offered @ self.untold, axis=1) < MATTERS * size
        return covered


def begun(views: Views, view: int) -> PartialNeuron:
    """What one view tells."""
    theta = views.solutions[view]
    untold = views.silent(view)
    return _normalised(theta, untold, (view,))


def merged(neuron: PartialNeuron, views: Views, more: Sequence[int]) -> PartialNeuron:
    """The neuron with further views."""
    members = (*neuron.members, *more)
    if neuron.whole:
        return PartialNeuron(neuron.theta, neuron.untold, members)
    rows = views.equations(np.asarray(more)).reshape(-1, len(neuron.theta))
    matrix, target = rows @ neuron.untold, -rows @ neuron.theta
    if len(matrix) > 2 * matrix.shape[1]:
        # many equations in few unknowns: those unknowns first
        turn, matrix = np.linalg.qr(matrix)
        target = turn.T @ target
    left, size, right = np.linalg.svd(matrix, full_matrices=True)
    kept = int((size > TOLD).sum())
    step = right[:kept].T @ ((left[:, :kept].T @ target) / size[:kept])
    return _normalised(neuron.theta + neuron.untold @ step, neuron.untold @ right[kept:].T, members)


def _normalised(theta: FloatArray, untold: FloatArray, members: tuple[int, ...]) -> PartialNeuron:
    if untold.shape[1]:
        theta = theta - untold @ (untold.T @ theta)
    length = float(np.linalg.norm(theta))
    return PartialNeuron(theta / max(length, 1e-300), untold, members)


@dataclass(frozen=True, eq=False)
class Match:
    """How views fit a neuron."""

    residual: FloatArray
    """What is left of their equations, shape "m"."""
    tells: FloatArray
    """New directions that each would tell, shape "m"."""
    spare: FloatArray
    """Equations left over to test the match, shape "m"."""
    clear: BoolArray
    """False where it cannot be said whether a direction is told, shape "m"."""


def matched(neuron: PartialNeuron, views: Views, candidates: IntArray) -> Match:
    """Try views (indices, "m") on a neuron."""
    rank = views.rank[candidates]
    if neuron.whole:
        none = np.zeros(len(candidates))
        residual = views.missed(candidates, neuron.theta)
        return Match(residual, none, rank - none, np.ones(len(candidates), dtype=np.bool_))
    rows = views.equations(candidates)
    target = -(rows @ neuron.theta)
    left, size, _ = np.linalg.svd(rows @ neuron.untold, full_matrices=False)
    told = size > TOLD
    part = np.einsum("mij,mi->mj", left, target) * told
    residual = np.linalg.norm(target - np.einsum("mij,mj->mi", left, part), axis=1)
    tells = told.sum(axis=1)
    clear = np.asarray(~((size > UNTOLD) & ~told).any(axis=1))
    return Match(residual, tells, rank - tells, clear)
