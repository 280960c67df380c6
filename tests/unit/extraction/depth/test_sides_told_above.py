"""A layer above decides sides for good, and a row on another scale is not the same channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayer
from hingeline.extraction.depth.layer_step import FoundLayer, FoundNeuron, same_layer
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.predictions import Vote
from hingeline.extraction.depth.refit import Refit
from hingeline.extraction.depth.told_sides import told_by


def _layer(rows: list[list[float]], decided: list[bool], untold: FloatArray | None = None) -> FoundLayer:
    matrix: FloatArray = np.array(rows)
    lost = np.zeros((matrix.shape[1], 0)) if untold is None else untold
    none = np.zeros(0, dtype=np.int64)
    neurons = tuple(
        FoundNeuron(Refit(PartialNeuron(row, lost, ()), 0 * row, 1.0), Vote((), ()), none, key)
        for key, row in enumerate(matrix)
    )
    sure: FloatArray = np.array(decided)
    layer = KnownLayer(matrix[:, :-1], matrix[:, -1], sure.astype(np.bool_))
    channels = [(key, False) for key in range(len(rows))]
    channels += [(key, True) for key, known in enumerate(decided) if not known]
    return FoundLayer(layer, neurons, np.zeros(0, dtype=np.bool_), 0, tuple(channels), 0.0, {})


def test_a_coefficient_of_z_that_is_zero_or_cancels_tells_the_side() -> None:
    below = _layer([[1.0, 0.0], [0.0, 1.0]], [False, False])
    # relu(z_0) with no z_0: on where z > 0; -0.5 relu(z_1) + 0.5 z_1 = -0.5 relu(-z_1): on where z < 0
    above = _layer([[0.6, -0.5, 0.0, 0.5, 0.1]], [True])
    assert told_by(above, below) == {0: 1.0, 1: -1.0}


def test_a_direction_that_is_untold_tells_no_side() -> None:
    below = _layer([[1.0, 0.0]], [False])
    above = _layer([[0.6, 0.0, 0.8]], [True], np.array([[0.6], [-0.8], [0.0]]))
    assert told_by(above, below) == {}


def test_a_row_of_which_more_became_known_is_another_channel() -> None:
    before = _layer([[0.6, 0.8, 0.0], [0.0, 1.0, 0.0]], [True, True])
    longer = replace(before.layer, weights=np.array([[0.3, 0.4], [0.0, 1.0]]))
    assert same_layer(before.layer, before.channels, before) and not same_layer(
        longer, before.channels, before
    )
