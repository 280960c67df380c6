"""One bend of a swept line, asked about its normal one direction at a time.

In the pieces before and after a bend the oracle is affine, and the two slopes in a direction e differ by the
bend's output jump times (normal . e). So any component of the normal costs two queries, and that of a block
of pixels tells whether the normal has anything there at all: a random direction inside the block shows it.

Source: group tests on specs of convolutions; ours. Cost: 2 queries per direction, and 2 for each bend.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.line import LineSweep
from hingeline.probing.probe import Probe

STEP = 0.01
"""Step as a fraction of the distance to the nearer end of a piece; hyperplanes nearly parallel to the line
lie nearer than its bends."""
CLEAR = 30.0
"""A component is not zero if it exceeds so many standard deviations."""


@dataclass(eq=False)
class CrossedBend:
    """A bend, two places beside it, and what was asked there.

    Components are those of the normal that is scaled to normal . direction of the line = 1.
    """

    probe: Probe
    sweep: LineSweep
    index: int
    """Which bend of the sweep."""
    rng: np.random.Generator
    centres: FloatArray
    """A place before and one after the bend, shape "2 d"."""
    steps: FloatArray
    """How far from each is asked, shape "2"."""
    values: FloatArray
    """Answers there, shape "2 k"."""
    error: float
    """Standard deviation of a component along a unit vector."""

    @classmethod
    def at(cls, probe: Probe, sweep: LineSweep, index: int, rng: np.random.Generator) -> CrossedBend:
        """Stand before and after a bend; 2 queries."""
        before, after = rooms(sweep)[index]
        t = sweep.bends[index] + np.array([-before, after])
        centres = sweep.line.at(t)
        steps = STEP * np.minimum(np.array([before, after]), probe.domain.margin(centres))
        values = probe.ask(centres)
        sigma = probe.noise.at(centres) + EPSILON * np.abs(values).max(axis=1)
        error = 2 * float(np.linalg.norm(sigma / steps)) / float(np.linalg.norm(sweep.jumps[index]))
        return cls(probe, sweep, index, rng, centres, steps, values, error)

    def components(self, directions: FloatArray) -> FloatArray:
        """The normal along unit `directions`, "q d" to "q"; 2 q queries."""
        moved = [c + s * directions for c, s in zip(self.centres, self.steps, strict=True)]
        answers = self.probe.ask(np.concatenate(moved)).reshape(2, len(directions), -1)
        slopes = (answers - self.values[:, np.newaxis]) / self.steps[:, np.newaxis, np.newaxis]
        jump = self.sweep.jumps[self.index]
        return (slopes[1] - slopes[0]) @ jump / (jump @ jump)

    def touches(self, block: BoolArray) -> bool:
        """Whether the normal has anything in a block of inputs, shape "d"; 2 queries."""
        direction = np.where(block, self.rng.standard_normal(len(block)), 0.0)
        direction /= np.linalg.norm(direction)
        return bool(abs(self.components(direction[np.newaxis])[0]) > CLEAR * self.error)


def rooms(sweep: LineSweep) -> FloatArray:
    """How far before and after each bend the middles of its pieces lie, shape "b 2"."""
    edges = np.concatenate([[sweep.line.low], sweep.bends, [sweep.line.high]])
    gaps = np.minimum(np.diff(edges), sweep.line.scale)
    return np.stack([gaps[:-1], gaps[1:]], axis=1) / 2


def by_clarity(probe: Probe, sweep: LineSweep) -> FloatArray:
    """Expected error of a component for each bend, shape "b": the smallest are best asked about."""
    where = sweep.line.at(sweep.bends)
    norms = np.linalg.norm(where, axis=1)
    sizes = np.linalg.norm(sweep.jumps, axis=1)
    room = np.minimum(rooms(sweep).min(axis=1), np.maximum(probe.domain.margin(where), 0.0))
    with np.errstate(divide="ignore"):
        return probe.noise.at_norm(norms) / (STEP * room * sizes)
