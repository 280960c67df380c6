"""Where a straight line first leaves the class: a grid of points in one batch, then bisection.

A class that is left and entered again between two grid points is not seen; the grid's step bounds that.

Cost: `grid` answers and one more per halving for each input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.sensitivity.decision import Decision
from hingeline.sensitivity.models.model import Model
from hingeline.sensitivity.threat import Threat

GRID = 64
"""Points on each ray before bisection."""
HALVINGS = 30
_BATCH_NUMBERS = 2**23
"""Coordinates sent at once, 64 MiB."""


@dataclass(frozen=True, eq=False)
class Crossings:
    """First changes of class along rays.

    Attributes:
        lengths: Steps of the direction up to the first input of another class, shape "n"; infinite if none.
        points: That input, inside the box, shape "n d"; where there is none the start.
        sizes: Size of the change in the threat's norm, shape "n"; infinite if there is none. Less than the
            length times the direction's size where the box stopped some coordinates.
    """

    lengths: FloatArray
    points: FloatArray
    sizes: FloatArray

    @property
    def flipped(self) -> BoolArray:
        """Which rays crossed, shape "n"."""
        return np.isfinite(self.lengths)


def ray_crossings(
    model: Model,
    decision: Decision,
    points: FloatArray,
    classes: IntArray,
    directions: FloatArray,
    reaches: FloatArray,
    threat: Threat,
    *,
    grid: int = GRID,
    halvings: int = HALVINGS,
) -> Crossings:
    """First change of class on x + t u for t up to each reach.

    Args:
        model: What is asked.
        decision: How outputs become classes.
        points: Starts x, shape "n d".
        classes: Their classes, shape "n".
        directions: Steps u, shape "n d"; a row of zeros never crosses.
        reaches: How far to look, in steps, shape "n".
        threat: Its box clips what is asked; its norm measures what was changed.
        grid: Points on each ray, evenly spaced.
        halvings: Bisections of the first step over which the class changed.
    """
    low, high = _brackets(model, decision, points, classes, directions, reaches, threat, grid)
    crossed = np.nonzero(np.isfinite(high))[0]
    start, step, own = points[crossed], directions[crossed], classes[crossed]
    near, far = low[crossed], high[crossed]
    for _ in range(halvings):
        if not len(crossed):
            break
        middle = 0.5 * (near + far)
        out = decision.flipped(model.outputs(_along(start, step, middle, threat)), own)
        near, far = np.where(out, near, middle), np.where(out, middle, far)
    lengths, found = np.full(len(points), np.inf), points.copy()
    lengths[crossed], found[crossed] = far, _along(start, step, far, threat)
    sizes = np.where(np.isfinite(lengths), threat.size(found - points), np.inf)
    return Crossings(lengths, found, sizes)


def _brackets(
    model: Model,
    decision: Decision,
    points: FloatArray,
    classes: IntArray,
    directions: FloatArray,
    reaches: FloatArray,
    threat: Threat,
    grid: int,
) -> tuple[FloatArray, FloatArray]:
    """The last grid length before the first flip, and the flip's; the latter infinite if there is none."""
    fractions = np.arange(1, grid + 1) / grid
    low, high = np.zeros(len(points)), np.full(len(points), np.inf)
    rows = max(1, _BATCH_NUMBERS // (grid * points.shape[1]))
    for first in range(0, len(points), rows):
        part = slice(first, first + rows)
        lengths = reaches[part, np.newaxis] * fractions
        asked = _along(points[part, np.newaxis], directions[part, np.newaxis], lengths, threat)
        outputs = model.outputs(asked.reshape(-1, points.shape[1]))
        out = decision.flipped(outputs, np.repeat(classes[part], grid)).reshape(lengths.shape)
        place = out.argmax(axis=1)
        every, any_out = np.arange(len(place)), out.any(axis=1)
        high[part] = np.where(any_out, lengths[every, place], np.inf)
        low[part] = np.where(place > 0, lengths[every, place - 1], 0.0)
    return low, high


def _along(points: FloatArray, directions: FloatArray, lengths: FloatArray, threat: Threat) -> FloatArray:
    return threat.inside(points + lengths[..., np.newaxis] * threat.masked(directions))
