"""One region: where some neurons are on and the others off, so that every lead is affine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.sensitivity.exact.least_distance import Nearest, nearest_change
from hingeline.sensitivity.exact.problem import FlipProblem


@dataclass(frozen=True, eq=False)
class Region:
    """The inequalities of a region and the leads in it.

    Attributes:
        rows: G, shape "w c", with G . change >= least inside.
        least: h, shape "w".
        slopes: Gradients of the leads, shape "r c".
        offsets: The leads at no change, if their affine maps held there, shape "r".
    """

    rows: FloatArray
    least: FloatArray
    slopes: FloatArray
    offsets: FloatArray

    def nearest_flip(self, problem: FlipProblem, rival: int, margin: float = 0.0) -> Nearest:
        """The smallest change in the region after which the lead over `rival` is at most -margin."""
        rows = np.vstack([self.rows, -self.slopes[rival]])
        return nearest_change(problem, rows, np.append(self.least, self.offsets[rival] + margin))


def region_at(problem: FlipProblem, change: FloatArray) -> Region:
    """The region that a change ("c") leads to."""
    values = problem.pre_activations(change[np.newaxis])
    return region_of(problem, [value[0] > 0 for value in values[:-1]])


def region_of(problem: FlipProblem, on: Sequence[BoolArray]) -> Region:
    """The region in which `on` tells for each layer which neurons are on ("w" each)."""
    slopes, offset = np.eye(problem.dim), np.zeros(problem.dim)
    rows, least = [np.zeros((0, problem.dim))], [np.zeros(0)]
    for weight, bias, pattern in zip(problem.weights[:-1], problem.biases[:-1], on, strict=True):
        slopes, offset = weight @ slopes, weight @ offset + bias
        side = np.where(pattern, 1.0, -1.0)
        rows.append(side[:, np.newaxis] * slopes)
        least.append(-side * offset)
        slopes, offset = slopes * pattern[:, np.newaxis], offset * pattern
    return Region(
        rows=np.vstack(rows),
        least=np.concatenate(least),
        slopes=problem.lead_rows @ problem.weights[-1] @ slopes,
        offsets=problem.lead_rows @ (problem.weights[-1] @ offset + problem.biases[-1])
        - problem.lead_offsets,
    )
