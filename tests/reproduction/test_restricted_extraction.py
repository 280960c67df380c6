"""Extraction where answers are rounded or noisy, or come through a head.

An independent replication of CRYPTO'20's code extracted 0 of 9 networks once outputs were rounded to 32 or
fewer fractional bits. Bars are ours: at least 8 of 9 runs (3 networks, 3 seeds) complete at each rounding,
errors in proportion to the step, and stated errors that cover the true ones.
Minutes: `pytest -m paper tests/reproduction`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from restricted_cases import (
    PUBLIC,
    WIDTHS,
    drawn,
    fresh_noise,
    keyed_noise,
    log_ratios,
    parameter_errors,
    public,
    rounded,
    sigmoid,
    softmax,
    stated_error,
)

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

pytestmark = pytest.mark.paper

SEEDS = range(3)
MOST_PER_UNIT = 40.0
"""Worst parameter error allowed, in steps or deviations of answers: small outgoing weights cost digits."""
COVERS = 5.0
Finding = hl.Finding[PiecewiseLinearNetwork]


def asked(network: PiecewiseLinearNetwork, door: Callable[[FloatArray], Any], seed: int) -> Finding:
    oracle = hl.oracle(door, input_dim=network.input_dim)
    return hl.extract(oracle, seed=seed, budget=300 * network.parameter_count)


def judged(finding: Finding, network: PiecewiseLinearNetwork, unit: float) -> bool:
    """Whether a run is complete; if it is, it must also be right, and as exact as it says."""
    if not finding.outcome.ok:
        return False
    weights, biases, worst = parameter_errors(finding.require(), network)
    assert weights < 1e-8
    assert worst < MOST_PER_UNIT * unit
    assert weights < COVERS * stated_error(finding.evidence, "weights")
    assert biases < COVERS * stated_error(finding.evidence, "biases")
    return True


@pytest.mark.parametrize("biases", [True, False], ids=["biases", "no biases"])
@pytest.mark.parametrize("bits", [31, 15, 7])
def test_eight_of_nine_networks_are_recovered_from_rounded_outputs(bits: int, biases: bool) -> None:
    step = 2.0**-bits
    networks = [(drawn(widths, seed, biases), seed) for widths in WIDTHS for seed in SEEDS]
    done = [judged(asked(net, rounded(net, step), seed), net, step) for net, seed in networks]
    assert sum(done) >= 8


@pytest.mark.parametrize("bits", [31, 15, 7])
@pytest.mark.parametrize("name", PUBLIC)
def test_public_networks_are_recovered_from_rounded_outputs(name: str, bits: int) -> None:
    network = public(name)
    if network is None:
        pytest.skip("the public networks are not here")
    step = 2.0**-bits
    assert sum(judged(asked(network, rounded(network, step), s), network, step) for s in SEEDS) == 3


@pytest.mark.parametrize("door", [fresh_noise, keyed_noise], ids=["fresh", "keyed"])
@pytest.mark.parametrize("deviation", [1e-6, 1e-3])
def test_eight_of_nine_networks_are_recovered_through_noise(
    deviation: float, door: Callable[..., Callable[[FloatArray], Any]]
) -> None:
    networks = [(drawn(widths, seed), seed) for widths in WIDTHS for seed in SEEDS]
    done = [judged(asked(net, door(net, deviation, s), s), net, deviation) for net, s in networks]
    assert sum(done) >= 8


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("widths", [(20, 10, 10), (20, 10, 8, 10)])
def test_softmax_of_ten_classes_hides_nothing(widths: tuple[int, ...], seed: int) -> None:
    network = drawn(widths, seed)
    finding = asked(network, softmax(network), seed)
    assert finding.outcome.ok, str(finding.outcome)
    reference = finding.evidence["doctor"]["head"]["reference"]
    assert parameter_errors(finding.require(), log_ratios(network, reference))[2] < 1e-7


@pytest.mark.parametrize("seed", SEEDS)
def test_a_sigmoid_hides_nothing_of_one_hidden_layer(seed: int) -> None:
    network = drawn((20, 10, 1), seed)
    finding = asked(network, sigmoid(network), seed)
    assert finding.outcome.ok, str(finding.outcome)
    assert parameter_errors(finding.require(), network)[2] < 1e-9


@pytest.mark.parametrize("seed", SEEDS)
def test_the_three_largest_probabilities_are_never_a_wrong_ok(seed: int) -> None:
    network = drawn((12, 8, 6), seed)

    def door(points: FloatArray) -> FloatArray:
        whole = softmax(network)(points)
        return np.where(whole >= np.sort(whole, axis=1)[:, [-3]], whole, 0.0)

    finding = asked(network, door, seed)
    assert not finding.outcome.ok
    assert len(finding.outcome.reason) > 30
