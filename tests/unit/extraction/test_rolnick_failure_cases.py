"""The failure cases F1 to F11 of reverse engineering: each is reported in words and in data, never hidden."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from practice_benches import bench_of, he_network, measured_line, without

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding
from hingeline.extraction.bends import measure_bends
from hingeline.extraction.finish import finish
from hingeline.extraction.polish import polish
from hingeline.extraction.walking import recover_by_walking
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.journal import Journal
from hingeline.probing.line import Line, sweep_line

Network = PiecewiseLinearNetwork
Function = Callable[[FloatArray], FloatArray]


def extracted(function: Function, dim: int, **options: Any) -> Finding[Network]:
    return hl.extract(hl.oracle(function, input_dim=dim), **{"budget": 20_000, **options})


def gap(network: Network | None, function: Function, size: float = 1.0) -> float:
    assert network is not None
    points = size * np.random.default_rng(7).standard_normal((3000, network.input_dim))
    return float(np.abs(network(points) - function(points)).max())


def lines_of(finding: Finding[Network], layer: int) -> list[dict[str, Any]]:
    return [line for line in finding.evidence.get("neurons", ()) if line["layer"] == layer]


def with_first_biases(network: Network, biases: dict[int, float]) -> Network:
    changed = np.array(network.biases[0])
    changed[list(biases)] = list(biases.values())
    return Network(network.weights, [changed, *network.biases[1:]])


ROUND = np.array([[1, 0.1], [-1, 0.2], [0.1, 1], [0.15, -1], [1, 1]])
"""Four rows around the origin and one whose hyperplane passes at x + y = 10."""


def test_f1_a_weight_across_a_hyperplane_that_is_never_met_is_named_and_not_filled_with_zero() -> None:
    """The boundary of one neuron is a closed curve around the origin: at x + y = 10 it is off for good."""
    second = np.array([[-1, -1.1, -0.9, -1.2, -0.5], [0.8, -1.1, 0.7, -0.6, 1.3]])
    outer = np.random.default_rng(1).standard_normal((1, 2))
    first_biases = np.array([0.05, 0.1, -0.05, 0.02, -10.0])
    network = Network([ROUND, second, outer], [first_biases, np.array([1.0, 0.3]), np.zeros(1)])
    finding = extracted(network, 2, seed=1)
    assert finding.outcome.status is hl.Status.PARTIAL
    assert gap(finding.value, network, 5.0) < 1e-9
    (open_,) = [line for line in lines_of(finding, 2) if line["status"] == "undetermined"]
    (weight,) = open_["undetermined_weights"]
    assert finding.value is not None
    far = finding.value.canonical()
    # white box: the neuron that is named is off wherever the input that is named is on
    points = 30 * np.random.default_rng(0).standard_normal((20_000, 2))
    on, below = far.activation_pattern(points)[1][:, open_["neuron"]], far.activation_pattern(points)[0]
    assert below[:, weight].any()
    assert not (on & below[:, weight]).any()
    assert far.weights[1][open_["neuron"], weight] != 0.0
    assert abs(far.biases[0][weight]) == pytest.approx(10 / np.sqrt(2))
    (question,) = [q for q in finding.evidence["next"] if q["about"] == f"layer 2, neuron {open_['neuron']}"]
    assert question["queries"] is None
    assert "no question within the domain helps" in question["how"]


@pytest.mark.parametrize("seed", [3, 4])
def test_f1_small_inputs_never_end_in_a_wrong_ok(seed: int) -> None:
    network = he_network(2, 5, 3, 1, seed=seed)
    finding = extracted(network, 2, seed=seed, budget=3000)
    assert not finding.outcome.ok or gap(finding.value, network, 10.0) < 1e-9
    if not finding.outcome.ok:
        assert finding.evidence.get("next") or finding.outcome.status is hl.Status.REFUSED


def test_f2_a_narrow_second_layer_hides_bends_and_the_first_layer_is_accepted_all_the_same() -> None:
    network = he_network(6, 10, 2, 1, seed=0)
    finding = extracted(network, 6)
    assert finding.outcome.ok, finding.outcome
    first = lines_of(finding, 1)
    assert len(first) == 10
    crossed = sum(line["lines_crossed"] for line in first)
    shown = sum(line["bends_shown"] for line in first)
    assert shown < crossed
    assert all(line["status"] == "measured" for line in first)
    votes = finding.evidence["membership"][-1]
    assert votes["members"] == sum(seen >= 3 for seen in votes["seen"])


def test_f3_a_neuron_that_is_never_on_within_the_bounds_is_not_claimed_and_the_bounds_are_named() -> None:
    network = with_first_biases(he_network(6, 8, 3, seed=2), {0: -100.0})
    finding = hl.extract(hl.oracle(network, bounds=(-1.0, 1.0)), budget=20_000)
    assert not finding.outcome.ok or len(lines_of(finding, 1)) == 7
    assert finding.value is not None
    assert "within the bounds" in finding.evidence["limits"][0]
    assert "leaves no trace" in finding.evidence["limits"][0]


def test_f3_without_bounds_the_certificate_names_how_far_it_reaches() -> None:
    network = with_first_biases(he_network(6, 5, 2, seed=2), {0: -1e9})
    finding = extracted(network, 6)
    assert len(lines_of(finding, 1)) == 4
    reach = finding.evidence["verification"]["reach"]
    assert f"{reach:.3g} of the origin" in finding.evidence["limits"][0]
    assert reach < 1e9


def test_f4_equal_hyperplanes_are_one_neuron_whose_multiplicity_is_said_to_be_unknown() -> None:
    network = he_network(6, 5, 2, seed=3)
    rows, biases = np.array(network.weights[0]), np.array(network.biases[0])
    rows[1], biases[1] = 2.0 * rows[0], 2.0 * biases[0]
    network = Network([rows, network.weights[1]], [biases, network.biases[1]])
    finding = extracted(network, 6)
    assert len(lines_of(finding, 1)) == 4
    assert gap(finding.value, network) < 1e-9
    assert any("how many there are leaves no trace" in limit for limit in finding.evidence["limits"])


def test_f5_two_bends_at_one_point_are_never_averaged_into_one_normal() -> None:
    network = he_network(6, 2, 3, seed=4)
    line = Line(np.full(6, 0.1), np.full(6, 1 / np.sqrt(6)), np.sqrt(6), -1e4, 1e4)
    rows = network.weights[0]
    crossed = with_first_biases(network, {j: float(-rows[j] @ line.origin) for j in (0, 1)})
    bench = bench_of(crossed)
    sweep = sweep_line(bench.probe, line)
    measured = measure_bends(bench.probe, sweep, bench.randomness.step("hyperplanes"))
    assert len(sweep.bends) == 1
    assert not measured.measured.any()
    finding = extracted(crossed, 6)
    assert finding.outcome.ok, finding.outcome
    assert hl.diff(finding.require(), crossed).equivalent


def pooled(network: Network) -> Function:
    rows, outer = network.weights[0], network.weights[1]
    return lambda x: (
        np.maximum((x @ rows.T).reshape(len(x), -1, 2), 0).max(axis=2) @ outer[:, : len(rows) // 2].T
    )


NET = he_network(6, 8, 3, seed=5)
NOT_RELU: dict[str, tuple[Function, str]] = {
    "max pooling": (pooled(he_network(8, 12, 2, seed=6)), "Not ReLU-layered"),
    "tanh": (lambda x: np.tanh(x @ NET.weights[0].T) @ NET.weights[1].T, "not piecewise linear"),
    "gelu": (
        lambda x: (lambda z: z / (1 + np.exp(-1.702 * z)))(x @ NET.weights[0].T) @ NET.weights[1].T,
        "not piecewise linear",
    ),
}


@pytest.mark.parametrize("name", NOT_RELU)
def test_f6_what_is_no_relu_network_is_refused_within_500_queries(name: str) -> None:
    function, words = NOT_RELU[name]
    finding = extracted(function, 8 if name == "max pooling" else 6)
    assert finding.outcome.status is hl.Status.REFUSED
    assert words in finding.outcome.reason
    assert finding.queries <= 500
    assert "next" not in finding.evidence


def in_single_precision(x: FloatArray) -> FloatArray:
    rows, outer, first, last = (part.astype(np.float32) for part in (*NET.weights, *NET.biases))
    hidden = np.maximum(x.astype(np.float32) @ rows.T + first, 0)
    return (hidden @ outer.T + last).astype(np.float64)


NOISE = np.random.default_rng(8)
COARSE: dict[str, Function] = {
    "float32": in_single_precision,
    "four decimals": lambda x: np.round(NET(x), 4),
    "noise 1e-6": lambda x: NET(x) + 1e-6 * NOISE.standard_normal((len(x), 3)),
}


@pytest.mark.parametrize("name", COARSE)
def test_f7_from_coarse_answers_the_error_that_is_stated_is_the_one_that_was_reached(name: str) -> None:
    finding = extracted(COARSE[name], 6, seed=1)
    assert finding.evidence["doctor"]["noise_at_scale"] > 1e-9
    if finding.outcome.ok:
        layers = finding.evidence["digits"]["layers"]
        stated = max(layer[kind]["error"] for layer in layers for kind in ("weights", "biases"))
        assert hl.diff(finding.require(), NET).max_parameter_error < 8 * stated
        assert gap(finding.value, NET) <= finding.evidence["verification"]["tolerance"]


def test_f7_noise_that_hides_the_bends_is_refused_before_anything_is_tried() -> None:
    noise = np.random.default_rng(9)
    finding = extracted(lambda x: NET(x) + 0.3 * noise.standard_normal((len(x), 3)), 6)
    assert finding.value is None
    assert not finding.outcome.ok
    assert finding.queries <= 50
    assert "hides answers" in finding.outcome.reason


def test_f8_a_polish_that_meets_what_is_recorded_better_and_fresh_answers_worse_is_not_kept() -> None:
    """One neuron left out, and fewer answers than unknowns."""
    truth = he_network(6, 5, 1, seed=10)
    start = without(truth, 2)
    points = np.random.default_rng(10).standard_normal((226, 6))
    held = np.arange(len(points)) >= 26
    result = polish(start, points, truth(points), 3e-16, hold_out=held)
    assert result.residual_after < result.residual_before
    assert result.held_out_after > result.held_out_before
    assert not result.improved
    np.testing.assert_array_equal(result.network(points), start(points))


@pytest.mark.parametrize("neuron", range(5))
def test_f8_whatever_the_fit_does_a_network_without_one_neuron_is_never_ok(neuron: int) -> None:
    truth = he_network(6, 5, 3, 1, seed=10)
    bench = bench_of(truth)
    recovery = finish(bench, without(truth, neuron), 1e-9, "")
    assert not recovery.outcome.ok
    assert not bench.evidence["polish"]["improved"] or bench.contradiction is not None


def test_f9_signs_that_no_answer_tells_are_not_guessed_and_the_rank_is_printed() -> None:
    """c1 a1 + c2 a2 + c3 a3 = 0: all three neurons may be turned at once."""
    rows = np.random.default_rng(11).standard_normal((3, 8))
    rows[2] = -(rows[0] + 2 * rows[1])
    biases = np.array([0.3, -0.2, 0.1])
    biases[2] = -(biases[0] + 2 * biases[1])
    network = Network([rows, np.array([[1.0, 2.0, 1.0]])], [biases, np.zeros(1)])
    finding = extracted(network, 8)
    assert finding.outcome.status is hl.Status.EQUIVALENT
    assert "several choices of signs" in finding.outcome.reason
    assert finding.evidence["signs"]["rank"] < 3
    assert gap(finding.value, network, 10.0) < 1e-9
    assert finding.evidence["next"][0]["queries"] is None


def test_f9_forty_signs_from_rank_ten_are_decided_only_if_one_choice_alone_fits() -> None:
    network = he_network(10, 40, 1, 1, seed=0)
    finding = extracted(network, 10)
    told = finding.evidence["walk"]["first_signs"]
    assert (told["rank"], told["free_bits"]) == (10, 30)
    assert finding.outcome.ok == (told["status"] == "exact")
    assert not finding.outcome.ok or hl.diff(finding.require(), network).max_parameter_error < 1e-9


@pytest.mark.parametrize(("budget", "known"), [(300, 0), (900, 10)])
def test_f10_a_budget_that_ends_midway_leaves_statuses_and_names_what_comes_next(
    budget: int, known: int
) -> None:
    finding = extracted(he_network(10, 10, 10, 1, seed=12), 10, budget=budget)
    assert finding.outcome.status is hl.Status.BUDGET_SPENT
    assert len(lines_of(finding, 1)) == known
    assert all(line["status"] == "measured" and line["error"] < 1e-6 for line in lines_of(finding, 1))
    (question, *_) = finding.evidence["next"]
    assert question["queries"] > 0
    assert f"--budget {finding.queries + question['queries']}" in question["how"]
    assert question["about"] in finding.outcome.advice


def test_f10_what_was_recorded_before_the_budget_ended_is_not_asked_again(tmp_path: Path) -> None:
    network, rows = he_network(8, 6, 4, 2, seed=13), [0]

    def counted(x: FloatArray) -> FloatArray:
        rows[0] += len(x)
        return network(x)

    whole = extracted(network, 8)
    for budget in (300, None):
        with Journal.open(tmp_path / "journal.sqlite") as journal:
            finding = hl.extract(hl.oracle(counted, input_dim=8), budget=budget, journal=journal)
    assert finding.outcome.ok, finding.outcome
    assert rows[0] == whole.queries


def test_f11_a_deep_boundary_that_runs_straight_for_long_never_makes_a_wrong_layer() -> None:
    """Two first-layer hyperplanes lie 60 typical norms out: nearer, the boundary looks like a third."""
    first = np.random.default_rng(14).standard_normal((4, 6))
    second = np.array([[1.0, -0.7, 0.4, 0.5], [-0.6, 0.8, 0.9, -0.3], [0.5, 0.6, -0.8, 1.1]])
    network = Network(
        [first, second, np.array([[1.0, -0.8, 0.6]])],
        [np.array([0.2, -0.3, 150.0, 180.0]), np.array([-60.0, 0.2, 0.4]), np.zeros(1)],
    )
    for seed in range(2):
        finding = extracted(network, 6, seed=seed)
        assert finding.evidence["membership"][0]["seen"]
        for size in (1.0, 30.0, 1000.0):
            assert not finding.outcome.ok or gap(finding.value, network, size) < 1e-8 * size


def test_f11_a_hyperplane_at_which_no_boundary_bends_is_withdrawn_and_the_walk_begun_again() -> None:
    network = he_network(6, 8, 4, 1, seed=15)
    bench = bench_of(network)
    lines = [measured_line(bench, index) for index in range(2)]
    truth = network.canonical()
    rng = np.random.default_rng(15)
    false = rng.standard_normal(6)
    normals = np.concatenate([truth.weights[0], [false / np.linalg.norm(false)]])
    offsets = np.append(truth.biases[0], 0.2)
    result = recover_by_walking(
        bench.probe, normals, offsets, lines, bench.randomness, bench.probe.session.emit
    )
    assert result.corrections.false == (8,)
    assert result.network is not None
    assert gap(result.network, network) < 1e-6
