"""One region: where some neurons are on and the others off, so that every lead is affine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.sensitivity.exact.least_distance import Nearest, nearest_changes
from hingeline.sensitivity.exact.problem import FlipProblem


@dataclass(frozen=True, eq=False)
class Region:
    """The inequalities of a region and the leads in it; slopes are combinations of first-layer rows.

    Attributes:
        parts: Slopes of what is not negative inside, shape "w f".
        offsets: Its values at no change, shape "w".
        sizes: Size of what went into these, against rounding, shape "w".
        lead_parts: Slopes of the leads, shape "r f".
        lead_offsets: The leads at no change, if their affine maps held there, shape "r".
        lead_sizes: As `sizes`, shape "r".
    """

    parts: FloatArray
    offsets: FloatArray
    sizes: FloatArray
    lead_parts: FloatArray
    lead_offsets: FloatArray
    lead_sizes: FloatArray

    def leads(self, problem: FlipProblem, change: FloatArray) -> FloatArray:
        """The region's affine leads after a change ("c"), wherever it leads: "r"."""
        return self.lead_parts @ (problem.weights[0] @ change) + self.lead_offsets

    def lead_size(self, problem: FlipProblem, rival: int, unit: float) -> float:
        """Size of what goes into the lead over `rival` after changes of about `unit`, against rounding."""
        moved = unit * float(np.abs(self.lead_parts[rival]) @ problem.first_size)
        return float(self.lead_sizes[rival]) + moved

    def with_near_walls(self, problem: FlipProblem, change: FloatArray, most: int) -> Region:
        """The region without its walls that are far from `change` ("c"), so that at most `most` are left."""
        if len(self.parts) <= most:
            return self
        value = self.parts @ (problem.weights[0] @ change) + self.offsets
        steepness = np.abs(self.parts) @ problem.first_size
        distance = np.divide(value, steepness, where=steepness > 0, out=np.full_like(value, np.inf))
        near = np.sort(np.argpartition(distance, most)[:most])
        return replace(self, parts=self.parts[near], offsets=self.offsets[near], sizes=self.sizes[near])

    def nearest_flip(
        self,
        problem: FlipProblem,
        rival: int,
        unit: float,
        *,
        margin: float = 0.0,
        inset: float = 0.0,
        walls: bool = True,
        enough: float = np.inf,
    ) -> Nearest:
        """The smallest change in the region after which the lead over `rival` is at most -margin.

        Args:
            problem: The network around the input.
            rival: Place of the rival.
            unit: About the size of the answer.
            margin: How far below zero the lead shall be.
            inset: How far inside the walls, beside what goes into them.
            walls: Whether to stay in the region.
            enough: A bound that needs no improvement.
        """
        count = len(self.parts) if walls else 0
        parts = np.vstack([self.parts[:count], -self.lead_parts[rival]])
        inner = inset * self.sizes[:count] * self.parts[:count].any(axis=1)
        least = np.append(inner - self.offsets[:count], self.lead_offsets[rival] + margin)
        sizes = np.append(self.sizes[:count], self.lead_sizes[rival])
        given = problem.inequalities(parts[np.newaxis], least[np.newaxis], sizes[np.newaxis], unit)
        return nearest_changes(problem, given, unit, enough)


def region_at(problem: FlipProblem, change: FloatArray) -> Region:
    """The region that a change ("c") leads to."""
    values = problem.pre_activations(change[np.newaxis])
    return region_of(problem, [value[0] > 0 for value in values[:-1]])


def region_of(problem: FlipProblem, on: Sequence[BoolArray]) -> Region:
    """The region in which `on` tells for each layer which neurons are on ("w" each)."""
    first = len(problem.biases[0])
    slopes, offset, size = np.eye(first), problem.biases[0], problem.first_offset_size
    rows, values, sizes = [np.zeros((0, first))], [np.zeros(0)], [np.zeros(0)]
    for layer, pattern in enumerate(on[: problem.hidden]):
        side = np.where(pattern, 1.0, -1.0)
        rows.append(side[:, np.newaxis] * slopes)
        values.append(side * offset)
        sizes.append(size)
        slopes, offset, size = slopes * pattern[:, np.newaxis], offset * pattern, size * pattern
        weight, bias = problem.weights[layer + 1], problem.biases[layer + 1]
        slopes, offset, size = weight @ slopes, weight @ offset + bias, np.abs(weight) @ size + np.abs(bias)
    leads = problem.lead_rows
    return Region(
        parts=np.vstack(rows),
        offsets=np.concatenate(values),
        sizes=np.concatenate(sizes),
        lead_parts=leads @ slopes,
        lead_offsets=leads @ offset - problem.lead_offsets,
        lead_sizes=np.abs(leads) @ size + np.abs(problem.lead_offsets),
    )
