"""Linear solves in which some equations are far off, because a neuron that is missing was on there.

The sum of residuals, not of their squares, is made small: up to about a third of the equations may be far
off, and the others are still met to the last digits. Then those that are not met are left out.

Cost: no queries. Source: iteratively reweighted least squares, Daubechies et al. 2010.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray

STEPS = 24
"""Steps of the reweighted solve."""
SMALLER = 0.22
"""Factor on the smallest residual that counts, each step."""
SMALLEST = 1e-14
"""Its end, of the largest right-hand side."""
ENOUGH = 8
"""Equations per unknown with which the reweighted solve works; of more, every so manyth is taken."""
SELDOM = 8
"""An unknown in fewer than one in so many equations is seldom: of its equations more are taken."""
SMALL = 1e-12
"""Directions of the unknowns weaker than this are not determined."""
TRIMS = 12
"""Times that equations which are missed are left out."""
TRIMMED = 20.0
"""Those missed by so many times the median are."""
DISPUTED = 0.3
"""An unknown is disputed if more of its equations are missed than this part."""
FEW = 4
"""Equations that must agree on a disputed unknown."""


def agreeing_solution(
    matrix: FloatArray, target: FloatArray, typical: BoolArray, tolerance: float, *, settled: bool = True
) -> FloatArray:
    """Least squares over the equations that agree: "s c", "s k" to "c k".

    Places that were asked because answers are missed there are many of one kind, and may be wrong together;
    but only they may show a neuron that is seldom on. So the solve begins without them, and with them.

    Args:
        matrix: One row per equation.
        target: Right-hand sides.
        typical: Equations of places that were not chosen, shape "s".
        tolerance: Residual up to which an equation is met.
        settled: Whether an unknown that most of its equations do not agree on is what the most have.
    """
    best, least = np.zeros((matrix.shape[1], target.shape[1])), (np.inf, np.inf)
    for begin in (typical, np.ones(len(matrix), dtype=np.bool_)):
        if not begin.any():
            continue
        solution = _trimmed(matrix, target, begin, begin & ~typical)
        solution = _settled(matrix, target, solution, tolerance) if settled else solution
        missed = np.abs(target - matrix @ solution).max(axis=1)
        median = float(np.median(missed[typical])) if typical.any() else float(np.median(missed))
        now = (float((missed > tolerance).sum()) if median < tolerance else np.inf, median)
        if now < least:
            best, least = solution, now
        if typical.all():
            break
    return best


def _trimmed(matrix: FloatArray, target: FloatArray, first: BoolArray, always: BoolArray) -> FloatArray:
    """Begun with some equations, of which some are always taken where there are more than enough."""
    columns = np.linalg.norm(matrix, axis=0)
    columns = np.where(columns > 0, columns, 1.0)
    matrix = matrix / columns
    begin = np.union1d(_fewer(matrix, np.nonzero(first)[0]), np.nonzero(always)[0])
    scaled = least_absolute(matrix[begin], target[begin])
    missed = np.abs(matrix @ scaled - target).max(axis=1, initial=0.0)
    keep = missed <= TRIMMED * np.median(missed[begin]) + 1e-300
    for _ in range(TRIMS):
        scaled = np.linalg.lstsq(matrix[keep], target[keep], rcond=SMALL)[0]
        missed = np.abs(matrix @ scaled - target).max(axis=1)
        now = missed <= TRIMMED * np.median(missed[keep]) + 1e-300
        if (now == keep).all() or now.sum() < 2 * matrix.shape[1]:
            break
        keep = now
    return scaled / columns[:, np.newaxis]


def _settled(matrix: FloatArray, target: FloatArray, solution: FloatArray, tolerance: float) -> FloatArray:
    """With another value of each seldom unknown that few of its equations are met with, if more agree.

    Where two missing neurons are seldom on, and mostly together, the equations of the one that was made are
    met by neither smallest sum: most of them are wrong, and only those agree in which the other one is off.
    """
    seen = (matrix != 0).sum(axis=0)
    for unknown in np.nonzero((seen >= FEW) & (seen < len(matrix) // 2))[0]:
        there = matrix[:, unknown] != 0
        rest = target[there] - matrix[there] @ solution
        met = np.abs(rest).max(axis=1) <= tolerance
        if met.mean() > 1 - DISPUTED:
            continue
        column = matrix[there, unknown]
        agree = _most_agree(column, rest, tolerance)
        if int(agree.sum()) < max(FEW, int(met.sum()) + 1):
            continue
        added = column[agree] @ rest[agree] / (column[agree] @ column[agree])
        now = np.abs(rest - np.outer(column, added)).max(axis=1) <= tolerance
        if now.sum() > met.sum():
            solution = solution.copy()
            solution[unknown] += added
    return solution


def _most_agree(column: FloatArray, rest: FloatArray, tolerance: float) -> BoolArray:
    """Equations column * x = rest, one unknown for each of k outputs, that the same x meets, as many as do.

    Each equation allows an interval of x; the most that overlap are counted over their sorted ends.
    """
    output = int(np.argmax(np.abs(rest).sum(axis=0)))
    middle, width = rest[:, output] / column, tolerance / np.abs(column)
    ends = np.concatenate([middle - width, middle + width])
    steps = np.repeat([1, -1], len(column))
    order = np.lexsort((-steps, ends))
    x = ends[order[int(np.argmax(np.cumsum(steps[order])))]]
    return np.asarray(np.abs(middle - x) <= width)


def _fewer(matrix: FloatArray, rows: IntArray) -> IntArray:
    """Every so manyth of some equations, and those with an unknown that is in few of them."""
    count = matrix.shape[1]
    chosen = rows[:: max(1, len(rows) // (ENOUGH * count))]
    there = matrix[rows] != 0
    seldom = there.sum(axis=0) < len(rows) // SELDOM
    extra = [rows[np.nonzero(there[:, unknown])[0][: ENOUGH * SELDOM]] for unknown in np.nonzero(seldom)[0]]
    return np.unique(np.concatenate([chosen, *extra]))


def least_absolute(matrix: FloatArray, target: FloatArray, weakest: float = SMALL) -> FloatArray:
    """The solution with the smallest sum of residuals' lengths: "s c", "s k" to "c k"."""
    weights = np.ones((len(matrix), 1))
    solution = np.zeros((matrix.shape[1], target.shape[1]))
    largest = float(np.abs(target).max(initial=0.0))
    floor = largest
    for _ in range(STEPS):
        solution = np.linalg.lstsq(weights * matrix, weights * target, rcond=weakest)[0]
        wrong = np.linalg.norm(target - matrix @ solution, axis=1, keepdims=True)
        floor = max(SMALLER * floor, SMALLEST * largest, 1e-300)
        weights = (np.maximum(wrong, floor) / floor) ** -0.5
    return np.asarray(solution, dtype=np.float64)
