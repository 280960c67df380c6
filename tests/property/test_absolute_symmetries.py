"""Recovery does not depend on what the function does not tell: order, signs and lengths of rows, axes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import hingeline as hl
from hingeline.absolute_value.recover import recover_absolute_value
from hingeline.networks.absolute_value import AbsoluteValueNetwork, compare_absolute

SEEDS = st.integers(0, 10_000)


def drawn(rng: np.random.Generator) -> AbsoluteValueNetwork:
    d, m = int(rng.integers(2, 8)), int(rng.integers(1, 9))
    signs = rng.choice(np.array([-1.0, 1.0]), m)
    return AbsoluteValueNetwork(rng.standard_normal((m, d)), signs * rng.uniform(0.3, 3.0, m))


def recovered(network: AbsoluteValueNetwork, seed: int) -> AbsoluteValueNetwork:
    return recover_absolute_value(hl.oracle(network, input_dim=network.input_dim), seed=seed).require()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(SEEDS)
def test_order_signs_and_lengths_of_rows_change_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = drawn(rng)
    order, factors = rng.permutation(network.width), rng.uniform(0.2, 5, network.width)
    factors *= rng.choice(np.array([-1.0, 1.0]), network.width)
    same = AbsoluteValueNetwork(
        (network.rows * factors[:, np.newaxis])[order], (network.coefficients / np.abs(factors))[order]
    )
    found, again = recovered(network, seed), recovered(same, seed)
    assert compare_absolute(found, again).max_relative_error < 1e-6


@settings(max_examples=20, deadline=None, derandomize=True)
@given(SEEDS)
def test_a_turned_network_gives_turned_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = drawn(rng)
    turn = np.linalg.qr(rng.standard_normal((network.input_dim, network.input_dim)))[0]
    turned = AbsoluteValueNetwork(network.rows @ turn, network.coefficients)
    back = recovered(turned, seed)
    back = AbsoluteValueNetwork(back.rows @ turn.T, back.coefficients)
    assert compare_absolute(network, back).max_relative_error < 1e-6
