"""What is known of a network so far, as a line sees it: where it must bend, and which bends are new.

Cost: about 3 queries per predicted bend, 7 per new one and two Jacobians for its normal. Source: ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.bends import KnownBends, MeasuredLine, measure_bends
from hingeline.extraction.unsigned import Planes, UnsignedNeuron
from hingeline.extraction.witnesses import POSITION, Witness, line_witnesses
from hingeline.probing.line import Line, LineSweep, sweep_line
from hingeline.probing.probe import Probe


@dataclass(frozen=True, eq=False)
class KnownPart:
    """First-layer hyperplanes and second-layer neurons found so far."""

    planes: Planes
    neurons: Sequence[UnsignedNeuron]
    scale: float
    """Typical input norm."""

    def predicted(self, line: Line) -> FloatArray:
        """Parameters at which the line must bend, ascending."""
        found = [self._plane_crossings(line), *(neuron.crossings(line) for neuron in self.neurons)]
        t = np.concatenate(found)
        return np.unique(t[np.isfinite(t) & (t > line.low) & (t < line.high)])

    def explain(self, sweep: LineSweep) -> KnownBends:
        """Which bends are known, and the Jacobian jump at each."""
        line, bends = sweep.line, sweep.bends
        points = line.at(bends)
        mask = np.zeros(len(bends), dtype=np.bool_)
        jumps = np.zeros((len(bends), sweep.slopes.shape[1], len(line.origin)))
        errors = np.zeros(len(bends))
        slack = POSITION * (self.scale + np.linalg.norm(points, axis=1))
        for neuron in self.neurons:
            owners = _owners(bends, neuron.crossings(line), 10 * slack)
            for bend in np.nonzero(owners >= 0)[0]:
                pattern = self.planes.patterns(points[bend : bend + 1])
                normal = neuron.gradients(pattern)[0]
                mask[bend] = True
                jumps[bend] = np.outer(neuron.jump, normal * np.sign(normal @ line.direction))
                errors[bend] = neuron.gradient_errors(pattern)[0]
        owners = _owners(bends, self._plane_crossings(line), slack)
        for bend in np.nonzero(owners >= 0)[0]:
            # J_after - J_before = (slope jump) normal^T / (normal . direction)
            normal = self.planes.normals[owners[bend]]
            speed = normal @ line.direction
            mask[bend], jumps[bend] = True, np.outer(sweep.jumps[bend], normal / speed)
            errors[bend] = np.hypot(*sweep.slope_errors[bend : bend + 2]) / abs(speed)
        return KnownBends(mask, jumps, errors)

    def missing_on(self, sweep: LineSweep) -> BoolArray:
        """Which neurons should cross the line where it has no bend: shape "m"."""
        missing = np.zeros(len(self.neurons), dtype=np.bool_)
        for k, neuron in enumerate(self.neurons):
            predicted = neuron.crossings(sweep.line)
            gaps = np.abs(sweep.bends[:, np.newaxis] - predicted).min(axis=0, initial=np.inf)
            slack = 10 * POSITION * (self.scale + np.abs(predicted))
            missing[k] = bool((gaps > slack).any())
        return missing

    def room(self, points: FloatArray) -> FloatArray:
        """Distance from each point to the nearest known boundary: "n d" to "n"."""
        nearest = np.abs(self.planes.heights(points)).min(axis=1, initial=np.inf)
        patterns = self.planes.patterns(points)
        for neuron in self.neurons:
            lengths = np.linalg.norm(neuron.gradients(patterns), axis=1)
            nearest = np.minimum(nearest, np.abs(neuron.values(points)) / np.maximum(lengths, 1e-300))
        return nearest

    def witnesses(self, line: MeasuredLine) -> list[Witness]:
        """Measured bends of a line that nothing known explains."""
        return line_witnesses(line, ~self.explain(line.sweep).mask)

    def _plane_crossings(self, line: Line) -> FloatArray:
        with np.errstate(divide="ignore", invalid="ignore"):
            t = -self.planes.heights(line.origin[np.newaxis])[0] / (self.planes.normals @ line.direction)
        return np.where(np.isfinite(t), t, np.inf)


def sweep_known(probe: Probe, known: KnownPart, line: Line, rng: np.random.Generator) -> MeasuredLine:
    """Sweep a line and measure the normals of those of its bends that are new.

    Raises:
        BudgetExhausted: The budget ended.
    """
    sweep = sweep_line(probe, line, predicted=known.predicted(line))
    explained = known.explain(sweep)
    if explained.mask.all():
        return _unmeasured(sweep)
    return measure_bends(probe, sweep, rng, known=explained, room=known.room)


def _unmeasured(sweep: LineSweep) -> MeasuredLine:
    """A line whose bends are all known."""
    bends, outputs, dim = len(sweep.bends), sweep.slopes.shape[1], len(sweep.line.origin)
    return MeasuredLine(
        sweep, np.zeros((bends, dim)), np.zeros(bends), np.zeros((bends, outputs)), np.full(bends, np.inf),
        sweep.line.at(sweep.lows), np.zeros((bends + 1, outputs, dim)), sweep.values,
        np.full(bends + 1, np.inf), np.eye(dim),
    )  # fmt: skip


def _owners(bends: FloatArray, predicted: FloatArray, slack: FloatArray) -> IntArray:
    """Which prediction each bend is (-1: none); every prediction explains its nearest bend at most."""
    owners = np.full(len(bends), -1)
    if len(bends) and len(predicted):
        gaps = np.abs(bends[:, np.newaxis] - predicted)
        nearest = gaps.argmin(axis=0)
        fits = np.nonzero(gaps[nearest, np.arange(len(predicted))] <= slack[nearest])[0]
        owners[nearest[fits]] = fits
    return owners
