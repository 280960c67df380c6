"""Losses over a family: their derivatives, their clamps, and that the expectation is a sum over members."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.defences.family.expectation import expectation_gradient
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.losses import LOSSES, clamped_margins, margins
from hingeline.networks.feed_forward import random_network
from hingeline.sensitivity.models.network_model import NetworkModel


@pytest.mark.parametrize("name", LOSSES)
def test_derivatives_are_those_of_the_values(name: str) -> None:
    rng = np.random.default_rng(2)
    logits, classes = rng.normal(size=(3, 6, 4)), rng.integers(0, 4, 6)
    weights, way = rng.uniform(0.1, 1.0, (3, 6)), rng.normal(size=(3, 6, 4))
    slopes = LOSSES[name](logits, classes, weights)[1]
    ahead, behind = (LOSSES[name](logits + h * way, classes, weights)[0] for h in (1e-6, -1e-6))
    assert np.allclose((slopes * way).sum(axis=(0, 2)), (ahead - behind) / 2e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in LOSSES if "easier" not in name])
def test_the_enumerated_gradient_is_the_mean_of_the_members_gradients(name: str) -> None:
    networks = [random_network((6, 20, 4), seed=s) for s in range(5)]
    family, rng = ModelFamily(networks), np.random.default_rng(4)
    x, y = rng.normal(size=(30, 6)), rng.integers(0, 4, 30)
    whole = expectation_gradient(family, x, y, LOSSES[name], np.full((5, 30), 0.2))
    one = np.ones((1, 30))
    each = [NetworkModel(n).gradients(x, LOSSES[name](n(x)[np.newaxis], y, one)[1][0]) for n in networks]
    assert np.abs(whole - np.mean(each, axis=0)).max() < 1e-6


def test_the_hardest_members_are_left_out_of_the_easier_share() -> None:
    # margins 1, 2, 3, 4, 5: four fifths leave out the last, three fifths the last two
    logits = np.stack([np.arange(1.0, 6.0), np.zeros(5)], axis=1)[:, np.newaxis]
    classes, even = np.zeros(1, dtype=np.int64), np.full((5, 1), 0.2)
    for name, counted in (("the easier four fifths", 4), ("the easier three fifths", 3)):
        value, slopes = LOSSES[name](logits, classes, even)
        assert value[0] == pytest.approx(0.2 * sum(range(1, counted + 1)))
        assert np.array_equal(slopes[:, 0].any(axis=1), np.arange(5) < counted)


def test_a_margin_is_the_lead_over_the_best_rival() -> None:
    logits = np.array([[[3.0, 1.0, 2.0]], [[0.0, 5.0, 1.0]]])
    assert np.array_equal(margins(logits, np.array([0])), [[1.0], [-5.0]])


def test_a_member_that_is_fooled_by_the_clamp_counts_no_more() -> None:
    logits = np.array([[[0.0, 5.0]], [[2.0, 0.0]]])
    value, slopes = clamped_margins(0.3, logits, np.array([0]), np.full((2, 1), 0.5))
    assert value[0] == pytest.approx(0.5 * (-0.3 + 2.0))
    assert not slopes[0].any() and np.array_equal(slopes[1, 0], [0.5, -0.5])
