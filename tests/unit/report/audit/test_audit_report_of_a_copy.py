"""The report on an audit that made a copy: every number is the finding's, every figure has its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from audited import (
    COPIED,
    DOORS,
    equivalent,
    images,
    inputs,
    network,
    probabilities,
    section,
    told,
    toy,
    value,
    without_data,
)

from hingeline.auditing.policy import read_policies
from hingeline.core.figure_data import Curves, Figure, Gauge, Pictures
from hingeline.report.audit import audit_report
from hingeline.report.building import build_report
from hingeline.report.html import html_text
from hingeline.report.model import Claim, Command, Report, Table, Text, Tone
from hingeline.report.recipe import Recipe

ALWAYS = {"leak", "query-curve", "line"}
OF_IMAGES = {"weights", "obfuscation", "flipped-inputs", "fisher-universal-directions"}


def named(report: Report, name: str) -> Figure:
    """The figure of that name."""
    return next(figure for figure in report.figures if figure.name == name)


def test_the_headline_tells_the_questions_the_size_and_who_agrees() -> None:
    finding, net = images(), network(16, 6, 4, seed=11)
    audit, x = value(finding), inputs(16)
    assert audit.copy is not None
    alike = int((audit.copy(x).argmax(axis=1) == net(x).argmax(axis=1)).sum())
    headline = audit_report(finding).headline
    assert headline.startswith(f"With {audit.leak.queries} questions an outsider rebuilt the whole 16-6-4")
    assert f"the same class on {alike} of your {len(x)} inputs" in headline


@pytest.mark.parametrize("door", COPIED)
def test_a_copy_is_bad_news_and_the_gauge_comes_with_it(door: str) -> None:
    report = build_report(DOORS[door]())
    assert (report.tone, report.verdict) == (Tone.BAD, "copied")
    assert {figure.name for figure in report.figures} >= ALWAYS
    assert all(figure.caption for figure in report.figures)
    assert "AML.T0024" in told(report)


@pytest.mark.parametrize("door", DOORS)
def test_figures_have_names_of_their_own_and_the_page_is_light(door: str) -> None:
    report = build_report(DOORS[door]())
    names = [figure.name for figure in report.figures]
    assert len(names) == len(set(names))
    page = html_text(report)
    assert len(page.encode()) < 5_000_000
    assert "nan" not in told(report).split()


def test_images_are_shown_where_inputs_are_images_and_only_there() -> None:
    shown = {figure.name for figure in audit_report(images()).figures}
    assert shown >= ALWAYS | OF_IMAGES | {"flip-sizes", "fisher-flips", "network-gains-whitened"}
    assert not OF_IMAGES & {figure.name for figure in audit_report(probabilities()).figures}


def test_without_inputs_nothing_is_said_of_flips_and_what_to_type_is_told() -> None:
    report = audit_report(without_data())
    assert {figure.name for figure in report.figures} == ALWAYS
    assert "of your" not in report.headline
    missing = [
        block for block in section(report, "What could not be established") if isinstance(block, Claim)
    ]
    assert {"How small a change flips it", "Which classes your inputs get"} <= {one.words for one in missing}
    assert all("--data" in one.seen or "not asked for" in one.seen for one in missing)
    assert {one.words for one in missing if "--parts" in one.seen} == {
        "What grows from layer to layer",
        "What defences would buy",
    }


def test_an_equivalent_network_is_never_called_the_whole_one() -> None:
    finding = equivalent()
    words = told(audit_report(finding))
    assert "rebuilt a network that answers alike" in words
    assert "the whole" not in words
    assert "Nothing of this was verified" not in words
    assert "a model that answers alike was extracted" in words
    assert "everything there is to know" not in words


def test_the_gauge_holds_the_leak_of_every_layer() -> None:
    finding = images()
    gauge, (layer,) = named(audit_report(finding), "leak"), value(finding).leak.layers
    assert isinstance(gauge, Gauge)
    neurons, digits = gauge.levels
    assert (neurons.value, neurons.end, neurons.words) == (layer.known, layer.seen, "6 of 6 neurons")
    assert (digits.value, digits.end) == (layer.digits, 16.0)


def test_the_query_curve_ends_at_what_was_found_where_extraction_ended() -> None:
    finding = images()
    audit, curve = value(finding), named(audit_report(finding), "query-curve")
    assert isinstance(curve, Curves)
    (layer,) = curve.curves
    ends = {stage.name: stage.queries for stage in audit.stages}
    assert layer.y[0] == 0
    assert layer.y[-1] == audit.leak.layers[0].known == 6
    assert layer.x[-1] == ends["door"] + ends["inputs"] + ends["extraction"]
    assert dict(curve.marks)["extraction"] == ends["door"] + ends["inputs"]


def test_the_line_shows_the_copy_its_bends_and_the_largest_gap() -> None:
    finding = images()
    line, figure = value(finding).line, named(audit_report(finding), "line")
    assert isinstance(figure, Curves)
    assert line is not None
    assert line.predicted is not None
    assert f"the copy has {len(line.bends)} bend" in figure.caption
    assert {curve.label for curve in figure.curves} >= {"what the copy says", "what the door answered"}
    drawn = {x for curve in figure.curves if curve.label.startswith("bends") for x in curve.x}
    assert drawn | {place for _, place in figure.marks} == set(line.bends.tolist())
    copy, door = figure.curves[:2]
    assert set(zip(door.x, np.round(door.y, 9), strict=True)) <= set(
        zip(copy.x, np.round(copy.y, 9), strict=True)
    )


def test_weights_stand_by_effect_with_zero_in_mid_grey() -> None:
    finding = images()
    copy, figure = value(finding).copy, named(audit_report(finding), "weights")
    assert isinstance(figure, Pictures)
    assert copy is not None
    first, out = copy.weights[0], copy.weights[1]
    effect = np.linalg.norm(first, axis=1) * np.linalg.norm(out, axis=0)
    shown = [picture for row in figure.rows for picture in row]
    assert len(shown) == 6
    assert np.allclose(np.ravel(shown[0].pixels), first[effect.argmax()])
    assert all(picture.black == -picture.white for picture in shown)


def test_flips_that_the_door_did_not_confirm_are_told_as_the_copys() -> None:
    finding = images()
    audit = value(finding)
    stages = tuple(
        replace(stage, facts={**stage.facts, "held": 3}) if stage.name == "fragility" else stage
        for stage in audit.stages
    )
    report = audit_report(replace(finding, value=replace(audit, stages=stages)))
    (claim,) = [block for block in section(report, "How small a change flips it") if isinstance(block, Claim)]
    assert claim.holds is None
    assert "3 of 8 changes" in claim.words
    assert "tried at the door, 3 of 8 such changes flip it too" in report.summary
    assert any("on the copy" in tile.label for tile in report.tiles)


def test_a_copy_that_decides_otherwise_is_in_doubt() -> None:
    finding = images()
    audit = value(finding)
    stages = tuple(
        replace(stage, doubt="The copy decides as the door did at 50.0% of the given inputs only.")
        if stage.name == "extraction"
        else stage
        for stage in audit.stages
    )
    report = audit_report(replace(finding, value=replace(audit, stages=stages)))
    assert "the whole" not in report.headline
    assert "in doubt" in report.headline
    assert report.verdict == "copy in doubt"
    assert "50.0%" in told(report)


def test_defences_are_told_with_what_they_left() -> None:
    finding = toy()
    grid = next(stage.finding for stage in value(finding).stages if stage.name == "defences")
    report = audit_report(finding)
    assert grid is not None
    assert grid.value is not None
    (table,) = [block for block in section(report, "What defences would buy") if isinstance(block, Table)]
    assert [row[0].split()[0] for row in table.rows] == [row.text for row in grid.value.rows]
    assert "labels only cannot be read by our extraction" in report.summary


def test_defences_of_values_are_not_told_as_those_of_probabilities() -> None:
    behind, judged = probabilities(), toy()
    (stage,) = [stage for stage in value(judged).stages if stage.name == "defences"]
    audit = value(behind)
    report = audit_report(replace(behind, value=replace(audit, stages=(*audit.stages, stage))))
    assert "defence" not in report.summary
    assert "rounding was judged on values" in told(report)


def test_a_broken_policy_comes_first_and_one_not_judged_is_open() -> None:
    finding = without_data()
    texts = ["leak.layers>=1", "queries>100000", "accuracy<0.9"]
    policies = [policy.judge(value(finding).measures) for policy in read_policies(texts)]
    report = audit_report(finding, policies=policies)
    assert (report.tone, report.verdict) == (Tone.BAD, "policy broken")
    assert report.sections[0].title == "Policies"
    claims: list[Any] = list(section(report, "Policies"))
    assert [claim.holds for claim in claims] == [False, True, None]


def test_the_command_and_who_authorised_it_are_told() -> None:
    finding = images()
    recipe = Recipe("audit", {"target": "http://x/v2/models/m", "authorised": "J. Doe, ticket 1"}, seed=4)
    blocks = section(audit_report(finding, recipe), "Do it again")
    lines = [line for block in blocks if isinstance(block, Command) for line in block.lines]
    assert lines == [recipe.command_line()]
    assert any("hingeline cite DIR" in block.words for block in blocks if isinstance(block, Text))
    rows = {row[0]: row[1] for block in blocks if isinstance(block, Table) for row in block.rows}
    assert rows["authorised"] == "J. Doe, ticket 1"
    assert rows["seed"] == "4"
    assert all(source in told(audit_report(finding)) for source in finding.provenance.sources)


def test_without_a_command_line_the_call_names_what_was_chosen() -> None:
    (call,) = [b for b in section(audit_report(images()), "Do it again") if isinstance(b, Command)]
    assert call.lines[0].startswith("hl.audit(oracle, x, y, seed=4, settings={'parts': ")
    assert "'flips': 8" in call.lines[0]
    assert "reserve" not in call.lines[0]


def test_what_was_asked_adds_up_to_what_was_paid() -> None:
    finding = images()
    (table, *_) = section(audit_report(finding), "What was asked, and what it cost")
    assert isinstance(table, Table)
    assert sum(int(row[2].replace(",", "")) for row in table.rows) == finding.queries
