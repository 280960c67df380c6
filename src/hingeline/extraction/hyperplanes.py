"""The hyperplanes of a layer as lines reveal them, one set that grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.bends import KnownBends, MeasuredLine
from hingeline.probing.line import Line, LineSweep

VAGUE = 3e-3
"""A unit row that is off by more than this is measured again where it is met in a wider gap."""


ROUGH = 1e-6
"""Error of the distance of two unit vectors as their cosine tells it: 1.5e-8 times some roundings."""
MOST_NUMBERS = 2**24
"""Numbers that are compared at a time."""


@dataclass(frozen=True, eq=False)
class Hyperplanes:
    """Zero sets of neurons, each with a point where it was seen."""

    normals: FloatArray
    """Unit rows in any orientation, shape "n d"."""
    offsets: FloatArray
    """Shape "n"."""
    jumps: FloatArray
    """Output change per unit of pre-activation where each was seen, shape "n k"."""
    errors: FloatArray
    """Standard deviation of a normal's entry, shape "n"."""
    witnesses: FloatArray
    """Points on them, shape "n d"."""

    @property
    def count(self) -> int:
        """How many."""
        return len(self.offsets)

    @classmethod
    def from_line(cls, line: MeasuredLine, chosen: BoolArray) -> Hyperplanes:
        """Those of a measured line's bends that are `chosen` (shape "b")."""
        witnesses = line.sweep.line.at(line.sweep.bends)
        return cls(
            line.normals[chosen], line.offsets[chosen], line.jumps[chosen], line.errors[chosen],
            witnesses[chosen],
        )  # fmt: skip

    def select(self, chosen: BoolArray) -> Hyperplanes:
        """A subset."""
        return Hyperplanes(
            self.normals[chosen], self.offsets[chosen], self.jumps[chosen], self.errors[chosen],
            self.witnesses[chosen],
        )  # fmt: skip

    @property
    def vague(self) -> BoolArray:
        """Which of them are so uncertain that they deserve to be measured again, shape "n"."""
        return self.errors * np.sqrt(self.normals.shape[1]) > VAGUE

    def join(self, other: Hyperplanes, *, better: bool = False) -> Hyperplanes:
        """Both sets; hyperplanes of `other` that are here already are left out.

        Args:
            other: What was measured since.
            better: Let the more precise of two measurements of one hyperplane take its place.
        """
        if better:
            return self._improved(other).join(other)
        fresh = other.select(~self.holds(other))
        return Hyperplanes(
            np.concatenate([self.normals, fresh.normals]),
            np.concatenate([self.offsets, fresh.offsets]),
            np.concatenate([self.jumps, fresh.jumps]),
            np.concatenate([self.errors, fresh.errors]),
            np.concatenate([self.witnesses, fresh.witnesses]),
        )

    def _improved(self, other: Hyperplanes) -> Hyperplanes:
        """These, where `other` has the same hyperplane with a smaller error as measured there."""
        order = np.arange(self.count)
        pool = [*range(self.count)]
        for j in order:
            same = np.nonzero(self.select(order == j).holds(other))[0]
            if len(same) and other.errors[same].min() < self.errors[j]:
                pool[j] = self.count + int(same[np.argmin(other.errors[same])])
        pick = np.array(pool, dtype=np.int64)
        return Hyperplanes(
            np.concatenate([self.normals, other.normals])[pick],
            np.concatenate([self.offsets, other.offsets])[pick],
            np.concatenate([self.jumps, other.jumps])[pick],
            np.concatenate([self.errors, other.errors])[pick],
            np.concatenate([self.witnesses, other.witnesses])[pick],
        )

    def holds(self, other: Hyperplanes) -> BoolArray:
        """Which of `other` lie on one of these within the errors of both."""
        if not self.count or not other.count:
            return np.zeros(other.count, dtype=np.bool_)
        cosine = other.normals @ self.normals.T
        sign = np.where(cosine < 0, -1.0, 1.0)
        shift = np.abs(other.offsets[:, np.newaxis] - sign * self.offsets)
        root = np.sqrt(self.normals.shape[1])
        slack = 1e-9 + 20 * root * (other.errors[:, np.newaxis] + self.errors)
        reach = 1 + np.linalg.norm(other.witnesses, axis=1)[:, np.newaxis]
        same = np.zeros(other.count, dtype=np.bool_)
        # |a - b|^2 = 2 - 2 cos has half the digits: only of what may be near it is taken number by number
        rough = np.sqrt(np.maximum(2 - 2 * np.abs(cosine), 0.0))
        i, j = np.nonzero((rough < slack + ROUGH) & (shift < slack * reach))
        step = max(1, MOST_NUMBERS // self.normals.shape[1])
        for start in range(0, len(i), step):
            pairs = slice(start, start + step)
            a, b = i[pairs], j[pairs]
            apart = other.normals[a] - sign[a, b][:, np.newaxis] * self.normals[b]
            same[a[np.linalg.norm(apart, axis=1) < slack[a, b]]] = True
        return same

    def room(self, points: FloatArray) -> FloatArray:
        """Distance of each point ("p d") from the nearest hyperplane: "p"."""
        return np.asarray(np.abs(points @ self.normals.T + self.offsets).min(axis=1))

    def certainty(self, points: FloatArray) -> FloatArray:
        """Least distance of each point ("p d") from a hyperplane, in deviations of that distance: "p"."""
        heights = np.abs(points @ self.normals.T + self.offsets)
        levers = np.stack([np.linalg.norm(points - witness, axis=1) for witness in self.witnesses], axis=1)
        return (heights / (self.errors * levers + 1e-300)).min(axis=1, initial=np.inf)

    def crossings(self, line: Line) -> FloatArray:
        """Parameter at which each hyperplane meets `line`, shape "n"; inf if parallel."""
        with np.errstate(divide="ignore", invalid="ignore"):
            t = -(self.normals @ line.origin + self.offsets) / (self.normals @ line.direction)
        return np.where(np.isfinite(t), t, np.inf)

    def explain(self, sweep: LineSweep, *, same_jumps: bool) -> KnownBends:
        """Which bends of a swept line these hyperplanes are, and the Jacobian jump at each.

        Args:
            sweep: The line.
            same_jumps: True if a neuron's output jump is the same wherever it is met (it feeds the output
                directly), so that the stored one holds; else it is read off the line's slopes.
        """
        mask = np.zeros(len(sweep.bends), dtype=np.bool_)
        jumps = np.zeros((len(sweep.bends), sweep.slopes.shape[1], self.normals.shape[1]))
        errors = np.zeros(len(sweep.bends))
        planes = np.full(len(sweep.bends), -1)
        if not self.count or not len(sweep.bends):
            return KnownBends(mask, jumps, errors, planes)
        t = self.crossings(sweep.line)
        speed = self.normals @ sweep.line.direction
        reach = np.linalg.norm(sweep.line.origin) + np.abs(np.where(np.isfinite(t), t, 0.0))
        # position error: the normal's error over the distance, seen along the line
        root = np.sqrt(self.normals.shape[1])
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = 1e-7 * sweep.line.scale + 60 * self.errors * reach * root / np.abs(speed)
            gaps = np.abs(sweep.bends - t[:, np.newaxis])
        allowed = slack[:, np.newaxis] + 20 * sweep.bend_errors
        used = np.zeros(self.count, dtype=np.bool_)
        # closest pairs first, each hyperplane and each bend once: neighbours must not steal each other's
        plane, bend = np.nonzero(gaps <= allowed)
        for index in np.argsort(gaps[plane, bend]):
            j, i = int(plane[index]), int(bend[index])
            if used[j] or mask[i]:
                continue
            used[j] = mask[i] = True
            planes[i] = j
            # J_after - J_before = jump normal^T along the normal; jump = (slope jump) / (normal . direction)
            if same_jumps:
                jump, jump_error = (
                    self.jumps[j] * np.sign(speed[j]),
                    self.errors[j] * np.abs(self.jumps[j]).max(),
                )
            else:
                jump = sweep.jumps[i] / speed[j]
                jump_error = float(np.hypot(*sweep.slope_errors[i : i + 2])) / abs(speed[j])
            jumps[i] = np.outer(jump, self.normals[j])
            errors[i] = jump_error * np.abs(self.normals[j]).max() + self.errors[j] * np.abs(jump).max()
        return KnownBends(mask, jumps, errors, planes)
