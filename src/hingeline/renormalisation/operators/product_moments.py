"""Second moments of products of independent units, without a loop over pairs of products.

Squares of units are 1, so the product of two operators is the one on the units that only one of them has.
Many pairs leave the same units over: with singles and pairs of w units about w^3 pairs overlap, but only
w^2 / 2 different remainders need a sum over rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray

_ROWS_AT_ONCE = 2**22
"""Numbers held while longer remainders are multiplied out."""


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Pairs of operators that have units in common, and the units each pair leaves over.

    Attributes:
        first: First operator of each pair, shape "p".
        second: Second operator, not below the first, shape "p".
        remainder: Index of what the pair leaves over, shape "p".
        remainders: Different sets of units left over, in ascending order each.
    """

    first: IntArray
    second: IntArray
    remainder: IntArray
    remainders: tuple[tuple[int, ...], ...]

    def summed(self, means: FloatArray) -> FloatArray:
        """Sum over rows of the product of means of each remainder: "m w" to "r"."""
        found = np.empty(len(self.remainders))
        sizes = np.array([len(units) for units in self.remainders], dtype=np.int64)
        for size in np.unique(sizes):
            which = np.flatnonzero(sizes == size)
            units = np.array([self.remainders[i] for i in which], dtype=np.int64)
            found[which] = _summed_products(means, units)
        return found


def overlaps(subsets: Sequence[tuple[int, ...]]) -> Overlaps:
    """All pairs of subsets with a common unit, a subset with itself among them."""
    sets = [frozenset(subset) for subset in subsets]
    having: dict[int, list[int]] = {}
    for index, subset in enumerate(subsets):
        for unit in subset:
            having.setdefault(unit, []).append(index)
    known: dict[frozenset[int], int] = {}
    first: list[int] = []
    second: list[int] = []
    remainder: list[int] = []
    for a, subset in enumerate(subsets):
        for b in {b for unit in subset for b in having[unit] if b >= a}:
            first.append(a)
            second.append(b)
            remainder.append(known.setdefault(sets[a] ^ sets[b], len(known)))
    return Overlaps(
        np.array(first, dtype=np.int64),
        np.array(second, dtype=np.int64),
        np.array(remainder, dtype=np.int64),
        tuple(tuple(sorted(units)) for units in known),
    )


def _summed_products(means: FloatArray, units: IntArray) -> FloatArray:
    """Sum over rows of products over columns of equal number: "m w", "r s" to "r"."""
    size = units.shape[1]
    if size == 0:
        return np.full(len(units), float(len(means)))
    if size == 1:
        return means.sum(axis=0)[units[:, 0]]
    if size == 2:
        return (means.T @ means)[units[:, 0], units[:, 1]]
    found = np.empty(len(units))
    step = max(1, _ROWS_AT_ONCE // max(1, len(means)))
    for start in range(0, len(units), step):
        part = units[start : start + step]
        made = means[:, part[:, 0]]
        for place in range(1, size):
            made = made * means[:, part[:, place]]
        found[start : start + step] = made.sum(axis=0)
    return found
