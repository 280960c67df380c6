"""Checks of a finished V against fresh boundary points: does each direction answer, how far is V tilted?

Remeasured: beside a fresh boundary point, a step along a direction of V must move the boundary by more than
the tilt of V could. A false direction does not.

Tilt: a long move w outside a tilted V moves the boundary by t = |w| (n.u) / (n.d), so t tells the part of the
normal outside V directly; over normals without preferred direction the mean of its square is the sum of the
squared principal angles over r.

Cost: 2 queries for each direction and point; about 100 for each point of the tilt.
Source: our own design.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray
from hingeline.subspace.complement import Complement
from hingeline.subspace.label_boundary import narrowed
from hingeline.subspace.label_candidates import Candidates
from hingeline.subspace.label_door import INSIDE, LabelDoor
from hingeline.subspace.label_offsets import find_offsets
from hingeline.subspace.laws import BoxLaw, FreeLaw

# A direction answers if it moves the boundary by so many times what the tilt explains.
_CLEAR = 30.0
# Length of moves that tell the tilt, as a share of |x|: normals change little on the way.
_LENGTH = 0.1
# The tilt is told down to so small a share of what is expected.
_FINE = 64
# Moves from each point.
_EACH = 4


def remeasured(
    door: LabelDoor, points: Candidates, complement: Complement, reach: float, blur: float
) -> BoolArray:
    """Which directions of V move the boundary at one of the points: "r".

    Args:
        door: Where to ask.
        points: Fresh boundary points.
        complement: V.
        reach: Length of the steps, input units.
        blur: Along the unit normal, input units.

    Cost: at most 2 queries for each direction and point, and narrowing the points.
    """
    slack = points.total * (_CLEAR * complement.tilt * reach + 8 * blur)
    crossings = narrowed(door, points.crossings, slack / 8)
    answered = np.zeros(complement.rank, dtype=np.bool_)
    for i in range(len(points)):
        asked = np.flatnonzero(~answered)
        if not len(asked):
            break
        lines = crossings.lines(i, reach * complement.found[:, asked].T)
        rows, off = np.arange(len(asked)), np.full(len(asked), slack[i])
        kept = (lines.sides(door, rows, -off) == INSIDE) & (lines.sides(door, rows, off) == -INSIDE)
        answered[asked[~kept]] = True
    return answered


def seen_tilt(
    door: LabelDoor,
    law: FreeLaw | BoxLaw,
    points: Candidates,
    complement: Complement,
    blur: float,
    rng: np.random.Generator,
) -> float:
    """Square root of the sum of the squared principal angles, as moves of the boundary tell it; nan if none.

    Args:
        door: Where to ask.
        law: How far moves may go.
        points: Fresh boundary points.
        complement: V and B.
        blur: Along the unit normal, input units.
        rng: Draws the moves.
    """
    outside = complement.rest.shape[1]
    if not len(points) or not complement.rank or not outside:
        return float("nan")
    crossings = narrowed(door, points.crossings, 0.0)
    directions = complement.directions(rng, _EACH * len(points))
    room = law.room(np.repeat(crossings.points, _EACH, axis=0), directions)
    lengths = np.minimum(room, _LENGTH * law.unit * float(np.sqrt(door.dim)))
    moves = (lengths[:, np.newaxis] * directions).reshape(len(points), _EACH, door.dim)
    total = np.repeat(points.total, _EACH)
    spread = total * (lengths * complement.tilt / np.sqrt(outside * complement.rank) + 4 * blur)
    offsets = find_offsets(door, crossings.all_lines(moves), spread, np.maximum(spread / _FINE, total * blur))
    # n.u of a random unit u among `outside` dimensions
    parts = offsets.at / (lengths * total) * np.sqrt(outside)
    known = offsets.known & (lengths > 0)
    return float(np.sqrt(complement.rank * np.mean(parts[known] ** 2))) if known.any() else float("nan")
