"""What an extraction through a restricted door may claim, and what it may not."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.outcome import Outcome, Status
from hingeline.evaluation.score import score
from hingeline.extraction.bias_fit import fit_biases, with_repeats, with_rounding
from hingeline.extraction.digits import digits_of
from hingeline.extraction.distant import _outcome
from hingeline.extraction.layer_signs import rounded
from hingeline.extraction.settings import ExtractSettings
from hingeline.extraction.single_layer import RegionView, SingleLayer, decide_signs
from hingeline.extraction.typical_check import Returned, check_typical
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.binary_system import BinaryStatus
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.local import network_oracle
from hingeline.oracles.session import QuerySession
from hingeline.probing.probe import Calibration, Probe

NOISE = 1e-3


def two_layers(weights, biases):
    """A network of one hidden layer; the matrices and vectors of its two layers."""
    return PiecewiseLinearNetwork(
        [np.asarray(w, dtype=float) for w in weights], [np.asarray(b, dtype=float) for b in biases]
    )


def plain(sizes, seed):
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((o, i)) for i, o in itertools.pairwise(sizes)]
    return PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(o) for o in sizes[1:]])


def keyed(network):
    """The network with a noise that depends on the row."""
    return lambda x: network(x) + NOISE * np.sqrt(2) * np.sin(1e9 * x.sum(axis=1, keepdims=True))


def off_nearly_everywhere(x):
    """One neuron, seldom on: most answers are the output bias."""
    return np.maximum(x[:, :1] - 1.5, 0) + np.pi


ONE = two_layers([[[1.0, 0.0]], [[1.0]]], [[-1.5], [np.pi]])


@pytest.mark.parametrize("seed", range(12))
def test_bits_that_nothing_tells_are_not_rounded_from_coarse_rows(seed):
    # c (1, -2, 1) on hyperplanes 0.1 apart: all three may be turned round and nothing changes
    rng = np.random.default_rng(seed)
    normals = np.array([0.6, 0.8, 0.0]) + 1e-7 * rng.standard_normal((3, 3))
    layer = SingleLayer(
        normals, np.array([0.1, 0.0, -0.1]), np.array([[1.0], [-2.0], [1.0]]), np.full(3, 1e-7),
        np.zeros((1, 3)), np.zeros(1),
    )  # fmt: skip
    view = RegionView(np.array([3.0, 3.0, 0.0]), 1e-7 * rng.standard_normal((1, 3)), 1e-7)
    solution = rounded(layer, view, decide_signs(layer, view))
    assert not (solution.status is BinaryStatus.EXACT and solution.unique)


def test_bits_that_coarse_rows_tell_are_rounded():
    rng = np.random.default_rng(1)
    layer = SingleLayer(
        np.eye(3) + 1e-5 * rng.standard_normal((3, 3)), np.zeros(3), np.ones((3, 1)), np.full(3, 1e-7),
        np.zeros((1, 3)), np.zeros(1),
    )  # fmt: skip
    view = RegionView(np.ones(3), np.array([[1.0, 0.0, 1.0]]), 1e-7)
    solution = rounded(layer, view, decide_signs(layer, view))
    assert list(solution.bits) == [False, True, False]


def test_two_parallel_neurons_taken_for_one_show_on_their_hyperplane():
    rows = [[1.0, 0, 0], [1.0, 0, 0], [0, 1.0, 0]]
    truth = two_layers([rows, [[0.3, 0.05, -1.5]]], [[0.2, 0.3, 0.0], [0.0]])
    merged = two_layers([rows[1:], [[0.35, -1.5]]], [[0.2 + 0.005 / 0.35, 0.0], [0.0]])
    session = QuerySession(hl.oracle(keyed(truth), input_dim=3))
    probe = Probe(session, Calibration(NoiseFloor(NOISE, 0.0), np.sqrt(3), np.inf))
    for network, right in ((truth, True), (merged, False)):
        fit = SimpleNamespace(network=network, worst=3.0, gap=lambda x: np.full(len(x), 1e-4))
        returned = Returned(fit, lambda x: np.full(len(x), NOISE), 10.0)
        check = check_typical(probe, returned, np.random.default_rng(5), ExtractSettings())
        assert check.agreed is right


@pytest.mark.parametrize("seed", range(4))
def test_rounding_that_is_the_same_everywhere_is_not_averaged_away(seed):
    rng, step = np.random.default_rng(seed), 1e-3
    points = rng.standard_normal((400, 2))
    answers = np.round(off_nearly_everywhere(points) / step) * step
    noise = np.full(400, step / np.sqrt(12))
    fit = fit_biases(ONE, points, answers, noise)
    honest = with_rounding(fit, points, noise, step, rng)
    wrong = abs(fit.network.biases[-1][0] - np.pi)
    assert wrong > 5 * fit.errors[-1][0]
    assert wrong < 5 * honest.errors[-1][0]


def test_one_answer_many_times_is_one_answer():
    rng = np.random.default_rng(7)
    points = rng.standard_normal((400, 2))
    answers = off_nearly_everywhere(points).astype(np.float32).astype(np.float64)
    noise = np.full(400, 1e-7)
    fit = fit_biases(ONE, points, answers, noise)
    assert with_repeats(fit, points, answers, noise).errors[-1][0] > 2 * fit.errors[-1][0]
    fresh = answers + 1e-7 * rng.standard_normal(answers.shape)
    fit = fit_biases(ONE, points, fresh, noise)
    assert with_repeats(fit, points, fresh, noise) is fit


def test_a_bias_is_stated_as_wrong_as_its_row_makes_it():
    network = two_layers([np.eye(3), np.ones((1, 3))], [[50.0, 0.0, 0.0], [0.0]])
    points = 10 * np.random.default_rng(0).standard_normal((100, 3))
    layer = digits_of(network, [np.full(3, 1e-9)], points)["layers"][0]
    assert layer["weights"]["error"] == 1e-9
    assert layer["biases"]["error"] > 5e-8


def test_biases_of_which_none_is_told_are_no_crash():
    check = SimpleNamespace(agreed=True, telling=True, noise=1e-3)
    fit = SimpleNamespace(factor=1.0, errors=(np.array([np.inf]), np.array([np.inf])))
    found = Outcome(Status.EQUIVALENT, "The function is verified.")
    assert "no bias is told" in _outcome(found, check, fit, [np.full(1, 1e-9)], 1e-4, 3.0).reason


def test_an_affine_network_seen_from_afar_is_no_crash():
    network = PiecewiseLinearNetwork([np.array([[1.0, -2.0, 0.5]])], [np.array([0.3])])
    finding = hl.extract(hl.defended(network_oracle(network), "round:6"), seed=0, budget=5000)
    assert finding.value is not None
    assert np.abs(finding.value(np.eye(3)) - network(np.eye(3))).max() < 1e-4


def test_a_box_of_which_only_the_middle_was_seen_is_not_complete():
    # seven hinges near the faces; the sigmoid is saturated in the corners
    network = two_layers([[*np.eye(7), np.ones(7)], [[4.0] * 7 + [1.5]]], [[-0.85] * 7 + [0.0], [-5.25]])

    def door(x):
        return (1 / (1 + np.exp(-network(x)))).astype(np.float32)

    finding = hl.extract(hl.oracle(door, input_dim=7, bounds=(0, 1)), seed=3, budget=20_000)
    inside = np.random.default_rng(0).uniform(0, 1, (1000, 7))
    gap = np.inf if finding.value is None else np.abs(finding.value(inside) - network(inside)).max()
    assert gap < 1e-3 or not finding.outcome.ok, str(finding.outcome)


@pytest.mark.parametrize("seed", [8, 18, 21])
def test_a_door_that_drifts_is_not_recovered(seed):
    network, asked = plain((10, 1, 1), seed), [0]

    def drifting(x):
        turn = asked[0] + np.arange(len(x))
        asked[0] += len(x)
        return network(x) * (1 + 1e-8 * turn[:, np.newaxis])

    finding = hl.extract(hl.oracle(drifting, input_dim=10), seed=seed, budget=10_000)
    assert not finding.outcome.ok, str(finding.outcome)
    assert hl.extract(network_oracle(network), seed=seed, budget=10_000).outcome.ok


def test_a_drifting_line_of_a_single_piece_is_no_warning():
    network, asked = plain((10, 1, 1), 23), [0]

    def drifting(x):
        turn = asked[0] + np.arange(len(x))
        asked[0] += len(x)
        return network(x) * (1 + 1e-8 * turn[:, np.newaxis])

    finding = hl.extract(hl.oracle(drifting, input_dim=10), seed=23, budget=4_000)
    assert not finding.outcome.ok


@pytest.mark.parametrize("widths", [(23, 17, 4), (30, 40, 3)])
def test_agreement_that_must_allow_a_fiftieth_of_the_answers_is_no_proof(widths):
    """Rounded to a tenth: weights come back, but an answer may be off by a fiftieth of how they vary."""
    rng = np.random.default_rng(901)
    weights = [rng.standard_normal((b, a)) * np.sqrt(2 / a) for a, b in itertools.pairwise(widths)]
    truth = PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(b) for b in widths[1:]])
    found = hl.extract(hl.defended(hl.oracle(truth), "round:1"), seed=901)
    assert not found.outcome.ok
    assert score(found, truth).false_claims == ()
