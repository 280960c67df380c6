"""Neurons that were made from answers, put into their layer.

Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hingeline.core.arrays import BoolArray
from hingeline.extraction.depth.candidates import MISSES, FoundNeuron
from hingeline.extraction.depth.joining import joined
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.layer_step import AGREE, FoundLayer, finished_layer
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.predictions import Predictor
from hingeline.extraction.depth.refit import Refit

MADE = 10**9
"""Keys of neurons that were made from answers begin here."""


def with_neuron(
    record: Record,
    known: KnownLayers,
    free: BoolArray,
    step: FoundLayer,
    made: Refit,
) -> FoundLayer | None:
    """A layer with one neuron more, or more told of one it has; None if lines speak against it.

    Args:
        record: All lines.
        known: The layers below.
        free: As for `find_layer`.
        step: The layer as it is.
        made: A neuron made from answers.
    """
    vote = Predictor(record, known).vote(made.neuron)
    if len(vote.missed) > MISSES * len(vote.hits) + 1:
        return None
    same, made = _same(step.neurons, made)
    if same is not None and same.neuron.untold.shape[1] <= made.neuron.untold.shape[1]:
        return None
    key = MADE + len(record.samples) if same is None else same.key
    # its bends alone would not pin it: no bends, so that it stays as it was made
    new = FoundNeuron(made, vote, np.zeros(0, dtype=np.int64), key)
    found = [one for one in step.neurons if one is not same] + [new]
    return finished_layer(record, known, free, found, step.candidates, step.unfit, step.sides)


def _same(neurons: Sequence[FoundNeuron], made: Refit) -> tuple[FoundNeuron | None, Refit]:
    """The neuron of a layer that a new one is, if any, and what both tell."""
    for one in neurons:
        if one.neuron.whole and made.neuron.whole:
            if 1 - abs(one.neuron.theta @ made.neuron.theta) < AGREE:
                return one, made
            continue
        both = joined(one.neuron, made.neuron)
        if both is not None:
            return one, replace(made, neuron=replace(both, members=()))
    return None, made
