"""What a layer explains on lines that were swept after it was found, without solving anything again.

Cost: no queries. Source: see `predictions`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.extraction.depth.candidates import FoundNeuron
from hingeline.extraction.depth.known_layers import KnownLayers
from hingeline.extraction.depth.layer_step import FoundLayer
from hingeline.extraction.depth.observed_lines import Record
from hingeline.extraction.depth.predictions import Predictor, Vote


def with_later_lines(step: FoundLayer, record: Record, known: KnownLayers) -> FoundLayer:
    """A layer whose neurons count their bends on the lines that it does not know of yet.

    Args:
        step: The layer, over `known`.
        record: All lines.
        known: The layers below.
    """
    seen = len(step.explained)
    if seen == record.count:
        return step
    first = int(record.line_of[seen - 1]) + 1 if seen else 0
    predictor = Predictor(replace(record, lines=record.lines[first:]), known)
    neurons = tuple(_with_bends(one, predictor, first) for one in step.neurons)
    explained = np.concatenate([step.explained, np.zeros(record.count - seen, dtype=np.bool_)])
    index = record.index()
    own = [index[hit] for one in neurons for hit in one.vote.hits if hit[0] >= first and hit in index]
    explained[own] = True
    return replace(step, neurons=neurons, explained=explained)


def _with_bends(one: FoundNeuron, predictor: Predictor, first: int) -> FoundNeuron:
    """A neuron with its bends on the lines of a predictor, the first of which has this number."""
    vote = predictor.vote(one.neuron)
    hits = [(first + line, bend) for line, bend in vote.hits]
    missed = [(first + line, at) for line, at in vote.missed]
    both = dict.fromkeys([*one.vote.hits, *hits]), dict.fromkeys([*one.vote.missed, *missed])
    return replace(one, vote=Vote(tuple(both[0]), tuple(both[1])))
