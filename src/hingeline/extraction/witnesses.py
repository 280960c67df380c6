"""Bends that no first-layer hyperplane explains, and the neurons that do explain them.

A witness is one bend of a swept line with its measured local normal. A neuron explains it if z vanishes
there and its gradient is the measured one. If some unknown hyperplanes lie between the witness and the
neuron's known region, their coefficients are the only unknowns in d + 1 equations: a witness that fits them
with equations to spare belongs to the neuron and gives the coefficients for nothing.

Source: merging partial rows, specs after Rolnick and Körding 2020. Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.unsigned import Planes, UnsignedNeuron

POSITION = 1e-7
"""Bends are at a predicted place if they agree to this fraction of their distance from the origin."""
GRADIENT = 1e-6
"""Gradients agree if they differ by less than this fraction of their length (or by their error bars)."""
SIGMAS = 12.0
"""Standard deviations within which measured and predicted must agree."""
SPARE = 2
"""Equations to spare before a witness beyond unknown hyperplanes may be taken for a neuron's."""
FLATTEST = 0.03
"""Unknown hyperplanes must be this far from being linearly dependent."""


@dataclass(frozen=True, eq=False)
class Witness:
    """A bend with its local normal, scaled so that the output jump has length one."""

    point: FloatArray
    """Shape "d"."""
    gradient: FloatArray
    """Gradient of the neuron in the region beside it, orientation arbitrary, shape "d"."""
    jump: FloatArray
    """Unit output direction, shape "k"."""
    error: float
    """Standard deviation of one entry of the gradient."""
    value_error: float
    """Standard deviation of the neuron's value at `point`."""

    @property
    def length(self) -> float:
        """Length of the gradient."""
        return float(np.linalg.norm(self.gradient))

    @property
    def quality(self) -> float:
        """Relative error; small is good."""
        return self.error / self.length


@dataclass(frozen=True, eq=False)
class Adoption:
    """A witness recognised as a neuron's."""

    witness: Witness
    sign: float
    """1 if the witness' gradient has the neuron's orientation, else -1."""
    opened: BoolArray
    """Unknown hyperplanes whose coefficients it tells, shape "n"."""


def line_witnesses(line: MeasuredLine, bends: BoolArray) -> list[Witness]:
    """The measured ones of the given bends as witnesses."""
    found: list[Witness] = []
    direction = line.sweep.line.direction
    for j in np.nonzero(bends & line.measured)[0]:
        size = float(np.linalg.norm(line.jumps[j]))
        gradient = size * line.normals[j]
        point = line.sweep.line.at(line.sweep.bends[j : j + 1])[0]
        position = float(line.sweep.bend_errors[j])
        found.append(
            Witness(
                point, gradient, line.jumps[j] / size, size * float(line.errors[j]),
                position * abs(float(gradient @ direction)),
            )
        )  # fmt: skip
    return found


class WitnessPool:
    """Witnesses that no neuron has taken yet.

    Args:
        planes: The first layer.
        scale: Typical input norm.
    """

    def __init__(self, planes: Planes, scale: float) -> None:
        self.planes, self.scale = planes, scale
        self.witnesses: list[Witness] = []

    def __len__(self) -> int:
        return len(self.witnesses)

    def add(self, witnesses: Sequence[Witness]) -> None:
        """Put witnesses in, best first."""
        self.witnesses = sorted([*self.witnesses, *witnesses], key=lambda witness: witness.quality)

    def pop(self) -> Witness:
        """Take the best one out."""
        return self.witnesses.pop(0)

    def claim(self, neuron: UnsignedNeuron) -> list[Adoption]:
        """Take out the witnesses that are this neuron's: all that lie in its known region, or else one."""
        if not self.witnesses:
            return []
        points = np.array([witness.point for witness in self.witnesses])
        jumps = np.array([witness.jump for witness in self.witnesses])
        opened = neuron.flipped(points).sum(axis=1)
        possible = (opened <= points.shape[1] + 1 - SPARE) & (jumps @ neuron.jump > 1 - GRADIENT)
        claimed: list[Adoption] = []
        for index in np.nonzero(possible)[0][np.argsort(opened[possible], kind="stable")]:
            if claimed and opened[index]:
                break
            adoption = recognise(neuron, self.witnesses[index], self.scale)
            if adoption is not None:
                claimed.append(adoption)
        taken = {id(adoption.witness) for adoption in claimed}
        self.witnesses = [witness for witness in self.witnesses if id(witness) not in taken]
        return claimed


def recognise(neuron: UnsignedNeuron, witness: Witness, scale: float) -> Adoption | None:
    """The witness as one of this neuron's, inside or outside its known region; None if it is not."""
    point = witness.point[np.newaxis]
    opened = neuron.flipped(point)[0]
    normals = neuron.planes.normals[opened]
    if opened.any() and not _independent(normals):
        return None
    pattern = neuron.planes.patterns(point)
    distance = scale + float(np.linalg.norm(witness.point))
    # beyond hyperplane j the gradient is larger by v_j across, the value by v_j |height|
    columns = np.concatenate(
        [
            (-neuron.home[opened, np.newaxis] * normals).T,
            np.abs(neuron.planes.heights(point)[:, opened]) / distance,
        ]
    )
    start = np.append(neuron.gradients(pattern)[0], neuron.values(point)[0] / distance)
    doubt = np.append(
        np.full(len(witness.gradient), neuron.gradient_errors(pattern)[0]), neuron.errors(point)[0] / distance
    )
    error = np.append(np.full(len(witness.gradient), witness.error), witness.value_error / distance)
    allowed = SIGMAS * (doubt + error) + GRADIENT * witness.length
    if allowed.max() > 0.01 * witness.length:
        return None
    for sign in (1.0, -1.0):
        target = np.append(sign * witness.gradient, 0.0) - start
        rest = target - columns @ np.linalg.lstsq(columns, target, rcond=None)[0] if opened.any() else target
        if (np.abs(rest) <= allowed).all():
            return Adoption(witness, sign, opened)
    return None


def _independent(normals: FloatArray) -> bool:
    count, dim = normals.shape
    if count > dim + 1 - SPARE:
        return False
    return bool(np.linalg.svd(normals, compute_uv=False)[-1] > FLATTEST)
