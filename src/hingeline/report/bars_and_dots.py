"""Bars and rows of dots as SVG."""

from __future__ import annotations

from hingeline.core.figure_data import Bars, Dots
from hingeline.report.axes import Scale, tick_words
from hingeline.report.drawing import (
    BLUE,
    LABELS,
    ORANGE,
    REFERENCE_DASH,
    ROW,
    WIDTH,
    frame,
    segment,
    words,
)
from hingeline.report.numbers import count

_BEHIND = 90  # room for values behind the longest bar, pixels
_STEP = 7  # least distance of two stacked dots, pixels


def bars_svg(figure: Bars) -> str:
    """One bar for each label, its value behind it."""
    longest = max(figure.values, default=0.0) or 1.0
    room = WIDTH - LABELS - _BEHIND
    parts: list[str] = []
    for row, (label, value) in enumerate(zip(figure.labels, figure.values, strict=True)):
        y, length = row * ROW, max(room * value / longest, 1.0)
        parts += [
            words(LABELS - 10, y + 18, label, anchor="end"),
            f'<rect x="{LABELS}" y="{y + 5}" width="{length:.1f}" height="18" rx="2" fill="{BLUE}"/>',
            words(LABELS + length + 8, y + 18, count(value)),
        ]
    height = len(figure.labels) * ROW
    parts.append(words(LABELS, height + 16, figure.unit, size=12))
    return frame(figure.caption, height + 24, parts)


def dots_svg(figure: Dots) -> str:
    """One dot for each number, stacked where they would overlap."""
    everything = [v for row in figure.values for v in row] + [place for _, place in figure.marks]
    scale = Scale.over(everything, log=True, start=LABELS, end=WIDTH - 30)
    heights = [max(ROW, _STEP * _tallest(row, scale) + 16) for row in figure.values]
    total = sum(heights)
    parts = [part for tick in scale.ticks() for part in _tick(tick, scale.place(tick), total)]
    top = 0
    for label, row, height in zip(figure.groups, figure.values, heights, strict=True):
        parts.append(words(LABELS - 10, top + height / 2 + 5, label, anchor="end"))
        parts += _stacked(sorted(scale.place(v) for v in row), top + height - 10)
        top += height
    for level, (name, place) in enumerate(figure.marks):
        parts += _mark(name, scale.place(place), total, level)
    bottom = total + 22 + 16 * len(figure.marks)
    parts.append(words(LABELS, bottom + 14, figure.unit, size=12))
    return frame(figure.caption, bottom + 22, parts)


def _tick(value: float, x: float, height: int) -> list[str]:
    return [segment(x, 0, x, height), words(x, height + 16, tick_words(value), anchor="middle", size=12)]


def _mark(name: str, x: float, height: int, level: int) -> list[str]:
    line = segment(x, 0, x, height + 22 + 16 * level, colour=ORANGE, width=2, dash=REFERENCE_DASH)
    anchor = "end" if x > WIDTH - 200 else "start"
    side = -5 if anchor == "end" else 5
    return [line, words(x + side, height + 32 + 16 * level, name, anchor=anchor, size=12, colour=ORANGE)]


def _stacked(places: list[float], floor: float) -> list[str]:
    """Dots at `places` (sorted), piled up where they would overlap."""
    tops: list[tuple[float, int]] = []
    parts: list[str] = []
    for x in places:
        level = sum(1 for other, _ in tops if x - other < _STEP)
        tops.append((x, level))
        parts.append(f'<circle cx="{x:.1f}" cy="{floor - level * _STEP:.1f}" r="3.2" fill="{BLUE}"/>')
    return parts


def _tallest(row: tuple[float, ...], scale: Scale) -> int:
    places = sorted(scale.place(v) for v in row)
    return max((sum(1 for other in places if 0 <= x - other < _STEP) for x in places), default=1)
