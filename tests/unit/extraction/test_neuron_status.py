"""The status of every neuron at the end, and the cheapest next question, on networks where both are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from practice_benches import bench_of, he_network, moved, without

import hingeline as hl
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.crossings import bends_of, crossings_of
from hingeline.extraction.neuron_lines import neuron_evidence
from hingeline.extraction.next_questions import ACROSS, BEND, next_questions
from hingeline.extraction.predicted_bends import sights
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.statuses import settle_statuses
from hingeline.extraction.verify import random_line
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.line import sweep_line

Network = PiecewiseLinearNetwork
STATUSES = {"measured", "pooled", "undetermined", "not identifiable", "contradicted"}


def swept(network: Network, count: int = 3) -> Bench:
    """A bench with some lines of a network swept."""
    bench = bench_of(network)
    for index in range(count):
        line = random_line(bench.probe, bench.randomness.step("line", index), bench.settings)
        bench.sweeps.append(sweep_line(bench.probe, line))
    return bench


def turned(network: Network, neuron: int) -> Network:
    """The same network, one first-layer hyperplane somewhere else."""
    biases = np.array(network.biases[0])
    biases[neuron] += 0.4
    return Network(network.weights, [biases, *network.biases[1:]])


@pytest.mark.parametrize("seed", range(3))
def test_every_crossing_belongs_to_a_neuron_that_is_zero_there(seed: int) -> None:
    network = he_network(6, 5, 4, 2, seed=seed)
    bench = bench_of(network)
    line = random_line(bench.probe, bench.randomness.step("line", 0), bench.settings)
    crossings = crossings_of(network, line)
    np.testing.assert_array_equal(np.sort(crossings.t), bends_of(network, line, visible=False))
    heights = network.pre_activations(line.at(crossings.t))
    for index, (layer, neuron) in enumerate(zip(crossings.layer, crossings.neuron, strict=True)):
        reach = 1 + abs(crossings.t[index])
        assert abs(heights[layer - 1][index, neuron]) < 1e-9 * reach


def test_swept_lines_contradict_no_neuron_of_the_network_itself() -> None:
    network = he_network(10, 20, 3, 1, seed=1)
    told = sights(network, swept(network).sweeps, 1e-12)
    assert sum(sight.missed for sight in told.values()) == 0
    assert sum(sight.shown for sight in told.values()) > 20


def test_a_hyperplane_that_is_somewhere_else_is_contradicted_and_three_answers_settle_it() -> None:
    network = he_network(6, 5, 3, seed=2)
    wrong = turned(network, 3)
    bench = swept(network)
    bench.row_errors = 1e-12
    bench.evidence["neurons"] = neuron_evidence(np.full(5, 1e-12))
    result = Recovery(wrong, Outcome(Status.INCONCLUSIVE, "As told."))
    told = settle_statuses(bench, result)
    assert [line["status"] == "contradicted" for line in bench.evidence["neurons"]] == [False] * 3 + [
        True,
        False,
    ]
    question = next_questions(bench, result, told)[0].to_dict()
    assert (question["about"], question["queries"]) == ("layer 1, neuron 3", ACROSS)
    point = np.array(question["point"])
    # the point lies on the wrong hyperplane, and the answers go straight across it
    assert abs(point @ wrong.weights[0][3] + wrong.biases[0][3]) < 1e-6 * (1 + np.linalg.norm(point))
    step = 1e-3 * wrong.weights[0][3]
    across = network(point + np.array([[-1], [0], [1]]) * step)
    assert np.abs(across[0] + across[2] - 2 * across[1]).max() < 1e-9


def test_a_bump_between_the_samples_of_a_sweep_contradicts_nothing() -> None:
    """relu(x + 0.01) - 2 relu(x) + relu(x - 0.01) is zero but for a bump: a sweep cannot deny it."""
    rows = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    bump = Network([rows, np.array([[1.0, -2.0, 1.0, 1.0]])], [np.array([0.01, 0, -0.01, 1.0]), np.zeros(1)])
    flat = Network([rows[3:], np.ones((1, 1))], [np.ones(1), np.zeros(1)])
    told = sights(bump, swept(flat).sweeps, 1e-12)
    assert [told[1, neuron].crossed for neuron in range(4)] == [3, 3, 3, 3]
    assert [told[1, neuron].shown for neuron in range(4)] == [0, 0, 0, 3]
    assert [told[1, neuron].missed for neuron in range(4)] == [0, 0, 0, 0]


def always_on(outputs: int) -> Network:
    """Six inputs within (-1, 1); neuron 0 is on everywhere there, neuron 1 off."""
    network = he_network(6, 5, outputs, seed=2)
    biases = np.array(network.biases[0])
    biases[:2] = (100.0, -100.0)
    return Network(network.weights, [biases, network.biases[1]])


def test_a_neuron_that_is_always_on_in_a_box_is_not_identifiable_and_no_question_helps() -> None:
    network = always_on(1)
    finding = hl.extract(hl.oracle(network, bounds=(-1.0, 1.0)), budget=20_000)
    assert finding.outcome.status is Status.EQUIVALENT
    lines = finding.evidence["neurons"]
    assert [line["status"] for line in lines] == ["measured"] * 3 + ["not identifiable"]
    assert lines[-1]["neuron"] is None
    (question,) = finding.evidence["next"]
    assert question["queries"] is None
    assert "no question within the domain helps; wider --bounds may" in question["how"]
    points = np.random.default_rng(3).uniform(-1, 1, (2000, 6))
    assert finding.value is not None
    assert np.abs(finding.value(points) - network(points)).max() < 1e-9


@pytest.mark.parametrize("budget", [60, 150, 400, 700, 900, 1000])
def test_wherever_the_budget_ends_the_next_question_is_priced(budget: int) -> None:
    network = he_network(12, 8, 6, 1, seed=4)
    finding = hl.extract(hl.oracle(network), budget=budget)
    assert finding.outcome.status is Status.BUDGET_SPENT
    questions = finding.evidence["next"]
    assert 1 <= len(questions) <= 3
    prices = [np.inf if q["queries"] is None else q["queries"] for q in questions]
    assert prices == sorted(prices)
    assert questions[0]["about"] in finding.outcome.advice
    assert {line["status"] for line in finding.evidence.get("neurons", ())} <= STATUSES
    json.dumps(finding.to_dict())


def test_a_step_that_was_cut_off_is_done_for_the_price_that_was_told() -> None:
    """The gradients beside all bends of the first line: with them hyperplanes are measured."""
    network = he_network(12, 8, 1, seed=4)
    cut = hl.extract(hl.oracle(network), budget=150)
    (question,) = cut.evidence["next"]
    assert question["about"] == "the hyperplanes of the first line's bends"
    assert cut.evidence["hyperplanes"]["measured"] == 0
    # steps that leave a region are asked again: a little more than one gradient for each
    more = hl.extract(hl.oracle(network), budget=cut.queries + int(1.5 * question["queries"]))
    assert more.evidence["hyperplanes"]["measured"] == cut.evidence["hyperplanes"]["bends"] == 8


def test_a_deep_network_that_is_found_in_part_names_neurons_with_a_segment_and_a_price() -> None:
    """An honest partial result: below its last layer a neuron was met in too few regions."""
    network = he_network(2, 4, 3, 2, seed=0)
    finding = hl.extract(hl.oracle(network), budget=6000, seed=0)
    assert finding.outcome.status is Status.PARTIAL
    open_ = {
        f"layer {line['layer']}, neuron {line['neuron']}": line["missing_numbers"]
        for line in finding.evidence["neurons"]
        if "missing_numbers" in line
    }
    directions = finding.evidence["span"]
    for question in finding.evidence["next"]:
        assert question["queries"] == open_[question["about"]] * (BEND + 2 * directions)
        if "from" in question:
            assert len(question["from"]) == len(question["to"]) == 2
    assert finding.evidence["next"][0]["queries"] == min(open_.values()) * (BEND + 2 * directions)


def test_a_complete_network_has_nothing_to_ask_and_every_neuron_measured() -> None:
    finding = hl.extract(hl.oracle(he_network(12, 8, 6, 1, seed=4)))
    assert finding.outcome.ok
    assert "next" not in finding.evidence
    assert "undecided" not in finding.evidence
    assert {line["status"] for line in finding.evidence["neurons"]} == {"measured"}


def test_towards_a_failed_check_the_segment_and_its_price_are_told() -> None:
    network = he_network(6, 5, 3, seed=2)
    missing = without(network, 1)
    bench = swept(network, 1)
    bench.contradiction = np.full(6, 2.0)
    result = Recovery(missing, Outcome(Status.INCONCLUSIVE, "As told."))
    (question,) = [q for q in next_questions(bench, result, {}) if "no neuron explains" in q.about]
    points = np.linspace(0, 1, 4001)[:, np.newaxis] * bench.contradiction
    bends = int((np.diff(missing.activation_pattern(points)[0].astype(int), axis=0) != 0).sum())
    assert question.queries == 2 * (bends + 1) + BEND + 2 * 7
    assert question.to_dict()["to"] == [2.0] * 6


def test_small_errors_are_no_contradiction() -> None:
    network = he_network(8, 6, 4, 1, seed=6)
    told = sights(moved(network, 1e-9), swept(network).sweeps, 1e-8)
    assert sum(sight.missed for sight in told.values()) == 0
