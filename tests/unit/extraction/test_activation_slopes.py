from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from practice_benches import he_network

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding
from hingeline.networks.exact_form import exact_form
from hingeline.networks.feed_forward import FeedForwardNetwork
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

Network = PiecewiseLinearNetwork


def sloped(network: Network, slopes: FloatArray | float) -> Callable[[FloatArray], FloatArray]:
    """The network with these slopes on the negative side of its hidden neurons."""

    def function(points: FloatArray) -> FloatArray:
        heights = points @ network.weights[0].T + network.biases[0]
        hidden = np.where(heights > 0, heights, slopes * heights)
        return hidden @ network.weights[1].T + network.biases[1]

    return function


def extracted(function: Callable[[FloatArray], Any], dim: int, **options: Any) -> Finding[Network]:
    return hl.extract(hl.oracle(function, input_dim=dim), budget=20_000, **options)


def layer_of(finding: Finding[Network]) -> dict[str, Any]:
    return finding.evidence["architecture"]["layers"][0]


def gap(finding: Finding[Network], function: Callable[[FloatArray], FloatArray], dim: int) -> float:
    points = 3 * np.random.default_rng(7).standard_normal((2000, dim))
    assert finding.value is not None
    return float(np.abs(finding.value(points) - function(points)).max())


@pytest.mark.parametrize("slope", [0.01, 0.1, 0.3, -0.4])
@pytest.mark.parametrize("sizes", [(20, 10, 1), (16, 12, 5), (8, 20, 1)])
def test_a_leaky_layer_is_complete_with_its_slope_and_its_own_width(
    sizes: tuple[int, ...], slope: float
) -> None:
    function = sloped(he_network(*sizes, seed=31), slope)
    finding = extracted(function, sizes[0], seed=3)
    assert finding.outcome.ok, finding.outcome
    assert gap(finding, function, sizes[0]) < 1e-9
    found = layer_of(finding)
    assert (found["activation"], found["width"]) == ("leaky relu", sizes[1])
    assert abs(found["slope"] - slope) < 1e-9
    assert abs(found["slope"] - slope) <= 10 * found["slope_error"] + 1e-14
    assert "leaky ReLU of slope" in finding.outcome.reason


@pytest.mark.parametrize("sizes", [(20, 10, 1), (16, 12, 5)])
def test_a_slope_per_neuron_is_told_with_its_error(sizes: tuple[int, ...]) -> None:
    slopes = np.random.default_rng(5).uniform(-0.9, 0.9, sizes[1])
    function = sloped(he_network(*sizes, seed=32), slopes)
    finding = extracted(function, sizes[0], seed=4)
    assert finding.outcome.ok, finding.outcome
    assert gap(finding, function, sizes[0]) < 1e-9
    found = layer_of(finding)
    assert (found["activation"], found["width"]) == ("prelu", sizes[1])
    told = sorted((one["slope"], one["error"]) for one in found["slopes"])
    for (slope, error), true in zip(told, np.sort(slopes), strict=True):
        assert abs(slope - true) < min(1e-9, 10 * error + 1e-14)


def test_a_slope_above_one_is_the_inverse_slope_turned_round() -> None:
    function = sloped(he_network(12, 6, 2, seed=33), 2.5)
    finding = extracted(function, 12)
    assert finding.outcome.ok
    assert layer_of(finding)["slope"] == pytest.approx(0.4, abs=1e-10)


@pytest.mark.parametrize("sizes", [(20, 10, 1), (16, 12, 5), (6, 15, 1)])
def test_the_absolute_value_has_no_sign_and_is_said_to_have_none(sizes: tuple[int, ...]) -> None:
    function = sloped(he_network(*sizes, seed=34), -1.0)
    finding = extracted(function, sizes[0], seed=5)
    assert finding.outcome.ok, finding.outcome
    assert gap(finding, function, sizes[0]) < 1e-9
    found = layer_of(finding)
    assert (found["activation"], found["width"], found["slope"]) == ("absolute value", sizes[1], -1.0)
    assert {one["sign"] for one in found["slopes"]} == {"not identifiable"}


def test_slopes_that_too_few_equations_tell_are_not_claimed() -> None:
    """15 slopes, 6 equations: infinitely many slopes give the same function."""
    function = sloped(he_network(6, 15, 1, seed=35), np.random.default_rng(6).uniform(-0.5, 0.9, 15))
    finding = extracted(function, 6)
    assert finding.outcome.status is hl.Status.EQUIVALENT
    assert gap(finding, function, 6) < 1e-9
    assert layer_of(finding)["activation"] == "undecided"
    assert layer_of(finding)["slopes_status"] == "not identifiable"


def test_a_skip_connection_is_not_taken_for_slopes() -> None:
    network = he_network(12, 6, 1, seed=36)
    skip = np.random.default_rng(7).standard_normal((12, 1))
    finding = extracted(lambda x: network(x) + x @ skip, 12)
    assert not finding.outcome.ok
    assert layer_of(finding)["activation"] == "undecided"


