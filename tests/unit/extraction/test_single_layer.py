from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from practice_benches import he_network, true_layer, true_view

from hingeline.core.arrays import BoolArray
from hingeline.extraction.single_layer import (
    SingleLayer,
    decide_signs,
    flipped,
    stacked,
    with_bypass,
)
from hingeline.numerics.binary_system import BinaryStatus

SHAPES = [(1, 1, 1), (4, 3, 1), (4, 3, 5), (5, 12, 2), (2, 9, 1)]


def points(layer: SingleLayer, count: int = 50) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, layer.normals.shape[1])) * 2


def with_linear_part(layer: SingleLayer, seed: int = 0) -> SingleLayer:
    rng = np.random.default_rng(seed)
    return replace(layer, linear=rng.standard_normal(layer.linear.shape))


@pytest.mark.parametrize("sizes", SHAPES)
def test_a_layer_is_the_network_it_stands_for(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes)
    layer = true_layer(network)
    assert layer(points(layer)) == pytest.approx(network(points(layer)), abs=1e-12)
    assert layer.to_network()(points(layer)) == pytest.approx(network(points(layer)), abs=1e-12)
    assert layer.to_network().hidden_widths == (layer.width,) == sizes[1:2]


@pytest.mark.parametrize("sizes", SHAPES)
def test_a_bypass_becomes_pairs_of_neurons(sizes: tuple[int, ...]) -> None:
    layer = with_linear_part(true_layer(he_network(*sizes)))
    network = layer.to_network()
    assert network(points(layer)) == pytest.approx(layer(points(layer)), abs=1e-10)
    assert network.hidden_widths[0] == layer.width + 2 * min(sizes[0], sizes[2])
    assert len(layer.row_errors) == network.hidden_widths[0]


def test_a_bypass_inherits_the_errors_of_all_rows() -> None:
    layer = with_linear_part(replace(true_layer(he_network(3, 2, 1)), errors=np.array([3e-9, 4e-9])))
    layer = replace(layer, jumps=np.array([[2.0], [2.0]]))
    size = float(np.linalg.norm(layer.linear))
    assert layer.row_errors == pytest.approx([3e-9, 4e-9, 1e-8 / size, 1e-8 / size])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [(4, 3, 1), (10, 10, 1), (3, 8, 4), (10, 20, 1), (2, 12, 1)])
def test_neurons_turned_round_are_told_from_one_region(sizes: tuple[int, ...], seed: int) -> None:
    network = he_network(*sizes, seed=seed)
    wrong: BoolArray = np.random.default_rng(seed).random(sizes[1]) < 0.5
    unsigned = flipped(true_layer(network), wrong)
    solution = decide_signs(unsigned, true_view(network, np.random.default_rng(9).standard_normal(sizes[0])))
    assert solution.status is BinaryStatus.EXACT
    assert solution.bits is not None
    assert solution.bits.tolist() == wrong.tolist()


def test_a_linear_part_of_its_own_leaves_no_choice_of_signs() -> None:
    network = he_network(4, 3, 1)
    view = true_view(network, np.ones(4))
    bent = replace(view, jacobian=view.jacobian + np.array([[0.1, 0.0, 0.0, 0.0]]))
    assert decide_signs(true_layer(network), bent).status is BinaryStatus.NONE


@pytest.mark.parametrize("sizes", SHAPES)
def test_the_form_with_bypass_needs_no_signs(sizes: tuple[int, ...]) -> None:
    """c relu(z) = c relu(-z) + c z: any orientation, and the same function."""
    network = he_network(*sizes, seed=5)
    view = true_view(network, np.full(sizes[0], 0.3))
    wrong = np.arange(sizes[1]) % 2 == 0
    layer = with_bypass(flipped(true_layer(network), wrong), view)
    layer = layer.with_constant_from(view.centre[np.newaxis], network(view.centre))
    assert layer(points(layer)) == pytest.approx(network(points(layer)), abs=1e-10)


def test_turning_twice_is_nothing() -> None:
    layer, wrong = true_layer(he_network(4, 6, 2)), np.arange(6) < 3
    twice = flipped(flipped(layer, wrong), wrong)
    assert twice.normals == pytest.approx(layer.normals)
    assert twice.offsets == pytest.approx(layer.offsets)


def test_the_output_bias_is_the_median_of_what_is_left() -> None:
    layer = replace(true_layer(he_network(3, 4, 2)), constant=np.zeros(2))
    at = points(layer, 5)
    values = layer(at) + np.array([2.0, -3.0])
    values[0] += 100.0
    assert layer.with_constant_from(at, values).constant == pytest.approx([2.0, -3.0])


def test_stacked_sets_add_up() -> None:
    layer = true_layer(he_network(5, 6, 2))
    half = [replace(layer, normals=layer.normals[s], offsets=layer.offsets[s], jumps=layer.jumps[s],
                    errors=layer.errors[s]) for s in (slice(0, 2), slice(2, 6))]  # fmt: skip
    assert stacked(half)(points(layer)) == pytest.approx(layer(points(layer)))
