"""Answers received so far, kept to be fitted: what was asked once costs nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.extraction.unsigned import UnsignedNeuron
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import Probe


@dataclass(frozen=True, eq=False)
class Recorded:
    """Answers to fit."""

    points: FloatArray
    """Shape "p d"."""
    values: FloatArray
    """Shape "p k"."""
    sizes: FloatArray
    """Typical input norm plus norm of each point, shape "p"."""
    noise: FloatArray
    """Standard deviation of each value, shape "p"."""

    def select(self, chosen: BoolArray) -> Recorded:
        """A subset."""
        return Recorded(self.points[chosen], self.values[chosen], self.sizes[chosen], self.noise[chosen])

    def without_bends(self, neurons: Sequence[UnsignedNeuron]) -> FloatArray:
        """Values less every neuron's rectified part: what is left is linear in z. Shape "p k"."""
        rest = self.values.copy()
        for neuron in neurons:
            rest -= np.outer(neuron.rectified(self.points), neuron.jump)
        return rest

    def doubt(self, neurons: Sequence[UnsignedNeuron]) -> FloatArray:
        """Standard deviation of `without_bends`, shape "p"."""
        errors = [neuron.errors(self.points) for neuron in neurons]
        return np.hypot(self.noise, np.linalg.norm(errors, axis=0))

    def readable(self, neurons: Sequence[UnsignedNeuron]) -> BoolArray:
        """Points where every neuron's state is known, shape "p"."""
        return np.all([neuron.states(self.points) != 0 for neuron in neurons], axis=0)


class RecordingProbe(Probe):
    """A probe that keeps what it asked.

    Args:
        probe: Where queries go.
    """

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe.session, probe.calibration)
        self._points: list[FloatArray] = []
        self._values: list[FloatArray] = []

    def ask(self, points: FloatArray, *, fresh: bool = False) -> FloatArray:
        """Values at `points`, kept: "n d" to "n k"; n queries."""
        values = super().ask(points, fresh=fresh)
        self.keep(points, values)
        return values

    def keep(self, points: FloatArray, values: FloatArray) -> None:
        """Take answers that came otherwise."""
        self._points.append(points)
        self._values.append(values)

    def recorded(self) -> Recorded:
        """All of it."""
        points, values = np.concatenate(self._points), np.concatenate(self._values)
        norms = np.linalg.norm(points, axis=1)
        noise = self.noise.at_norm(norms) + EPSILON * np.abs(values).max(axis=1)
        return Recorded(points, values, self.calibration.scale + norms, noise)


def typical_slope(neurons: Sequence[UnsignedNeuron]) -> float:
    """Median length of the neurons' gradients, in output units."""
    return float(np.median([neuron.size for neuron in neurons]))
