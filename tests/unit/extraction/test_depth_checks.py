"""What is looked at before a deep network is called complete, and lines that are not drawn twice."""

import numpy as np
from practice_benches import bench_of, he_network

from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.search import Search
from hingeline.extraction.depth.wider_check import contradicted
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def with_neuron_on_where_all_below_are_off(network: PiecewiseLinearNetwork) -> PiecewiseLinearNetwork:
    weights, biases = [w.copy() for w in network.weights], [b.copy() for b in network.biases]
    weights[1] = np.vstack([weights[1], -np.ones(weights[1].shape[1])])
    biases[1] = np.append(biases[1], 0.02)
    weights[2] = np.hstack([weights[2], np.ones((len(weights[2]), 1))])
    return PiecewiseLinearNetwork(weights, biases)


def test_a_missing_neuron_that_only_its_bias_turns_on_is_met() -> None:
    lacking = he_network(12, 9, 5, 1, seed=5)
    whole = with_neuron_on_where_all_below_are_off(lacking)
    points = np.random.default_rng(1).standard_normal((20_000, 12))
    assert (whole.pre_activations(points)[1][:, -1] > 0).mean() < 1e-2
    bench = bench_of(whole)
    assert contradicted(bench, lacking, 1e-13) is not None
    assert contradicted(bench, whole, 1e-13) is None


def test_lines_drawn_together_are_different_ones() -> None:
    bench = bench_of(he_network(8, 6, 5, 1))
    search = Search(FrameProbe(bench.probe, np.eye(8)), bench.randomness, bench.settings)
    directions = [search.fresh_line(index).direction for index in range(3)]
    assert np.abs(np.triu(np.array(directions) @ np.array(directions).T, 1)).max() < 0.99
