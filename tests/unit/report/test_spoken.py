"""Figures say their data in words."""

from __future__ import annotations

import math

import pytest

from hingeline.core.figure_data import Axis, Bars, Curve, Curves, Dots, Figure, Heat, Picture, Pictures
from hingeline.report.spoken import spoken

IMAGE = Picture(((0.0, 1.0),), 0.0, 1.0, "read as 7")


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (Bars("b", "c", "questions", ("bends", "signs"), (10.0, 40.0)), ["bends 10", "signs 40"]),
        (Dots("d", "c", "error", ("layer 1",), ((1.0, 4.0, 3.0),)), ["layer 1: 3 dots, 1 to 4"]),
        (Heat("h", "c", "share", "width", "bias", ("3",), ("0.1",), ((0.5,),)), ["3, 0.1: 0.5"]),
        (Pictures("p", "c", ("original",), ((IMAGE,),)), ["Row 1: original, read as 7"]),
        (
            Curves(
                "c", "c", Axis("queries"), Axis("rank", log=True),
                (Curve("found", (1.0, 9.0), (2.0, 5.0)),), (("edge", 0.5),), (("floor", 3.0),),
            ),
            ["Across: queries", "rank, logarithmic", "found: from 2 at 1 to 5 at 9",
             "Horizontal line at 0.5: edge", "Vertical line at 3: floor"],
        ),
    ],
)  # fmt: skip
def test_the_data_are_told(figure: Figure, told: list[str]) -> None:
    assert all(words in spoken(figure) for words in told)


def test_what_is_no_number_is_passed_over() -> None:
    row = (1.0, math.inf, math.nan)
    figures = (
        Bars("b", "c", "u", ("a", "b", "c"), row),
        Dots("d", "c", "u", ("g",), (row,)),
        Heat("h", "c", "u", "d", "a", ("r",), ("x", "y", "z"), (row,)),
        Curves("c", "c", Axis("x"), Axis("y"), (Curve("l", (1.0, 2.0, 3.0), row),)),
    )
    assert not any(word in spoken(figure) for figure in figures for word in ("inf", "nan"))


def test_long_data_are_told_by_their_ends() -> None:
    cells = tuple(tuple(float(10 * i + j) for j in range(10)) for i in range(10))
    names = tuple(map(str, range(10)))
    told = spoken(Heat("h", "c", "u", "d", "a", names, names, cells))
    assert "Least: 0 at 0, 0." in told and "Most: 99 at 9, 9." in told
    assert len(spoken(Bars("b", "c", "u", ("one",) * 500, (1.0,) * 500))) < 200


def test_a_figure_without_data_says_so() -> None:
    assert spoken(Bars("b", "c", "u", (), ())) == "Nothing to show."
