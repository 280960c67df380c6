"""What is wrong with the first layer as it was given, seen from the second.

Three signs. A boundary that never bends is a first-layer hyperplane that was missed. Two boundaries with the
same weights but different linear parts are one neuron on two sides of a missed hyperplane: the difference is
its normal. A hyperplane at which no boundary bends belongs to no first-layer neuron.

Source: layering by who bends at meetings, Rolnick and Körding 2020, theorem 1. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.unsigned import UnsignedNeuron

SAME = 1e-5
"""Weights that agree to this fraction are the same neuron's."""
ZERO = 1e-7
"""Weights below this fraction of a neuron's size are zero."""
FEWEST = 2
"""Boundaries that must pass a hyperplane without bending before it is called false."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """First-layer hyperplanes to add or to remove."""

    normals: FloatArray
    """Unit normals of hyperplanes that are probably missing, shape "m d"."""
    offsets: FloatArray
    """Their offsets, shape "m"."""
    false: tuple[int, ...]
    """Indices of given hyperplanes at which nothing bends."""

    @property
    def any(self) -> bool:
        """True if there is something to change."""
        return bool(len(self.offsets) or self.false)

    def __str__(self) -> str:
        parts: list[str] = []
        if len(self.offsets):
            parts.append(f"{len(self.offsets)} first-layer hyperplanes are probably missing")
        if self.false:
            indices = ", ".join(map(str, self.false))
            parts.append(f"nothing bends at the given hyperplanes {indices}")
        return " and ".join(parts)


def find_suspects(
    neurons: Sequence[UnsignedNeuron], straight: Sequence[UnsignedNeuron], dim: int
) -> Suspects:
    """What the boundaries say about the first layer.

    Args:
        neurons: Boundaries that bend.
        straight: Boundaries that do not.
        dim: Numbers in one input.
    """
    found = [neuron.affine for neuron in straight] + _differences(neurons)
    planes: list[FloatArray] = []
    for affine in found:
        plane = affine / np.linalg.norm(affine[:-1])
        if not any(_same_plane(plane, other) for other in planes):
            planes.append(plane)
    stacked = np.array(planes).reshape(len(planes), dim + 1)
    return Suspects(stacked[:, :-1], stacked[:, -1], _never_bent(neurons))


def _differences(neurons: Sequence[UnsignedNeuron]) -> list[FloatArray]:
    """Linear parts by which boundaries with the same weights differ."""
    found: list[FloatArray] = []
    for a, b in combinations(neurons, 2):
        sign = _shared_sign(a, b)
        if sign and np.array_equal(a.known, b.known):
            difference = a.affine - sign * b.affine
            if np.linalg.norm(difference[:-1]) > SAME * a.size:
                found.append(difference)
    return found


def _shared_sign(a: UnsignedNeuron, b: UnsignedNeuron) -> float:
    """1 or -1 if two neurons have the same weights up to that sign, else 0."""
    shared = a.known & b.known
    if shared.sum() < FEWEST or np.linalg.norm(a.row[shared]) < ZERO * a.size:
        return 0.0
    for sign in (1.0, -1.0):
        if np.linalg.norm((a.row - sign * b.row)[shared]) < SAME * np.linalg.norm(a.row[shared]):
            return sign
    return 0.0


def _same_plane(a: FloatArray, b: FloatArray) -> bool:
    distance = min(np.linalg.norm(a - b), np.linalg.norm(a + b))
    return bool(distance < SAME * np.linalg.norm(a))


def _never_bent(neurons: Sequence[UnsignedNeuron]) -> tuple[int, ...]:
    """Hyperplanes whose coefficient is known and zero in every boundary."""
    if not neurons:
        return ()
    known = np.array([neuron.known for neuron in neurons])
    bars = np.array([12 * neuron.row_errors + ZERO * neuron.size for neuron in neurons])
    zero = np.abs(np.array([neuron.row for neuron in neurons])) <= bars
    never = (zero | ~known).all(axis=0) & (known.sum(axis=0) >= FEWEST)
    return tuple(int(i) for i in np.nonzero(never)[0])
