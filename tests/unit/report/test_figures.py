"""Figures are well-formed, in proportion, and carry their data."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET

import pytest

from hingeline.core.figure_data import Bars, Dots, Figure
from hingeline.report.figures import csv_text, svg_text

SVG = "{http://www.w3.org/2000/svg}"
BARS = Bars("b", "Questions & answers", "questions", ("one <two>", "three"), (10.0, 40.0))
DOTS = Dots(
    "d", "Errors", "error", ("layer 1", "layer 2"), ((1e-15, 1e-14, 1e-13), (1e-14,)), (("eps", 1e-15),)
)


@pytest.mark.parametrize("figure", [BARS, DOTS])
def test_a_figure_is_well_formed_and_says_what_it_shows(figure: Figure) -> None:
    root = ET.fromstring(svg_text(figure))
    assert root.findtext(f"{SVG}title") == figure.caption


def test_bars_are_in_proportion() -> None:
    short, long = [float(bar.get("width", 0)) for bar in ET.fromstring(svg_text(BARS)).iter(f"{SVG}rect")]
    assert long == pytest.approx(4 * short, rel=1e-2)


def test_dots_stand_at_equal_steps_for_equal_factors() -> None:
    circles = list(ET.fromstring(svg_text(DOTS)).iter(f"{SVG}circle"))
    a, b, c, d = [float(circle.get("cx", 0)) for circle in circles]
    assert b - a == pytest.approx(c - b, abs=0.2)
    assert d == b


def test_equal_values_do_not_hide_each_other() -> None:
    circles = ET.fromstring(svg_text(Dots("d", "c", "u", ("g",), ((1e-9,) * 5,)))).iter(f"{SVG}circle")
    assert len({circle.get("cy") for circle in circles}) == 5


@pytest.mark.parametrize(
    "figure",
    [Bars("b", "c", "u", (), ()), Bars("b", "c", "u", ("x",), (0.0,)), Dots("d", "c", "u", ("g",), ((),))],
)
def test_a_figure_without_data_is_still_well_formed(figure: Figure) -> None:
    ET.fromstring(svg_text(figure))


def test_the_data_beside_a_figure_are_its_values() -> None:
    rows = list(csv.reader(io.StringIO(csv_text(DOTS))))
    assert rows[0] == ["group", "error"]
    assert [(name, float(value)) for name, value in rows[1:]] == [
        ("layer 1", 1e-15), ("layer 1", 1e-14), ("layer 1", 1e-13), ("layer 2", 1e-14),
    ]  # fmt: skip
