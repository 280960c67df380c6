"""The first layer's neurons that were told from deeper ones by asking, as the search has neurons.

Before a network turns out to be deep, hyperplanes are followed far away: those that go on straight are the
first layer. So two lines are enough to have that layer, where lines alone need a few to tell it from deeper
ones.

Cost: no queries.
"""

from __future__ import annotations

import numpy as np

from hingeline.extraction.depth.candidates import FoundNeuron
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.predictions import Predictor
from hingeline.extraction.depth.refit import Refit

PARALLEL = 1e-5
"""Part of a unit normal across a neuron's row up to which a bend near it is its own."""


def first_neurons(record: Record, first: KnownLayer) -> tuple[FoundNeuron, ...]:
    """Neurons with their measured bends; those without one are left to be found.

    Args:
        record: All lines.
        first: The layer, in the record's coordinates.
    """
    predictor, index = Predictor(record, KnownLayers(first.weights.shape[1])), record.index()
    found: list[FoundNeuron] = []
    errors = np.full(first.width, first.error) if first.errors is None else first.errors
    for row, offset, error in zip(first.weights, first.biases, errors.tolist(), strict=True):
        theta = np.append(row, offset)
        theta = theta / np.linalg.norm(theta)
        neuron = PartialNeuron(theta, np.zeros((len(theta), 0)), ())
        vote = predictor.vote(neuron)
        bends = np.array([index[hit] for hit in vote.hits if hit in index], dtype=np.int64)
        unit = row / np.linalg.norm(row)
        along = record.normals[bends] @ unit
        own = bends[np.linalg.norm(record.normals[bends] - along[:, np.newaxis] * unit, axis=1) < PARALLEL]
        if len(own):
            refit = Refit(neuron, np.full(len(theta), max(error, 1e-15)), 1.0)
            found.append(FoundNeuron(refit, vote, own, int(own[0])))
    return tuple(found)
