"""On which side of its hyperplane each neuron is on, from gradients of regions that the rows explain.

Where all layers below a layer of independent rows are on, a gradient is J = U D A with the layer's rows A:
its coefficients over the rows vanish for neurons that are off. A region where a neuron is on that was not
found does not lie in the span of the rows; it says nothing, because what is missing leaks into all
coefficients.

Source: zero pattern of J A^+, Rolnick and Körding 2020 in the contracting case. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.hyperplanes import Hyperplanes

EXPLAINED = 1e-5
"""Part of a gradient that may lie outside the span of the rows, beyond its noise."""
SIGMAS = 30.0
"""Deviations above which a coefficient is not zero."""
FAINT = 1e-4
"""Coefficients below this share of the largest are taken for zero: exact ones stay far below."""
MINORITY = 0.1
"""Share of the votes about a neuron that may speak against the others."""


def active_sides(planes: Hyperplanes, lines: Sequence[MeasuredLine]) -> FloatArray:
    """1 for neurons that are on where normal @ x + offset > 0, -1 for the others, 0 if not told: "n".

    Args:
        planes: The layer, its rows independent.
        lines: Lines through regions where all layers below it are on, in the same coordinates.
    """
    inverse = np.linalg.pinv(planes.normals)
    spread = np.linalg.norm(inverse, axis=0)
    votes = np.zeros((planes.count, 2))
    for line in lines:
        for piece in np.nonzero(np.isfinite(line.jacobian_errors))[0]:
            jacobian, error = line.jacobians[piece], float(line.jacobian_errors[piece])
            weights = jacobian @ inverse
            rest = np.linalg.norm(jacobian - weights @ planes.normals, axis=1)
            size = np.linalg.norm(jacobian, axis=1)
            # errors of the rows leave something outside as well
            blurred = np.linalg.norm(weights * planes.errors, axis=1)
            root = np.sqrt(planes.normals.shape[1])
            if (rest > EXPLAINED * size + SIGMAS * root * (error + blurred)).any():
                continue
            noise = spread * np.hypot(error, blurred.max(initial=0.0))
            largest = np.abs(weights).max(axis=0)
            on = largest > SIGMAS * noise + FAINT * largest.max(initial=0.0)
            side = (planes.normals @ line.centres[piece] + planes.offsets > 0).astype(np.int64)
            votes[on, side[on]] += 1
    total, least = votes.sum(axis=1), votes.min(axis=1)
    told = (total > 0) & (least <= MINORITY * total)
    return np.where(told, np.where(votes[:, 1] > votes[:, 0], 1.0, -1.0), 0.0)
