"""Which k coordinates of two values to flip, by the Fisher information of the class probabilities.

Flipping the set S changes x by u = sum_{i in S} delta_i e_i, and what F foretells of it is u'Fu = |Gu|^2 with
F = G'G. For k = 1 the best coordinate is known exactly. Beyond, coordinates are added one by one, each the
best beside those there are: greedy, with no promise to be the best set. F does not tell which way the class
is lost, so there are two sets: one starts at the best coordinate that goes along the top eigenvector, one at
the best that goes against it.

Source: ours. Cost: k d products of a root's row for each input and set.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray

_ALIKE = 1e-9
"""Relative difference of two scores below which they tie; the coordinate of smaller number is then taken."""


@dataclass(frozen=True, eq=False)
class CoordinateSets:
    """Coordinates in the order in which they are flipped: the first k of them are the set of size k.

    Attributes:
        coordinates: Shape "n k".
        scores: u'Fu when the first j are flipped, shape "n k".
        tied: Whether another coordinate would have done as well at that place, shape "n k".
    """

    coordinates: IntArray
    scores: FloatArray
    tied: BoolArray


def best_sets(root: FloatArray, changes: FloatArray, sign: float, most: int) -> CoordinateSets:
    """Coordinates that F foretells most of, along or against its top direction.

    Args:
        root: G with the top direction first, shape "n r d".
        changes: What flipping each coordinate adds to it, shape "n d"; 0 for one that must not be flipped.
        sign: 1 to start along the first row of the root, -1 to start against it.
        most: Coordinates wanted, no more than may be flipped.
    """
    n, _, d = root.shape
    every = np.arange(n)
    moves = root * changes[:, np.newaxis]
    allowed = changes != 0
    coordinates, scores = np.empty((n, most), np.int64), np.empty((n, most))
    tied = np.empty((n, most), np.bool_)
    moved = np.zeros((n, root.shape[1], 1))
    this_way = sign * moves[:, 0] > 0
    # an input that has no coordinate of this way starts at the best of all
    start = allowed & (this_way | ~(this_way & allowed).any(axis=1, keepdims=True))
    for place in range(most):
        gains = np.where(start if place == 0 else allowed, ((moved + moves) ** 2).sum(axis=1), -np.inf)
        taken = gains.argmax(axis=1)
        scores[:, place] = gains[every, taken]
        # the first of those that are alike, whatever rounding says of them
        alike = gains >= scores[:, place, np.newaxis] * (1.0 - _ALIKE)
        taken = alike.argmax(axis=1)
        coordinates[:, place], tied[:, place] = taken, alike.sum(axis=1) > 1
        moved = moved + moves[every, :, taken][:, :, np.newaxis]
        allowed = allowed & (np.arange(d) != taken[:, np.newaxis])
    return CoordinateSets(coordinates, scores, tied)
