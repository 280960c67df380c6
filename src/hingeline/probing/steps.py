"""Answers that jump instead of bending: step functions and quantised networks, seen on a line.

Wherever a line looks straight the answers stand exactly still, and yet they differ from place to place. A
ReLU network with such a line may still have steep pieces between the flat ones: the largest change between
neighbouring samples is halved until a steep piece shows, or until so short a way is left that it is a jump.

Cost: 3 queries for each factor 4 of width, about 50 in all; none where one piece has a slope.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.numerics.tolerances import EPSILON

FEWEST_PIECES = 4
"""Flat pieces, all of them flat, below which nothing is said."""
NARROW = 1e-9
"""A change within so small a part of the line's scale is a jump: steeper than any network of use."""
SMALLEST_CHANGE = 1e-6
"""Changes by less than this part of what answers vary are rounding."""


def only_flat(first: IntArray, last: IntArray, answers: FloatArray) -> bool:
    """Whether a line's pieces, from sample `first` to `last`, all stand still at more than two levels.

    Args:
        first: Where each piece starts among the answers, shape "p".
        last: Where it ends, shape "p".
        answers: In order along the line, "n k".
    """
    if len(first) < FEWEST_PIECES:
        return False
    rounding = 8 * EPSILON * float(np.abs(answers).max())
    if np.abs(answers[last] - answers[first]).max() > rounding:
        return False
    levels = np.unique(np.round(answers[first] / max(rounding, 1e-300)), axis=0)
    return len(levels) > 2


def steepest_pair(parameters: FloatArray, answers: FloatArray) -> tuple[float, float]:
    """The neighbouring samples between which the answers change most."""
    most = int(np.abs(np.diff(answers, axis=0)).max(axis=1).argmax())
    return float(parameters[most]), float(parameters[most + 1])


def is_narrow(pair: tuple[float, float], scale: float) -> bool:
    """Whether a change between the two is a jump."""
    return pair[1] - pair[0] <= NARROW * max(scale, abs(pair[0]))


def between(pair: tuple[float, float]) -> FloatArray:
    """Three parameters that cut the way between the two in four, shape "3"."""
    return np.linspace(*pair, 5)[1:-1]
