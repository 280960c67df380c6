"""The report on stability: flips first, no eigenvalue without a declaration, doubts named, no promise."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Curves, Heat, Pictures
from hingeline.core.outcome import Finding, Status
from hingeline.networks.feed_forward import random_network
from hingeline.renormalisation.diagnosis import HONEST, SAMPLED, StabilityDiagnosis
from hingeline.renormalisation.feed_forward.network_diagnosis import diagnose_network
from hingeline.renormalisation.known_answers.tower import MajorityTower
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.report.building import save_report
from hingeline.report.html import html_text
from hingeline.report.machine import result_text
from hingeline.report.model import Claim, Report, Table, Text, Tone
from hingeline.report.stability import stability_report
from hingeline.report.text import terminal_text
from hingeline.sensitivity.fisher.flip_curve import FlipCurve
from hingeline.sensitivity.models.network_model import NetworkModel

FEW = {"samples": 400, "samples_per_answer": 100, "closely": 2, "random_directions": 3, "permutations": 3}
PROMISE = re.compile(r"\brobust|\bvulnerab|\bsafe(ly|ty|r|st)?\b|\bsecure\b", re.IGNORECASE)
NO_NUMBER = re.compile(r"\b(inf|nan|infinity|None)\b")
STACK_TITLES = [
    "What a small step does",
    "Input by input",
    "The classes and how long they last",
    "Relevant directions",
    "What is amplified from layer to layer",
    "Do the estimates hold together?",
    "What this does not say",
    "What it cost",
    "Do it again",
]


def stack_of(widths: tuple[int, ...], seed: int, head: Any = "softmax") -> StochasticStack:
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [1.5 * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], head)


def found(target: Any, x: FloatArray, y: Any = None, **chosen: Any) -> Finding[StabilityDiagnosis]:
    return hl.stability(target, x, y, seed=7, settings={**FEW, **chosen})


def points(count: int, dim: int) -> FloatArray:
    return np.random.default_rng(701).standard_normal((count, dim))


@pytest.fixture(scope="module")
def of_stack() -> Finding[StabilityDiagnosis]:
    labels = np.random.default_rng(702).integers(0, 3, 8)
    return found(stack_of((16, 6, 5, 3), 703), points(8, 16), labels)


@pytest.fixture(scope="module")
def declared() -> Finding[StabilityDiagnosis]:
    return found(stack_of((9, 6, 5, 4, 3), 704), points(6, 9), identification="collective")


@pytest.fixture(scope="module")
def of_network() -> Finding[StabilityDiagnosis]:
    network = random_network((9, 8, 7, 3), seed=705)
    return hl.stability(network, points(8, 9), seed=7, random_directions=3)


def titles(report: Report) -> list[str]:
    return [section.title for section in report.sections]


def blocks(report: Report, title: str) -> tuple[Any, ...]:
    return {section.title: section.blocks for section in report.sections}[title]


def figures(report: Report) -> dict[str, Any]:
    return {figure.name: figure for figure in report.figures}


def claims(report: Report) -> list[Claim]:
    return [b for section in report.sections for b in section.blocks if isinstance(b, Claim)]


def prose(report: Report) -> str:
    """All words and tables, without figures and without what the reader typed."""
    told = [report.headline, report.summary, *(f"{tile.value} {tile.label}" for tile in report.tiles)]
    for section in report.sections:
        for block in section.blocks if section.title != "Do it again" else ():
            if isinstance(block, Text):
                told.append(block.words)
            elif isinstance(block, Claim):
                told.append(f"{block.words} {block.seen}")
            elif isinstance(block, Table):
                told += [*block.columns, *(cell for row in block.rows for cell in row), block.caption]
    return "\n".join(told)


def curves_with(finding: Finding[StabilityDiagnosis], **shares: float) -> Finding[StabilityDiagnosis]:
    """The finding with all inputs, or none, flipped by the curves named."""
    value = finding.value
    assert value is not None and value.curves is not None
    curves = value.curves

    def filled(curve: FlipCurve) -> FlipCurve:
        share = shares.get(curve.name)
        if share is None:
            return curve
        return FlipCurve.of(
            curve.name, curve.words, np.full_like(curve.flips, share * curve.trials), curve.trials
        )

    changed = replace(
        curves,
        curves=tuple(map(filled, curves.curves)),
        control=filled(curves.control),
        control_of_two=filled(curves.control_of_two),
    )
    return replace(finding, value=replace(value, curves=changed))


def test_a_stack_has_every_section_and_the_page_and_the_terminal_are_made(of_stack: Any) -> None:
    report = stability_report(of_stack)
    assert titles(report) == STACK_TITLES
    assert "<svg" in html_text(report)
    for width in (80, 120):
        console = Console(width=width, record=True)
        with console.capture() as captured:
            console.print(terminal_text(report))
        assert "linearised class boundary" in " ".join(captured.get().split())


def test_the_headline_names_the_boundary_the_step_and_a_random_step_beside_it(of_stack: Any) -> None:
    headline = stability_report(of_stack).headline
    assert headline.startswith("Half of the 8 inputs have their linearised class boundary within")
    assert "a random one of" in headline
    assert "eigenvalue" not in headline


@pytest.mark.parametrize("which", ["of_stack", "declared", "of_network"])
def test_no_report_promises_or_blames_and_none_shows_what_is_no_number(which: str, request: Any) -> None:
    told = prose(stability_report(request.getfixturevalue(which)))
    assert not PROMISE.search(told)
    assert not NO_NUMBER.search(told)


def test_without_a_declaration_no_eigenvalue_of_a_step_is_shown_and_nothing_is_established(
    of_stack: Any,
) -> None:
    report = stability_report(of_stack)
    told = blocks(report, "Relevant directions")
    assert not any("lambda" in word for b in told if isinstance(b, Table) for word in b.columns)
    said = [b for b in told if isinstance(b, Claim)]
    assert said and all(b.words.startswith("Not established") and b.holds is None for b in said)
    assert "no identification of operators was declared" in prose(report)
    assert "nobody declared" in report.summary


def test_with_a_declaration_eigenvalues_stand_with_errors_and_missing_conditions_are_named(
    declared: Any,
) -> None:
    report = stability_report(declared)
    table, missing = (b for b in blocks(report, "Relevant directions") if isinstance(b, Table))
    assert "largest |lambda|" in table.columns
    assert all("+-" in row[4] for row in table.rows if row[4])
    assert missing.columns[0] == "what is missing for a verdict"
    assert isinstance(figures(report)["largest-eigenvalues"], Heat)


def test_correlations_stand_beside_those_of_shuffled_samples(of_stack: Any) -> None:
    heat = figures(stability_report(of_stack))["canonical-correlations"]
    assert heat.rows[-1] == "shuffled"


def test_both_signs_of_the_direction_are_drawn_for_square_inputs_looked_at_closely(of_stack: Any) -> None:
    drawn = figures(stability_report(of_stack))["sensitive-directions"]
    assert isinstance(drawn, Pictures)
    assert len(drawn.rows) == 2
    for _, one, other, _ in drawn.rows:
        assert np.array(one.pixels) == pytest.approx(-np.array(other.pixels))


def test_close_looks_are_told_with_errors_and_each_says_whether_its_estimates_hold(of_stack: Any) -> None:
    report = stability_report(of_stack)
    table = next(b for b in blocks(report, "Input by input") if isinstance(b, Table))
    assert len(table.rows) == 2
    rows = sum("estimates of its direction" in claim.words for claim in claims(report))
    assert rows == 2


def test_information_by_layer_and_the_verdict_on_depth_are_told(declared: Any) -> None:
    shown = blocks(stability_report(declared), "What is amplified from layer to layer")
    assert any(isinstance(b, Curves) and b.name == "information-by-layer" for b in shown)
    verdicts = next(b for b in shown if isinstance(b, Table) and "verdict, and why" in b.columns)
    assert all(re.match("(scaling|no scaling|undecided)[:;] ", row[2]) for row in verdicts.rows)


def test_accuracy_is_told_only_where_labels_are_known(of_stack: Any, declared: Any) -> None:
    assert "accuracy" in prose(stability_report(of_stack))
    assert "accuracy" not in prose(stability_report(declared))


def test_what_it_does_not_say_stands_in_every_report(of_stack: Any, of_network: Any) -> None:
    told = {
        b.words for b in blocks(stability_report(of_stack), "What this does not say") if isinstance(b, Text)
    }
    assert {*HONEST, SAMPLED} <= told
    network = prose(stability_report(of_network))
    assert "no eigenvalue is called relevant" in network
    assert SAMPLED not in network


@pytest.mark.parametrize(("along", "chance"), [(1.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
def test_all_or_none_flipped_divides_by_nothing(of_stack: Any, along: float, chance: float) -> None:
    flipped = {"fisher": along, "random": chance, "control": 0.0, "control_of_two": 0.0}
    report = stability_report(curves_with(of_stack, **flipped))
    assert not NO_NUMBER.search(prose(report))
    assert ("proves nothing" in report.headline) == (along == 0.0)


def test_flips_that_asking_again_gives_as_well_are_not_put_down_to_the_direction(of_stack: Any) -> None:
    report = stability_report(curves_with(of_stack, fisher=0.5, control=0.25, control_of_two=0.5))
    assert "no more than asking again" in report.headline
    assert any("more than asking again" in claim.words and claim.holds is None for claim in claims(report))


def test_the_tone_is_that_of_the_outcome(of_stack: Any) -> None:
    tones = {Status.COMPLETE: Tone.GOOD, Status.PARTIAL: Tone.PART, Status.INCONCLUSIVE: Tone.BAD}
    for status, tone in tones.items():
        outcome = replace(of_stack.outcome, status=status)
        assert stability_report(replace(of_stack, outcome=outcome)).tone is tone


def test_one_input_alone_is_told_as_one() -> None:
    report = stability_report(found(stack_of((9, 6, 5, 3), 706), points(1, 9)))
    assert report.headline.startswith("The linearised class boundary of the input is")
    assert "The classes and how long they last" not in titles(report)
    assert any("all inputs are of one class" in claim.words for claim in claims(report))


def test_a_stack_of_one_layer_has_no_steps_and_says_so() -> None:
    finding = found(stack_of((9, 6, 3), 707), points(6, 9))
    report = stability_report(finding)
    assert "Relevant directions" not in titles(report)
    assert any("no step between layers" in claim.words for claim in claims(report))
    assert result_text(finding)


def test_a_tower_of_two_classes_is_relevant_at_its_boundary() -> None:
    tower = MajorityTower(1.0)
    finding = hl.stability(
        tower.stack,
        np.atleast_2d(tower.input_of_mean(0.0)),
        seed=708,
        settings={**FEW, "samples": 20_000, "identification": "collective", "operators": "total"},
    )
    report = stability_report(finding)
    assert any(claim.words.startswith("Relevant from layer") for claim in claims(report))
    assert "fisher-spectrum" not in figures(report)
    assert not NO_NUMBER.search(prose(report))


def test_inputs_of_two_values_have_their_best_pixels_drawn_or_listed() -> None:
    rng = np.random.default_rng(709)
    square = found(stack_of((16, 6, 3), 710), rng.integers(0, 2, (6, 16)).astype(float), values=(0, 1))
    assert "best-pixels" in figures(stability_report(square))
    flat = found(stack_of((5, 6, 3), 711), rng.integers(0, 2, (6, 5)).astype(float), values=(0, 1))
    tables = [b for b in blocks(stability_report(flat), "Which pixels it takes") if isinstance(b, Table)]
    assert tables[-1].columns[0] == "input"


def test_a_stack_without_slope_says_that_and_draws_no_direction() -> None:
    zero = StochasticStack([np.zeros((4, 9)), np.zeros((3, 4))], [np.zeros(4), np.zeros(3)], "softmax")
    report = stability_report(found(zero, points(4, 9)))
    assert report.tone is Tone.BAD
    assert "no slope" in report.headline
    assert "sensitive-directions" not in figures(report)


def test_a_network_has_its_own_sections_with_the_noise_stated(of_network: Any) -> None:
    report = stability_report(of_network)
    own = {"The fastest growth", "What layers hand on, with noise put in", "One direction for all inputs"}
    assert own <= set(titles(report))
    assert "sigma" in prose(report)
    assert "Verdict on depth" in prose(report)
    assert {"network-gains-whitened", "network-gains-raw", "network-twin-canonical"} <= set(figures(report))


def test_a_network_that_hides_its_layers_says_what_was_not_measured(of_network: Any) -> None:
    hidden = _Hidden(random_network((9, 8, 7, 3), seed=705))
    seen = diagnose_network(hidden, points(8, 9), rng=np.random.default_rng(712))
    report = stability_report(replace(of_network, value=replace(of_network.value, network=seen)))
    assert "What is amplified from layer to layer" not in titles(report)
    assert any("does not show its layers" in claim.words for claim in claims(report))


def test_the_call_has_the_settings_that_are_not_the_usual_ones(of_stack: Any) -> None:
    report = stability_report(of_stack)
    call = blocks(report, "Do it again")[0].lines[0]
    assert call.startswith("hl.stability(target, x, y, ")
    assert "samples=400" in call
    assert "curve_inputs" not in call


def test_the_page_is_saved_by_the_public_call(of_network: Any, tmp_path: Any) -> None:
    page = save_report(of_network, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "hingeline stability" in page


def test_large_matrices_stand_among_the_arrays_and_not_in_the_result() -> None:
    finding = found(stack_of((9, 40, 30, 3), 713), points(4, 9), closely=1, samples=2000)
    value = finding.value
    assert value is not None
    assert value.to_dict()["stack"]["looks"][0]["flow"]["matrices"][0]["matrix"] is None
    row = value.stack.looks[0].row if value.stack else -1
    assert value.arrays()[f"row_{row}_layer_1_matrix"].ndim == 2
    assert len(result_text(finding)) < 500_000


class _Hidden:
    """A model that shows answers and gradients, and no layers."""

    def __init__(self, network: Any) -> None:
        inner = NetworkModel(network)
        self.name, self.input_dim, self.output_dim = "hidden", inner.input_dim, inner.output_dim
        self.outputs, self.gradients, self.jacobians = inner.outputs, inner.gradients, inner.jacobians
