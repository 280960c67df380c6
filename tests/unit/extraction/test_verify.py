from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, he_network, moved, probe_of, without

from hingeline.core.arrays import FloatArray
from hingeline.extraction.earlier_bends import contradictions
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.telling_points import telling_points
from hingeline.extraction.verify import (
    Verification,
    bends_of,
    expected_gap,
    fresh_points,
    line_towards,
    random_line,
    verify,
)
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.probing.domain import Domain
from hingeline.probing.line import Line, sweep_line

SHAPES = [(6, 9, 1), (6, 9, 4), (3, 2), (10, 8, 6, 1), (4, 12, 5, 2), (1, 5, 1)]


def verified(
    truth: PiecewiseLinearNetwork, candidate: PiecewiseLinearNetwork, error: float = 1e-13, seed: int = 0
) -> Verification:
    probe = probe_of(truth, truth.input_dim)
    return verify(probe, candidate, error, np.random.default_rng(seed), ExtractSettings())


@pytest.mark.parametrize("sizes", SHAPES)
def test_the_network_itself_passes(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes)
    check = verified(network, network)
    assert check.passed
    assert check.complaint == ""
    assert check.worst_ratio < 0.5
    assert check.tolerance < 1e-8


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("sizes", [(6, 9, 1), (6, 9, 4), (2, 12, 1), (10, 8, 6, 1)])
def test_a_missing_first_layer_neuron_is_seen_and_its_bend_handed_back(
    sizes: tuple[int, ...], seed: int
) -> None:
    network = he_network(*sizes, seed=seed)
    check = verified(network, without(network, 2), seed=seed)
    assert not check.agreed
    assert "missing" in check.complaint
    assert len(check.unexplained) >= 1
    assert check.sweep is not None
    if len(sizes) == 3:
        row, offset = network.weights[0][2], network.biases[0][2]
        there = check.sweep.line.at(check.unexplained) @ row + offset
        assert np.abs(there).min() < 1e-6


@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("sizes", [(6, 9, 1), (10, 8, 6, 2)])
def test_parameters_more_wrong_than_claimed_fail(sizes: tuple[int, ...], size: float) -> None:
    network = he_network(*sizes)
    assert not verified(network, moved(network, size), error=size / 1e4).agreed


@pytest.mark.parametrize("size", [1e-12, 1e-9])
@pytest.mark.parametrize("sizes", [(6, 9, 1), (10, 8, 6, 2)])
def test_parameters_as_wrong_as_claimed_pass(sizes: tuple[int, ...], size: float) -> None:
    network = he_network(*sizes)
    assert verified(network, moved(network, size), error=size).passed


@pytest.mark.parametrize("error", [1e-4, 1.0, np.inf])
def test_claims_so_loose_that_agreement_means_nothing_do_not_pass(error: float) -> None:
    network = he_network(6, 9, 1)
    check = verified(network, network, error=error)
    assert check.agreed
    assert not check.passed
    assert "too coarse" in check.complaint


def test_noisy_answers_allow_coarser_agreement_than_exact_ones() -> None:
    network, rng = he_network(6, 9, 1), np.random.default_rng(1)
    noisy = probe_of(lambda x: network(x) + 1e-7 * rng.standard_normal((len(x), 1)), 6, NoiseFloor(1e-7, 0.0))
    check = verify(noisy, network, 1e-6, np.random.default_rng(0), ExtractSettings())
    assert check.passed
    assert not verified(network, network, error=1e-6).passed


@pytest.mark.parametrize("threshold", [-0.5, -2.0, -4.0])
@pytest.mark.parametrize("sizes", [(4, 7, 1), (6, 5, 2), (9, 4, 1)])
def test_outputs_cut_off_where_they_are_low_are_no_single_layer(
    sizes: tuple[int, ...], threshold: float
) -> None:
    """A second layer that is on nearly everywhere hides behind the first: one more ReLU on the outputs."""
    network = he_network(*sizes, seed=3)

    def function(points: FloatArray) -> FloatArray:
        return np.maximum(network(points), threshold)

    low = function(np.random.default_rng(5).standard_normal((20_000, sizes[0])) * 30)
    assert (low == threshold).any()
    for seed in range(4):
        probe = probe_of(function, sizes[0])
        assert not verify(probe, network, 1e-13, np.random.default_rng(seed), ExtractSettings()).agreed


def test_neurons_that_add_up_except_where_both_are_on_are_no_single_layer() -> None:
    """Two first-layer neurons that are seldom on together, and a neuron above that sees both."""
    rows = np.array([[1.0, 0.0, 0.0], [-0.99, 0.14, 0.0]])
    above = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    whole = PiecewiseLinearNetwork(
        [rows, above, [[1.0, 0.0, 0.0]]], [np.zeros(2), np.array([-1.0, -1.0, -1.0]), np.zeros(1)]
    )
    apart = PiecewiseLinearNetwork([rows, [[1.0, 1.0]]], [np.array([-1.0, -1.0]), np.zeros(1)])
    typical = np.random.default_rng(0).standard_normal((2000, 3))
    assert np.mean(np.abs(whole(typical) - apart(typical))[:, 0] > 1e-9) < 0.05
    assert not any(verified(whole, apart, seed=seed).agreed for seed in range(6))


