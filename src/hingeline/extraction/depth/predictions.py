"""Where a neuron must bend the lines that were swept, and whether it does.

A neuron of the right layer bends a line wherever it is predicted to, unless everything above it is off
there, and then the answers do not vary at all on that piece. So one miss on a live piece speaks against it.
That holds for layers that are fully connected; see the specs for skips.

Source: cross-line vote, specs on reverse engineering 2.3; counting only live pieces is ours. Cost: none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray, IntArray
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.observed_lines import ObservedLine, Record
from hingeline.extraction.depth.partial_neuron import PartialNeuron

NEAR = 1e-6
"""Bends are where they are predicted if they agree to this fraction of scale + |t|."""


@dataclass(frozen=True, eq=False)
class Vote:
    """What the lines say of one neuron."""

    hits: tuple[tuple[int, int], ...]
    """(line, bend) wherever it was predicted and seen."""
    missed: tuple[tuple[int, float], ...]
    """(line, parameter) wherever it was predicted on a live piece and not seen."""


class Predictor:
    """The swept lines as the layers below see them.

    Args:
        record: All lines.
        known: The layers below the neurons that are predicted.
    """

    def __init__(self, record: Record, known: KnownLayers) -> None:
        self.lines = record.lines
        edges = [known.breaks(observed.line) for observed in record.lines]
        points = [observed.line.at(own) for observed, own in zip(record.lines, edges, strict=True)]
        self.edges = np.concatenate(edges)
        self.offered = np.concatenate([known.offered(own) for own in points])
        self.line = np.repeat(np.arange(len(edges)), [len(own) for own in edges])

    def crossings(self, neuron: PartialNeuron) -> tuple[IntArray, FloatArray]:
        """Lines and parameters at which a neuron crosses them, where it is known; ascending on each."""
        edges, z, covered = self.edges, neuron.values(self.offered), neuron.covers(self.offered)
        inside = (self.line[1:] == self.line[:-1]) & covered[:-1] & covered[1:]
        at = np.nonzero((z[:-1] * z[1:] < 0) & inside)[0]
        return self.line[at], edges[at] - z[at] * (edges[at + 1] - edges[at]) / (z[at + 1] - z[at])

    def vote(self, neuron: PartialNeuron) -> Vote:
        """Compare all predictions with what was seen."""
        hits: list[tuple[int, int]] = []
        missed: list[tuple[int, float]] = []
        lines, crossings = self.crossings(neuron)
        for index in np.unique(lines).tolist():
            observed, t = self.lines[index], crossings[lines == index]
            bend, near = _nearest(observed, t)
            hits += [(index, int(b)) for b in bend[near]]
            doubtful = ~near & observed.live[np.searchsorted(observed.bends, t)] & ~_unclear(observed, t)
            missed += [(index, float(at)) for at in t[doubtful]]
        return Vote(tuple(hits), tuple(missed))


def _nearest(observed: ObservedLine, t: FloatArray) -> tuple[IntArray, BoolArray]:
    """The bend nearest to each prediction, and whether it is near enough."""
    bends = observed.bends
    if not len(bends):
        return np.zeros(len(t), dtype=np.int64), np.zeros(len(t), dtype=np.bool_)
    right = np.clip(np.searchsorted(bends, t), 1, max(1, len(bends) - 1))
    left = right - 1
    right = np.minimum(right, len(bends) - 1)
    bend = np.where(np.abs(bends[left] - t) <= np.abs(bends[right] - t), left, right)
    near: BoolArray = np.abs(bends[bend] - t) < NEAR * (observed.line.scale + np.abs(t))
    return bend, near


def _unclear(observed: ObservedLine, t: FloatArray) -> BoolArray:
    """Predictions in stretches where bends may have been overlooked."""
    unclear = np.zeros(len(t), dtype=np.bool_)
    for low, high in observed.unresolved:
        unclear |= (t >= low) & (t <= high)
    return unclear
