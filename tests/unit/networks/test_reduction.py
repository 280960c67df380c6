"""Reduction: parts that cannot matter go, the function stays."""

from __future__ import annotations

import numpy as np
import pytest
from samples import random_network, scrambled

from hingeline.core.errors import InvalidInput
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.reduction import Reduced, reduced


def reasons(state: Reduced) -> list[tuple[int, str]]:
    return [(aside.neuron, aside.reason) for layer in state.set_aside for aside in layer]


def function_of(state: Reduced) -> PiecewiseLinearNetwork:
    return PiecewiseLinearNetwork(state.weights, state.biases)


def test_hidden_rows_get_norm_one_and_the_scale_moves_forward() -> None:
    state = reduced(PiecewiseLinearNetwork([[[3.0, 4.0]], [[2.0]]], [[10.0], [1.0]]))
    assert state.weights[0].tolist() == [[0.6, 0.8]]
    assert state.biases[0].tolist() == [2.0]
    assert state.weights[1].tolist() == [[10.0]]


def test_a_zero_row_becomes_part_of_the_next_bias() -> None:
    state = reduced(
        PiecewiseLinearNetwork([[[1.0], [0.0], [0.0]], [[1.0, 3.0, 5.0]]], [[0.0, 2.0, -2.0], [1.0]])
    )
    assert [len(members) for members in state.members] == [1]
    assert state.biases[1].tolist() == [1.0 + 3.0 * 2.0]
    assert reasons(state) == [(n, "its row is zero, so it is a constant") for n in (1, 2)]


def test_copies_become_one_neuron_with_summed_outgoing_weights() -> None:
    network = PiecewiseLinearNetwork(
        [[[1.0, 0.0], [0.0, 1.0], [4.0, 0.0]], [[1.0, 2.0, 3.0]]], [[0.5, 0, 2.0], [0]]
    )
    state = reduced(network)
    assert sorted(state.members[0]) == [(0, 2), (1,)]
    assert sorted(state.weights[1][0].tolist()) == [2.0, 1.0 + 4.0 * 3.0]


def test_neurons_on_opposite_sides_are_no_copies() -> None:
    network = PiecewiseLinearNetwork([[[1.0], [-1.0]], [[1.0, -1.0]]], [[0.5, -0.5], [0.0]])
    assert reduced(network).members == [[(0,), (1,)]]


def test_copies_that_cancel_go() -> None:
    network = PiecewiseLinearNetwork([[[1.0], [2.0], [-1.0]], [[2.0, -1.0, 1.0]]], [[0, 0, 0], [0]])
    state = reduced(network)
    assert state.members == [[(2,)]]
    assert reasons(state) == [(0, "nothing reads its output"), (1, "nothing reads its output")]


def test_a_neuron_read_only_by_neurons_that_go_goes_as_well() -> None:
    network = PiecewiseLinearNetwork(
        [np.eye(2), [[1.0, 0.0], [0.0, 2.0]], [[1.0, 0.0]]], [np.zeros(2), np.ones(2), [0.0]]
    )
    state = reduced(network)
    assert state.members == [[(0,)], [(0,)]]
    assert [len(aside) for aside in state.set_aside] == [1, 1]


def test_a_second_layer_neuron_without_a_positive_number_never_switches_on() -> None:
    network = PiecewiseLinearNetwork(
        [np.eye(2), [[-1.0, -2.0], [-1.0, 2.0]], [[5.0, 1.0]]], [np.zeros(2), [0.0, -1.0], [0.0]]
    )
    assert reasons(reduced(network)) == [(0, "no weight and no bias is positive, so it never switches on")]


def test_a_first_layer_neuron_with_negative_weights_stays() -> None:
    assert reduced(PiecewiseLinearNetwork([[[-1.0]], [[1.0]]], [[-1.0], [0.0]])).members == [[(0,)]]


def test_a_network_that_is_constant_keeps_only_its_value() -> None:
    state = reduced(PiecewiseLinearNetwork([np.zeros((2, 3)), [[1.0, 1.0]]], [[2.0, -1.0], [1.0]]))
    assert state.members == [[]]
    assert state.biases[-1].tolist() == [3.0]


@pytest.mark.parametrize("seed", range(5))
def test_the_function_stays_when_parts_go(seed: int) -> None:
    network = random_network(4, 6, 5, 2, seed=seed)
    weights, biases = [w.copy() for w in network.weights], [b.copy() for b in network.biases]
    weights[0][1], biases[0][1] = 3 * weights[0][0], 3 * biases[0][0]
    weights[0][2] = 0
    weights[1][3], biases[1][3] = -abs(weights[1][3]), -1
    weights[2][:, 4] = 0
    state = reduced(PiecewiseLinearNetwork(weights, biases))
    assert [len(members) for members in state.members] == [4, 3]
    x = 3 * np.random.default_rng(seed).standard_normal((50, 4))
    assert np.allclose(
        function_of(state)(x), PiecewiseLinearNetwork(weights, biases)(x), rtol=1e-12, atol=1e-12
    )


def test_scrambled_copies_are_still_found() -> None:
    network = random_network(300, 40, 1)
    weights, biases = [w.copy() for w in network.weights], [b.copy() for b in network.biases]
    weights[0][7], biases[0][7] = weights[0][3], biases[0][3]
    state = reduced(scrambled(PiecewiseLinearNetwork(weights, biases)))
    assert sorted(len(names) for names in state.members[0])[-2:] == [1, 2]


def test_near_copies_are_not_merged() -> None:
    network = PiecewiseLinearNetwork([[[1.0, 0.0], [1.0, 1e-12]], [[1.0, 1.0]]], [[0, 0], [0]])
    assert len(reduced(network).members[0]) == 2


def test_scales_that_overflow_are_refused() -> None:
    with pytest.raises(InvalidInput, match="overflows float64"):
        reduced(PiecewiseLinearNetwork([[[1e200]], [[1e200]]], [[0], [0]]))
