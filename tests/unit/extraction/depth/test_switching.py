"""A neuron made from answers bends at its boundary; a sum of two does not."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.left_over import Answers, LeftOver
from hingeline.extraction.depth.switching import switches

DIM = 5
FIRST = np.array([0.5, -0.3, 0.4, 0.2, -0.6, -0.2])
SECOND = np.array([0.45, -0.35, 0.5, 0.1, -0.5, 0.3])
NOTHING = np.zeros((DIM + 1, 0))


def known() -> KnownLayers:
    rng = np.random.default_rng(2)
    below = KnownLayer(rng.standard_normal((DIM, DIM)), np.full(DIM, 0.5), np.ones(DIM, dtype=np.bool_))
    return KnownLayers(DIM, (below,))


def answers_of(layers: KnownLayers, points: FloatArray) -> Answers:
    """Two neurons of the layer above, mostly on together."""
    offered = layers.offered(points)
    values = 1.3 * np.maximum(offered @ FIRST, 0) - 0.7 * np.maximum(offered @ SECOND, 0)
    return Answers.of(layers, points, values[:, np.newaxis])


@pytest.mark.parametrize(
    ("coefficients", "bends"),
    [(1.3 * FIRST, True), (-0.7 * SECOND, True), (1.3 * FIRST - 0.7 * SECOND, False), (FIRST, False)],
)
def test_only_what_bends_there_by_as_much_is_a_neuron(coefficients: FloatArray, bends: bool) -> None:
    layers, rng = known(), np.random.default_rng(3)
    points = rng.standard_normal((400, DIM))
    points = points[(layers.offered(points) @ np.array([FIRST, SECOND]).T > 0).all(axis=1)]
    left = LeftOver(np.zeros((0, DIM + 1)), np.zeros((DIM + 1, 1)), np.sqrt(DIM), 1.0, 0.0)
    asked: list[int] = []

    def ask(places: FloatArray) -> Answers:
        asked.append(len(places))
        return answers_of(layers, places)

    column = coefficients[:, np.newaxis]
    assert switches(layers, left, column, NOTHING, points, ask) == bends
    assert sum(asked) <= 18


def test_where_no_place_is_clear_of_what_is_untold_nothing_is_confirmed() -> None:
    layers, rng = known(), np.random.default_rng(3)
    points = rng.standard_normal((50, DIM))
    left = LeftOver(np.zeros((0, DIM + 1)), np.zeros((DIM + 1, 1)), np.sqrt(DIM), 1.0, 0.0)
    untold = np.eye(DIM + 1)[:, [DIM]]
    column = FIRST[:, np.newaxis]
    assert not switches(layers, left, column, untold, points, lambda places: answers_of(layers, places))
