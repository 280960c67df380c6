"""The report on a span: says what was found, how surely, and nothing that is not there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from spans import GROWTH, LAW, active, domain, span, span_finding

from hingeline.core.figure_data import Curves, Pictures
from hingeline.core.outcome import Finding, Status
from hingeline.report.building import build_report
from hingeline.report.html import html_text
from hingeline.report.model import Claim, Report, Section, Table, Text, Tone
from hingeline.report.recipe import Recipe
from hingeline.report.span import span_report
from hingeline.subspace.recovered import RankVotes, RecoveredSpan, Unseen

REST = "what happens in the other 13 has no effect"


def section(report: Report, title: str) -> Section:
    return {section.title: section for section in report.sections}[title]


def claims(report: Report) -> dict[str, Claim]:
    blocks = (block for section in report.sections for block in section.blocks)
    return {block.words: block for block in blocks if isinstance(block, Claim)}


def figures(report: Report) -> dict[str, Any]:
    return {figure.name: figure for figure in report.figures}


def report_on(value: RecoveredSpan | None, status: Status = Status.COMPLETE, **evidence: Any) -> Report:
    return span_report(span_finding(value, status, **evidence))


@pytest.mark.parametrize(
    ("value", "headline"),
    [
        (span(), f"The network looks at 3 of 16 directions; {REST} at all."),
        (span(angle=1e-3), f"The network looks at 3 of 16 directions; {REST} that its answers show."),
        (
            span(where="box"),
            f"Within its box of inputs, the network looks at 3 of 16 directions; {REST} at all.",
        ),
        (span(rank=16), "The network looks at all 16 directions: nothing can be changed behind its back."),
        (
            span(rank=15),
            "The network looks at 15 of 16 directions; what happens in the other one has no effect at all.",
        ),
        (
            span(rank=3, basis=np.zeros((16, 0)), angle=math.nan),
            "The network looks at 3 of 16 directions; which ones, was not asked.",
        ),
        (
            span(rank=0, where="box", standing="partial"),
            "As far as seen, within its box of inputs, the network gives the same answer to every input.",
        ),
    ],
)  # fmt: skip
def test_the_headline_can_be_repeated(value: RecoveredSpan, headline: str) -> None:
    assert report_on(value).headline == headline


def test_an_ambiguous_rank_is_told_with_all_its_candidates() -> None:
    votes = RankVotes(edge=4, gap=3, remeasured=3, gap_ratio=20.0, noise_edge=1e-6)
    report = report_on(span(standing="ambiguous", votes=votes), Status.INCONCLUSIVE)
    assert report.headline == (
        "The network looks at 3 or 4 of 16 directions; its answers do not decide between these."
    )
    assert report.tone is Tone.PART
    assert claims(report)["Stronger than noise could be: 4 directions"].holds is False
    assert claims(report)["Which of 3, 4 is the rank"].holds is None


def test_agreeing_votes_with_a_small_gap_are_no_certainty() -> None:
    votes = RankVotes(edge=3, gap=3, remeasured=3, gap_ratio=51.0, noise_edge=1e-3)
    report = report_on(span(standing="ambiguous", votes=votes), Status.INCONCLUSIVE)
    assert report.headline == ("The network seems to look at 3 of 16 directions; that is not certain.")
    assert claims(report)["Whether the rank is 3"].holds is None


def test_a_kept_direction_below_the_noise_is_told() -> None:
    votes = RankVotes(edge=2, gap=2, remeasured=3, gap_ratio=1e-7, noise_edge=1e-3)
    told = claims(report_on(span(standing="ambiguous", votes=votes), Status.INCONCLUSIVE))
    assert told["Largest gap in strength: after 2 directions"].seen.startswith("the weakest that is kept")


def test_where_nothing_moved_and_nothing_was_tried_nothing_is_claimed() -> None:
    report = report_on(span(rank=0, standing="partial", unseen=Unseen(0, LAW)), Status.PARTIAL)
    assert report.headline == "After 300 questions nothing is known for certain of what this target looks at."
    assert not any("directions" in tile.label for tile in report.tiles)
    assert not any("Stronger" in words for words in claims(report))


def test_a_full_span_leaves_nothing_to_miss() -> None:
    told = claims(report_on(span(rank=16, unseen=Unseen(0, LAW, nothing_left=True))))
    assert told["No direction is left that could have been missed"].holds


@pytest.mark.parametrize(
    ("status", "words"), [(Status.BUDGET_SPENT, "when the budget ended"), (Status.PARTIAL, "so far")]
)
def test_a_part_is_never_told_as_the_whole(status: Status, words: str) -> None:
    report = report_on(span(standing="partial"), status)
    assert report.headline == f"The network looks at 3 of 16 directions seen {words}; there may be more."
    assert report.tiles[0].value == "at least 3"
    assert not any("cannot see" in tile.label for tile in report.tiles)
    assert claims(report)["Whether there are more directions than these"].holds is None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.REFUSED, "cannot be found: As told."),
        (Status.BUDGET_SPENT, "budget ended after 300 questions, before anything"),
        (Status.INCONCLUSIVE, "After 300 questions there is no conclusion."),
    ],
)
def test_without_a_span_nothing_is_claimed(status: Status, words: str) -> None:
    report = report_on(None, status)
    assert words in report.headline
    assert claims(report) == {}
    assert [section.title for section in report.sections] == [
        "What it cost", "What the answers give away", "Do it again",
    ]  # fmt: skip


def test_the_votes_are_told_one_by_one() -> None:
    told = claims(report_on(span()))
    assert told["Stronger than noise could be: 3 directions"].holds
    assert told["Largest gap in strength: after 3 directions"].seen == (
        "the weakest kept is 4e9 times as strong as the strongest rejected"
    )
    assert told["Answered again at fresh points: 3 directions"].holds


def test_a_vote_that_was_not_cast_is_told_as_open() -> None:
    votes = RankVotes(edge=3, gap=3, remeasured=None, gap_ratio=math.inf, noise_edge=0.0)
    told = claims(report_on(span(votes=votes)))
    assert told["The directions were not asked again at fresh points"].holds is None
    assert told["Largest gap in strength: after 3 directions"].seen == "nothing at all below it"


def test_confidence_comes_with_its_law() -> None:
    seen = claims(report_on(span()))["600 tries outside the span showed nothing more"].seen
    assert seen.startswith("with 95% confidence at most 0.5% of such tries")
    assert seen.endswith(LAW)


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_rest_that_was_hardly_tested_is_told_as_open(moves: int) -> None:
    told = claims(report_on(span(unseen=Unseen(moves, "none"))))
    assert told["That nothing was missed is not shown"].holds is None


def test_three_spans_stand_in_one_table_and_the_data_span_is_not_overstated() -> None:
    report = report_on(span(domains=(domain("data", 1, 0), domain("box", 2), domain("free", 3))))
    table, line, warning, _ = section(report, "What it looks at").blocks
    assert isinstance(table, Table)
    assert [row[:4] for row in table.rows] == [
        ("the examples", "1", "15", "none tried"),
        ("inputs in the box", "2", "14", "100"),
        ("all inputs", "3", "13", "100"),
    ]
    assert isinstance(line, Claim)
    assert (
        line.words
        == "Directions it sees: 1 among the examples, 2 among inputs in the box, 3 among all inputs"
    )
    assert isinstance(warning, Text)
    assert "promises nothing for long moves" in warning.words


def test_strengths_stand_beside_the_noise_edge() -> None:
    figure = figures(report_on(span()))["strengths"]
    assert isinstance(figure, Curves)
    assert figure.levels == (("noise edge", 1e-12),)
    assert figure.curves[0].y == (2.0, 1.25, 0.5)


def test_the_way_there_is_drawn_beside_the_floor_where_it_is_known() -> None:
    figure = figures(report_on(span(), growth=GROWTH))["growth"]
    assert figure.marks == (("fewest possible", 39.0),)
    assert figure.curves[0].x == (100.0, 180.0, 260.0)
    assert "growth" not in figures(report_on(span()))


def test_leverage_is_an_image_where_inputs_can_be_one() -> None:
    picture = figures(report_on(span(16)))["leverage"]
    assert isinstance(picture, Pictures)
    assert np.sum(picture.rows[0][0].pixels) == pytest.approx(3)
    assert isinstance(figures(report_on(span(15)))["leverage"], Curves)


def test_what_matters_most_stands_beside_what_can_matter() -> None:
    report = report_on(span(active=active()))
    text = section(report, "What matters most").blocks[0]
    assert isinstance(text, Text)
    assert "as if along 1.5 directions of equal weight" in text.words
    assert {"active", "active-directions"} <= set(figures(report))
    assert "What matters most" not in {section.title for section in report_on(span()).sections}


def test_the_rank_alone_is_not_held_against_the_floor_of_a_basis() -> None:
    report = report_on(span(basis=np.zeros((16, 0)), angle=math.nan), growth=GROWTH)
    assert not any("fewest" in tile.label for tile in report.tiles)
    assert figures(report)["growth"].marks == ()


def test_labels_are_held_against_the_bits_they_carry() -> None:
    door = {"answers": "labels", "classes": [0, 1, 2, 3], "headline": "labels", "queries": 40}
    report = report_on(span(angle=2.0**-20), doctor=door)
    # 3 * 13 numbers of 20 bits, 2 bits a label
    assert "times the fewest possible (390)" in {tile.label for tile in report.tiles}


def test_what_was_asked_for_and_is_missing_is_told() -> None:
    found = span_finding(span())
    asked = replace(found, provenance=replace(found.provenance, settings={"active_points": 20}))
    assert "What matters most was asked for, and was not measured" in claims(span_report(asked))


def test_the_tiles_hold_the_rank_the_price_and_the_error() -> None:
    tiles = {tile.label: tile.value for tile in report_on(span()).tiles}
    assert tiles["of 16 directions it sees"] == "3"
    assert tiles["times the fewest possible (39)"] == "7.69"
    assert tiles["error, in radians"] == "6e-11"


def test_only_a_complete_finding_is_good_news() -> None:
    tones = {status: report_on(span(standing="partial"), status).tone for status in Status}
    assert [status for status, tone in tones.items() if tone is Tone.GOOD] == [Status.COMPLETE]


def test_the_algorithms_are_not_told_as_the_papers() -> None:
    text = section(report_on(span()), "Do it again").blocks[-1]
    assert isinstance(text, Text)
    assert text.words.startswith("Where the question comes from: Jayaram")


def test_a_span_gets_its_own_report_and_a_page(capsys: Any) -> None:
    found: Finding[RecoveredSpan] = span_finding(span(active=active()), growth=GROWTH)
    assert build_report(found) == span_report(found)
    page = html_text(span_report(found, Recipe("span", {"target": "m.npz"}, settings={"polish": True})))
    assert "hingeline span m.npz --seed 0 --polish" in page
    assert "<script" not in page
