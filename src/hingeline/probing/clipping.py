"""Find the interval in which the door looks at its inputs at all.

Servers clip inputs (to [0, 1], say). Then answers are the same wherever all coordinates are beyond an
end. On the ray t * (1, ..., 1) every coordinate is t, so the ends show as the t where answers stop
changing. A ReLU network can be flat on its own account far out; the two cannot be told apart by asking.

Cost: 9 queries where the origin is known, in two batches.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.probing.evidence import Evidence
from hingeline.probing.heads import Head
from hingeline.probing.resolution import Resolution

# Coordinates tried, in units of the typical one: images end at 1, standardised data near 3, bytes at 255.
_TRIED = np.array([0.0, 1.0, 3.0, 255.0])
_FARTHEST = 1000.0
# Most queries that finding both ends takes; the origin is shared.
END_QUERIES = 2 * (len(_TRIED) + 1) - 1


def same_answers(a: FloatArray, b: FloatArray, resolution: Resolution, uncertainty: float) -> bool:
    """Whether answers agree up to rounding and what repeats differ by."""
    allowed = 16 * resolution.unit * np.maximum(np.abs(a), np.abs(b)) + 6 * uncertainty
    return bool(np.all(np.abs(a - b) <= allowed))


def find_flat_ends(evidence: Evidence, resolution: Resolution) -> tuple[float, float] | None:
    """The coordinates below and above which answers no longer change; None if they do change.

    Each end is the outer edge of the bracket in which it was found.
    """
    unit = evidence.ground.scale / np.sqrt(evidence.ground.input_dim)
    high = _end(evidence, resolution, unit)
    low = None if high is None else _end(evidence, resolution, -unit)
    return None if high is None or low is None else (low, high)


def _end(evidence: Evidence, resolution: Resolution, unit: float) -> float | None:
    """The tried coordinate from which on all farther ones give one answer; None if there is none."""
    coordinates = unit * np.append(_TRIED, _FARTHEST) + 0.0
    points = np.repeat(coordinates[:, np.newaxis], evidence.ground.input_dim, axis=1)
    answers = evidence.ask(points)
    uncertainty = evidence.uncertainty(Head())
    same = [same_answers(row, answers[-1], resolution, uncertainty) for row in answers[:-1]]
    flat = [bool(np.all(same[i:])) for i in range(len(same))]
    return float(coordinates[flat.index(True)]) if any(flat) else None
