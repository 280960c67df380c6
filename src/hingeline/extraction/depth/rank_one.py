"""Products (p . w)(h . v) that equal most of some numbers: w and v, where some numbers are something else's.

The matrix w v^T is solved for first, by least absolute deviations; then both factors by Gauss-Newton, with
the same weights. What the numbers do not tell of either stays zero in the solution of least length.

Cost: no queries. Source: rank-one regression by reweighted least squares; the use is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray

UNTOLD = 1e-10
"""Singular values of scaled columns, of the largest, below which nothing is told."""
LIFTS, STEPS = 12, 15
"""Times that weights are set anew, for the matrix and for its factors."""
SHRINK = 0.15
"""How much smaller deviations count as large each time."""
EXACT = 1e-13
"""Deviations below this are not told apart."""
MOST_UNKNOWN = 0.6
"""Unknowns of the matrix, as a share of the numbers, with which it is still tried."""
PARTS = (1.0, 0.5, 0.2, 0.05)
"""Parts of a step that are tried."""


@dataclass(frozen=True, eq=False)
class OneRank:
    """The factors and what they leave."""

    left: FloatArray
    """w, shape "c"."""
    right: FloatArray
    """v, of length one, shape "b"."""
    rest: FloatArray
    """Shape "n"."""


def rank_one(left: FloatArray, right: FloatArray, target: FloatArray) -> OneRank | None:
    """The product that equals most of the targets; None if they are too few to tell.

    Args:
        left: p, shape "n c".
        right: h, shape "n b".
        target: Shape "n".
    """
    unknown = left.shape[1] * right.shape[1]
    if unknown > MOST_UNKNOWN * len(target):
        return None
    matrix = _least_absolute((left[:, :, np.newaxis] * right[:, np.newaxis]).reshape(-1, unknown), target)
    turn, size, back = np.linalg.svd(matrix.reshape(left.shape[1], -1), full_matrices=False)
    if not size[0] > 0:
        return None
    return _refined(left, right, target, OneRank(turn[:, 0] * size[0], back[0], target))


def _least_absolute(matrix: FloatArray, target: FloatArray) -> FloatArray:
    """Solution that leaves least in sum, so that a minority of other numbers hardly matters."""
    weight, floor = np.ones(len(target)), float(np.median(np.abs(target)))
    solution = np.zeros(matrix.shape[1])
    for _ in range(LIFTS):
        solution = _weighted(matrix, target, weight)
        floor = max(SHRINK * floor, EXACT)
        weight = 1 / np.sqrt(np.maximum(np.abs(matrix @ solution - target), floor))
    return solution


def _refined(left: FloatArray, right: FloatArray, target: FloatArray, start: OneRank) -> OneRank:
    """Both factors by Gauss-Newton, as long as deviations shrink."""
    now = _with_rest(left, right, target, start.left, start.right)
    floor = max(float(np.median(np.abs(now.rest))), EXACT)
    for _ in range(STEPS):
        a, b = left @ now.left, right @ now.right
        derivative = np.concatenate([left * b[:, np.newaxis], right * a[:, np.newaxis]], axis=1)
        step = _weighted(derivative, now.rest, 1 / np.sqrt(np.maximum(np.abs(now.rest), floor)))
        first, second = step[: left.shape[1]], step[left.shape[1] :]
        tried = (
            _with_rest(left, right, target, now.left + part * first, now.right + part * second)
            for part in PARTS
        )
        better = next((one for one in tried if _spread(one) < _spread(now)), None)
        if better is None:
            break
        now = better
        floor = max(min(SHRINK * floor, float(np.median(np.abs(now.rest)))), EXACT)
    return now


def _with_rest(
    left: FloatArray, right: FloatArray, target: FloatArray, first: FloatArray, second: FloatArray
) -> OneRank:
    length = max(float(np.linalg.norm(second)), 1e-300)
    return OneRank(length * first, second / length, target - (left @ first) * (right @ second))


def _spread(one: OneRank) -> float:
    """Mean logarithm of what is left: exact numbers count, however far off the others are."""
    return float(np.log(np.maximum(np.abs(one.rest), EXACT)).mean())


def _weighted(matrix: FloatArray, target: FloatArray, weight: FloatArray) -> FloatArray:
    """Weighted least squares of least length over scaled columns; those that hardly matter stay zero."""
    rows = matrix * weight[:, np.newaxis]
    sizes = np.linalg.norm(rows, axis=0)
    scale = np.where(sizes > 1e-9 * sizes.max(initial=0.0), sizes, np.inf)
    left, size, right = np.linalg.svd(rows / scale, full_matrices=False)
    kept = size > UNTOLD * size[0]
    solution = right[kept].T @ ((left[:, kept].T @ (target * weight)) / size[kept]) / scale
    return np.asarray(solution, dtype=np.float64)
