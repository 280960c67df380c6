"""What is counted as leaked: neurons, digits, decisions."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.evaluation.defending.leak import Leak, LeakRun, as_log_ratios, found_neurons, leak_run
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.local import network_oracle


def _network(seed: int, sizes: tuple[int, ...] = (6, 5, 3)) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) for a, b in pairwise(sizes)]
    return PiecewiseLinearNetwork(weights, [rng.standard_normal(w.shape[0]) for w in weights])


def test_a_copy_in_another_order_and_scale_has_every_neuron_and_all_digits() -> None:
    truth = _network(1)
    order, scale = np.array([3, 0, 4, 1, 2]), np.array([2.0, 0.5, 1.0, 3.0, 7.0])
    rows = (truth.weights[0] * scale[:, None])[order]
    copy = PiecewiseLinearNetwork(
        (rows, (truth.weights[1] / scale)[:, order]), ((truth.biases[0] * scale)[order], truth.biases[1])
    )
    neurons, digits = found_neurons(copy, truth)
    assert neurons == 5
    assert digits > 14


@pytest.mark.parametrize("size", [1e-4, 1e-6, 1e-9])
def test_digits_follow_the_error(size: float) -> None:
    truth, rng = _network(2), np.random.default_rng(7)
    noisy = truth.weights[0] + size * rng.choice([-1.0, 1.0], truth.weights[0].shape)
    neurons, digits = found_neurons(PiecewiseLinearNetwork((noisy, truth.weights[1]), truth.biases), truth)
    assert neurons == 5
    assert digits == pytest.approx(-np.log10(size), abs=0.8)


def test_no_copy_has_nothing_and_a_lost_neuron_counts_as_lost() -> None:
    truth = _network(3)
    assert found_neurons(None, truth) == (0, 0.0)
    fewer = PiecewiseLinearNetwork(
        (truth.weights[0][:4], truth.weights[1][:, :4]), (truth.biases[0][:4], truth.biases[1])
    )
    neurons, digits = found_neurons(fewer, truth)
    assert neurons == 4
    assert digits == pytest.approx(16 * 4 / 5)


def test_log_ratios_are_differences_of_outputs() -> None:
    truth, x = _network(4), np.random.default_rng(0).standard_normal((20, 6))
    outputs = truth(x)
    assert np.allclose(as_log_ratios(truth, 1)(x), np.delete(outputs - outputs[:, [1]], 1, axis=1))


def test_an_open_door_leaks_everything_and_a_silent_one_is_not_called_safe() -> None:
    truth, x = _network(5, (5, 4, 2)), np.random.default_rng(1).standard_normal((30, 5))
    decided = truth(x).argmax(axis=1)
    shared = {"seed": 3, "budget": 20_000, "truth": truth, "points": x, "decided": decided}
    run = leak_run(network_oracle(truth), **shared)  # type: ignore[arg-type]
    assert (run.neurons, run.claims_complete, run.agreement, run.attempted) == (4, True, 1.0, True)

    def silent(points: FloatArray) -> FloatArray:
        return truth(points).argmax(axis=1).astype(np.float64)[:, np.newaxis]

    from hingeline.oracles.opening import oracle

    quiet = leak_run(oracle(silent, input_dim=5, answers="labels"), **shared)  # type: ignore[arg-type]
    assert (quiet.neurons, quiet.attempted) == (0, False)
    assert not Leak((quiet, quiet, quiet), 4).attempted
    assert LeakRun.read(quiet.to_dict()) == quiet


def test_without_the_truth_nothing_is_said_about_neurons() -> None:
    truth = _network(6, (4, 3, 2))
    x = np.random.default_rng(2).standard_normal((10, 4))
    run = leak_run(
        network_oracle(truth), seed=0, budget=5000, truth=None, points=x, decided=truth(x).argmax(axis=1)
    )
    assert run.neurons is None and run.digits is None
    leak = Leak((run, run, run), None)
    assert leak.neurons is None and leak.share == 1.0
