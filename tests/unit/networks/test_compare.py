"""Comparison up to order and positive scale: equal is equal, and every difference is found and named."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import random_network, scrambled

from hingeline.core.errors import InvalidInput
from hingeline.networks.compare import compare
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import load_npz

TARGETS = Path(__file__).resolve().parents[3] / ".." / "shared" / "targets"


def parts(network: PiecewiseLinearNetwork) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [w.copy() for w in network.weights], [b.copy() for b in network.biases]


def without(network: PiecewiseLinearNetwork, layer: int, neuron: int) -> PiecewiseLinearNetwork:
    weights, biases = parts(network)
    weights[layer] = np.delete(weights[layer], neuron, axis=0)
    biases[layer] = np.delete(biases[layer], neuron)
    weights[layer + 1] = np.delete(weights[layer + 1], neuron, axis=1)
    return PiecewiseLinearNetwork(weights, biases)


@pytest.mark.parametrize(
    "sizes",
    [(5, 1), (1, 1, 1), (1, 6, 1), (3, 7, 2), (10, 8, 6, 1), (2, 9, 9, 9, 3), (50, 20, 1), (4, 30, 10, 2)],
)
def test_a_scrambled_network_is_the_same_network(sizes: tuple[int, ...]) -> None:
    network = random_network(*sizes)
    found = compare(network, scrambled(network))
    assert found.equivalent and found.same_function
    assert found.max_parameter_error <= 1e-14 * max(1.0, np.abs(network.canonical().weights[-1]).max())
    assert found.missing == found.extra == ()
    assert [len(layer.matched) for layer in found.neurons] == list(network.hidden_widths)


@pytest.mark.skipif(not TARGETS.is_dir(), reason="the shared networks are not here")
@pytest.mark.parametrize(
    "name", ["carlini_20-10-10-1_seed42", "foerster_10_5x2_1_Carlini", "chen_2_deep_nn_32_2_2_1"]
)
def test_public_networks_equal_themselves_scrambled(name: str) -> None:
    network = load_npz(TARGETS / f"{name}.npz")
    found = compare(network, scrambled(network))
    assert found.equivalent
    assert found.max_relative_error <= 1e-14


def test_the_matching_undoes_the_order() -> None:
    network = random_network(6, 5, 1)
    order = [3, 0, 4, 1, 2]
    weights, biases = parts(network)
    shuffled = PiecewiseLinearNetwork(
        [weights[0][order], weights[1][:, order]], [biases[0][order], biases[1]]
    )
    pairs = compare(network, shuffled).neurons[0].matched
    assert [(pair.a, pair.b) for pair in pairs] == [((i,), (order.index(i),)) for i in range(5)]


@pytest.mark.parametrize(("layer", "kind"), list(itertools.product(range(3), ["weight", "bias"])))
def test_one_changed_parameter_is_the_parameter_error(layer: int, kind: str) -> None:
    network = random_network(4, 5, 3, 2).canonical()
    weights, biases = parts(network)
    (weights if kind == "weight" else biases)[layer][(0, 0) if kind == "weight" else 0] += 1e-5
    found = compare(network, scrambled(PiecewiseLinearNetwork(weights, biases)))
    # A changed hidden weight changes its row's norm as well, and with it the bias and outgoing weights.
    assert 0.3e-5 < found.max_parameter_error < 1e-4
    assert not found.equivalent
    assert compare(network, PiecewiseLinearNetwork(weights, biases), tolerance=1e-3).equivalent


def test_the_error_of_an_output_weight_is_exact() -> None:
    network = PiecewiseLinearNetwork([[[1.0, 0.0], [0.0, 1.0]], [[4.0, 2.0]]], [[0, 1], [0]])
    other = PiecewiseLinearNetwork([[[0.0, 2.0], [5.0, 0.0]], [[1.5, 0.8]]], [[2, 0], [0]])
    found = compare(network, other)
    assert found.max_parameter_error == found.output_error == 1.0
    assert [pair.outgoing_error for pair in found.neurons[0].matched] == [0.0, 1.0]


@pytest.mark.parametrize(("layer", "neuron"), [(0, 2), (1, 0)])
def test_a_missing_neuron_is_named_and_the_others_are_still_matched(layer: int, neuron: int) -> None:
    network = random_network(10, 8, 6, 1)
    found = compare(network, scrambled(without(network, layer, neuron)))
    assert len(found.missing) == 1 and not found.extra
    assert found.missing[0].startswith(f"layer {layer + 1} neuron W{layer}[{neuron}] (on at ")
    assert found.max_parameter_error == math.inf
    assert not found.equivalent and not found.same_function
    assert [len(pairs.matched) for pairs in found.neurons] == [8 - (layer == 0), 6 - (layer == 1)]
    assert all(pair.error < 1e-13 for pairs in found.neurons for pair in pairs.matched)
    assert found.output_error < 1e-13


def test_missing_and_extra_change_places_with_the_networks() -> None:
    network = random_network(5, 4, 1)
    one, other = compare(network, without(network, 0, 1)), compare(without(network, 0, 1), network)
    assert (
        one.missing
        == other.extra
        == (
            "layer 1 neuron W0[1] (on at %.3g %% of the sampled points)"
            % (100 * one.neurons[0].unmatched_a[0].on),
        )
    )


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9])
def test_near_parallel_neurons_are_told_apart(gap: float) -> None:
    network = random_network(20, 6, 1)
    weights, biases = parts(network)
    weights[0][1], biases[0][1] = weights[0][0], biases[0][0]
    weights[0][1, 0] += gap
    close = PiecewiseLinearNetwork(weights, biases)
    for seed in range(5):
        assert compare(close, scrambled(close, seed)).max_parameter_error < 1e-14 * 100


def test_outgoing_weights_decide_where_noisy_rows_do_not() -> None:
    rng = np.random.default_rng(0)
    weights, biases = parts(random_network(20, 6, 1))
    weights[0][1:3] = weights[0][0] + 1e-9 * rng.standard_normal((2, 20))
    biases[0][1:3] = biases[0][0]
    weights[1][0, :3] = [1.0, -3.0, 7.0]
    close = PiecewiseLinearNetwork(weights, biases)
    noisy = PiecewiseLinearNetwork([weights[0] + 1e-8 * rng.standard_normal((6, 20)), weights[1]], biases)
    found = compare(close, scrambled(noisy), tolerance=1e-6)
    assert found.equivalent


def test_exact_copies_are_merged_and_stated() -> None:
    one = PiecewiseLinearNetwork([[[1.0], [-1.0]], [[5.0, 1.0]]], [[1, 0], [0]])
    two = PiecewiseLinearNetwork([[[2.0], [-1.0], [4.0]], [[1.0, 1.0, 0.75]]], [[2, 0, 4], [0]])
    found = compare(one, two)
    assert found.equivalent and found.max_parameter_error == 0
    assert found.notes == ("layer 1: exact copies count as one neuron: rows [0] of a, [0, 2] of b",)


def test_parts_that_cannot_matter_are_left_out_and_stated() -> None:
    network = random_network(3, 4, 2)
    weights, biases = parts(network)
    weights[0] = np.vstack([weights[0], np.zeros(3), np.ones(3)])
    biases[0] = np.append(biases[0], [2.0, 1.0])
    biases[1] = biases[1] - 2.0 * np.array([1.0, -1.0])
    weights[1] = np.hstack([weights[1], [[1.0, 0.0], [-1.0, 0.0]]])
    found = compare(network, PiecewiseLinearNetwork(weights, biases))
    assert found.equivalent
    assert [note.split(" of ")[0] for note in found.notes] == ["layer 1: W0[4]", "layer 1: W0[5]"]


def test_a_neuron_on_at_the_other_side_is_flagged_and_not_equal() -> None:
    network = random_network(6, 5, 1)
    weights, biases = parts(network)
    weights[0][2], biases[0][2] = -weights[0][2], -biases[0][2]
    found = compare(network, scrambled(PiecewiseLinearNetwork(weights, biases)))
    flipped = [pair.a for pair in found.neurons[0].matched if pair.orientation == -1]
    assert flipped == [(2,)] and found.neurons[0].flipped == 1
    assert not found.equivalent and "opposite side" in found.verdict


def test_two_neurons_on_one_hyperplane_are_matched_by_their_sides() -> None:
    network = PiecewiseLinearNetwork([[[1.0], [-1.0]], [[2.0, 1.0]]], [[0.5, -0.5], [0.0]])
    for seed in range(4):
        pairs = compare(network, scrambled(network, seed)).neurons[0].matched
        assert [pair.orientation for pair in pairs] == [1, 1]


def test_clean_rows_are_not_swapped_because_outgoing_weights_are_wrong() -> None:
    angles = np.linspace(0.0, 0.5, 12)
    weights, biases = parts(random_network(2, 12, 8, 1))
    weights[0], biases[0] = np.stack([np.cos(angles), np.sin(angles)], axis=1), np.zeros(12)
    network = PiecewiseLinearNetwork(weights, biases)
    weights[1] = np.random.default_rng(5).standard_normal((8, 12))
    found = compare(network, scrambled(PiecewiseLinearNetwork(weights, biases)))
    assert len(found.neurons[0].matched) == 12
    assert found.neurons[0].weight_error < 1e-14


def test_the_same_function_with_other_parameters_is_said_to_be_that() -> None:
    # relu(z) = z + relu(-z), and the pair relu(x) - relu(-x) carries z.
    network = PiecewiseLinearNetwork([[[1.0]], [[3.0]]], [[0.5], [1.0]])
    bypass = PiecewiseLinearNetwork([[[-1.0], [1.0], [-1.0]], [[3.0, 3.0, -3.0]]], [[-0.5, 0, 0], [2.5]])
    found = compare(network, bypass)
    assert not found.equivalent
    assert found.same_function and found.max_output_gap < 1e-13
    assert "but the same function on the sampled points" in found.verdict


def test_a_bend_far_outside_the_normal_points_is_seen() -> None:
    network = PiecewiseLinearNetwork([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]], [[0.0, -500.0], [0.0]])
    found = compare(network, PiecewiseLinearNetwork([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]]))
    assert found.max_output_gap == 0
    assert found.gaps[-1].gap == pytest.approx(1.0)
    assert not found.same_function


def test_tiny_output_weights_are_compared_on_their_own_scale() -> None:
    network = PiecewiseLinearNetwork([[[1.0]], [[1e-12]]], [[0.0], [0.0]])
    other = PiecewiseLinearNetwork([[[1.0]], [[2e-12]]], [[0.0], [0.0]])
    found = compare(network, other)
    assert found.max_parameter_error == pytest.approx(1e-12)
    assert not found.equivalent and not found.same_function


SHAPES: list[tuple[tuple[int, ...], tuple[int, ...], str]] = [
    ((4, 3, 1), (5, 3, 1), "inputs of a: 4, of b: 5"),
    ((4, 3, 1), (4, 3, 2), "outputs of a: 1, of b: 2"),
    ((4, 3, 1), (4, 3, 3, 1), "hidden layers in a: 1, in b: 2"),
    ((4, 1), (4, 3, 1), "hidden layers in a: 0, in b: 1"),
    ((4, 3, 1), (4, 7, 1), "neurons only in a"),
]


@pytest.mark.parametrize(("one", "other", "words"), SHAPES)
def test_networks_of_other_shapes_are_compared_without_a_crash(
    one: tuple[int, ...], other: tuple[int, ...], words: str
) -> None:
    for a, b in ((one, other), (other, one)):
        found = compare(random_network(*a), random_network(*b, seed=5))
        assert not found.equivalent and not found.same_function
        assert found.max_parameter_error == math.inf
        assert str(found) and json.dumps(found.to_dict(), allow_nan=False)
    assert words in compare(random_network(*one), random_network(*other, seed=5)).verdict


def test_unrelated_networks_of_one_shape_have_no_neuron_in_common() -> None:
    found = compare(random_network(30, 10, 1), random_network(30, 10, 1, seed=9))
    assert len(found.missing) == len(found.extra) == 10


def test_the_description_is_json_and_infinite_errors_are_null() -> None:
    network = random_network(4, 3, 1)
    told: dict[str, Any] = json.loads(
        json.dumps(compare(network, without(network, 0, 0)).to_dict(), allow_nan=False)
    )
    assert told["max_parameter_error"] is None
    assert told["equivalent"] is False
    assert len(told["missing"]) == 1
    assert told["neurons"][0]["matched"][0].keys() >= {"a", "b", "weight_error", "orientation"}


def test_the_text_says_the_verdict_first_and_the_repr_is_one_line() -> None:
    network = random_network(4, 3, 1)
    found = compare(network, scrambled(network))
    assert str(found).startswith("The same network up to neuron order and positive scale")
    assert "10 times N(0, 1) inputs" in str(found)
    assert "\n" not in repr(found) and "equivalent" in repr(found)


@pytest.mark.parametrize("given", [{"tolerance": 0.0}, {"tolerance": math.inf}, {"points": 0}])
def test_senseless_settings_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="tolerance must be positive"):
        compare(random_network(2, 1), random_network(2, 1), **given)


def test_the_comparison_is_the_same_for_the_same_seed() -> None:
    network, other = random_network(4, 3, 1), random_network(4, 3, 1, seed=2)
    assert compare(network, other, seed=3).gaps == compare(network, other, seed=3).gaps
    assert compare(network, other, seed=3).gaps != compare(network, other, seed=4).gaps
