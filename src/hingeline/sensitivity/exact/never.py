"""Whether a lead stays above zero, up to rounding, all over a region: then the region holds no flip.

Where a lead falls to zero at a wall and rises again behind it, or is zero on a plateau, the smallest change
without a lead is known and no flip is near it. A program that asks for a lead below zero has no answer then,
which an interior point method cannot tell from one that is hard to find.

Source: Farkas: an affine function is not negative on a polyhedron exactly if it is a combination, with
weights that are not negative, of the inequalities and of 1. Weights that nearly do bound it from below.
Cost: one non-negative least-squares program, 0.1 ms for 30 neurons in 30 coordinates.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.sensitivity.exact.duality import ROUNDING
from hingeline.sensitivity.exact.problem import FlipProblem
from hingeline.sensitivity.exact.regions import Region


def never_below(problem: FlipProblem, region: Region, rival: int, unit: float, margin: float) -> bool:
    """Whether the lead over `rival` is nowhere under -margin in the region, for changes up to `unit`.

    Args:
        problem: The network around the input.
        region: Where to look.
        rival: Place of the rival.
        unit: Largest size of a change.
        margin: What counts as rounding.
    """
    from scipy.optimize import nnls  # not at import: 0.7 s

    first = problem.weights[0]
    walls, offsets, sizes = region.parts @ first, region.offsets, region.sizes
    sizes = sizes + unit * (np.abs(region.parts) @ problem.first_size)
    if problem.boxed:
        eye, ends = np.eye(problem.dim), np.concatenate([-problem.low, problem.high])
        walls, offsets = np.vstack([walls, eye, -eye]), np.concatenate([offsets, ends])
        sizes = np.concatenate([sizes, ends])
    # columns are inequalities and 1; changes are measured in `unit`, so that slopes and offsets compare
    table = np.vstack([unit * np.vstack([walls, np.zeros((1, problem.dim))]).T, np.append(offsets, 1.0)])
    wanted = np.append(unit * (region.lead_parts[rival] @ first), region.lead_offsets[rival])
    lengths, length = np.linalg.norm(table, axis=0), float(np.linalg.norm(wanted))
    if length == 0:
        return True
    try:
        weights, _ = nnls(table / np.where(lengths > 0, lengths, 1.0), wanted / length)
    except RuntimeError:  # did not settle; nothing is known then
        return False
    weights = weights * length / np.where(lengths > 0, lengths, 1.0)
    left: FloatArray = wanted - table @ weights
    # size-1 changes make at most a dual norm of slopes; all slopes were multiplied by `unit`
    miss = float(problem.threat.dual(left[:-1])) + max(-float(left[-1]), 0.0)
    return miss + ROUNDING * float(weights[:-1] @ sizes) <= margin
