"""A neuron's coefficients from all its bends at once, each weighted by how precisely it was measured.

A bend's place is known to the last digits even where its normal is not; places from many regions pin the
row better than any normal. Errors come from the same weighted equations.

Source: pooled equations, specs on reverse engineering 7.3 (re-solve rows from what is pooled); the use of
places is ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.views import Views
from hingeline.numerics.tolerances import EPSILON

STRAY = 1e-3
"""A solution farther from what the neuron grew from is another one's."""
TINY = 1e-30
OUTLIER = 30.0
"""Equations missed by so many times the typical residual are left out."""
PASSES = 3
"""Times that outliers are looked for."""


@dataclass(frozen=True, eq=False)
class Refit:
    """The neuron and how exactly it is known."""

    neuron: PartialNeuron
    errors: FloatArray
    """Standard deviation of each coefficient of the unit vector (a, b), shape "c+1"."""
    misfit: float
    """Root mean square of the residuals in deviations; at least one."""

    def surer_than(self, other: Refit) -> bool:
        """Whether its coefficients are known better."""
        return bool(np.median(self.errors) < np.median(other.errors))


def refitted(
    neuron: PartialNeuron,
    views: Views,
    record: Record,
    known: KnownLayers,
    hits: Sequence[tuple[int, int]],
) -> Refit:
    """Solve again with weights.

    Args:
        neuron: Made from views, known to some digits.
        views: Where its members come from.
        record: All lines.
        known: The layers below.
        hits: Its bends, also those whose normal was not measured.
    """
    theta = neuron.theta
    basis = _complement(neuron.untold)
    rows, weights = _normal_equations(neuron, views, record, known.error)
    places, certain = _place_equations(theta, record, known, hits)
    matrix = np.concatenate([rows * weights[:, np.newaxis], places * certain[:, np.newaxis]])
    keep = np.ones(len(matrix), dtype=np.bool_)
    singular, right = np.zeros(0), np.zeros((0, basis.shape[1]))
    solution, residual = theta, np.zeros(len(matrix))
    for _ in range(PASSES):
        # of many equations, first a triangle with the same squares: it decomposes faster
        some = matrix[keep] @ basis
        some = np.linalg.qr(some, mode="r") if len(some) > 2 * some.shape[1] else some
        singular, right = np.linalg.svd(some, full_matrices=False)[1:]
        solution = basis @ right[-1]
        residual = np.abs(matrix @ solution)
        typical = max(1.0, float(np.sqrt(np.mean(residual[keep] ** 2))))
        outside = residual > OUTLIER * typical
        if not (outside & keep).any() or (keep & ~outside).sum() < basis.shape[1]:
            break
        keep &= ~outside
    if solution @ theta < 0:
        solution, right = -solution, -right
    spare = max(1, int(keep.sum()) - basis.shape[1] + 1)
    misfit = max(1.0, float(np.sqrt((residual[keep] ** 2).sum() / spare)))
    if len(singular) < basis.shape[1] or len(singular) < 2:
        return Refit(neuron, np.full(len(theta), 1e-6), 1.0)
    moved = float(np.linalg.norm(solution - theta))
    if moved > STRAY:
        # not pinned by its own equations: rather what it grew from
        return Refit(neuron, np.full(len(theta), moved), misfit)
    inverse = 1 / np.maximum(singular[:-1], TINY)
    errors = misfit * np.linalg.norm(basis @ (right[:-1].T * inverse), axis=1) + EPSILON
    return Refit(PartialNeuron(solution, neuron.untold, neuron.members), errors, misfit)


def _complement(untold: FloatArray) -> FloatArray:
    """Orthonormal columns of what is told."""
    size, lost = untold.shape
    if not lost:
        return np.eye(size)
    return np.asarray(np.linalg.svd(untold, full_matrices=True)[0][:, lost:])


def _normal_equations(
    neuron: PartialNeuron, views: Views, record: Record, below: float
) -> tuple[FloatArray, FloatArray]:
    """Direction equations of the members and one over their errors."""
    chosen = [view for view in neuron.members if view >= 0]
    chosen = np.array(chosen, dtype=np.int64)
    rows = views.equations(chosen)[:, :-1]
    # an error e of a unit normal turns into |D^T a| e, and rows were scaled by D's largest singular value
    size = views.speeds(chosen, neuron.theta)
    error = np.hypot(record.errors[views.bends[chosen]], below) * size + EPSILON
    weights = np.repeat(1 / error, rows.shape[1])
    return rows.reshape(-1, rows.shape[2]), weights


def _place_equations(
    theta: FloatArray, record: Record, known: KnownLayers, hits: Sequence[tuple[int, int]]
) -> tuple[FloatArray, FloatArray]:
    """One equation per bend: z = 0 there."""
    places = np.zeros((len(hits), 3, known.dim))
    for index, (number, bend) in enumerate(hits):
        observed = record.lines[number]
        t = observed.bends[bend]
        step = max(observed.bend_errors[bend], EPSILON * (observed.line.scale + abs(t)))
        places[index] = observed.line.at(np.array([t, t - step, t + step]))
    near = known.offered(places.reshape(-1, known.dim)).reshape(len(hits), 3, len(theta))
    size = np.linalg.norm(near[:, 0], axis=1)
    heights = near @ theta
    moved = np.abs(heights[:, 1:] - heights[:, :1]).max(axis=1)
    return near[:, 0] / size[:, np.newaxis], 1 / (moved / size + EPSILON + known.error)
