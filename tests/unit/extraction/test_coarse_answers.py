"""Extraction through doors whose answers are float32: seven digits instead of sixteen."""

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.randomness import Randomness
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.located import located_members
from hingeline.extraction.single_layer import RegionView, SingleLayer, sign_equations
from hingeline.networks.feed_forward import random_network
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.oracles.session import QuerySession
from hingeline.probing.central_differences import central_jacobians
from hingeline.probing.noise_check import checked_noise
from hingeline.probing.probe import Calibration, Probe, is_coarse


def in_float32(network):
    """The network computed in float32 from inputs rounded to float32."""
    weights = [w.astype(np.float32) for w in network.weights]
    biases = [b.astype(np.float32) for b in network.biases]

    def answer(x):
        hidden = x.astype(np.float32)
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            hidden = np.maximum(hidden @ weight.T + bias, np.float32(0))
        return (hidden @ weights[-1].T + biases[-1]).astype(np.float64)

    return answer


def probe_of(answer, dim, noise):
    session = QuerySession(hl.oracle(answer, input_dim=dim))
    return Probe(session, Calibration(NoiseFloor(0.0, noise), float(np.sqrt(dim)), np.inf))


def noisy_hinge(x, size=1e-6):
    """One neuron, relu(x0 - 0.1) + 0.5 x1, with a noise that depends on the point."""
    noise = np.sin(1e9 * x.sum(axis=1, keepdims=True)) * np.sqrt(2)
    return np.maximum(x[:, :1] - 0.1, 0) + 0.5 * x[:, 1:2] + size * noise


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_float32_network_of_one_hidden_layer_comes_back_to_six_digits(seed):
    network = random_network([20, 10, 1], seed=seed)
    finding = hl.extract(
        hl.oracle(in_float32(network), input_dim=20), seed=seed, budget=20 * network_size(network)
    )
    assert_right_or_honest(finding, network)


def network_size(network):
    return sum(w.size for w in network.weights) + sum(b.size for b in network.biases)


def assert_right_or_honest(finding, network):
    if finding.outcome.ok:
        assert hl.diff(finding.value, network).max_parameter_error < 1e-5
    else:
        assert finding.outcome.reason


def test_float32_answers_are_coarse_and_float64_answers_are_not():
    fine, coarse = (probe_of(noisy_hinge, 2, noise) for noise in (1e-16, 1e-7))
    for probe in (fine, coarse):
        probe.note_slope(1.0)
    assert is_coarse(coarse)
    assert not is_coarse(fine)


def test_central_differences_shorten_only_the_steps_that_leave_the_region():
    probe = probe_of(noisy_hinge, 2, 1e-6)
    found = central_jacobians(
        probe, np.zeros((1, 2)), np.array([1.0]), np.array([0.0, 1.0]), np.array([[0.5]]), np.array([1e-6]),
        np.eye(2), np.random.default_rng(0),
    )  # fmt: skip
    assert found.certified.all()
    np.testing.assert_allclose(found.matrices[0], [[0.0, 0.5]], atol=1e-4)


def test_a_region_whose_slope_is_not_the_lines_is_not_certified():
    probe = probe_of(noisy_hinge, 2, 1e-6)
    found = central_jacobians(
        probe, np.zeros((1, 2)), np.array([0.1]), np.array([0.0, 1.0]), np.array([[0.7]]), np.array([1e-6]),
        np.eye(2), np.random.default_rng(0),
    )  # fmt: skip
    assert not found.certified.any()


def test_noise_that_was_thought_too_small_is_raised_and_never_lowered():
    for claimed in (1e-8, 1e-3):
        probe = probe_of(noisy_hinge, 2, claimed)
        noise = checked_noise(probe, np.random.default_rng(1))
        assert noise.per_norm >= claimed
        at_scale = float(noise.at_norm(np.array([probe.calibration.scale]))[0])
        assert at_scale > 1e-7


def candidate(normal, offset, error, rng):
    normal = np.asarray(normal, dtype=np.float64)
    off = normal + error * rng.standard_normal(normal.shape)
    off = off / np.linalg.norm(off)
    witness = -offset * normal
    return Hyperplanes(
        off[np.newaxis], np.array([-off @ witness]), np.ones((1, 1)), np.array([error]), witness[np.newaxis]
    )


def test_a_hyperplane_fitted_to_its_places_gains_digits():
    rng = np.random.default_rng(2)
    start = candidate([1.0, 0.0, 0.0], -0.1, 1e-3, rng)
    probe = probe_of(lambda x: noisy_hinge(x, 1e-8), 3, 1e-8)
    found = located_members(probe, start, np.eye(3), rng)
    assert found.count == 1
    assert np.abs(found.normals[0] - [1.0, 0.0, 0.0]).max() < 1e-5
    assert abs(found.offsets[0] + 0.1) < 1e-5


def test_a_hyperplane_that_is_nowhere_is_no_member():
    rng = np.random.default_rng(3)
    start = candidate([0.0, 1.0, 0.0], -0.3, 1e-3, rng)
    probe = probe_of(lambda x: noisy_hinge(x, 1e-8), 3, 1e-8)
    assert located_members(probe, start, np.eye(3), rng).count == 0


def test_the_more_precise_of_two_measurements_of_a_hyperplane_stays():
    rng = np.random.default_rng(4)
    rough, fine = (candidate([0.6, 0.8], 0.2, error, rng) for error in (1e-3, 1e-6))
    assert rough.join(fine, better=True).errors[0] == 1e-6
    assert rough.join(fine).errors[0] == 1e-3
    assert rough.join(fine, better=True).count == 1


def test_sign_equations_name_the_neuron_that_points_the_wrong_way():
    layer = SingleLayer(
        np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2), np.array([[2.0], [3.0]]), np.full(2, 1e-3),
        np.zeros((1, 2)), np.zeros(1),
    )  # fmt: skip
    # truth: 2 relu(x0) + 3 relu(-x1); at (1, 1) the first is on and the second, as it points, is off
    columns, right = sign_equations(layer, RegionView(np.ones(2), np.array([[2.0, 0.0]]), 1e-6))
    np.testing.assert_allclose(np.linalg.lstsq(columns, right, rcond=None)[0], [0.0, 1.0], atol=1e-12)


def test_steps_of_the_noise_check_have_their_own_randomness():
    first, second = Randomness(5).step("noise"), Randomness(5).step("line")
    assert first.standard_normal() != second.standard_normal()
