"""What is wrong with the first layer as it was given, seen from the second.

Four signs. A bend whose hyperplane is met on other lines too is a first-layer neuron's. A boundary that never
bends is one as well. Two boundaries with the same weights but different linear parts are one neuron on two
sides of a hyperplane that was missed: the difference is its normal. A hyperplane at which no boundary bends
belongs to no first-layer neuron.

Source: layering by who bends at meetings, Rolnick and Körding 2020, theorem 1. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.unsigned import SAME, VAGUE, Planes, UnsignedNeuron, shared_sign, zero_weights
from hingeline.extraction.witnesses import POSITION, Witness
from hingeline.probing.line import LineSweep

FEWEST = 2
"""Boundaries that must pass a hyperplane without bending before it is called false, sightings on other lines
before a bend is called the first layer's."""
SIGHTED = 0.7
"""Part of the other lines on which a first-layer hyperplane must be seen; it may be invisible on some."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """First-layer hyperplanes to add or to remove."""

    normals: FloatArray
    """Unit normals of hyperplanes that were missing, shape "m d"."""
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
            parts.append(f"{len(self.offsets)} first-layer hyperplanes were missing")
        if self.false:
            indices = ", ".join(map(str, self.false))
            parts.append(f"nothing bends at the given hyperplanes {indices}")
        return " and ".join(parts)

    def corrected(self, planes: Planes) -> Planes:
        """The first layer with the changes made; added hyperplanes come last."""
        kept = np.setdiff1d(np.arange(planes.count), self.false)
        return Planes(
            np.concatenate([planes.normals[kept], self.normals]),
            np.concatenate([planes.offsets[kept], self.offsets]),
        )


def no_suspects(dim: int) -> Suspects:
    """Nothing to change, for inputs of `dim` numbers."""
    return Suspects(np.zeros((0, dim)), np.zeros(0), ())


def find_suspects(
    neurons: Sequence[UnsignedNeuron], straight: Sequence[UnsignedNeuron], dim: int
) -> Suspects:
    """What the boundaries say about the first layer.

    Args:
        neurons: Boundaries that bend.
        straight: Boundaries that do not.
        dim: Numbers in one input.
    """
    missing = _distinct([*(neuron.affine for neuron in straight), *_differences(neurons)], dim)
    return Suspects(missing[:, :-1], missing[:, -1], _never_bent(neurons))


def suspects_on_lines(witnesses: Sequence[Witness], sweeps: Sequence[LineSweep], dim: int) -> Suspects:
    """Bends whose hyperplane is met on other lines too.

    Args:
        witnesses: Unexplained bends of these lines.
        sweeps: All lines swept so far.
        dim: Numbers in one input.
    """
    planes: list[FloatArray] = []
    for witness in witnesses:
        normal = witness.gradient / witness.length
        sightings = [_sighted(normal, witness, sweep) for sweep in sweeps]
        told = [seen for seen in sightings if seen is not None]
        if sum(told) >= FEWEST and sum(told) >= SIGHTED * len(told):
            planes.append(np.append(normal, -normal @ witness.point))
    missing = _distinct(planes, dim)
    return Suspects(missing[:, :-1], missing[:, -1], ())


def _sighted(normal: FloatArray, witness: Witness, sweep: LineSweep) -> bool | None:
    """Whether another line bends where it meets the witness' hyperplane; None if it cannot tell."""
    line, speed = sweep.line, float(normal @ sweep.line.direction)
    if not speed or not sweep.exact:
        return None
    t = float(normal @ (witness.point - line.origin)) / speed
    place = line.origin + t * line.direction
    slack = POSITION * (line.scale + abs(t))
    doubt = 12 * witness.quality * float(np.linalg.norm(place - witness.point)) / abs(speed)
    if not line.low < t < line.high or doubt > slack or np.linalg.norm(place - witness.point) < 10 * slack:
        return None
    return bool((np.abs(sweep.bends - t) < slack).any())


def _differences(neurons: Sequence[UnsignedNeuron]) -> list[FloatArray]:
    """Linear parts by which boundaries with the same weights differ."""
    found: list[FloatArray] = []
    for a, b in combinations(neurons, 2):
        sign = shared_sign(a, b)
        if sign and np.array_equal(a.known, b.known) and a.known.sum() > len(a.known) // 2:
            difference = a.affine - sign * b.affine
            if np.linalg.norm(difference[:-1]) > SAME * a.size:
                found.append(difference)
    return found


def _distinct(affine: Iterable[FloatArray], dim: int) -> FloatArray:
    """Hyperplanes (unit normal, offset) without repetition, shape "m d+1"."""
    planes: list[FloatArray] = []
    for part in affine:
        plane = part / np.linalg.norm(part[:-1])
        if not any(_same_plane(plane, other) for other in planes):
            planes.append(plane)
    return np.array(planes).reshape(len(planes), dim + 1)


def _same_plane(a: FloatArray, b: FloatArray) -> bool:
    distance = min(np.linalg.norm(a - b), np.linalg.norm(a + b))
    return bool(distance < VAGUE * np.linalg.norm(a))


def _never_bent(neurons: Sequence[UnsignedNeuron]) -> tuple[int, ...]:
    """Hyperplanes whose weight is zero in every boundary that tells it."""
    if not neurons:
        return ()
    zero, sharp = (np.array(flags) for flags in zip(*map(zero_weights, neurons), strict=True))
    known = np.array([neuron.known for neuron in neurons])
    never = (zero | ~known).all(axis=0) & (sharp.sum(axis=0) >= FEWEST)
    return tuple(int(i) for i in np.nonzero(never)[0])
