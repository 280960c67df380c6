"""Bars and rows of dots as SVG."""

from __future__ import annotations

from hingeline.core.figure_data import Bars, Dots
from hingeline.report.axes import Scale, tick_words
from hingeline.report.drawing import (
    BLUE,
    LABELS,
    LETTER,
    MARKED,
    ORANGE,
    REFERENCE_DASH,
    ROW,
    WIDTH,
    Drawing,
    lines_of,
    segment,
    words,
)
from hingeline.report.numbers import count

_BEHIND = 90  # room for values behind the longest bar, pixels
_ABOVE = 16  # room for a label above its row, pixels
_STEP = 7  # least distance of two stacked dots, pixels


def drawn_bars(figure: Bars, width: int = WIDTH) -> Drawing:
    """One bar for each label, its value behind it; the label stands above where there is no room beside."""
    longest = max(figure.values, default=0.0) or 1.0
    beside = width == WIDTH
    left, above = (LABELS, 0) if beside else (0, _ABOVE)
    parts: list[str] = []
    for row, (label, value) in enumerate(zip(figure.labels, figure.values, strict=True)):
        y, length = row * (ROW + above), max((width - left - _BEHIND) * value / longest, 1.0)
        parts += [
            words(LABELS - 10, y + 18, label, anchor="end") if beside else words(0, y + 15, label, size=13),
            f'<rect x="{left}" y="{y + above + 5}" width="{length:.1f}" height="18" rx="2" fill="{BLUE}"/>',
            words(left + length + 8, y + above + 18, count(value)),
        ]
    height = len(figure.labels) * (ROW + above)
    parts.append(words(left, height + 16, figure.unit, size=12))
    return Drawing(height + 24, parts, width)


def drawn_dots(figure: Dots, width: int = WIDTH) -> Drawing:
    """One dot for each number, stacked where they would overlap."""
    beside = width == WIDTH
    left, above = (LABELS, 0) if beside else (20, _ABOVE)
    everything = [v for row in figure.values for v in row] + [place for _, place in figure.marks]
    scale = Scale.over(everything, log=True, start=left, end=width - 30, most=8 if beside else 4)
    heights = [max(ROW, _STEP * _tallest(row, scale) + 16) + above for row in figure.values]
    total = sum(heights)
    parts = [part for tick in scale.ticks() for part in _tick(tick, scale.place(tick), total)]
    top = 0
    for label, row, height in zip(figure.groups, figure.values, heights, strict=True):
        parts.append(
            words(LABELS - 10, top + height / 2 + 5, label, anchor="end")
            if beside
            else words(0, top + 14, label, size=13)
        )
        parts += _stacked(sorted(scale.place(v) for v in row), top + height - 10)
        top += height
    for level, (name, place) in enumerate(figure.marks):
        parts += _mark(name, scale.place(place), total, level, width)
    bottom = total + 22 + 16 * len(figure.marks)
    told = [figure.unit] if beside else lines_of(figure.unit, width)
    parts += [
        words(left if beside else 0, bottom + 14 + 16 * n, line, size=12) for n, line in enumerate(told)
    ]
    return Drawing(bottom + 6 + 16 * len(told), parts, width)


def _tick(value: float, x: float, height: int) -> list[str]:
    return [segment(x, 0, x, height), words(x, height + 16, tick_words(value), anchor="middle", size=12)]


def _mark(name: str, x: float, height: int, level: int, width: int) -> list[str]:
    line = segment(x, 0, x, height + 22 + 16 * level, colour=ORANGE, width=2, dash=REFERENCE_DASH)
    y, long = height + 32 + 16 * level, LETTER * len(name) + 5
    if x + long <= width or x - long < 0:
        return [line, words(max(min(x + 5, width - long), 0), y, name, size=12, colour=MARKED)]
    return [line, words(x - 5, y, name, anchor="end", size=12, colour=MARKED)]


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
