"""Doors with an absolute error: recovered from far away, exact as stated, and never a wrong ok."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from practice_benches import he_network, probe_of

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.randomness import Randomness
from hingeline.extraction.bias_fit import fit_biases
from hingeline.extraction.digits import digits_by_layer
from hingeline.extraction.distant import recover_from_afar
from hingeline.extraction.larger_unit import largest_unit
from hingeline.extraction.recovery import Bench
from hingeline.extraction.settings import ExtractSettings
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import NoiseFloor
from hingeline.probing.growing_noise import noise_far_out

Door = Callable[[FloatArray], Any]


def rounded(network: PiecewiseLinearNetwork, step: float) -> Door:
    return lambda x: np.round(network(x) / step) * step


def noisy(network: PiecewiseLinearNetwork, deviation: float, seed: int) -> Door:
    rng = np.random.default_rng(seed)
    return lambda x: network(x) + deviation * rng.standard_normal((len(x), network.output_dim))


def stated(finding: hl.Finding[Any], part: str) -> float:
    lines = finding.evidence["digits"]["layers"]
    return max(line[part]["error"] for line in lines[:-1])


def true_errors(finding: hl.Finding[Any], network: PiecewiseLinearNetwork) -> tuple[float, float]:
    neurons = [m for layer in hl.diff(finding.value, network, tolerance=0.1).neurons for m in layer.matched]
    return max(m.weight_error for m in neurons), max(m.bias_error for m in neurons)


@pytest.mark.parametrize("step", [2.0**-31, 2.0**-15, 1e-3, 2.0**-7])
@pytest.mark.parametrize("seed", [11, 12])
def test_rounded_answers_give_all_weights_and_biases_to_a_few_steps(step: float, seed: int) -> None:
    network = he_network(12, 7, 1, seed=seed)
    finding = hl.extract(hl.oracle(rounded(network, step), input_dim=12), seed=seed)
    assert finding.outcome.ok, str(finding.outcome)
    weights, biases = true_errors(finding, network)
    assert weights < 1e-10
    assert biases < 10 * step
    assert weights < 5 * stated(finding, "weights")
    assert biases < 5 * stated(finding, "biases")


@pytest.mark.parametrize("deviation", [1e-6, 1e-3])
def test_fresh_noise_hides_a_deep_network_no_better(deviation: float) -> None:
    network = he_network(12, 8, 6, 2, seed=13)
    finding = hl.extract(hl.oracle(noisy(network, deviation, 1), input_dim=12), seed=1)
    assert finding.outcome.ok, str(finding.outcome)
    weights, biases = true_errors(finding, network)
    assert (weights, biases) < (1e-8, np.inf)
    assert biases < min(30 * deviation, 5 * stated(finding, "biases"))
    points = np.random.default_rng(2).standard_normal((500, 12))
    gap = np.sqrt(np.mean((finding.require()(points) - network(points)) ** 2))
    assert gap < 3 * finding.evidence["digits"]["expected_gap"]


def test_the_outcome_says_how_exact_and_on_what_assumption() -> None:
    network = he_network(8, 5, 1, seed=14)
    finding = hl.extract(hl.oracle(rounded(network, 1e-4), input_dim=8))
    assert "weights are known to" in finding.outcome.reason
    assert "nearest" in finding.evidence["digits"]["assumes"]
    assert finding.evidence["seen_from"]["unit"] > 1e6


def test_more_answers_per_bias_make_biases_more_exact() -> None:
    network = he_network(8, 5, 1, seed=15)
    errors = [
        stated(
            hl.extract(hl.oracle(noisy(network, 1e-4, 3), input_dim=8), settings={"answers_per_bias": count}),
            "biases",
        )
        for count in (20.0, 500.0)
    ]
    assert errors[1] < 0.4 * errors[0]


def with_neurons(rows: FloatArray, biases: list[float], outgoing: list[float]) -> PiecewiseLinearNetwork:
    base = he_network(8, 5, 1, seed=16)
    return PiecewiseLinearNetwork(
        [np.vstack([base.weights[0], rows]), np.hstack([base.weights[1], [outgoing]])],
        [np.append(base.biases[0], biases), base.biases[1]],
    )


DIRECTION = np.full(8, 8.0**-0.5)
NEAR_ONLY = {
    "parallel pair": with_neurons(np.tile(DIRECTION, (2, 1)), [0.3, -0.4], [1.0, -0.4]),
    "close pair": with_neurons(np.tile(DIRECTION, (2, 1)), [0.3, 0.2], [1.0, -0.5]),
    "bump": with_neurons(np.tile(DIRECTION, (3, 1)), [0.5, 0.0, -0.5], [0.5, -1.0, 0.5]),
    "small bump": with_neurons(np.tile(DIRECTION, (3, 1)), [0.2, 0.0, -0.2], [0.1, -0.2, 0.1]),
}


@pytest.mark.parametrize("door", ["2^-15", "1e-3"])
@pytest.mark.parametrize("name", NEAR_ONLY)
def test_what_acts_near_the_origin_only_is_found_or_reported(name: str, door: str) -> None:
    network = NEAR_ONLY[name]
    function = rounded(network, 2.0**-15) if door == "2^-15" else noisy(network, 1e-3, 4)
    finding = hl.extract(hl.oracle(function, input_dim=8))
    if finding.outcome.ok:
        points = np.random.default_rng(5).standard_normal((2000, 8))
        assert np.abs(finding.require()(points) - network(points)).max() < 5e-3
    else:
        assert finding.outcome.status in (hl.Status.PARTIAL, hl.Status.INCONCLUSIVE)


def test_answers_cut_instead_of_rounded_are_not_called_complete() -> None:
    """Cut towards zero, answers jump where the output changes sign: no network does that."""
    network = he_network(6, 4, 2, seed=17)

    def door(points: FloatArray) -> FloatArray:
        return np.trunc(100 * network(points)) / 100

    finding = hl.extract(hl.oracle(door, input_dim=6))
    assert finding.outcome.status is hl.Status.PARTIAL
    assert "nearest" in finding.outcome.reason


def test_a_door_that_fails_far_out_is_asked_nearer() -> None:
    network = he_network(8, 5, 1, seed=18)

    def door(points: FloatArray) -> FloatArray:
        if np.abs(points).max() > 1e10:
            raise ValueError("input too large")
        return np.round(network(points), 3)

    finding = hl.extract(hl.oracle(door, input_dim=8))
    assert finding.value is not None
    assert not finding.outcome.ok or true_errors(finding, network)[1] < 1e-2


def test_a_budget_that_ends_leaves_a_network_in_plain_units() -> None:
    network = he_network(12, 7, 1, seed=19)
    whole = hl.extract(hl.oracle(rounded(network, 1e-4), input_dim=12))
    finding = hl.extract(hl.oracle(rounded(network, 1e-4), input_dim=12), budget=whole.queries - 20)
    assert finding.outcome.status is hl.Status.BUDGET_SPENT
    points = np.random.default_rng(6).standard_normal((100, 12))
    assert finding.value is not None
    assert np.abs(finding.value(points) - network(points)).max() < 1e-2


@pytest.mark.parametrize("bounds", [(-1.0, 1.0), (0.0, 1.0)])
def test_within_bounds_rounding_is_never_a_wrong_ok(bounds: tuple[float, float]) -> None:
    network = he_network(6, 5, 2, seed=20)
    oracle = hl.oracle(rounded(network, 1e-3), input_dim=6, bounds=bounds)
    finding = hl.extract(oracle, budget=20_000)
    assert "seen_from" not in finding.evidence
    if finding.outcome.ok:
        points = np.random.default_rng(7).uniform(*bounds, (1000, 6))
        assert np.abs(finding.require()(points) - network(points)).max() < 1e-2


def test_exact_doors_are_not_looked_at_from_afar() -> None:
    finding = hl.extract(hl.oracle(he_network(8, 5, 1, seed=21), input_dim=8))
    assert finding.outcome.ok
    assert "seen_from" not in finding.evidence
    assert finding.evidence["digits"]["layers"][0]["weights"]["worst"] > 11


def test_in_a_larger_unit_only_biases_shrink() -> None:
    network = he_network(4, 3, 2, seed=22)
    near = probe_of(network, 4)
    far = type(near)(near.session, near.calibration.seen_from(1024.0))
    shrunk = PiecewiseLinearNetwork(network.weights, [bias / 1024 for bias in network.biases])
    points = np.random.default_rng(8).standard_normal((20, 4))
    assert np.allclose(far.ask(points), shrunk(points), rtol=1e-13, atol=1e-13)
    assert far.calibration.noise.absolute == near.calibration.noise.absolute / 1024


def test_the_unit_grows_with_the_error_and_is_one_without() -> None:
    network = he_network(6, 4, 1, seed=23)
    rng = np.random.default_rng(9)
    exact = probe_of(network, 6, NoiseFloor(1e-16, 1e-16))
    assert largest_unit(exact, 3.0, rng) == 1.0
    small, large = (
        largest_unit(probe_of(rounded(network, step), 6, NoiseFloor(step / 3, 1e-16)), 3.0, rng)
        for step in (1e-6, 1e-3)
    )
    assert 100 < large / small < 10_000


def test_noise_far_out_is_that_of_the_rounding() -> None:
    network = he_network(6, 4, 1, seed=24)
    found = noise_far_out(probe_of(rounded(network, 0.01), 6), 1e6, np.random.default_rng(10))
    assert found == pytest.approx(0.01 / np.sqrt(12), rel=0.7)


def test_biases_alone_are_a_small_regression_with_honest_errors() -> None:
    network = he_network(6, 5, 4, 1, seed=25)
    rng = np.random.default_rng(11)
    moved = PiecewiseLinearNetwork(
        network.weights, [bias + 0.02 * rng.standard_normal(len(bias)) for bias in network.biases]
    )
    points = 5 * rng.standard_normal((600, 6))
    answers = network(points) + 1e-3 * rng.standard_normal((600, 1))
    fit = fit_biases(moved, points, answers, np.full(600, 1e-3))
    pulls = [
        np.abs(found - true) / error
        for found, true, error in zip(fit.network.biases, network.biases, fit.errors, strict=True)
    ]
    assert max(float(part.max()) for part in pulls) < 5
    assert fit.factor == pytest.approx(1.0, abs=0.2)
    gaps = np.abs(fit.network(points) - network(points))[:, 0]
    assert np.sqrt(np.mean((gaps / fit.gap(points)) ** 2)) < 3


def test_digits_are_counted_by_layer_and_what_is_not_told_is_said() -> None:
    lines = digits_by_layer([np.array([1e-3, 1e-5, 1e-7])], [np.array([np.inf, 1e-2, 1e-2])])
    assert lines[0]["weights"] == {"worst": 3.0, "median": 5.0, "error": 1e-3}
    assert lines[0]["biases_not_told"] == 1


def test_a_recovery_from_afar_needs_no_verb() -> None:
    network = he_network(8, 5, 1, seed=26)
    probe = probe_of(rounded(network, 1e-3), 8, NoiseFloor(4e-4, 1e-16))
    bench = Bench(probe, Randomness(1), ExtractSettings())
    unit = largest_unit(probe, 4.0, np.random.default_rng(12))
    result = recover_from_afar(bench, unit, 4.0)
    assert result.outcome.ok, str(result.outcome)
