"""Bends that known neurons explain: closed-form places and jumps."""

import numpy as np

from hingeline.extraction.depth.explained import Boundaries, explained, of_layers, only, predicted
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.probing.line import Line, LineSweep

ON_BOTH = np.ones(2, dtype=np.bool_)
AXES = KnownLayers(2, (KnownLayer(np.eye(2), np.zeros(2), ON_BOTH),))
DIAGONAL = Line(np.array([-1.0, -2.0]), np.array([0.6, 0.8]), 1.0, -10.0, 10.0)


def sweep_with(bends: list[float], jumps: list[float]) -> LineSweep:
    slopes = np.cumsum([0.0, *jumps])[:, np.newaxis]
    count = len(slopes)
    none = np.zeros(count)
    return LineSweep(
        DIAGONAL, np.array(bends), np.zeros(len(bends)), slopes, none, np.zeros((count, 1)), none, none,
        np.zeros((0, 2)),
    )  # fmt: skip


def test_a_line_is_predicted_to_bend_where_it_meets_the_axes() -> None:
    expected = predicted(of_layers(AXES, [np.zeros(2)]), DIAGONAL)
    np.testing.assert_allclose(expected, [1 / 0.6, 2.5], rtol=1e-12)


def test_the_jump_of_an_explained_bend_is_the_slope_jump_over_the_normal() -> None:
    told = explained(of_layers(AXES, [np.zeros(2)]), sweep_with([1 / 0.6, 2.0], [3.0, 1.0]))
    assert told.mask.tolist() == [True, False]
    np.testing.assert_allclose(told.jumps[0], [[3.0 / 0.6, 0.0]], rtol=1e-12)
    assert not told.jumps[1].any()


def test_a_neuron_over_the_axes_bends_only_where_its_channels_say() -> None:
    corner = Boundaries(AXES, np.array([[1.0, 1.0, -3.0]]))
    # relu(x) + relu(y) = 3 at x = 1, y = 2 of this line once both are on: 1.4 t = 6
    np.testing.assert_allclose(corner.crossings(DIAGONAL)[:, 0], [6 / 1.4], rtol=1e-12)


def test_vague_neurons_are_left_to_be_measured_again() -> None:
    told = explained(of_layers(AXES, [np.array([1.0, 0.0])]), sweep_with([1 / 0.6, 2.5], [3.0, 1.0]))
    assert told.mask.tolist() == [False, True]


def test_neighbours_of_a_chosen_bend_count_as_unknown() -> None:
    told = explained([], sweep_with([1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 1.0]))
    chosen, passing = only(np.array([True, False, False, False]), told)
    assert chosen.tolist() == [True, False, False, False]
    assert passing.mask.tolist() == [False, False, True, True]
