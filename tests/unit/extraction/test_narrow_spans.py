"""First layers far narrower than the input: a line that meets few neurons, and noise within their span."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from practice_benches import bench_of, he_network

from hingeline.core.arrays import FloatArray
from hingeline.extraction.bends import measure_bends
from hingeline.extraction.earlier_bends import AGAIN, contradictions
from hingeline.extraction.recovery import Bench
from hingeline.extraction.verify import random_line
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import Line, LineSweep, sweep_line


def row_space(rows: FloatArray) -> FloatArray:
    return np.linalg.svd(rows, full_matrices=False)[2]


def swept(bench: Bench) -> LineSweep:
    line = random_line(bench.probe, bench.randomness.step("line", 0), bench.settings)
    return sweep_line(bench.probe, line)


@pytest.mark.parametrize("seed", range(3))
def test_a_basis_that_most_pieces_contradict_is_widened_if_it_is_doubtful(seed: int) -> None:
    """A line that met two neurons of six spans two dimensions; the next one meets all."""
    network = he_network(60, 6, 1, seed=seed)
    bench = bench_of(network, seed)
    sweep = sweep_line(
        bench.probe, random_line(bench.probe, bench.randomness.step("line", 0), bench.settings)
    )
    narrow = row_space(network.weights[0][:2])
    rng = np.random.default_rng(seed)
    kept = measure_bends(bench.probe, sweep, rng, basis=narrow)
    widened = measure_bends(bench.probe, sweep, rng, basis=narrow, doubtful=True)
    assert len(kept.basis) == 2
    assert kept.measured.sum() < widened.measured.sum()
    assert widened.measured.all()
    truth = row_space(network.weights[0])
    outside = widened.normals - widened.normals @ truth.T @ truth
    assert np.abs(outside).max() < 1e-9


def test_a_basis_that_holds_costs_the_same_whether_it_is_doubtful_or_not() -> None:
    network = he_network(40, 5, 1, seed=4)
    asked = list[int]()
    for doubtful in (False, True):
        bench = bench_of(network)
        sweep, rng = swept(bench), np.random.default_rng(4)
        measure_bends(bench.probe, sweep, rng, basis=row_space(network.weights[0]), doubtful=doubtful)
        asked.append(bench.probe.session.spending.queries)
    assert asked[0] == asked[1]


def made_up(network: PiecewiseLinearNetwork, line: Line, sigmas: float) -> LineSweep:
    """A sweep between two true bends with one more in the middle, so many deviations clear."""
    bench = bench_of(network)
    sweep = sweep_line(bench.probe, line)
    low, high = sweep.lows[:1], sweep.highs[:1]
    middle = (low + high) / 2
    slopes = np.repeat(sweep.slopes[:1], 2, axis=0)
    slopes[1] += np.sqrt(2) * sigmas * 1e-12
    return replace(
        sweep, bends=middle, bend_errors=np.full(1, 1e-6), slopes=slopes, slope_errors=np.full(2, 1e-12),
        values=np.concatenate([sweep.values[:1], sweep.values[:1]]),
        lows=np.concatenate([low, middle]), highs=np.concatenate([middle, high]),
    )  # fmt: skip


def line_within(rows: FloatArray, seed: int) -> Line:
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(len(rows)) @ rows
    origin = rng.standard_normal(len(rows)) @ rows
    return Line(origin, direction / np.linalg.norm(direction), np.sqrt(rows.shape[1]), -1e3, 1e3)


@pytest.mark.parametrize(("sigmas", "count"), [(100, 0), (1000, 1)])
def test_within_the_span_of_the_rows_the_door_is_asked_again_for_a_bend_that_may_be_noise(
    sigmas: float, count: int
) -> None:
    """Eight rows of 800 inputs: an input within their span moves the network ten times as much."""
    network = he_network(800, 8, 1, seed=5)
    bench = bench_of(network)
    sweep = made_up(network, line_within(row_space(network.weights[0]), 50), sigmas)
    assert contradictions(network, 1e-13, [sweep], door=bench.probe) == count
    assert bench.probe.session.spending.queries == (2 * AGAIN if count == 0 else 0)


def test_outside_the_span_a_made_up_bend_that_is_clear_counts_without_asking() -> None:
    network = he_network(800, 8, 1, seed=5)
    bench = bench_of(network)
    sweep = made_up(network, line_within(np.eye(800), 51), 100)
    assert contradictions(network, 1e-13, [sweep], door=bench.probe) == 1
    assert bench.probe.session.spending.queries == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_faint_neuron_that_is_there_is_not_let_pass_within_the_span(seed: int) -> None:
    """Its bend is a hundred deviations of the noise at random inputs, ten of what the span might have."""
    network = he_network(800, 8, 1, seed=seed)
    line = line_within(row_space(network.weights[0]), seed)
    sweep = made_up(network, line, 100)
    faint = with_faint(network, line, float(sweep.bends[0]), float(sweep.jumps[0, 0]))
    assert contradictions(network, 1e-13, [sweep], door=bench_of(faint).probe) == 1
    assert contradictions(faint, 1e-13, [sweep], door=bench_of(faint).probe) == 0


def with_faint(network: PiecewiseLinearNetwork, line: Line, at: float, jump: float) -> PiecewiseLinearNetwork:
    """The network with one neuron more, which changes the slope along a line at one place."""
    rows = np.concatenate([network.weights[0], line.direction[np.newaxis]])
    biases = np.append(network.biases[0], -line.direction @ line.at(np.array([at]))[0])
    return PiecewiseLinearNetwork(
        [rows, np.append(network.weights[1], [[jump]], axis=1)], [biases, network.biases[1]]
    )
