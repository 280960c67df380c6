"""Turning the input or rescaling the output turns the span, and changes nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

import hingeline as hl
from hingeline.evaluation.targets import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

quick = settings(derandomize=True, deadline=None, max_examples=10)
seeds = st.integers(0, 2**32 - 1)
DIM = 24


def network_of(width: int, after: int, seed: int) -> PiecewiseLinearNetwork:
    return random_network((DIM, width, after, 1), np.random.default_rng(seed), weight=2**0.5)


@quick
@given(st.integers(2, 6), st.integers(4, 8), seeds, st.floats(-6, 6), st.floats(-10, 10))
def test_a_rotated_and_rescaled_network_has_the_rotated_span(
    width: int, after: int, seed: int, power: float, shift: float
) -> None:
    network, scale = network_of(width, after, seed), 10.0**power
    turn = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((DIM, DIM)))[0]
    plain = hl.span(hl.oracle(network))
    turned = hl.span(hl.oracle(lambda x: scale * (network(x @ turn.T) + shift), input_dim=DIM))
    assert plain.value is not None
    assert turned.value is not None
    if plain.outcome.ok and turned.outcome.ok:
        assert turned.value.rank == plain.value.rank
        assert subspace_angles(turned.value.basis, turn.T @ plain.value.basis).max() < 1e-7


@quick
@given(st.integers(2, 6), st.integers(4, 8), seeds)
def test_neuron_order_and_positive_scale_leave_the_span(width: int, after: int, seed: int) -> None:
    network, rng = network_of(width, after, seed), np.random.default_rng(seed + 2)
    order, scale = rng.permutation(width), 2.0 ** rng.integers(-3, 4, width)
    weights, biases = list(network.weights), list(network.biases)
    weights[0], biases[0] = (weights[0] * scale[:, None])[order], (biases[0] * scale)[order]
    weights[1] = (weights[1] / scale)[:, order]
    one = hl.span(hl.oracle(network))
    other = hl.span(hl.oracle(PiecewiseLinearNetwork(weights, biases)))
    if one.outcome.ok and other.outcome.ok:
        assert one.require().angles_to(other.require().basis).max() < 1e-8


@quick
@given(st.integers(2, 6), st.integers(1, 4), seeds, seeds)
def test_exact_is_never_wrong(width: int, after: int, seed: int, other: int) -> None:
    """What `exact` claims holds for every seed of the questions: no direction is invented."""
    network = network_of(width, after, seed)
    finding = hl.span(hl.oracle(network), seed=other)
    if finding.outcome.ok:
        basis = finding.require().basis
        inside = np.linalg.qr(network.weights[0].T)[0]
        assert np.linalg.norm(basis - inside @ (inside.T @ basis), 2) < 1e-7
