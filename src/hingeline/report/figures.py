"""Figures as SVG and as CSV, made from their data without a plotting library.

Cost: a few kilobytes a figure; images take about a byte a pixel.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import Any, assert_never

from hingeline.core.figure_data import Bars, Curves, Dots, Figure, Gauge, Heat, Pictures
from hingeline.report.bars_and_dots import drawn_bars, drawn_dots
from hingeline.report.curves import drawn_curves
from hingeline.report.drawing import NARROW, WIDTH, Drawing, svg_element
from hingeline.report.gauge import drawn_gauge
from hingeline.report.heat import drawn_heat, fits_narrow
from hingeline.report.pictures import drawn_pictures
from hingeline.report.spoken import spoken


def svg_text(figure: Figure, ident: str = "", width: int = WIDTH) -> str:
    """The figure as one `<svg>` element that needs nothing from outside.

    Args:
        figure: What it shows.
        ident: Begin of the names of its elements, unique on a page; the figure's own name if not given.
        width: Of the drawing, pixels: `WIDTH`, or `NARROW` where `has_narrow`.
    """
    return svg_element(_drawn(figure, width), figure.caption, spoken(figure), ident or figure.name)


def has_narrow(figure: Figure) -> bool:
    """Whether it can be drawn as narrow as a phone; a grid with many columns or long names cannot."""
    return not isinstance(figure, Heat) or fits_narrow(figure, NARROW)


def _drawn(figure: Figure, width: int) -> Drawing:
    match figure:
        case Bars():
            return drawn_bars(figure, width)
        case Gauge():
            return drawn_gauge(figure, width)
        case Dots():
            return drawn_dots(figure, width)
        case Curves():
            return drawn_curves(figure, width)
        case Heat():
            return drawn_heat(figure, width)
        case Pictures():
            return drawn_pictures(figure, width)
        case _:
            assert_never(figure)


def csv_text(figure: Figure) -> str:
    """The figure's data, with units in the header."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(_rows(figure))
    return stream.getvalue()


def file_names(figures: Sequence[Figure]) -> tuple[str, ...]:
    """A name for each, without ending; a taken one gets a number, so that no file replaces another."""
    names: list[str] = []
    for figure in figures:
        tries = chain([figure.name], (f"{figure.name}-{number}" for number in count(2)))
        names.append(next(name for name in tries if name not in names))
    return tuple(names)


def _rows(figure: Figure) -> Iterable[Iterable[Any]]:
    """The header, then the data."""
    match figure:
        case Bars():
            return [("group", figure.unit), *zip(figure.labels, figure.values, strict=True)]
        case Gauge():
            return chain([("gauge", "value", "of", figure.unit)], _levels(figure))
        case Dots():
            named = zip(figure.groups, figure.values, strict=True)
            return [("group", figure.unit), *((group, v) for group, row in named for v in row)]
        case Curves():
            return chain([("curve", figure.across.words, figure.up.words)], _points(figure))
        case Heat():
            return chain([(figure.down, figure.across, figure.unit)], _cells(figure))
        case Pictures():
            return chain(
                [("row", "column", "words", "height", "width", "pixels, line by line")], _images(figure)
            )
        case _:
            assert_never(figure)


def _levels(figure: Gauge) -> Iterable[Iterable[Any]]:
    return ((level.label, level.value, level.end, level.words) for level in figure.levels)


def _points(figure: Curves) -> Iterable[Iterable[Any]]:
    for curve in figure.curves:
        yield from ((curve.label, x, y) for x, y in zip(curve.x, curve.y, strict=True))
    yield from ((f"reference: {name}", "", y) for name, y in figure.levels)
    yield from ((f"reference: {name}", x, "") for name, x in figure.marks)


def _cells(figure: Heat) -> Iterable[Iterable[Any]]:
    for row, values in zip(figure.rows, figure.values, strict=True):
        yield from ((row, column, v) for column, v in zip(figure.columns, values, strict=True))


def _images(figure: Pictures) -> Iterable[Iterable[Any]]:
    for number, row in enumerate(figure.rows, start=1):
        # the last row may be shorter
        for title, picture in zip(figure.titles, row, strict=False):
            size = (len(picture.pixels), len(picture.pixels[0]))
            yield (number, title, picture.words, *size, *chain.from_iterable(picture.pixels))
