"""Whole extractions of networks with three hidden layers: right to many digits, or no claim."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import hingeline as hl
from hingeline.evaluation.score import score
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def random_network(widths: tuple[int, ...], seed: int) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((b, a)) * np.sqrt(2 / a) for a, b in itertools.pairwise(widths)]
    return PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(width) for width in widths[1:]])


@pytest.mark.parametrize("seed", [201, 204])
def test_three_hidden_layers_are_found_without_being_told(seed: int) -> None:
    network = random_network((16, 8, 6, 4, 1), seed)
    finding = hl.extract(hl.oracle(network), seed=seed, budget=12_000)
    assert finding.outcome.ok and finding.value.hidden_widths == (8, 6, 4)
    assert hl.diff(finding.value, network).max_parameter_error < 1e-11


@pytest.mark.parametrize("seed", [202, 205])
def test_a_deep_network_that_is_not_finished_claims_nothing_and_names_its_layers(seed: int) -> None:
    network = random_network((16, 8, 6, 4, 1), seed)
    finding = hl.extract(hl.oracle(network), seed=seed, budget=6_000)
    assert not score(finding, network).wrongly_ok
    assert finding.evidence["layers"][0]["neurons"] == 8
    assert {line["layer"] for line in finding.evidence["neurons"]} >= {1}
