"""The report on fragility: both bounds, what is doubtful first, and nothing that sounds like a promise."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from profiles import (
    biases,
    depth,
    fragility_finding,
    profile,
    upper_only,
    verdict,
    without_flips,
)
from rich.console import Console

from hingeline.core.figure_data import Curves, Pictures
from hingeline.core.outcome import Status
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.building import build_report
from hingeline.report.figures import svg_text
from hingeline.report.fragility import fragility_report
from hingeline.report.html import html_text
from hingeline.report.machine import result_text
from hingeline.report.model import Claim, Report, Table, Tone
from hingeline.report.recipe import Recipe
from hingeline.report.text import terminal_text
from hingeline.sensitivity.fragility import fragility
from hingeline.sensitivity.profile import FragilityProfile

GRAVE = ("dead", "constant", "zero gradient", "saturated or masked")
PROMISE = re.compile(r"\brobust|\bsafe(ly|ty|r|st)?\b|\bsecure\b", re.IGNORECASE)
NO_NUMBER = re.compile(r"\b(inf|nan|infinity)\b", re.IGNORECASE)


def report_on(value: FragilityProfile | None, status: Status = Status.PARTIAL, **other: Any) -> Report:
    return fragility_report(fragility_finding(value, status, **other))


def titles(report: Report) -> list[str]:
    return [section.title for section in report.sections]


def blocks(report: Report, title: str) -> tuple[Any, ...]:
    return {section.title: section.blocks for section in report.sections}[title]


def claims(report: Report) -> dict[str, Claim]:
    everything = (block for section in report.sections for block in section.blocks)
    return {block.words: block for block in everything if isinstance(block, Claim)}


def figures(report: Report) -> dict[str, Any]:
    return {figure.name: figure for figure in report.figures}


def rendered(report: Report) -> str:
    """The page without the bytes of its images, and what the terminal shows."""
    console = Console(width=100)
    with console.capture() as shown:
        console.print(terminal_text(report))
    return re.sub(r'data:image[^"]*', "", html_text(report)) + shown.get()


def mixed() -> FragilityProfile:
    """One input that flips, one that is proved never to, two that are open."""
    upper = np.array([0.1, np.inf, np.inf, 0.4])
    lower = np.array([0.1, np.inf, 0.2, 0.0])
    return profile(upper=upper, lower=lower, proved=np.array([True, True, False, False]))


@pytest.mark.parametrize(
    ("value", "headline"),
    [
        (
            profile(),
            "Half of the 4 inputs change class at a change of 0.2 or less (l2), 14 % of the distance between "
            "two inputs; proved for 3.",
        ),
        (
            upper_only(),
            "Half of the 4 inputs change class at a change of 0.2 or less (l2), 14 % of the distance between "
            "two inputs; smaller changes may do.",
        ),
        (
            without_flips(3),
            "Half of the 4 inputs or more have no known flip; that is no proof that none exists.",
        ),
        (
            profile(upper=np.full(4, np.inf), lower=np.full(4, np.inf), proved=np.ones(4, dtype=bool)),
            "No change within the limits flips any of the 4 inputs; that is proved, and it means that "
            "the class does not depend on what may change.",
        ),
    ],
)  # fmt: skip
def test_the_headline_can_be_repeated(value: FragilityProfile, headline: str) -> None:
    assert report_on(value).headline == headline


def test_a_budget_that_ended_in_the_search_is_no_failure_of_the_attacks() -> None:
    report = report_on(without_flips(4), Status.BUDGET_SPENT, queries=90)
    assert report.headline == (
        "The search ended before the 4 inputs were attacked in full: no flip is known, and that says nothing."
    )


@pytest.mark.parametrize("name", GRAVE)
def test_what_makes_distances_doubtful_comes_first(name: str) -> None:
    report = report_on(upper_only(verdicts=(verdict(name),)), Status.INCONCLUSIVE)
    assert report.verdict == name
    assert report.tone is Tone.BAD
    assert not report.headline.startswith("Half")
    assert titles(report)[0] == "What the measurements say"
    assert titles(report).count("What the measurements say") == 1


@pytest.mark.parametrize("name", GRAVE)
def test_a_proof_makes_no_doubtful_network_good_news(name: str) -> None:
    value = profile(verdicts=(verdict(name),), lower=profile().upper, proved=np.ones(4, dtype=bool))
    report = report_on(value, Status.COMPLETE)
    assert report.tone is (Tone.BAD if name in ("dead", "constant") else Tone.PART)
    assert not report.headline.startswith("Half")


@pytest.mark.parametrize("name", ["bias-dominated", "depth-collapsed", "bottlenecked", "linear regime"])
def test_other_verdicts_leave_the_headline_alone(name: str) -> None:
    report = report_on(profile(verdicts=(verdict(name, safety=4.0, ratio=1.0),)))
    assert report.headline.startswith("Half")
    assert titles(report)[0] == "How small a change flips it"
    (table,) = [b for b in blocks(report, "What the measurements say") if isinstance(b, Table)]
    assert table.rows[0][0] == name


def test_a_broken_bound_is_never_hidden() -> None:
    report = report_on(profile(lower=np.full(4, 0.25)), Status.COMPLETE)
    assert report.tone is Tone.BAD
    assert report.headline.startswith("The bounds contradict each other at 2 inputs")
    assert claims(report)["A change flips 2 inputs that was proved to flip none: please report this"]


def test_a_measurement_that_was_not_made_has_no_section() -> None:
    assert titles(report_on(profile(attacks=None))) == [
        "How small a change flips it",
        "What could not be established",
        "What it cost",
        "Do it again",
    ]


def test_a_measurement_that_was_made_has_its_section() -> None:
    report = report_on(profile(depth=depth(), biases=biases()))
    assert {"Which attack found it", "Does depth or bias decide?", "What the measurements say"} <= {
        *titles(report)
    }
    assert "depth-agreement" not in figures(report)  # its reference is of one output


def test_without_verdicts_no_promise_is_made_of_it() -> None:
    (text,) = blocks(report_on(profile(biases=biases())), "What the measurements say")
    assert "That is no promise" in text.words


def test_each_attack_has_a_row_and_one_that_found_nothing_says_so() -> None:
    (table,) = [b for b in blocks(report_on(profile()), "Which attack found it") if isinstance(b, Table)]
    assert [(row[0], *row[2:]) for row in table.rows] == [
        ("gradient ray", "0 %", "none known", "0"),
        ("label search", "100 %", "0.2", "4"),
    ]


def test_both_bounds_of_every_input_are_drawn() -> None:
    figure = figures(report_on(profile()))["flip-bounds"]
    assert isinstance(figure, Curves)
    assert {curve.label: curve.y for curve in figure.curves} == {
        "smallest flip, proved": (0.1, 0.2, 0.4),
        "smallest flip found; smaller ones may exist": (0.3,),
        "nothing smaller than this flips (proved)": (0.15,),
    }


def test_only_rows_that_are_open_stand_in_the_table() -> None:
    (table,) = [
        b for b in blocks(report_on(profile()), "How small a change flips it") if isinstance(b, Table)
    ]
    assert table.rows == (("2", "2", "4", "0.3", "0.15", "2.00 times"),)


def test_a_flip_that_was_not_found_is_not_taken_for_one_that_does_not_exist() -> None:
    report = report_on(mixed())
    told = claims(report)
    assert told["No change within the limits flips 1 input: that is proved"].holds is True
    assert told["No flip was found for 1 input"].holds is None
    (table,) = [b for b in blocks(report, "How small a change flips it") if isinstance(b, Table)]
    assert [row[3:5] for row in table.rows] == [
        ("none exists", "no change flips it"),
        ("none known", "0.2"),
        ("0.4", "nothing proved"),
    ]


def test_the_gallery_shows_inputs_before_and_after() -> None:
    gallery = figures(report_on(profile()))["flipped-inputs"]
    assert isinstance(gallery, Pictures)
    given, flipped, difference = gallery.rows
    assert [picture.words for picture in given] == ["class 0", "class 1", "class 2", "class 3"]
    assert {picture.words for picture in flipped} == {"class 4"}
    assert "0.3 l2, found" in difference[2].words
    assert np.sum(flipped[0].pixels) == pytest.approx(0.9)


def test_inputs_that_are_no_images_have_no_gallery() -> None:
    value = profile()
    flat = replace(value, points=value.points[:, :15], changes=value.changes[:, :15])
    assert "flipped-inputs" not in figures(report_on(flat))


def test_labels_are_held_against_what_the_reader_expects() -> None:
    right = report_on(profile(labels=np.array([0, 1, 2, 0])))
    assert ("75 %", "of your labels met: is that what you expect?") in {
        (t.value, t.label) for t in right.tiles
    }
    wrong = report_on(profile(labels=np.array([0, 9, 9, 9])))
    (doubt,) = [claim for words, claim in claims(wrong).items() if "preprocessing" in words]
    assert doubt.holds is None
    assert not any("labels" in tile.label for tile in report_on(profile()).tiles)


def test_questions_are_told_only_where_some_were_asked() -> None:
    assert not any("questions" in tile.label for tile in report_on(profile()).tiles)
    asked = report_on(upper_only(), queries=90)
    assert ("90", "questions, all counted") in {(tile.value, tile.label) for tile in asked.tiles}


def test_what_was_left_out_is_told() -> None:
    told = claims(report_on(upper_only(left_out=("Depth: the budget was spent before.",))))
    assert told["Depth: the budget was spent before"].holds is None
    assert told["Whether smaller changes flip these inputs: all sizes are upper bounds"].holds is None


def test_nothing_is_claimed_where_nothing_was_found() -> None:
    report = report_on(None, Status.BUDGET_SPENT, queries=3)
    assert "before every input was asked once: nothing is known" in report.headline
    assert claims(report) == {}
    assert titles(report) == ["What it cost", "Do it again"]


def test_one_input_is_told_as_one() -> None:
    value = profile()
    first = {name: getattr(value, name)[:1] for name in ("points", "classes", "changes", "flipped_to")}
    bounds = {name: getattr(value, name)[:1] for name in ("upper", "lower", "proved")}
    report = report_on(replace(value, attacks=None, **first, **bounds), Status.COMPLETE)
    assert report.headline == "The input changes class at a change of 0.1 (l2); proved."


def test_it_can_be_done_again_from_python_and_from_the_command_line() -> None:
    found = fragility_finding(profile(labels=np.arange(4)), box=(0.0, 1.0))
    assert "hl.fragility(target, x, y, norm='l2', box=(0, 1), seed=7)" in str(fragility_report(found))
    recipe = Recipe("fragility", {"target": "m.npz"}, settings={"norm": "linf"})
    assert "hingeline fragility m.npz --seed 0 --norm linf" in str(fragility_report(found, recipe))


@pytest.mark.parametrize(
    "value",
    [
        profile(depth=depth(), biases=biases()),
        mixed(),
        without_flips(2),
        without_flips(4),
        *(upper_only(verdicts=(verdict(name, safety=3.0, ratio=1.1),)) for name in (*GRAVE, "linear regime")),
    ],
)
def test_no_report_promises_anything_or_shows_an_infinity(value: FragilityProfile) -> None:
    report = report_on(value)
    text = rendered(report)
    assert PROMISE.findall(text) == []
    assert NO_NUMBER.findall(text) == []
    assert all(NO_NUMBER.search(svg_text(figure).split("base64")[0]) is None for figure in report.figures)


def test_the_finding_is_ready_for_machines() -> None:
    told = json.loads(result_text(fragility_finding(mixed())))
    assert told["evidence"]["profile"]["upper"] == [0.1, None, None, 0.4]


def test_a_real_network_gets_every_section() -> None:
    made = random_network((16, 12, 8, 3), seed=5)
    net = PiecewiseLinearNetwork(made.weights, made.biases)
    x = np.random.default_rng(5).normal(size=(8, 16))
    found = fragility(net, x, settings={"nodes": 200})
    report = build_report(found)
    assert titles(report) == [
        "How small a change flips it",
        "Which attack found it",
        "Is one step enough?",
        "In which directions",
        "Where in the network",
        "Does depth or bias decide?",
        "What the measurements say",
        "What could not be established",
        "What it cost",
        "Do it again",
    ]
    assert PROMISE.findall(rendered(report)) == []
    assert json.loads(result_text(found))["verb"] == "fragility"


def test_a_network_whose_neurons_are_off_is_told_as_dead() -> None:
    net = PiecewiseLinearNetwork([np.eye(4), np.eye(4)[:2]], [np.full(4, -100.0), np.array([1.0, 0.0])])
    x = np.random.default_rng(6).normal(size=(6, 4))
    report = build_report(fragility(net, x, settings={"nodes": 50}))
    assert report.tone is Tone.BAD
    assert report.verdict == "dead"
    assert report.headline.startswith("A layer of this network is off at every input")
