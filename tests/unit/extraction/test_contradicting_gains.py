"""Rows outside their span, where a neuron above is missing: its gains are wrong, and that is said."""

import numpy as np
from practice_benches import he_network, probe_of

from hingeline.core.arrays import FloatArray
from hingeline.extraction.null_space import straighten
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

DIM, WIDTH = 16, 8


def without_last(network: PiecewiseLinearNetwork) -> PiecewiseLinearNetwork:
    """The network without the last neuron of its second layer."""
    first, second, last = network.weights
    one, two, three = network.biases
    return PiecewiseLinearNetwork([first, second[:-1], last[:, :-1]], [one, two[:-1], three])


def outside(network: PiecewiseLinearNetwork, found: PiecewiseLinearNetwork) -> FloatArray:
    rows = network.weights[0]
    off = (found.weights[0] - rows) @ (np.eye(DIM) - np.linalg.pinv(rows) @ rows)
    return np.linalg.norm(off, axis=1) / np.sqrt(DIM - WIDTH) / np.linalg.norm(rows, axis=1)


def test_errors_stated_hold_where_a_neuron_is_missing() -> None:
    within, told = 0, 0
    for seed in range(20):
        network = he_network(DIM, WIDTH, 5, 2, seed=seed)
        rows = network.weights[0]
        off = 1e-9 * np.random.default_rng(100 + seed).standard_normal(rows.shape)
        off -= off @ np.linalg.pinv(rows) @ rows
        wrong = PiecewiseLinearNetwork([rows + off, *network.weights[1:]], network.biases)
        straight = straighten(probe_of(network, DIM), without_last(wrong), np.random.default_rng(seed))
        within += bool((outside(network, straight.network) < 10 * straight.excess * straight.errors).all())
        told += straight.excess > 2.0
    assert within >= 18
    assert told >= 10


def test_errors_stay_as_they_are_where_nothing_is_missing() -> None:
    for seed in range(5):
        network = he_network(DIM, WIDTH, 5, 2, seed=seed)
        straight = straighten(probe_of(network, DIM), network, np.random.default_rng(seed))
        assert straight.excess < 3.0
