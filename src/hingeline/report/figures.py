"""Figures as SVG and as CSV, made from their data without a plotting library.

Cost: a few kilobytes a figure; images take about a byte a pixel.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import chain
from typing import Any, assert_never

from hingeline.core.figure_data import Bars, Curves, Dots, Figure, Gauge, Heat, Pictures
from hingeline.report.bars_and_dots import bars_svg, dots_svg
from hingeline.report.curves import curves_svg
from hingeline.report.gauge import gauge_svg
from hingeline.report.heat import heat_svg
from hingeline.report.pictures import pictures_svg


def svg_text(figure: Figure) -> str:
    """The figure as one `<svg>` element that needs nothing from outside."""
    match figure:
        case Bars():
            return bars_svg(figure)
        case Gauge():
            return gauge_svg(figure)
        case Dots():
            return dots_svg(figure)
        case Curves():
            return curves_svg(figure)
        case Heat():
            return heat_svg(figure)
        case Pictures():
            return pictures_svg(figure)
        case _:
            assert_never(figure)


def csv_text(figure: Figure) -> str:
    """The figure's data, with units in the header."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(_rows(figure))
    return stream.getvalue()


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
