"""Figures as SVG text and as CSV, made from their data without a plotting library.

One style: a colour-blind safe palette (Okabe and Ito), unit-labelled axes, words beside every mark, so that a
page prints in grey and reads aloud. Cost: a few kilobytes a figure.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from html import escape

from hingeline.report.model import Bars, Dots, Figure
from hingeline.report.numbers import count, small

_WIDTH = 760
_LABELS = 190  # room for row labels, pixels
_RIGHT = 90  # room for values behind the longest bar
_ROW = 28
_BLUE, _ORANGE, _INK, _GRID = "#0072B2", "#D55E00", "#333333", "#d8dde3"
_STEP = 7  # least distance of two stacked dots, pixels


def svg_text(figure: Figure) -> str:
    """The figure as one `<svg>` element that needs nothing from outside."""
    return _bars(figure) if isinstance(figure, Bars) else _dots(figure)


def csv_text(figure: Figure) -> str:
    """The figure's data, with the unit in the header."""
    groups = figure.labels if isinstance(figure, Bars) else figure.groups
    values = [(v,) for v in figure.values] if isinstance(figure, Bars) else figure.values
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("group", figure.unit))
    writer.writerows((g, v) for g, row in zip(groups, values, strict=True) for v in row)  # pyright: ignore[reportGeneralTypeIssues]
    return stream.getvalue()


def _bars(figure: Bars) -> str:
    longest = max(figure.values, default=0.0) or 1.0
    room = _WIDTH - _LABELS - _RIGHT
    parts: list[str] = []
    for row, (label, value) in enumerate(zip(figure.labels, figure.values, strict=True)):
        y, length = row * _ROW, max(room * value / longest, 1.0)
        parts += [
            _words(_LABELS - 10, y + 18, label, anchor="end"),
            f'<rect x="{_LABELS}" y="{y + 5}" width="{length:.1f}" height="18" rx="2" fill="{_BLUE}"/>',
            _words(_LABELS + length + 8, y + 18, count(value)),
        ]
    height = len(figure.labels) * _ROW
    parts.append(_words(_LABELS, height + 16, figure.unit, size=12))
    return _frame(figure.caption, height + 24, parts)


def _dots(figure: Dots) -> str:
    low, high = _decades([v for row in figure.values for v in row] + [place for _, place in figure.marks])
    room = _WIDTH - _LABELS - 30
    heights = [max(_ROW, _STEP * _tallest(row, low, high, room) + 16) for row in figure.values]
    total = sum(heights)

    def x_of(value: float) -> float:
        return _LABELS + room * (math.log10(value) - low) / (high - low)

    parts = [part for decade in _ticks(low, high) for part in _tick(decade, x_of(10.0**decade), total)]
    top = 0
    for label, row, height in zip(figure.groups, figure.values, heights, strict=True):
        parts.append(_words(_LABELS - 10, top + height / 2 + 5, label, anchor="end"))
        parts += _stacked(sorted(x_of(v) for v in row), top + height - 10)
        top += height
    for level, (name, place) in enumerate(figure.marks):
        parts += _mark(name, x_of(place), total, level)
    bottom = total + 22 + 16 * len(figure.marks)
    parts.append(_words(_LABELS, bottom + 14, figure.unit, size=12))
    return _frame(figure.caption, bottom + 22, parts)


def _decades(values: Iterable[float]) -> tuple[int, int]:
    """Whole powers of ten around `values`."""
    logs = [math.log10(v) for v in values]
    low, high = math.floor(min(logs, default=0.0)), math.ceil(max(logs, default=1.0))
    return low, max(high, low + 1)


def _ticks(low: int, high: int) -> range:
    """At most nine powers of ten from `low` to `high`."""
    return range(low, high + 1, max(1, math.ceil((high - low) / 8)))


def _tick(decade: int, x: float, height: int) -> list[str]:
    line = f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height}" stroke="{_GRID}"/>'
    return [line, _words(x, height + 16, small(10.0**decade), anchor="middle", size=12)]


def _mark(name: str, x: float, height: int, level: int) -> list[str]:
    line = (
        f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height + 22 + 16 * level}" '
        f'stroke="{_ORANGE}" stroke-width="2" stroke-dasharray="5 4"/>'
    )
    anchor = "end" if x > _WIDTH - 200 else "start"
    side = -5 if anchor == "end" else 5
    return [line, _words(x + side, height + 32 + 16 * level, name, anchor=anchor, size=12, colour=_ORANGE)]


def _stacked(places: list[float], floor: float) -> list[str]:
    """Dots at `places` (sorted), piled up where they would overlap."""
    tops: list[tuple[float, int]] = []
    parts: list[str] = []
    for x in places:
        level = sum(1 for other, _ in tops if x - other < _STEP)
        tops.append((x, level))
        parts.append(f'<circle cx="{x:.1f}" cy="{floor - level * _STEP:.1f}" r="3.2" fill="{_BLUE}"/>')
    return parts


def _tallest(row: tuple[float, ...], low: int, high: int, room: float) -> int:
    places = sorted(room * (math.log10(v) - low) / (high - low) for v in row)
    return max((sum(1 for other in places if 0 <= x - other < _STEP) for x in places), default=1)


def _words(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 14, colour: str = _INK
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
        f"{escape(text)}</text>"
    )


def _frame(caption: str, height: float, parts: list[str]) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif"><title>{escape(caption)}</title>\n{body}\n</svg>\n'
    )
