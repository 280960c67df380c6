"""Moves as long as an obfuscation's that leave the seen part alone: the log-ratio of two classes must stay.

They start between two classes, where a change of the log-ratio is seen best, and go as far as the domain
lets them: in a box to the point nearest to noise that has the same seen part. What the known error of the
span lets through is allowed for,

    leak^2 = |w|^2 / (d - k) * (sum over the directions of (slope times error)^2),

for a move w that lies anywhere outside the span. A move that is noticed is halved towards its larger change:
there a direction waits that was not seen.

Cost: about 25 queries for a move, 8 more where it is noticed.
Source: our design; box projection as in `obfuscate`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.subspace.box_projection import project_into_box
from hingeline.subspace.pair_door import PairDoor
from hingeline.subspace.pair_points import PairPoints, pair_points
from hingeline.subspace.screening import SIGMAS

# Moves in a free space go so many typical coordinates, per coordinate.
_FREE = 1.0
# Halvings of a move that was noticed.
_HALVINGS = 8
# Change of a log-ratio that is large where its end cannot be read.
_LARGE = 1.0


@dataclass(frozen=True, eq=False)
class PairMoves:
    """How the moves went."""

    quiet: int
    """Moves without effect since the last that had one."""
    loud: int
    """Moves that changed the log-ratio or the leading classes."""
    largest: float
    """Largest change of a log-ratio that could be read; nan if none could."""
    noticed: PairPoints
    """Where the noticed moves changed most."""

    def after(self, earlier: PairMoves | None) -> PairMoves:
        """These moves as the last of all: quiet ones add up until one is noticed."""
        return self if earlier is None or self.loud else replace(self, quiet=earlier.quiet + self.quiet)

    def spots(self, count: int) -> PairPoints:
        """The first few places where moves were noticed."""
        return PairPoints(self.noticed.points[:count], self.noticed.pairs[:count])


def pair_moves(
    door: PairDoor, basis: FloatArray, leak: float, rng: np.random.Generator, count: int
) -> PairMoves:
    """Move from points between classes, orthogonally to the span.

    Args:
        door: Where queries go.
        basis: Orthonormal columns, shape "d k".
        leak: Deviation of the change that the span's own error makes, per unit of length.
        rng: Draws starts and moves.
        count: Moves wanted.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: about 25 queries for each move, 8 more for one that is noticed.
    """
    starts = pair_points(door, rng, count)
    if not len(starts):
        return PairMoves(0, 0, float("nan"), starts)
    ends = _moved(door, basis, starts.points, rng)
    before, near = door.ratio(door.answers(starts.points), starts.pairs)
    after, far = door.ratio(door.answers(ends), starts.pairs)
    lengths = np.linalg.norm(ends - starts.points, axis=1)
    beneath = np.hypot(door.beneath(starts.points), door.beneath(ends))[:, 0]
    allowed = SIGMAS * np.sqrt(near[:, 0] ** 2 + far[:, 0] ** 2 + beneath**2 + (leak * lengths) ** 2)
    change = np.abs(after - before)[:, 0]
    # an unreadable end has left both classes: that is a change
    loud: BoolArray = ~(change <= allowed)
    last = int(np.flatnonzero(loud).max(initial=-1))
    spots = _changing(door, starts.points[loud], ends[loud], starts.pairs[loud])
    readable = change[np.isfinite(change)]
    largest = float(readable.max()) if len(readable) else float("nan")
    return PairMoves(len(loud) - last - 1, int(loud.sum()), largest, spots)


def _moved(door: PairDoor, basis: FloatArray, points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The far ends, shape "n d": the same seen part, the rest noise."""
    half = door.domain.half_width
    if np.isfinite(half):
        ends = project_into_box(basis, points, rng.uniform(-half, half, points.shape), (-half, half)).points
    else:
        moves = _FREE * door.bench.law.unit * rng.standard_normal(points.shape)
        ends = points + moves - (moves @ basis) @ basis.T
    excess = door.domain.excess(ends)
    # shorter towards the start, which keeps the move outside the span
    return points + (ends - points) * np.where(excess > 1, 1 - 1e-6, 1.0)[:, np.newaxis]


def _changing(door: PairDoor, start: FloatArray, end: FloatArray, pairs: IntArray) -> PairPoints:
    """Where on each segment the log-ratio changes, as far as it can be read."""
    if not len(start):
        return PairPoints(start, pairs)
    low, high = np.zeros(len(start)), np.ones(len(start))
    at_low = door.ratio(door.answers(start), pairs)[0][:, 0]
    at_high = door.ratio(door.answers(end), pairs)[0][:, 0]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        value = door.ratio(door.answers(start + middle[:, np.newaxis] * (end - start)), pairs)[0][:, 0]
        nearer = ~np.isfinite(value) | (np.abs(value - at_low) >= np.abs(at_high - value))
        # beyond what can be read the first large change will do
        nearer |= ~np.isfinite(at_high) & (np.abs(value - at_low) > _LARGE)
        high, at_high = np.where(nearer, middle, high), np.where(nearer, value, at_high)
        low, at_low = np.where(nearer, low, middle), np.where(nearer, at_low, value)
    places = start + ((low + high) / 2)[:, np.newaxis] * (end - start)
    return PairPoints(places, pairs)
