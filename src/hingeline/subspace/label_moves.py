"""Long moves outside V along the boundary: what is not moved by any of them is all there is.

Two points just either side of the boundary, moved together by w orthogonal to V, keep their labels if the
normals all along the way lie in V. One wrong label shows a direction not seen yet, however far away it acts:
2 queries for a whole segment. The same test finds what nearby slopes do not show (half-dead networks): the
segment is halved, each time keeping the half over which the boundary moves more.

Cost: 2 queries for each move; about 150 to follow one that shows something.
Source: our own design; the invariance is the definition of the functional span.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.subspace.complement import Complement
from hingeline.subspace.label_boundary import Crossings, narrowed
from hingeline.subspace.label_candidates import Candidates
from hingeline.subspace.label_door import INSIDE, LabelDoor
from hingeline.subspace.label_offsets import find_offsets
from hingeline.subspace.laws import BoxLaw, FreeLaw

# Halvings of a move that showed something: pieces of a boundary are longer than 1e-3 of a long move.
_HALVINGS = 10
# Offsets are searched up to this share of the length of the move; beyond, the boundary counts as gone.
_BROAD = 0.25


@dataclass(frozen=True, eq=False)
class Moves:
    """Moves from boundary points."""

    crossings: Crossings
    """Where each starts, shape "m"."""
    moves: FloatArray
    """Shape "m d"."""
    slack: FloatArray
    """Distance of the two points from the boundary, input units, shape "m"."""
    shown: BoolArray
    """Whether a label changed, shape "m"."""


def try_moves(
    door: LabelDoor,
    law: FreeLaw | BoxLaw,
    points: Candidates,
    complement: Complement,
    each: int,
    blur: float,
    rng: np.random.Generator,
) -> Moves:
    """Move pairs of points about the boundary by long random moves outside V.

    The pair stands off by what the estimated tilt of V moves the boundary at most, and by rounding.

    Args:
        door: Where to ask.
        law: How far moves may go.
        points: Boundary points.
        complement: V and B.
        each: Moves from each point.
        blur: Relative blur of the boundary, see `label_scene`.
        rng: Draws the moves.

    Cost: 2 queries for each move, and what it takes to narrow the points.
    """
    directions = complement.directions(rng, each * len(points))
    start = np.repeat(points.crossings.points, each, axis=0)
    # long moves see the most; shorter ones may see what far away is dead
    lengths = law.room(start, directions) * np.exp(rng.uniform(np.log(0.1), 0.0, len(start)))
    total = np.repeat(points.total, each)
    scale = law.unit * float(np.sqrt(door.dim))
    slack = total * (
        2 * complement.tilt * lengths + 8 * blur * (1 + (lengths + np.linalg.norm(start, axis=1)) / scale)
    )
    nearest = slack.reshape(-1, each).min(axis=1)
    crossings = narrowed(door, points.crossings, nearest / 4)
    repeated = crossings.only(np.repeat(np.arange(len(points)), each))
    moves = lengths[:, np.newaxis] * directions
    lines = repeated.all_lines(moves[:, np.newaxis])
    rows = np.arange(len(moves))
    kept = (lines.sides(door, rows, -slack) == INSIDE) & (lines.sides(door, rows, slack) == -INSIDE)
    return Moves(repeated, moves, slack, ~kept)


def follow(door: LabelDoor, moves: Moves, row: int) -> Crossings | None:
    """A boundary point on the way of a move that showed something, where the boundary turns.

    Returns:
        One crossing; None if the boundary is lost.
    """
    move, across = moves.moves[row], moves.crossings.across[[row]]
    reach = _BROAD * float(np.linalg.norm(move))
    shares, offsets = [0.0, 1.0], [0.0, _offset(door, moves, row, 1.0, reach)]
    for _ in range(_HALVINGS):
        middle = (shares[0] + shares[1]) / 2
        at = _offset(door, moves, row, middle, reach)
        first = abs(at - offsets[0]) >= abs(offsets[1] - at)
        shares, offsets = (
            ([shares[0], middle], [offsets[0], at]) if first else ([middle, shares[1]], [at, offsets[1]])
        )
    best = 0 if abs(offsets[0]) < reach else 1
    if abs(offsets[best]) >= reach:
        return None
    start = moves.crossings.points[row] + shares[best] * move + offsets[best] * across[0]
    return _bracketed(door, moves.crossings.only(np.array([row])), start, moves.slack[row])


def _offset(door: LabelDoor, moves: Moves, row: int, share: float, reach: float) -> float:
    """Where the boundary lies after a share of a move; +-reach where it is not found."""
    lines = moves.crossings.lines(row, share * moves.moves[[row]])
    slack = moves.slack[row]
    sides = lines.sides(door, np.zeros(2, dtype=np.int64), np.array([-slack, slack]))
    if sides[0] == INSIDE and sides[1] == -INSIDE:
        return 0.0
    found = find_offsets(door, lines, np.array([reach / 8]), np.array([slack]))
    if not found.known[0] or abs(found.at[0]) >= reach:
        return reach if sides[0] == INSIDE else -reach
    return float(found.at[0])


def _bracketed(door: LabelDoor, like: Crossings, start: FloatArray, slack: float) -> Crossings | None:
    """A crossing about `start`, or None if labels there do not differ."""
    ends = start + np.array([[-2.0], [2.0]]) * slack * like.across
    if not door.holds(ends).all():
        return None
    labels = door.labels(ends)
    if labels[0] == labels[1]:
        return None
    zero = np.zeros(1)
    return Crossings(ends[:1], like.across, zero, zero + 4 * slack, labels[:1], labels[1:])