def test_a_relu_layer_is_called_one_and_costs_what_it_did() -> None:
    network = he_network(20, 10, 1, seed=37)
    finding = extracted(network, 20)
    assert finding.outcome.ok
    assert layer_of(finding) == {"kind": "dense", "width": 10, "activation": "relu"}
    assert "slopes" not in finding.spending.queries_by_phase


@pytest.mark.parametrize("low_high", [(-1.0, 1.0), (0.0, 6.0)])
@pytest.mark.parametrize("sizes", [(20, 10, 1), (16, 8, 5), (6, 9, 2)])
def test_neurons_clipped_on_both_sides_are_one_neuron_each(
    sizes: tuple[int, ...], low_high: tuple[float, float]
) -> None:
    network, (low, high) = he_network(*sizes, seed=38), low_high

    def function(points: FloatArray) -> FloatArray:
        heights = points @ network.weights[0].T + network.biases[0]
        return np.clip(heights, low, high) @ network.weights[1].T + network.biases[1]

    finding = extracted(function, sizes[0], seed=6)
    assert finding.outcome.ok, finding.outcome
    assert gap(finding, function, sizes[0]) < 1e-9
    found = layer_of(finding)
    assert (found["activation"], found["width"]) == ("hard tanh", sizes[1])
    spans = np.sort([one["thresholds"][1] - one["thresholds"][0] for one in found["clipped"]])
    lengths = np.linalg.norm(network.weights[0], axis=1)
    assert spans == pytest.approx(np.sort((high - low) / lengths), abs=1e-8)


def test_what_is_shipped_is_the_exact_form_of_the_leaky_network() -> None:
    network = he_network(9, 7, 3, seed=39)
    leaky = FeedForwardNetwork(network.weights, network.biases, "leaky relu")
    finding = extracted(leaky, 9)
    truth = exact_form(leaky)
    assert truth is not None
    difference = hl.diff(finding.require(), truth)
    assert difference.max_parameter_error < 1e-9
    assert difference.max_output_gap < 1e-9


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("outputs", [1, 4])
def test_batch_normalisation_is_recovered_as_its_folded_form(before: bool, outputs: int) -> None:
    network, rng = he_network(15, 8, outputs, seed=40), np.random.default_rng(8)
    scale, shift = rng.uniform(0.5, 2.0, 8) * rng.choice([-1.0, 1.0], 8), rng.standard_normal(8)
    mean, deviation = rng.standard_normal(8), np.sqrt(rng.uniform(0.5, 2.0, 8) + 1e-5)
    factor, moved = scale / deviation, shift - scale * mean / deviation

    def function(points: FloatArray) -> FloatArray:
        heights = points @ network.weights[0].T + network.biases[0]
        normalised = (
            np.maximum(factor * heights + moved, 0) if before else factor * np.maximum(heights, 0) + moved
        )
        return normalised @ network.weights[1].T + network.biases[1]

    finding = extracted(function, 15)
    rows, bias, out, constant = network.weights[0], network.biases[0], network.weights[1], network.biases[1]
    folded = (
        Network([factor[:, None] * rows, out], [factor * bias + moved, constant])
        if before
        else Network([rows, out * factor], [bias, constant + out @ moved])
    )
    assert finding.outcome.ok
    assert hl.diff(finding.require(), folded).max_parameter_error < 1e-8


def test_average_pooling_is_recovered_as_its_folded_form() -> None:
    """A ReLU layer on 16 values, means over 2 x 2 blocks of a 4 x 4 picture, then a dense layer."""
    network = he_network(10, 16, 3, seed=41)
    pool = np.zeros((4, 16))
    for row in range(4):
        for column in range(4):
            pool[2 * (row // 2) + column // 2, 4 * row + column] = 0.25
    last = np.random.default_rng(9).standard_normal((3, 4))
    folded = Network([network.weights[0], last @ pool], [network.biases[0], network.biases[1]])

    def function(points: FloatArray) -> FloatArray:
        hidden = np.maximum(points @ network.weights[0].T + network.biases[0], 0)
        return (hidden @ pool.T) @ last.T + network.biases[1]

    finding = extracted(function, 10)
    assert finding.outcome.ok, finding.outcome
    assert hl.diff(finding.require(), folded).max_parameter_error < 1e-8


def test_average_pooling_of_the_input_is_a_first_layer_of_pooled_rows() -> None:
    pool = np.kron(np.eye(8), np.full((1, 4), 0.25))
    network = he_network(8, 6, 2, seed=42)
    folded = Network([network.weights[0] @ pool, network.weights[1]], network.biases)
    finding = extracted(lambda x: network(x @ pool.T), 32)
    assert finding.outcome.ok, finding.outcome
    assert hl.diff(finding.require(), folded).max_parameter_error < 1e-8
