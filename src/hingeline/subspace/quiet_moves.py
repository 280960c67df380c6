"""Long moves outside the span that must change nothing, through noise.

A move tests a whole segment where a gradient tests a point. A change counts where it exceeds the noise of
both ends and what the error of the span lets through, |w| |gradient| angle; what is smaller is not claimed.
Where inputs lie on a grid a move is rounded to it, and |V^T w| |gradient| is let through as well.

Cost: 2 queries for each move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.subspace.noisy_door import NoisyDoor
from hingeline.subspace.screening import SIGMAS

# Shortest move as a share of the room.
_SHORTEST = 0.1
# Times the estimated leak that is still taken for one.
_LEAK = 3.0
# Fewest moves, and their share of the price, where no number is given.
_FEWEST = 60
_PRICE = 0.01


@dataclass(frozen=True)
class QuietMoves:
    """How the moves went."""

    quiet: int
    """Moves without effect since the last that had one."""
    loud: int
    """Moves that changed an answer."""


def quiet_moves(
    door: NoisyDoor, basis: FloatArray, angle: float, slope: float, rng: np.random.Generator
) -> QuietMoves:
    """Ask the ends of long moves orthogonal to the span.

    Args:
        door: Where queries go.
        basis: Orthonormal columns, shape "d k".
        angle: Their estimated error, radians.
        slope: Largest gradient met, output units per input unit.
        rng: Draws starts, directions and lengths.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 2 queries for each move; about 1 % of what was spent before, at least 120 queries.
    """
    law, count = door.bench.law, move_count(door)
    starts = law.wide(rng, count)
    directions = rng.standard_normal(starts.shape)
    directions -= (directions @ basis) @ basis.T
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    directions = np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)
    far = law.room(starts, directions) * np.exp(rng.uniform(np.log(_SHORTEST), 0.0, len(starts)))
    starts, ends = door.snapped(starts), door.snapped(starts + far[:, np.newaxis] * directions)
    held = door.probe.domain.holds(starts) & door.probe.domain.holds(ends)
    starts, ends = starts[held], ends[held]
    if not len(starts):
        return QuietMoves(0, 0)
    values, sigma = door.ask(np.concatenate([starts, ends]))
    moved = np.linalg.norm(ends - starts, axis=1, keepdims=True)
    within = np.linalg.norm((ends - starts) @ basis, axis=1, keepdims=True)
    (before, after), (near, there) = np.split(values, 2), np.split(sigma, 2)
    allowed = SIGMAS * np.hypot(near, there) + _LEAK * slope * (angle * moved + within)
    known = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    changed: BoolArray = np.any(np.abs(after - before) > allowed, axis=1)
    loud = changed[known]
    last = int(np.flatnonzero(loud).max(initial=-1))
    return QuietMoves(len(loud) - last - 1, int(loud.sum()))


def move_count(door: NoisyDoor) -> int:
    """Moves to make: the setting, or a share of what was spent, as far as the budget allows."""
    session, wanted = door.bench.session, door.bench.settings.moves
    if wanted is not None:
        return max(1, wanted)
    return max(_FEWEST, int(_PRICE * session.spent / 2))
