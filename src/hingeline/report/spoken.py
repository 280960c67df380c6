"""A figure's data in words, for those who cannot see it; long data by their ends."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import assert_never

from hingeline.core.figure_data import Bars, Curve, Curves, Dots, Figure, Gauge, Heat, Pictures
from hingeline.report.axes import tick_words
from hingeline.report.numbers import plural

_MOST = 12  # named one by one; nobody listens to more
_NOTHING = "Nothing to show."


def spoken(figure: Figure) -> str:
    """What the figure shows in a few sentences; numbers that are not finite are passed over."""
    match figure:
        case Bars():
            told = _bars(figure)
        case Gauge():
            told = _gauge(figure)
        case Dots():
            told = [*_dots(figure), *_lines("Reference line", figure.marks)]
        case Curves():
            told = _curves(figure)
        case Heat():
            told = _heat(figure)
        case Pictures():
            told = _pictures(figure)
        case _:
            assert_never(figure)
    return " ".join(told) or _NOTHING


def _bars(figure: Bars) -> Iterable[str]:
    pairs = _finite(zip(figure.labels, figure.values, strict=True))
    if pairs:
        yield f"Bars of {figure.unit}: {_list([f'{label} {tick_words(value)}' for label, value in pairs])}."


def _gauge(figure: Gauge) -> Iterable[str]:
    yield from _some([f"{level.label}: {level.words}." for level in figure.levels])


def _dots(figure: Dots) -> Iterable[str]:
    if figure.groups:
        yield f"Dots along {figure.unit}, on a logarithmic axis."
    told = [_group(name, _known(row)) for name, row in zip(figure.groups, figure.values, strict=True)]
    yield from _some(told)


def _group(name: str, row: list[float]) -> str:
    if not row:
        return f"{name}: none."
    ends = f"{tick_words(min(row))} to {tick_words(max(row))}, in the middle {tick_words(median(row))}"
    return f"{name}: {plural(len(row), 'dot')}, {ends if len(row) > 1 else tick_words(row[0])}."


def _curves(figure: Curves) -> Iterable[str]:
    yield f"Across: {figure.across.words}{_law(figure.across.log)}."
    yield f"Up: {figure.up.words}{_law(figure.up.log)}."
    yield from _some([_curve(curve) for curve in figure.curves])
    yield from _lines("Horizontal line", figure.levels)
    yield from _lines("Vertical line", figure.marks)


def _law(log: bool) -> str:
    return ", logarithmic" if log else ""


def _curve(curve: Curve) -> str:
    points = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if math.isfinite(x) and math.isfinite(y)]
    if not points:
        return f"{curve.label}: no points."
    if len(points) == 1:
        return f"{curve.label}: {_point(points[0])}."
    if not curve.joined:
        low, high = min(y for _, y in points), max(y for _, y in points)
        return f"{curve.label}: {len(points)} points, {tick_words(low)} to {tick_words(high)}."
    return f"{curve.label}: from {_point(points[0])} to {_point(points[-1])}."


def _point(point: tuple[float, float]) -> str:
    return f"{tick_words(point[1])} at {tick_words(point[0])}"


def _lines(kind: str, lines: tuple[tuple[str, float], ...]) -> Iterable[str]:
    return (f"{kind} at {tick_words(place)}: {name}." for name, place in _finite(lines))


def _heat(figure: Heat) -> Iterable[str]:
    yield f"A grid of {figure.unit}; {figure.down} down, {figure.across} across."
    cells = [
        (value, row, column)
        for row, values in zip(figure.rows, figure.values, strict=True)
        for column, value in zip(figure.columns, values, strict=True)
        if value is not None and math.isfinite(value)
    ]
    if len(cells) <= _MOST:
        yield from (f"{row}, {column}: {tick_words(value)}." for value, row, column in cells)
    else:
        yield from (f"{word}: {_cell(end)}." for word, end in (("Least", min(cells)), ("Most", max(cells))))


def _cell(cell: tuple[float, str, str]) -> str:
    return f"{tick_words(cell[0])} at {cell[1]}, {cell[2]}"


def _pictures(figure: Pictures) -> Iterable[str]:
    if figure.rows:
        yield f"{plural(len(figure.rows), 'row')} of images: {', '.join(figure.titles)}."
    for number, row in enumerate(figure.rows[:_MOST], start=1):
        told = [
            f"{title}, {picture.words}"
            for title, picture in zip(figure.titles, row, strict=False)
            if picture.words
        ]
        if told:
            yield f"Row {number}: {'; '.join(told)}."


def _known(row: Iterable[float]) -> list[float]:
    return [value for value in row if math.isfinite(value)]


def _finite(pairs: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    return [(name, value) for name, value in pairs if math.isfinite(value)]


def _some(told: Sequence[str]) -> list[str]:
    return [*told[:_MOST], f"And {len(told) - _MOST} more."] if len(told) > _MOST else [*told]


def _list(told: Sequence[str]) -> str:
    return ", ".join(told[:_MOST]) + (f", and {len(told) - _MOST} more" if len(told) > _MOST else "")
