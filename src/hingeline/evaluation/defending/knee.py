"""Where the curve of utility lost against leak prevented bends: the defence that pays best.

Of the defences that no other one dominates (less lost and no less prevented), the knee is the one that stands
highest above the straight line from the cheapest to the dearest. Both axes are shares; a whole axis of lost
utility is at least a tenth, so that two defences which cost nothing are not torn apart by their last digits.
Source: the largest distance from the chord, Satopää et al., Finding a "Kneedle" in a Haystack, 2011.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray

_LEAST_AXIS = 0.1
_LEAST = 0.05
"""Least height above the chord that is called a knee."""


def front(lost: FloatArray, prevented: FloatArray) -> list[int]:
    """Rows that no other row dominates, from the cheapest to the dearest; of equal rows the first.

    Args:
        lost: Utility lost by each defence, shape "n".
        prevented: Leak prevented by each, shape "n".
    """
    order = sorted(range(len(lost)), key=lambda row: (lost[row], -prevented[row], row))
    kept: list[int] = []
    for row in order:
        if not kept or prevented[row] > prevented[kept[-1]]:
            kept.append(row)
    return kept


def knee(lost: FloatArray, prevented: FloatArray) -> int | None:
    """The row at the knee; None where nothing prevents more than the cheapest, or the curve does not bend."""
    rows = front(lost, prevented)
    best = rows[-1]
    gained = prevented[best] - prevented[rows[0]]
    if gained <= 0:
        return None
    across = (lost[rows] - lost[rows[0]]) / max(lost[best] - lost[rows[0]], _LEAST_AXIS)
    heights = (prevented[rows] - prevented[rows[0]]) / gained - across
    place = int(np.argmax(heights))
    return rows[place] if heights[place] >= _LEAST else None
