"""The report on a grid of defences: the grid at a glance, no figure without its checks, no over-claiming."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import hingeline as hl
from hingeline.core.figure_data import Curve, Curves
from hingeline.core.outcome import Finding
from hingeline.evaluation.defending.grid import DefenceGrid, DefenceRow
from hingeline.evaluation.defending.robustness import Check, Robustness
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.building import save_report
from hingeline.report.defend import defend_report
from hingeline.report.defend_words import NOT_SAID, between
from hingeline.report.figures import svg_text
from hingeline.report.html import html_text
from hingeline.report.machine import result_text
from hingeline.report.model import Claim, Report, Table, Text
from hingeline.report.text import terminal_text

DIM, CLASSES = 4, 3
FEW = {"seeds": 3, "inputs": 8, "steps": 5, "restarts": 1}
PROMISE = re.compile(
    r"\bsafe(ly|ty|r|st)?\b|\bsecure\b|\bimpossible\b|\bprotects?\b|most for least", re.IGNORECASE
)
NO_NUMBER = re.compile(r"\b(inf|nan|infinity|None)\b")
TITLES = [
    "What each defence buys",
    "What it costs users",
    "What leaks",
    "Who stands when inputs are changed",
    "Can the attack be believed?",
    "What this does not say",
    "What it cost",
    "Do it again",
]


def target() -> PiecewiseLinearNetwork:
    made = random_network((DIM, 5, CLASSES), seed=911)
    return PiecewiseLinearNetwork(made.weights, made.biases)


@pytest.fixture(scope="module")
def found() -> Finding[DefenceGrid]:
    network, x = target(), np.random.default_rng(912).standard_normal((30, DIM))
    y = network(x).argmax(axis=1)
    doors = ["round:2", "softmax+top-k:1", "labels"]
    return hl.defend(network, x, y, defences=doors, budget=4000, seed=913, settings=FEW)


def grid_of(finding: Finding[DefenceGrid]) -> DefenceGrid:
    assert finding.value is not None
    return finding.value


def with_row(finding: Finding[DefenceGrid], which: str, **changed: Any) -> Finding[DefenceGrid]:
    """The finding with other parts in one row."""
    grid = grid_of(finding)
    rows = tuple(replace(row, **changed) if row.text == which else row for row in grid.rows)
    return replace(finding, value=replace(grid, rows=rows))


def failing(row: DefenceRow) -> Robustness:
    """The same runs with a check that failed."""
    assert row.robustness is not None
    return Robustness(row.robustness.runs, (Check("gradients are not masked", False, "a search finds more"),))


@pytest.fixture(scope="module")
def bent(found: Any) -> Finding[DefenceGrid]:
    """The finding with a knee: as if little were found behind rounding."""
    row = grid_of(found).row("round:2")
    assert row.span is not None and row.leak is not None
    leak = replace(row.leak, runs=tuple(replace(run, neurons=1) for run in row.leak.runs))
    span = replace(row.span, runs=tuple(replace(run, rank=1) for run in row.span.runs))
    return with_row(found, "round:2", leak=leak, span=span)


def titles(report: Report) -> list[str]:
    return [section.title for section in report.sections]


def blocks(report: Report, title: str) -> tuple[Any, ...]:
    return {section.title: section.blocks for section in report.sections}[title]


def overview(report: Report) -> dict[str, tuple[str, ...]]:
    """The first table, by defence, without the mark of the knee."""
    (table,) = (b for b in blocks(report, "What each defence buys") if isinstance(b, Table))
    return {row[0].removesuffix(" ◀"): row[1:] for row in table.rows}


def prose(report: Report) -> str:
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


def printed(report: Report, width: int) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(terminal_text(report))
    return captured.get()


def test_every_section_is_there_and_the_page_is_made(found: Any) -> None:
    report = defend_report(found)
    assert titles(report) == TITLES
    assert "<svg" in html_text(report)


@pytest.mark.parametrize("width", [80, 110])
def test_the_terminal_shows_the_whole_grid_and_what_its_columns_are(found: Any, width: int) -> None:
    shown = printed(defend_report(found), width)
    assert "…" not in shown
    assert all(name in shown for name in ("none", "softmax+top-k:1", "unaware", "adaptive"))
    assert "'?' where it cannot read such answers" in " ".join(shown.split())


def test_longer_names_at_the_knee_fit_into_80_columns(bent: Any) -> None:
    report = defend_report(with_row(bent, "round:2", text="softmax+round:2"))
    assert "…" not in printed(report, 80) and "softmax+round:2 ◀" in printed(report, 80)


def test_unreadable_answers_are_a_question_mark_and_not_a_zero(found: Any) -> None:
    rows = overview(defend_report(found))
    columns = next(b for b in blocks(defend_report(found), TITLES[0]) if isinstance(b, Table)).columns[1:]
    assert rows["labels"][columns.index("neurons")] == "?"
    assert rows["softmax+top-k:1"][columns.index("neurons")] == "?"
    assert rows["none"][columns.index("neurons")] == "5/5"
    assert grid_of(found).row("softmax+top-k:1").leaked is None


def test_the_knee_is_marked_in_the_table_the_tiles_and_the_figure(bent: Any) -> None:
    grid, report = grid_of(bent), defend_report(bent)
    assert grid.knee is not None and grid.knee.text == "round:2"
    (table,) = (b for b in blocks(report, TITLES[0]) if isinstance(b, Table))
    assert [row[0] for row in table.rows if "◀" in row[0]] == [f"{grid.knee.text} ◀"]
    assert report.tiles[0].value == grid.knee.text
    assert f"{grid.knee.text} (knee)" in svg_text(report.figures[0])


def test_where_no_curve_bends_no_defence_is_called_the_knee(found: Any) -> None:
    grid = grid_of(found)
    same = tuple(replace(row, leak=grid.rows[0].leak, span=grid.rows[0].span) for row in grid.rows)
    report = defend_report(replace(found, value=replace(grid, rows=same)))
    assert report.tiles[0].value == "no knee"
    assert "◀" not in prose(report) and "No defence stands out" in report.headline


def test_a_figure_whose_check_failed_is_not_stated_anywhere(found: Any) -> None:
    row = grid_of(found).row("round:2")
    report = defend_report(with_row(found, "round:2", robustness=failing(row)))
    assert overview(report)["round:2"][-2:] == ("not stated", "not stated")
    (standing,) = (b for b in blocks(report, TITLES[3]) if isinstance(b, Table))
    (told,) = (cells for cells in standing.rows if cells[0] == row.words)
    assert set(told[1:]) == {"not stated", ""}
    failed = [b for b in blocks(report, TITLES[4]) if isinstance(b, Claim) and b.holds is False]
    assert [claim.words for claim in failed][1:] == ["round:2: no figure is stated"]
    assert failed[-1].seen == "a search finds more"


def test_figures_that_are_not_stated_are_not_in_the_summary_either(found: Any) -> None:
    changed = found
    for row in grid_of(found).rows[1:]:
        changed = with_row(changed, row.text, robustness=failing(row))
    assert "stand undefended" not in defend_report(changed).summary
    undefended = with_row(found, "none", robustness=failing(grid_of(found).rows[0]))
    assert "stand undefended" not in prose(defend_report(undefended))


def test_praise_stands_on_what_was_tried(bent: Any) -> None:
    report = defend_report(bent)
    assert "our attacks find 25 % of neurons or input directions" in report.headline
    assert "a learned copy still takes over" in report.headline
    assert not PROMISE.search(prose(report)) and not NO_NUMBER.search(prose(report))
    honest = [b.words for b in blocks(report, TITLES[5]) if isinstance(b, Text)]
    assert honest == [*NOT_SAID]


def test_a_headline_is_short_enough_to_be_read(bent: Any) -> None:
    assert len(defend_report(bent).headline.split()) <= 40


def test_doors_that_are_not_drawn_are_named_below_the_figure(found: Any) -> None:
    (figure,) = grid_of(found).figures()
    assert isinstance(figure, Curves)
    assert "Not drawn, for our attacks cannot read their answers: softmax+top-k:1" in figure.caption
    assert "softmax+top-k:1" not in {curve.label for curve in figure.curves}


def test_single_dots_carry_their_names_and_shared_places_carry_all(found: Any) -> None:
    (figure,) = grid_of(found).figures()
    assert isinstance(figure, Curves)
    there = tuple(Curve(name, (0.5,), (0.5,), joined=False) for name in ("one", "two", "three"))
    drawn = svg_text(replace(figure, curves=(*there, Curve("far", (0.0,), (0.0,), joined=False))))
    assert ">one, two, three</text>" in drawn and ">far</text>" in drawn


def test_names_of_neighbouring_dots_do_not_lie_upon_each_other(found: Any) -> None:
    (figure,) = grid_of(found).figures()
    assert isinstance(figure, Curves)
    places = [(0.50, 0.5), (0.52, 0.5), (0.54, 0.5), (1.0, 1.0), (0.0, 0.0)]
    dots = tuple(Curve(f"name {n}", (x,), (y,), joined=False) for n, (x, y) in enumerate(places))
    drawn = svg_text(replace(figure, curves=dots))
    heights = re.findall(r'y="([\d.]+)"[^>]*>name [012]</text>', drawn)
    assert len(set(heights)) == 3


def test_ranges_of_shares_name_the_unit_once() -> None:
    assert between((0.31, 0.71)) == "31 to 71 %"
    assert between((0.5, 0.5)) == "50 %" and between(None) == ""


def test_parts_that_were_not_measured_have_no_columns() -> None:
    network, x = target(), np.random.default_rng(914).standard_normal((12, DIM))
    settings = {"seeds": 3, "parts": ("leak",)}
    finding = hl.defend(network, x, defences=["round:2"], budget=3000, seed=915, settings=settings)
    report = defend_report(finding)
    assert "Who stands when inputs are changed" not in titles(report)
    (table,) = (b for b in blocks(report, TITLES[0]) if isinstance(b, Table))
    assert table.columns == ("defence", "changed", "conf. lost", "neurons", "learned")
    assert "unaware" not in table.caption and "robustness was not measured" in report.summary


def test_utility_alone_is_still_a_report() -> None:
    network, x = target(), np.random.default_rng(916).standard_normal((12, DIM))
    finding = hl.defend(network, x, defences=["labels"], settings={"seeds": 3, "parts": ()})
    report = defend_report(finding)
    assert report.headline.startswith("1 defence judged over 3 seeds") and report.figures == ()
    assert titles(report)[:2] == TITLES[:2]


def test_without_weights_complete_copies_are_counted_instead_of_neurons() -> None:
    network, x = target(), np.random.default_rng(917).standard_normal((12, DIM))
    door = hl.oracle(network, input_dim=DIM)
    settings = {"seeds": 3, "parts": ("leak",)}
    finding = hl.defend(door, x, defences=["round:3"], budget=3000, seed=918, settings=settings)
    told = overview(defend_report(finding))
    assert told["none"][2] == "3/3 copies"


def test_the_page_is_made_again_from_the_finding_alone(found: Any, tmp_path: Path) -> None:
    page = save_report(found, tmp_path / "again.html").read_text(encoding="utf-8")
    assert "hl.defend(target, x, y, defences=[" in page and "seed=913" in page
    assert html_text(defend_report(found)) == page


def test_the_result_holds_every_run_of_every_seed_without_nan(found: Any) -> None:
    told = json.loads(result_text(found), parse_constant=pytest.fail)
    rows = told["evidence"]["grid"]["rows"]
    assert [row["defence"] for row in rows] == ["none", "round:2", "softmax+top-k:1", "labels"]
    assert all(len(row["robustness"]["runs"]) == 3 and len(row["leak"]["runs"]) == 3 for row in rows)
    assert [row["span"]["attempted"] for row in rows][2] is False
