from __future__ import annotations

import numpy as np
import pytest
from practice_benches import bench_of, distance_to, he_network, measured_line, true_planes

from hingeline.extraction.bends import KnownBends, measure_bends
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.verify import random_line
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import sweep_line


@pytest.mark.parametrize("sizes", [(6, 9, 1), (6, 9, 3), (12, 5, 10), (3, 20, 1), (2, 4, 1), (60, 12, 1)])
def test_a_line_shows_the_hyperplanes_that_are_there(sizes: tuple[int, ...]) -> None:
    network = he_network(*sizes, seed=1)
    line, truth = measured_line(bench_of(network)), true_planes(network)
    found, j = line.measured, np.abs(line.normals @ truth.normals.T).argmax(axis=1)
    side = np.sign(np.einsum("bd,bd->b", line.normals, truth.normals[j]))
    assert found.sum() == len(line.sweep.bends) == sizes[1]
    assert sorted(j) == list(range(sizes[1]))
    assert distance_to(line.normals, truth.normals).max() < 1e-6
    assert side * line.offsets == pytest.approx(truth.offsets[j], abs=1e-6)
    assert line.jumps == pytest.approx(truth.jumps[j], rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("outputs", [1, 5])
@pytest.mark.parametrize("seed", range(4))
def test_stated_errors_cover_the_true_ones(seed: int, outputs: int) -> None:
    network = he_network(8, 15, outputs, seed=seed)
    line, truth = measured_line(bench_of(network)), true_planes(network).normals
    assert (distance_to(line.normals, truth) < 10 * np.sqrt(8) * line.errors).all()


def test_normals_point_along_the_line() -> None:
    line = measured_line(bench_of(he_network(7, 11, 2)))
    assert (line.normals @ line.sweep.line.direction > 0).all()


def test_several_normals_come_from_one_difference_if_there_are_many_outputs() -> None:
    """R6: 100-50-10 at 0.4 queries per first-layer parameter, normals to 1e-6."""
    network = he_network(100, 50, 10)
    bench = bench_of(network)
    line = measured_line(bench)
    assert line.measured.sum() == 50
    assert distance_to(line.normals, true_planes(network).normals).max() < 1e-6
    assert bench.probe.session.spent <= 0.4 * 50 * 101


def test_a_first_layer_narrower_than_the_input_is_measured_within_its_row_space() -> None:
    network = he_network(60, 4, 16, 1)
    bench = bench_of(network)
    line = measured_line(bench)
    rows = np.linalg.svd(network.weights[0], full_matrices=False)[2]
    assert len(line.basis) == 4
    assert np.abs(line.basis - line.basis @ rows.T @ rows).max() < 1e-9
    assert bench.probe.session.spent < 0.65 * 61 * len(line.sweep.slopes)


def test_known_bends_cost_nothing() -> None:
    bench = bench_of(he_network(20, 8, 1))
    line = random_line(bench.probe, bench.randomness.step("line"), bench.settings)
    sweep = sweep_line(bench.probe, line)
    swept = bench.probe.session.spent
    everything = KnownBends(np.ones(8, dtype=np.bool_), np.zeros((8, 1, 20)), np.zeros(8))
    measured = measure_bends(bench.probe, sweep, bench.randomness.step("x"), known=everything)
    assert np.isfinite(measured.jacobian_errors).sum() == 1
    assert bench.probe.session.spent - swept <= 2 * 21
    assert not measured.measured.any()


def test_what_known_bends_give_is_taken_off_before_the_rest_is_solved() -> None:
    network = he_network(9, 12, 1, seed=2)
    bench = bench_of(network)
    first = measured_line(bench)
    planes = Hyperplanes.from_line(first, np.arange(12) % 2 == 0)
    line = random_line(bench.probe, bench.randomness.step("line", 1), bench.settings)
    sweep = sweep_line(bench.probe, line)
    known = planes.explain(sweep, same_jumps=True)
    second = measure_bends(bench.probe, sweep, bench.randomness.step("x"), known=known)
    assert known.mask.sum() == 6
    assert (second.measured == ~known.mask).all()
    assert distance_to(second.normals[~known.mask], true_planes(network).normals).max() < 1e-6


def test_two_bends_at_one_point_never_give_one_averaged_normal() -> None:
    """F5, several outputs: the Jacobian changes by a matrix of rank two, which no single neuron makes."""
    network = he_network(6, 4, 3, seed=3)
    bench = bench_of(network)
    line = random_line(bench.probe, bench.randomness.step("line"), bench.settings)
    rows, biases = network.weights[0], np.array(network.biases[0])
    crossing = -(rows[0] @ line.origin + biases[0]) / (rows[0] @ line.direction)
    biases[1] = -rows[1] @ (line.origin + crossing * line.direction)
    crossed = bench_of(PiecewiseLinearNetwork(network.weights, [biases, network.biases[1]]))
    measured = measured_line(crossed)
    assert len(measured.sweep.bends) == 3
    assert measured.measured.sum() == 2
    assert distance_to(measured.normals[measured.measured], true_planes(network).normals).max() < 1e-6