@pytest.mark.parametrize("sizes", [(5, 8, 1), (5, 8, 6, 2)])
def test_bends_of_a_network_are_those_a_sweep_finds(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes, seed=2)
    bench = bench_of(network)
    line = random_line(bench.probe, np.random.default_rng(1), bench.settings)
    sweep = sweep_line(bench.probe, line)
    assert bends_of(network, line) == pytest.approx(sweep.bends, abs=1e-7)


def test_a_clear_bend_that_the_network_lacks_is_a_contradiction() -> None:
    network = he_network(5, 8, 1, seed=2)
    bench = bench_of(network)
    sweeps = [
        sweep_line(bench.probe, random_line(bench.probe, np.random.default_rng(s), bench.settings))
        for s in range(2)
    ]
    assert contradictions(network, 1e-12, sweeps) == 0
    assert contradictions(without(network, 0), 1e-12, sweeps) == 2


def test_a_neuron_of_tiny_effect_is_missed_by_values_but_not_by_its_bends() -> None:
    network = he_network(5, 8, 1, seed=2)
    outgoing = np.array(network.weights[1])
    outgoing[0, 3] *= 1e-9
    faint = PiecewiseLinearNetwork([network.weights[0], outgoing], network.biases)
    bench = bench_of(faint)
    sweep = sweep_line(bench.probe, random_line(bench.probe, np.random.default_rng(1), bench.settings))
    assert contradictions(without(faint, 3), 1e-12, [sweep]) == 1
    assert contradictions(faint, 1e-12, [sweep]) == 0


@pytest.mark.parametrize("sizes", [(5, 8, 1), (5, 8, 6, 2)])
def test_the_expected_gap_is_linear_in_the_error_and_as_large_as_real_ones(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes).canonical()
    points = np.random.default_rng(3).standard_normal((400, 5))
    gap = expected_gap(network, 1e-8, points)
    real = np.abs(moved(network, 1e-8, seed=9)(points) - network(points)).max(axis=1)
    assert gap == pytest.approx(10 * expected_gap(network, 1e-9, points), rel=1e-3)
    assert 0.2 < np.median(real / gap) < 3


def test_errors_of_faint_neurons_do_not_excuse_the_others() -> None:
    network = he_network(5, 8, 1)
    outgoing = np.array(network.weights[1])
    outgoing[0, 3] *= 1e-9
    faint = PiecewiseLinearNetwork([network.weights[0], outgoing], network.biases).canonical()
    errors = np.full(8, 1e-13)
    errors[3] = 1e-3
    points = np.random.default_rng(3).standard_normal((50, 5))
    assert expected_gap(faint, [errors], points).max() < 1e-10
    assert expected_gap(faint, 1e-3, points).min() > 1e-5


@pytest.mark.parametrize("domain", [Domain(), Domain(radius=4.0), Domain(half_width=1.0)])
@pytest.mark.parametrize("sizes", [(5, 4, 1), (5, 8, 6, 2), (3, 2)])
def test_telling_points_are_few_and_inside(sizes: tuple[int, ...], domain: Domain) -> None:
    network = he_network(*sizes)
    points = telling_points(network, np.sqrt(sizes[0]), domain, np.random.default_rng(0))
    hidden = sum(network.hidden_widths)
    assert len(points) <= (hidden + len(network.hidden_widths) + 4 * sizes[-1] + 24 if hidden else 0)
    assert domain.holds(points).all()


def test_a_steerable_layer_is_tried_with_each_neuron_alone_and_with_none() -> None:
    network = he_network(8, 5, 1)
    points = telling_points(network, np.sqrt(8), Domain(), np.random.default_rng(0))
    on = network.activation_pattern(points)[0]
    assert {tuple(row) for row in np.eye(5, dtype=bool)} <= {tuple(row) for row in on}
    assert (on.sum(axis=1) == 0).any()


def test_fresh_points_have_the_stated_sizes_or_lie_inside() -> None:
    free, boxed = probe_of(np.sum, 9), probe_of(np.sum, 9, half_width=0.5)
    rng = np.random.default_rng(0)
    assert np.linalg.norm(fresh_points(free, rng, 6), axis=1) == pytest.approx([1, 3, 9, 1, 3, 9])
    assert boxed.domain.holds(fresh_points(boxed, rng, 50, (1.0, 300.0))).all()


def test_a_line_towards_a_point_passes_through_it() -> None:
    probe, target = probe_of(np.sum, 4), np.array([3.0, 0.0, 1.0, -2.0])
    line = line_towards(probe, np.ones(4), target, ExtractSettings())
    distance = float(np.linalg.norm(target - 1))
    assert line.at(np.array([0.0, distance])) == pytest.approx(np.array([np.ones(4), target]))
    assert isinstance(line, Line)


def test_within_a_box_nothing_outside_it_is_asked() -> None:
    network = he_network(6, 9, 2, seed=5)
    largest: list[float] = []

    def door(points: FloatArray) -> FloatArray:
        largest.append(float(np.abs(points).max()))
        return network(points)

    probe = probe_of(door, 6, half_width=0.5)
    check = verify(probe, network, 1e-13, np.random.default_rng(6), ExtractSettings())
    assert check.passed
    assert max(largest) <= 0.5
