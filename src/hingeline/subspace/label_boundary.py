"""Points on the boundary between two labels, found by halving segments.

Cost: one query for each halving and segment.
Source: our own design.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.subspace.label_door import INSIDE, LabelDoor
from hingeline.subspace.label_offsets import Lines

# Halvings after which a segment of typical length is at the last bit of a float64.
_MOST_HALVINGS = 80
# Distances asked between each and its double, at both sides.
_PER_SIZE = 4


@dataclass(frozen=True, eq=False)
class Crossings:
    """Short pieces of lines, each with one label at its start and another at its end."""

    start: FloatArray
    """Shape "m d"."""
    across: FloatArray
    """Unit direction, shape "m d"."""
    low: FloatArray
    """Distance from `start` that still has the label of the start, shape "m"."""
    high: FloatArray
    """Distance that has the other, shape "m"."""
    inside: IntArray
    """Label at `low`, shape "m"."""
    outside: IntArray
    """Label at `high`, shape "m"."""

    def __len__(self) -> int:
        return len(self.low)

    @property
    def points(self) -> FloatArray:
        """The middles, "m d"."""
        return self.start + ((self.low + self.high) / 2)[:, np.newaxis] * self.across

    @property
    def width(self) -> FloatArray:
        """How precisely the boundary is known along the line, input units, "m"."""
        return self.high - self.low

    def only(self, rows: IntArray | BoolArray) -> Crossings:
        """Some of them."""
        return Crossings(
            self.start[rows],
            self.across[rows],
            self.low[rows],
            self.high[rows],
            self.inside[rows],
            self.outside[rows],
        )

    def lines(self, row: int, steps: FloatArray) -> Lines:
        """Lines parallel to the `row`-th one, moved by `steps`: "m d"."""
        count = len(steps)
        return Lines(
            self.points[row] + steps,
            self.across[[row]],
            np.full(count, self.inside[row]),
            np.full(count, self.outside[row]),
        )

    def all_lines(self, steps: FloatArray) -> Lines:
        """Lines parallel to each, moved by its own steps: "m s d" to m s lines."""
        each = steps.shape[1]
        return Lines(
            (self.points[:, np.newaxis] + steps).reshape(-1, self.start.shape[1]),
            np.repeat(self.across, each, axis=0),
            np.repeat(self.inside, each),
            np.repeat(self.outside, each),
        )


def segments(points: FloatArray, labels: IntArray, count: int, rng: np.random.Generator) -> Crossings:
    """At most `count` segments between points of different labels; each point is used once."""
    starts, ends = _pairs(labels, rng)
    starts, ends = starts[:count], ends[:count]
    across = points[ends] - points[starts]
    lengths = np.linalg.norm(across, axis=1)
    usable = lengths > 0
    starts, ends, lengths, across = starts[usable], ends[usable], lengths[usable], across[usable]
    return Crossings(
        points[starts],
        across / lengths[:, np.newaxis],
        np.zeros(len(starts)),
        lengths,
        labels[starts],
        labels[ends],
    )


def narrowed(door: LabelDoor, crossings: Crossings, width: FloatArray | float) -> Crossings:
    """The same crossings known to `width` (or to the last bit), where a third label takes over the outside.

    The start is moved along, so that distances are short and keep their digits.

    Cost: log2(present width / width) queries for each.
    """
    moved = crossings.start + crossings.low[:, np.newaxis] * crossings.across
    low, high = np.zeros(len(crossings)), crossings.high - crossings.low
    outside = crossings.outside.copy()
    floor = np.maximum(width, door.epsilon * 2.0**-4 * np.linalg.norm(moved, axis=1))
    for _ in range(_MOST_HALVINGS):
        rows = np.flatnonzero(high - low > floor)
        if not len(rows):
            break
        middle = (low[rows] + high[rows]) / 2
        points = moved[rows] + middle[:, np.newaxis] * crossings.across[rows]
        labels = door.labels(points)
        same = labels == crossings.inside[rows]
        low[rows[same]] = middle[same]
        high[rows[~same]] = middle[~same]
        outside[rows[~same]] = labels[~same]
    return replace(crossings, start=moved, low=low, high=high, outside=outside)


def blur(door: LabelDoor, crossings: Crossings, row: int) -> float:
    """Distance from a boundary point within which rounding decides the label, input units along the line.

    Asks at both sides at distances that double from the last bit of the point; the largest distance about
    which more than one label of 8 was wrong, doubled, or the last bit. A single one may be noise.

    Cost: 8 queries for each of 24 distances.
    """
    point, across = crossings.points[row], crossings.across[row]
    least = door.epsilon * 2.0**-4 * float(np.linalg.norm(point))
    # 2^20 last bits: far above any rounding, far below the size of a region
    sizes = least * 2.0 ** np.arange(24)
    distances = (sizes[:, np.newaxis] * (1 + np.arange(_PER_SIZE) / _PER_SIZE)).ravel()
    lines = crossings.lines(row, np.zeros((len(distances), len(across))))
    rows = np.arange(len(distances))
    sides = np.concatenate([lines.sides(door, rows, -distances), -lines.sides(door, rows, distances)])
    right = (sides == INSIDE).reshape(2, len(sizes), _PER_SIZE).swapaxes(0, 1).reshape(len(sizes), -1)
    wrong = np.sum(~right, axis=1) > 1
    return 2 * max(least, 2 * float(sizes[wrong].max(initial=0.0)))


def _pairs(labels: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Positions of pairs with different labels, each position used once."""
    order = rng.permutation(len(labels))
    starts: list[int] = []
    ends: list[int] = []
    waiting: list[int] = []
    for i in order:
        partner = next((j for j in waiting if labels[j] != labels[i]), None)
        if partner is None:
            waiting.append(int(i))
        else:
            waiting.remove(partner)
            starts.append(partner)
            ends.append(int(i))
    return np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)
