import itertools

import numpy as np
import pytest

from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import CallableOracle, network_oracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.probing.line import Line, sweep_line
from hingeline.probing.probe import Calibration, Probe


def probe_of(oracle, absolute=1e-16, per_norm=3e-16):
    dim = oracle.spec.input_dim
    return Probe(QuerySession(oracle), Calibration(NoiseFloor(absolute, per_norm), np.sqrt(dim), np.inf))


def random_network(sizes, seed):
    rng = np.random.default_rng(seed)
    pairs = list(itertools.pairwise(sizes))
    weights = [rng.standard_normal((o, i)) * np.sqrt(2 / i) for i, o in pairs]
    return PiecewiseLinearNetwork(weights, [rng.standard_normal(o) for o in sizes[1:]])


def random_line(dim, seed, reach=1e5):
    rng = np.random.default_rng(seed)
    origin, direction = rng.standard_normal((2, dim))
    scale = np.sqrt(dim)
    return Line(origin, direction / np.linalg.norm(direction), scale, -reach * scale, reach * scale)


def three_pieces(t):
    """Slopes 1, -10, 0 with bends at 1 and 1.05: the outer lines meet at 0.5, inside the first piece."""
    t = t[:, 0]
    return np.where(t < 1, t, np.where(t < 1.05, 1 - 10 * (t - 1), 0.5))


def scalar_line(low, high):
    return Line(np.zeros(1), np.ones(1), 1.0, low, high, (low + high) / 2)


def test_the_three_piece_trap_is_not_fallen_into():
    oracle = CallableOracle(three_pieces, OracleSpec("trap", 1))
    sweep = sweep_line(probe_of(oracle), scalar_line(0.0, 2.0), samples=3)
    np.testing.assert_allclose(sweep.bends, [1.0, 1.05], atol=1e-12)
    np.testing.assert_allclose(sweep.slopes[:, 0], [1, -10, 0], atol=1e-9)


def test_checking_the_crossing_alone_would_fall_into_the_trap():
    # the lines through both ends meet at t = 0.5, where the oracle agrees with the first of them
    assert three_pieces(np.array([[0.5]]))[0] == 0.5
    assert abs(three_pieces(np.array([[0.6]]))[0] - 0.5) > 0.05, "a check beside it does not agree"


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-6])
def test_two_near_bends_with_opposite_jumps_are_told_apart(gap):
    def pair(t):
        t = t[:, 0]
        return t + 3 * np.maximum(t - 0.3, 0) - 2.9 * np.maximum(t - 0.3 - gap, 0)

    sweep = sweep_line(probe_of(CallableOracle(pair, OracleSpec("pair", 1))), scalar_line(-5.0, 5.0))
    np.testing.assert_allclose(sweep.bends, [0.3, 0.3 + gap], atol=1e-10)


@pytest.mark.parametrize("sizes", [(10, 10, 10, 10), (10, 50, 10, 10), (10, 10, 10, 1)])
def test_every_bend_of_random_networks_is_found_and_none_is_invented(sizes):
    rows = bends = 0
    for seed in range(4):
        network, line = random_network(sizes, seed), random_line(sizes[0], seed + 50)
        probe = probe_of(network_oracle(network), per_norm=1e-15 * np.sqrt(sizes[1]))
        sweep = sweep_line(probe, line)
        edges = np.concatenate([[line.low], (sweep.bends[1:] + sweep.bends[:-1]) / 2, [line.high]])
        patterns = np.concatenate(network.activation_pattern(line.at(edges)), axis=1)
        np.testing.assert_array_equal((patterns[1:] != patterns[:-1]).sum(axis=1), 1)
        assert sweep.exact
        rows, bends = rows + probe.session.spent, bends + len(sweep.bends)
    assert rows <= 12 * bends


def test_rightly_predicted_bends_cost_less():
    network, line = random_network((20, 15, 2), 3), random_line(20, 4)
    blind = probe_of(network_oracle(network))
    found = sweep_line(blind, line)
    told = probe_of(network_oracle(network))
    again = sweep_line(told, line, predicted=found.bends)
    np.testing.assert_allclose(again.bends, found.bends, rtol=1e-9)
    assert told.session.spent <= 4 * len(found.bends) + 4 < blind.session.spent


def test_a_wrong_prediction_does_no_harm():
    network, line = random_network((8, 6, 1), 5), random_line(8, 6)
    found = sweep_line(probe_of(network_oracle(network)), line)
    misled = sweep_line(probe_of(network_oracle(network)), line, predicted=np.linspace(-9, 9, 7))
    np.testing.assert_allclose(misled.bends, found.bends, rtol=1e-8)


def test_a_line_without_bends_is_one_piece():
    affine = CallableOracle(lambda x: x @ np.array([[1.0], [2.0]]) + 3, OracleSpec("affine", 2))
    sweep = sweep_line(probe_of(affine), random_line(2, 0))
    assert len(sweep.bends) == 0
    assert sweep.exact


def test_a_smooth_oracle_ends_unresolved_instead_of_never():
    smooth = CallableOracle(np.tanh, OracleSpec("smooth", 1, 1))
    sweep = sweep_line(probe_of(smooth), scalar_line(-3.0, 3.0))
    assert not sweep.exact
