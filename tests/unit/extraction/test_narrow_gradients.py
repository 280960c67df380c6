"""Gradients asked in the few directions that known layers leave."""

from functools import partial

import numpy as np
from practice_benches import bench_of, he_network

from hingeline.extraction.bends import measure_bends
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.narrow_gradients import moving_directions
from hingeline.extraction.verify import random_line
from hingeline.probing.line import sweep_line

ON = np.ones(3, dtype=np.bool_)


def test_only_neurons_that_are_on_move_their_channels() -> None:
    known = KnownLayers(3, (KnownLayer(np.eye(3), np.zeros(3), ON),))
    (rows,) = moving_directions(known, np.array([[1.0, -1.0, 2.0]]))
    np.testing.assert_allclose(rows.T @ rows, np.diag([1.0, 0.0, 1.0]), atol=1e-12)


def test_a_known_layer_makes_normals_cheaper_and_a_wrong_one_does_not_spoil_them() -> None:
    network = he_network(20, 12, 6, 1, seed=3)
    spent: list[int] = []
    normals: list[np.ndarray] = []
    layer = KnownLayer(network.weights[0], network.biases[0], np.ones(12, dtype=np.bool_))
    wrong = KnownLayer(network.weights[0][1:], network.biases[0][1:], np.ones(11, dtype=np.bool_))
    for one in (None, layer, wrong):
        bench = bench_of(network)
        line = random_line(bench.probe, np.random.default_rng(8), bench.settings)
        sweep, before = sweep_line(bench.probe, line), bench.probe.session.spent
        known = None if one is None else KnownLayers(20, (one,))
        narrow = None if known is None else partial(moving_directions, known)
        found = measure_bends(bench.probe, sweep, np.random.default_rng(9), basis=np.eye(20), narrow=narrow)
        spent.append(bench.probe.session.spent - before)
        normals.append(np.where(found.measured[:, np.newaxis], found.normals, np.nan))
    assert spent[1] < 0.6 * spent[0]
    for other in normals[1:]:
        both = np.isfinite(normals[0] + other).all(axis=1)
        assert both.sum() >= 12
        np.testing.assert_allclose(normals[0][both], other[both], atol=1e-5)
