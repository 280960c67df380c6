"""The step with which a gradient is measured: as long as most columns of a few stay straight.

Noise of a derivative falls with the step, kinks grow with it. A Jacobian mends a few bent columns itself but
gives a point up where many bend, which costs 2 d queries; a few columns tell beforehand.

Cost: 2 queries for each of 12 columns and each step tried, usually one or two.
Source: our design.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.pair_door import ClassPair, PairDoor
from hingeline.subspace.screening import SIGMAS

# Columns tried, and how many of them may bend.
_COLUMNS = 12
_BENT = 1
# Longest step in typical coordinates, and how often it is halved.
_LONGEST = 1.2
_HALVINGS = 8
# Share of the room up to the edge of the domain.
_ROOM = 0.99


def fitting_step(door: PairDoor, ratio: ClassPair, point: FloatArray, rng: np.random.Generator) -> float:
    """A step for the differences around `point`; 0 if none leaves them straight.

    Args:
        door: Knows the domain.
        ratio: The log-ratio that is differentiated.
        point: Shape "d".
        rng: Draws the columns.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 24 queries for each step tried.
    """
    room = _ROOM * float(door.domain.margin(point[np.newaxis])[0])
    step = min(_LONGEST * door.bench.law.unit, room)
    columns = np.eye(door.dim)[rng.permutation(door.dim)[:_COLUMNS]]
    for _ in range(_HALVINGS):
        taken = ratio.step(step)
        if taken > room:
            step /= 2
            continue
        values, sigma = ratio.ask(
            point + taken * np.concatenate([np.zeros((1, door.dim)), columns, -columns])
        )
        ahead, behind = np.split(values[1:, 0], 2)
        near, far = np.split(sigma[1:, 0], 2)
        second = np.abs(ahead + behind - 2 * values[0, 0])
        straight = second <= SIGMAS * np.sqrt(near**2 + far**2 + 4 * sigma[0, 0] ** 2)
        if int(np.sum(~straight)) <= _BENT:
            return taken
        step /= 2
    return 0.0
