"""What a place on the page adds: names to link to, numbers, columns, what can be saved; narrow drawings."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from hingeline.core.figure_data import Axis, Bars, Curve, Curves, Dots, Figure, Heat, Picture, Pictures
from hingeline.report.drawing import NARROW
from hingeline.report.figures import csv_text, file_names, has_narrow, svg_text
from hingeline.report.html import html_text
from hingeline.report.links import page_links
from hingeline.report.model import Claim, Report, Section, Table, Text, Tone
from hingeline.report.page_parts import page_parts

SVG = "{http://www.w3.org/2000/svg}"
BARS = Bars("b", "Questions", "questions", ("bends", "signs"), (10.0, 40.0))
LINES = tuple(Curve(f"line {n}", (1.0, 2.0), (1.0, 2.0)) for n in range(2))
CURVES = Curves("c", "Lines", Axis("across"), Axis("up"), LINES, (("level", 1.5),), (("mark", 1.2),))
IMAGES = Pictures(
    "p", "Images", tuple(f"title {n}" for n in range(7)), ((Picture(((0.0, 1.0),), 0, 1, "seen"),) * 7,)
)
DOTS = Dots("d", "Errors", "error", ("layer 1",), ((1e-3, 1.0),), (("a reference line", 1.0),))
GRID = Heat("h", "Grid", "share", "width", "bias", ("3",), ("0.1", "0.2"), ((0.0, 1.0),))


def report(*sections: Section) -> Report:
    return Report("t", Tone.GOOD, "complete", "Headline.", "Summary.", (), sections)


def test_sections_of_one_title_have_different_places() -> None:
    parts = page_parts(
        report(Section("What it cost", ()), Section("What it cost!", ()), Section("Report", ()))
    )
    assert [part.anchor for part in parts] == ["what-it-cost", "what-it-cost-2", "report-2"]


def test_a_section_can_name_its_place_and_say_what_it_answers() -> None:
    page = html_text(report(Section("Title", (), anchor="leak", lead="How much leaks?")))
    assert '<h2 id="leak"' in page and '<p class="lead">How much leaks?</p>' in page


@pytest.mark.parametrize(("sections", "has"), [(5, False), (6, True)])
def test_a_long_report_has_a_table_of_contents(sections: int, has: bool) -> None:
    page = html_text(report(*(Section(f"Part {n}", ()) for n in range(sections))))
    assert ('<a href="#part-0">' in page) is has


def test_figures_and_tables_are_numbered_over_the_page() -> None:
    table = Table(("a",), (("b",),))
    parts = page_parts(report(Section("One", (BARS, table)), Section("Two", (table, Text("x"), CURVES))))
    shown = [(s.kind, s.number) for part in parts for s in part.blocks]
    assert shown == [("Figure", 1), ("Table", 1), ("Table", 2), ("Text", 0), ("Figure", 2)]


def test_columns_of_numbers_are_told_from_words_and_sentences() -> None:
    rows = (("none", "0 %", "3.1e-7", "", "32/32", "no", "word " * 20),) * 2
    (part,) = page_parts(report(Section("s", (Table(tuple("abcdefg"), rows),))))
    assert part.blocks[0].columns == ("", "n", "n", "n", "n", "", "t")


@pytest.mark.parametrize(("holds", "word"), [(True, "Holds: "), (False, "Fails: "), (None, "Open: ")])
def test_a_claim_is_told_without_its_mark(holds: bool | None, word: str) -> None:
    assert f'<span class="aloud">{word}</span>It is so' in html_text(
        report(Section("s", (Claim("It is so", holds),)))
    )


def test_figures_of_one_name_are_saved_under_two() -> None:
    assert file_names((BARS, CURVES, BARS, replace(BARS, name="b-2"))) == ("b", "c", "b-2", "b-2-2")


def test_the_data_below_a_figure_are_its_data() -> None:
    ((data, drawn),) = page_links((BARS,), ("b",))
    assert (data.file, drawn.file) == ("b.csv", "b.svg")
    assert base64.b64decode(data.address.split("base64,")[1]).decode() == csv_text(BARS)
    ET.fromstring(base64.b64decode(drawn.address.split("base64,")[1]))


def test_what_is_too_heavy_is_not_offered_and_data_go_before_drawings() -> None:
    numbers = tuple(float(n) for n in range(3000))
    middle = Curves("m", "c", Axis("x"), Axis("y"), (Curve("l", numbers, numbers, False),))
    huge = replace(middle, curves=middle.curves * 4)
    offered = page_links((huge, middle, middle, BARS), ("h", "m", "n", "b"))
    assert offered[0] == ()
    assert [[link.file for link in links] for links in offered[1:]] == [
        ["m.csv"],
        ["n.csv"],
        ["b.csv", "b.svg"],
    ]


@pytest.mark.parametrize("figure", [BARS, CURVES, IMAGES, DOTS, GRID])
def test_nothing_of_a_narrow_drawing_sticks_out(figure: Figure) -> None:
    assert has_narrow(figure)
    root = ET.fromstring(svg_text(figure, "x", NARROW))
    assert root.get("viewBox", "").split()[2] == str(NARROW)
    for part in root.iter():
        at = float(part.get("x") or part.get("x1") or part.get("cx") or 0)
        assert 0 <= at + float(part.get("width") or 0) <= NARROW


def test_a_narrow_drawing_names_lines_below() -> None:
    root = ET.fromstring(svg_text(CURVES, "x", NARROW))
    words = [text.text for text in root.iter(f"{SVG}text")]
    assert words[-4:] == ["a", "level", "b", "mark"]
    assert words.count("a") == words.count("b") == 2


def test_a_grid_of_many_columns_is_drawn_wide_only() -> None:
    many = Heat("h", "c", "u", "d", "a", ("r",), tuple("abcdefghijkl"), ((1.0,) * 12,))
    assert not has_narrow(many)
    page = html_text(report(Section("s", (many, GRID))))
    assert page.count('<div class="narrow">') == 1


def test_names_of_elements_are_unique_on_a_page() -> None:
    page = html_text(report(Section("s", (BARS, BARS, CURVES))))
    idents = re.findall(r' id="([^"]+)"', page)
    assert len(idents) == len(set(idents)) > 10


@pytest.mark.parametrize("share", [k / 20 for k in range(21)])
def test_numbers_in_a_grid_stand_out_from_their_cell(share: float) -> None:
    grid = replace(GRID, columns=("x", "y", "z"), values=((0.0, share, 1.0),))
    root = ET.fromstring(svg_text(grid))
    cell = list(root.iter(f"{SVG}rect"))[1].get("fill", "")
    (ink,) = {text.get("fill", "") for text in list(root.iter(f"{SVG}text"))[7:8]}
    light, dark = sorted((luminance(cell), luminance(ink)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
