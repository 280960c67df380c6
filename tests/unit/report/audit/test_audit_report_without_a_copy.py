"""The report on an audit that made no copy says what was and what was not possible, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from audited import (
    COPIED,
    DOORS,
    constant,
    deep,
    disagreed,
    labels,
    poor,
    poorer,
    random,
    section,
    smooth,
    told,
    value,
)

from hingeline.auditing.leak import LayerLeak
from hingeline.auditing.policy import read_policies
from hingeline.core.figure_data import Curves, Gauge
from hingeline.core.outcome import Outcome, Status
from hingeline.report.audit import audit_report
from hingeline.report.building import build_report
from hingeline.report.model import Claim, Table, Tone

NOT_COPIED = [name for name in DOORS if name not in COPIED]
NOTHING_KNOWN = [name for name in NOT_COPIED if name != "deep"]
OF_A_COPY = {"weights", "network-gains-whitened", "network-gains-raw", "defences"}


@pytest.mark.parametrize("door", NOT_COPIED)
def test_no_copy_is_claimed_and_nothing_is_drawn_of_one(door: str) -> None:
    report = build_report(DOORS[door]())
    assert "rebuilt" not in report.headline
    assert not OF_A_COPY & {figure.name for figure in report.figures}
    assert report.tone is not Tone.GOOD
    assert "digits" not in "".join(tile.label for tile in report.tiles)


@pytest.mark.parametrize("door", NOTHING_KNOWN)
def test_where_no_weight_is_known_nothing_was_extracted(door: str) -> None:
    report = build_report(DOORS[door]())
    assert "AML.T0024" not in told(report)
    assert "leak" not in {figure.name for figure in report.figures}


@pytest.mark.parametrize("door", NOT_COPIED)
def test_every_part_that_was_not_established_is_named_with_its_reason(door: str) -> None:
    finding = DOORS[door]()
    claims = [
        block
        for block in section(build_report(finding), "What could not be established")
        if isinstance(block, Claim)
    ]
    assert len(claims) >= len(value(finding).not_established)
    for (_, why), claim in zip(value(finding).not_established, claims, strict=False):
        assert why in claim.seen
        assert claim.holds is None


def test_labels_only_are_told_with_what_was_found_all_the_same() -> None:
    finding = labels()
    audit, report = value(finding), audit_report(finding)
    stage = audit.stage("fragility")
    assert stage is not None
    assert report.headline.startswith(
        "This door shows labels only, and no weights could be told from it; but "
    )
    assert f"with {stage.queries:,} questions" in report.headline
    assert "half of the 8 inputs tried change class at a change of length" in report.headline
    line = next(figure for figure in report.figures if figure.name == "line")
    assert isinstance(line, Curves)
    assert "The class that the door gives" in line.caption
    assert "copy" not in line.caption


def test_a_smooth_network_is_called_smooth() -> None:
    report = audit_report(smooth())
    assert report.headline.startswith("The network behind this door is smooth, and the methods tried here")
    assert "bend" not in next(figure for figure in report.figures if figure.name == "line").caption


def test_a_constant_door_tells_nothing_and_what_to_try() -> None:
    finding = constant()
    report, card = audit_report(finding), value(finding).card
    assert card is not None
    assert report.headline.startswith(f"All {card.queries} probes of this door got the same answer")
    assert "--bounds" in report.summary
    assert report.figures == ()
    assert (report.tone, report.verdict) == (Tone.BAD, "inconclusive")
    assert "AML.T0040" not in told(report)


def test_flips_of_a_door_that_answers_at_random_are_in_no_headline() -> None:
    report = audit_report(random())
    assert "answers at random" in report.headline
    assert "change class" not in report.headline + report.summary
    assert not any("flips half" in tile.label for tile in report.tiles)


def test_counts_that_were_never_confirmed_are_told_as_counts() -> None:
    finding = deep()
    audit = value(finding)
    report = audit_report(replace(finding, value=replace(audit, leak=replace(audit.leak, layers=()))))
    assert report.headline.startswith("No weights were confirmed before the budget ended")
    curve = next(figure for figure in report.figures if figure.name == "query-curve")
    assert isinstance(curve, Curves)
    assert "counts may be too high" in curve.caption
    assert curve.up.words == "neurons counted"


def test_a_deep_network_in_part_is_told_with_the_cheapest_next_question() -> None:
    finding = deep()
    report, known = audit_report(finding), value(finding).leak.layers[0].known
    assert known > 0
    assert f"measured the weights of {known} neurons of the first hidden layer" in report.headline
    assert "AML.T0024" in told(report)
    questions = [
        block for block in section(report, "What could not be established") if isinstance(block, Table)
    ]
    extraction = next(stage for stage in finding.evidence["stages"] if stage["name"] == "extraction")
    cheapest = extraction["evidence"]["next"][0]
    assert cheapest["how"] in told(report)
    assert questions


def test_of_a_part_only_the_first_layer_is_told_for_certain() -> None:
    finding = deep()
    audit = value(finding)
    layers = (LayerLeak(1, 8, 8, 12.8, 3752.7), LayerLeak(2, 5, 6, None, None))
    part = replace(finding, value=replace(audit, leak=replace(audit.leak, layers=layers)))
    report = audit_report(part)
    assert "measured the weights of 8 neurons of the first hidden layer" in report.headline
    assert "and 5 that seem to lie deeper" in report.headline
    assert "a copy of the whole network was not made" in report.headline
    assert (report.tone, report.verdict) == (Tone.PART, "partly copied")
    gauge, table, *_ = section(report, "What leaked")
    assert isinstance(gauge, Gauge)
    assert "which may not be all there is" in gauge.caption
    assert [level.words for level in gauge.levels] == [
        "8 of 8 neurons seen",
        "12.8 of 16 digits",
        "5 of 6 neurons seen",
    ]
    assert isinstance(table, Table)
    assert "Nothing of this was verified as a whole" in table.caption


def test_a_budget_that_ended_early_is_told_as_that_and_not_as_safety() -> None:
    report = audit_report(poor())
    assert report.headline == (
        "No weights were found before the budget ended; nothing else was established either."
    )
    assert "--budget" in report.summary
    assert audit_report(poorer()).headline == (
        "The budget ended after 10 questions, while the door was examined."
    )


def test_a_plan_that_was_not_agreed_to_is_told_with_its_price() -> None:
    finding = disagreed()
    report, plan = audit_report(finding), value(finding).plan
    assert plan is not None
    assert report.headline.startswith("The plan was not agreed to")
    assert f"the plan said {plan.least:,} questions or more" in told(report)


def test_kept_policies_are_good_news_only_where_the_audit_came_to_its_end() -> None:
    finding = labels()
    policies = [policy.judge(value(finding).measures) for policy in read_policies(["leak.layers>=1"])]
    assert finding.outcome.status is Status.BUDGET_SPENT
    assert audit_report(finding, policies=policies).tone is Tone.PART
    ended = replace(finding, outcome=Outcome(Status.COMPLETE, "All came to an end."))
    report = audit_report(ended, policies=policies)
    assert (report.tone, report.verdict) == (Tone.GOOD, "policies kept")
    assert audit_report(ended).tone is Tone.PART
