"""Which neuron of one layer is which neuron of another, decided for all of them at once.

Two neurons are as far apart as their unit rows and biases. A first assignment tells how well these agree
at all; among neurons closer to each other than that, the outgoing weights decide. Assignments minimise
the sum of distances (Hungarian method), so that one bad neuron cannot push others out of place as greedy
matching would. Cost: n² d for the distances, n³ for the assignments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray

# Unit rows further apart than this (about 30 degrees) are different neurons, not a bad copy of one.
_REACH = 0.5
# A neuron of opposite orientation is a partner only where no partner of the same orientation is left.
_FLIP = 0.25
# Outgoing weights decide among neurons that are no further apart than this many times the rows' error.
_SWAY = 10.0


@dataclass(frozen=True)
class Neurons:
    """What tells the neurons of one layer apart."""

    rows: FloatArray
    """Unit rows, "n d"."""
    biases: FloatArray
    """Biases in the scale of the unit rows, "n"."""
    outgoing: FloatArray
    """Marks of the outgoing weights that do not depend on the order of the next layer, "n m"."""


@dataclass(frozen=True)
class Pairs:
    """A matching: neuron `a[i]` is neuron `b[i]`."""

    a: IntArray
    b: IntArray
    orientation: IntArray
    """+1, or -1 where both have the same hyperplane but are on at opposite sides of it."""


def match(a: Neurons, b: Neurons) -> Pairs:
    """Pair the neurons of `a` and `b`; those without a partner within reach stay out.

    Both need rows of the same length; `outgoing` is used if it has the same number of columns in both.
    """
    if not len(a.rows) or not len(b.rows):
        nobody = np.zeros(0, dtype=np.int64)
        return Pairs(nobody, nobody, nobody)
    straight, flipped = _distances(a, b, 1), _distances(a, b, -1) + _FLIP
    distance = np.minimum(straight, flipped)
    first = _assigned(distance, distance)
    noise = float(np.median(distance[first])) if len(first[0]) else 0.0
    left, right = _assigned(distance + _SWAY * noise * _outgoing_distances(a, b), distance)
    orientation = np.where(straight[left, right] <= flipped[left, right], 1, -1)
    return Pairs(left, right, orientation)


def outgoing_marks(following: FloatArray, is_output: bool) -> FloatArray:
    """Marks of the columns of the `following` weights ("m n" to "n marks").

    The output layer has a fixed order and scale, so there the column itself is the mark; a hidden layer
    has neither order nor a common scale, but the norm, the least and the largest value of a column of
    unit rows stay.
    """
    if is_output or not len(following):
        return following.T
    return np.stack([np.linalg.norm(following, axis=0), following.min(axis=0), following.max(axis=0)], axis=1)


def _distances(a: Neurons, b: Neurons, orientation: int) -> FloatArray:
    from scipy.spatial.distance import cdist  # not at import: `import hingeline` stays light

    rows = cdist(a.rows, orientation * b.rows)
    size = np.maximum(np.abs(a.biases)[:, np.newaxis], np.abs(b.biases))
    biases = (a.biases[:, np.newaxis] - orientation * b.biases) / (1.0 + size)
    return np.asarray(np.hypot(rows, biases), dtype=np.float64)


def _outgoing_distances(a: Neurons, b: Neurons) -> FloatArray:
    from scipy.spatial.distance import cdist  # not at import: `import hingeline` stays light

    if a.outgoing.shape[1] != b.outgoing.shape[1] or not a.outgoing.shape[1]:
        return np.zeros((len(a.rows), len(b.rows)))
    distance = np.asarray(cdist(a.outgoing, b.outgoing), dtype=np.float64)
    scale = float(max(np.abs(a.outgoing).max(), np.abs(b.outgoing).max()))
    return distance / (scale if scale > 0 else 1.0)


def _assigned(cost: FloatArray, distance: FloatArray) -> tuple[IntArray, IntArray]:
    """The cheapest assignment, less the pairs that are out of reach."""
    from scipy.optimize import linear_sum_assignment  # not at import: 0.7 s

    # Out of reach costs the same for all, and more than any pair within reach.
    left, right = linear_sum_assignment(np.where(distance <= _REACH, cost, 2.0 * cost.max() + 1.0))
    near = distance[left, right] <= _REACH
    return left[near], right[near]
