"""Hyperplanes held against the lines that were swept."""

import numpy as np
from practice_benches import bench_of, he_network, true_planes

from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.line_votes import in_agreement, line_votes
from hingeline.extraction.verify import random_line
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import LineSweep, sweep_line


def swept(network: PiecewiseLinearNetwork, count: int) -> list[LineSweep]:
    bench = bench_of(network)
    lines = [random_line(bench.probe, bench.randomness.step("line", i), bench.settings) for i in range(count)]
    return [sweep_line(bench.probe, line) for line in lines]


def planes_of(normals: np.ndarray, offsets: np.ndarray, errors: float = 1e-13) -> Hyperplanes:
    witnesses = -offsets[:, np.newaxis] * normals
    jumps = np.ones((len(offsets), 1))
    return Hyperplanes(normals, offsets, jumps, np.full(len(offsets), errors), witnesses)


def test_lines_show_the_hyperplanes_of_the_first_layer_and_miss_none() -> None:
    network = he_network(8, 6, 5, 4, 3, seed=3)
    shown, missed = line_votes(true_planes(network), swept(network, 5))
    assert (shown >= 4).all()
    assert not missed.any()


def test_a_hyperplane_that_no_neuron_has_is_missed_wherever_it_is_crossed() -> None:
    network = he_network(8, 6, 5, 4, 3, seed=4)
    rng = np.random.default_rng(0)
    strange = rng.standard_normal((3, 8))
    strange /= np.linalg.norm(strange, axis=1, keepdims=True)
    planes = planes_of(strange, rng.standard_normal(3))
    shown, missed = line_votes(planes, swept(network, 4))
    assert not shown.any()
    assert (missed >= 3).all()
    assert not in_agreement(planes, swept(network, 4)).any()


def test_lines_on_which_a_prediction_is_vague_do_not_vote() -> None:
    network = he_network(8, 6, 5, 4, 3, seed=3)
    true = true_planes(network)
    vague = planes_of(true.normals, true.offsets, errors=1e-2)
    shown, missed = line_votes(vague, swept(network, 5))
    assert shown.sum() + missed.sum() <= 6
    assert in_agreement(vague, []).all()


def test_where_the_answers_do_not_vary_nothing_is_missed() -> None:
    # relu(x) is looked at through relu(x - 1): where x < 1 nothing shows
    network = PiecewiseLinearNetwork(
        [np.array([[1.0, 0.0]]), np.array([[1.0]]), np.array([[1.0]])],
        [np.zeros(1), np.array([-1.0]), np.zeros(1)],
    )
    hidden = planes_of(np.array([[1.0, 0.0]]), np.zeros(1))
    shown, missed = line_votes(hidden, swept(network, 4))
    assert not shown.any()
    assert not missed.any()
