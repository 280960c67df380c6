"""Which candidates make up the next layer, and which are deeper neurons seen through one of its regions.

Where two boundaries meet, the deeper one bends (Rolnick and Körding 2020, theorem 1). A deeper neuron
passes for one of this layer only as long as no neuron of this layer switches: all its bends lie on one
side of every true member. A true member goes straight through the others: its bends lie on both sides.

Source: theorem 1 as above; the test on recorded bends is ours. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.depth.partial_neuron import PartialNeuron

FEWEST = 3
"""Bends of a candidate of the core."""
FAINT = 0.1
"""Misses of a candidate of the core as a share of its bends: faint bends are overlooked."""
BESIDE = 1e-6
"""Share of the channels' size by which a point must be off a boundary to count as on one side."""


def spans(neurons: Sequence[PartialNeuron], offered: Sequence[FloatArray]) -> BoolArray:
    """Whether neuron i goes straight through neuron j: shape "n n".

    Args:
        neurons: Candidates.
        offered: Channels at the bends of each, "m c+1".
    """
    count = len(neurons)
    found = np.zeros((count, count), dtype=np.bool_)
    if not count:
        return found
    thetas = np.array([neuron.theta for neuron in neurons])
    for i, at in enumerate(offered):
        size = np.linalg.norm(at, axis=1)
        values = at @ thetas.T
        for j, other in enumerate(neurons):
            if i != j:
                sure = (np.abs(values[:, j]) > BESIDE * size) & other.covers(at)
                found[i, j] = bool((values[sure, j] > 0).any() and (values[sure, j] < 0).any())
    return found


def members(
    through: BoolArray, hits: FloatArray, misses: FloatArray, certain: BoolArray | None = None
) -> BoolArray:
    """Candidates that belong to the layer: shape "n".

    The core are those that are certain, or those with most bends that go through each other; others join that
    go through one of it.

    Args:
        through: As `spans` gives it.
        hits: Bends of each candidate, shape "n".
        misses: Places where each should have bent a live piece and did not, shape "n".
        certain: Those that surely belong to it, shape "n".
    """
    count = len(hits)
    chosen = np.zeros(count, dtype=np.bool_)
    if count == 0:
        return chosen
    if count == 1:
        return np.ones(1, dtype=np.bool_)
    if certain is not None and certain.any():
        return _joined(certain.copy(), through)
    sure = (hits >= FEWEST) & (misses <= FAINT * hits)
    mutual = through & through.T & sure & sure[:, np.newaxis]
    groups = _groups(mutual)
    best = max(groups, key=lambda group: (len(group) > 1, float(hits[group].sum())))
    chosen[best] = True
    return _joined(chosen, through)


def _joined(chosen: BoolArray, through: BoolArray) -> BoolArray:
    """With all that go through one of them, as often as that adds any."""
    while True:
        joining = ~chosen & through[:, chosen].any(axis=1)
        if not joining.any():
            return chosen
        chosen |= joining


def _groups(mutual: BoolArray) -> list[list[int]]:
    """Connected sets of candidates."""
    left, groups = set(range(len(mutual))), list[list[int]]()
    while left:
        group, open_ = list[int](), [left.pop()]
        while open_:
            at = open_.pop()
            group.append(at)
            near = [j for j in sorted(left) if mutual[at, j]]
            left -= set(near)
            open_ += near
        groups.append(sorted(group))
    return groups
