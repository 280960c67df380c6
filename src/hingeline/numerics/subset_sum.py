"""All 0/1 points near the intersection of a few hyperplanes, by meeting in the middle.

Idea: the partial sums of the first half of the unknowns, sorted, meet those of the second half along the
best-measured direction; the other directions only filter the few pairs that meet. Unlike a search, this is
complete: what it does not list does not exist.

Source: Horowitz and Sahni 1974, Computing partitions with applications to the knapsack problem.
Cost: 2^(n/2) numbers and their sorting; about 2 s at n = 44.
"""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray

# 2^22 partial sums, 32 MiB per array.
MOST_UNKNOWNS = 44
# Pairs along the first direction; more means the measurement is too coarse for this method.
MOST_PAIRS = 4_000_000


def corners_near(directions: FloatArray, values: FloatArray, half_width: FloatArray) -> FloatArray | None:
    """Every d in {0, 1}^n with |directions @ d - values| <= half_width.

    Args:
        directions: Rows to measure along, "p n".
        values: What they measure, "p".
        half_width: Largest error of each value, "p".

    Returns:
        The points as rows, "s n" (s may be 0); None if there are too many unknowns or too many pairs.
    """
    equations, unknowns = directions.shape
    if not equations or unknowns > MOST_UNKNOWNS:
        return None
    order = np.argsort(half_width)
    half = unknowns // 2
    pairs = _meeting(directions[order[0]], float(values[order[0]]), float(half_width[order[0]]), half)
    if pairs is None:
        return None
    left, right = pairs
    for row in order[1:]:
        if not left.size:
            break
        sums = partial_sums(directions[row, :half])[left] + partial_sums(directions[row, half:])[right]
        near = np.abs(sums - values[row]) <= half_width[row]
        left, right = left[near], right[near]
    return np.concatenate([_digits(left, half), _digits(right, unknowns - half)], axis=1)


def partial_sums(coefficients: FloatArray) -> FloatArray:
    """Sums of all subsets; entry i takes the coefficients at the binary digits of i, lowest first."""
    sums: FloatArray = np.zeros(1)
    for coefficient in coefficients:
        sums = np.concatenate([sums, sums + coefficient])
    return sums


def _meeting(row: FloatArray, value: float, half_width: float, half: int) -> tuple[IntArray, IntArray] | None:
    """Indices of the partial sums that add up to `value` within `half_width`."""
    left, wanted = partial_sums(row[:half]), value - partial_sums(row[half:])
    order = np.argsort(left)
    first = np.searchsorted(left[order], wanted - half_width, side="left")
    last = np.searchsorted(left[order], wanted + half_width, side="right")
    counts = last - first
    total = int(counts.sum())
    if total > MOST_PAIRS:
        return None
    right = np.repeat(np.arange(len(wanted)), counts)
    # position within its own run: 0, 1, ... for each right sum
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return order[np.repeat(first, counts) + within], right


def _digits(indices: IntArray, count: int) -> FloatArray:
    return ((indices[:, np.newaxis] >> np.arange(count)) & 1).astype(np.float64)
