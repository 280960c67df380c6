"""A Jacobian by differences on both sides, each column with its own step and its own test.

    g_j = (f(x + h e_j) - f(x - h e_j)) / 2h,     straight if f(x + h e_j) + f(x - h e_j) - 2 f(x) is noise

A column that bends is measured again with a shorter step; a point with a column that bends down to the
shortest step is dropped, never kept with a few bad columns: one false column is one false direction.
Kinks below the noise pass the test column by column, but all columns together tell: where their second
differences are larger than noise makes them, the row is taken to be so much noisier.

Why both sides where one would do: a certificate over many columns at once must sum their noise, and loses a
factor of d where noise is what limits; tested column by column, steps may be as long as each column allows.
Why no repeats against random noise: a fresh point costs as much, averages as well, and shares no kink.

Cost: 2 d + 1 queries and twice the number of columns that bend, per point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.subspace.screening import SIGMAS

# Factor on the step of a column that bends, and how often.
_SHRINK = 0.4
_TRIES = 4
# Numbers in the rows asked at once, on either side: 16 MB.
_CHUNK = 2_000_000
# More bent columns than this share say that the step was chosen badly: the point is dropped at once.
_MOST_BENT = 0.25


class ValueDoor(Protocol):
    """Where values come with their deviations."""

    def ask(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and deviations, "n d" to "n m" each; nan and inf where there is no value."""
        ...

    def step(self, length: float) -> float:
        """The step nearest to `length` that may be taken along a coordinate."""
        ...


@dataclass(frozen=True, eq=False)
class NoisyJacobian:
    """A measured Jacobian."""

    rows: FloatArray
    """Shape "m d", output units per input unit."""
    noise: FloatArray
    """Deviation of each entry, shape "m d"."""
    steps: FloatArray
    """Step of each column, input units, shape "d"."""


def central_jacobian(
    door: ValueDoor, point: FloatArray, directions: FloatArray, step: float
) -> NoisyJacobian | None:
    """Measure derivatives at `point` along `directions`; None if some of them always met a kink.

    Args:
        door: Where queries go.
        point: Shape "d".
        directions: Orthonormal rows, shape "r d"; columns of the result follow them.
        step: First step, input units.

    Raises:
        BudgetExhausted: The budget ended.

    Cost: 2 r + 1 queries if nothing bends.
    """
    centre, spread = (a[0] for a in door.ask(point[np.newaxis]))
    count = len(directions)
    steps = np.full(count, door.step(step))
    slopes, noise, bends = (np.zeros((len(centre), count)) for _ in range(3))
    pending = np.arange(count)
    for attempt in range(_TRIES):
        (ahead, behind), (near, far) = _both_sides(door, point, directions[pending], steps[pending])
        both = near**2 + far**2
        slopes[:, pending] = ((ahead - behind) / (2 * steps[pending, np.newaxis])).T
        noise[:, pending] = (np.sqrt(both) / (2 * steps[pending, np.newaxis])).T
        bends[:, pending] = _deviations(ahead + behind - 2 * centre, np.sqrt(both + 4 * spread**2)).T
        bent = ~(bends[:, pending] <= SIGMAS).all(axis=0)
        if attempt == 0 and bent.mean() > _MOST_BENT:
            return None
        pending = pending[bent]
        if not len(pending):
            excess = np.sqrt(np.mean(bends**2, axis=1, keepdims=True))
            return NoisyJacobian(slopes, noise * np.maximum(1.0, excess), steps)
        shorter = np.array([door.step(_SHRINK * length) for length in steps[pending]])
        if np.any(shorter >= steps[pending]):
            return None
        steps[pending] = shorter
    return None


def _both_sides(
    door: ValueDoor, point: FloatArray, directions: FloatArray, steps: FloatArray
) -> tuple[tuple[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]:
    """Values ahead and behind, and their deviations: "r d" to "r m" each."""
    at_once = max(1, _CHUNK // len(point))
    parts: list[FloatArray] = []
    for start in range(0, len(steps), at_once):
        moves = directions[start : start + at_once] * steps[start : start + at_once, np.newaxis]
        values, sigma = door.ask(np.concatenate([point + moves, point - moves]))
        parts.append(np.stack([*np.split(values, 2), *np.split(sigma, 2)]))
    ahead, behind, near, far = np.concatenate(parts, axis=1)
    return (ahead, behind), (near, far)


def _deviations(second: FloatArray, deviation: FloatArray) -> FloatArray:
    """Second differences in deviations of their noise; inf where there was no value."""
    size = np.abs(second) / np.maximum(deviation, 1e-300)
    return np.where(np.isfinite(size), size, np.inf)
