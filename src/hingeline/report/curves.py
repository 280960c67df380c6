"""Lines and dots over two axes, as SVG."""

from __future__ import annotations

import math

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.report.axes import Scale, tick_words
from hingeline.report.dot_names import dot_names
from hingeline.report.drawing import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    PURPLE,
    REFERENCE_DASH,
    WIDTH,
    frame,
    segment,
    words,
)

_LEFT, _RIGHT, _TOP, _HEIGHT = 80.0, 24.0, 14.0, 270.0  # room around the plot and its height, pixels
_LEGEND_ROW = 20
_MARK_ROW = 17  # height of the name of a vertical line, pixels
_LETTER = 6.4  # width of a letter of that size, roughly
# Lines differ by dash as well as by colour: they must be told apart in grey.
_LOOKS = (
    (BLUE, ""),
    (PURPLE, "9 4"),
    (GREEN, "2 3"),
    (INK, "9 3 2 3"),
    (PURPLE, "16 3"),
    (GREEN, "5 2 1 2 1 2"),
)
_MOST_DOTS_ON_LINE = 40  # more would hide the line


def curves_svg(figure: Curves) -> str:
    """Grid, reference lines, curves, legend."""
    shown = [_drawable(curve, figure) for curve in figure.curves]
    across = _scale(figure.across, [x for x, _ in _all(shown)], figure.marks, _LEFT, WIDTH - _RIGHT)
    up = _scale(figure.up, [y for _, y in _all(shown)], figure.levels, _TOP + _HEIGHT, _TOP)
    parts = _grid(across, up)
    parts += [part for name, y in _on(figure.levels, up) for part in _level(name, up.place(y))]
    parts += _marks([(name, across.place(x)) for name, x in _on(figure.marks, across)])
    for number, (curve, points) in enumerate(zip(figure.curves, shown, strict=True)):
        parts += _drawn([(across.place(x), up.place(y)) for x, y in points], curve, number)
    bottom = _TOP + _HEIGHT
    parts.append(
        words((_LEFT + WIDTH - _RIGHT) / 2, bottom + 38, figure.across.words, anchor="middle", size=12)
    )
    parts.append(words(16, _TOP + _HEIGHT / 2, figure.up.words, anchor="middle", size=12, turn=True))
    alone = len(figure.curves) > 1 and all(len(c.x) == 1 and not c.joined for c in figure.curves)
    if alone:
        dots = [
            (across.place(x), up.place(y), curve.label)
            for curve, points in zip(figure.curves, shown, strict=True)
            for x, y in points
        ]
        parts += dot_names(dots, _LEFT, WIDTH - _RIGHT, _TOP, bottom)
    legend = [] if alone else _legend(figure.curves, bottom + 58)
    return frame(
        figure.caption, bottom + 48 + _LEGEND_ROW * (len(figure.curves) if legend else 0), parts + legend
    )


def _drawable(curve: Curve, figure: Curves) -> list[tuple[float, float]]:
    """Points that have a place on the axes."""
    pairs = zip(curve.x, curve.y, strict=True)
    return [(x, y) for x, y in pairs if _fits(x, figure.across) and _fits(y, figure.up)]


def _fits(value: float, axis: Axis) -> bool:
    return math.isfinite(value) and (value > 0 or not axis.log)


def _all(shown: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    return [point for points in shown for point in points]


def _scale(
    axis: Axis, values: list[float], lines: tuple[tuple[str, float], ...], start: float, end: float
) -> Scale:
    """An axis that holds the data and the reference lines."""
    known = [*values, *(place for _, place in lines if _fits(place, axis))]
    zero = [0.0] if axis.from_zero and not axis.log else []
    return Scale.over([*known, *zero], log=axis.log, start=start, end=end, whole=axis.whole)


def _on(lines: tuple[tuple[str, float], ...], scale: Scale) -> list[tuple[str, float]]:
    return [(name, place) for name, place in lines if scale.low <= place <= scale.high]


def _grid(across: Scale, up: Scale) -> list[str]:
    bottom, right = _TOP + _HEIGHT, WIDTH - _RIGHT
    parts: list[str] = []
    for tick in across.ticks():
        x = across.place(tick)
        parts += [
            segment(x, _TOP, x, bottom),
            words(x, bottom + 18, tick_words(tick), anchor="middle", size=12),
        ]
    for tick in up.ticks():
        y = up.place(tick)
        parts += [
            segment(_LEFT, y, right, y),
            words(_LEFT - 8, y + 4, tick_words(tick), anchor="end", size=12),
        ]
    return parts


def _level(name: str, y: float) -> list[str]:
    right = WIDTH - _RIGHT
    line = segment(_LEFT, y, right, y, colour=ORANGE, width=2, dash=REFERENCE_DASH)
    above = y - 6 if y > _TOP + 18 else y + 16
    return [line, _on_white(_LEFT + 6, above, name, "start")]


def _marks(marks: list[tuple[str, float]]) -> list[str]:
    """Vertical lines with their names, one above the other where they would overlap."""
    parts: list[str] = []
    taken: list[list[tuple[float, float]]] = []
    for name, x in marks:
        inwards = x > (_LEFT + WIDTH - _RIGHT) / 2
        length = _LETTER * len(name) + 12
        left, right = (x - length, x) if inwards else (x, x + length)
        row = next((i for i, row in enumerate(taken) if _is_free(row, left, right)), len(taken))
        taken += [[]] if row == len(taken) else []
        taken[row].append((left, right))
        low = _TOP + _HEIGHT - 8 - _MARK_ROW * row  # names of levels stand higher up
        parts.append(segment(x, _TOP, x, _TOP + _HEIGHT, colour=ORANGE, width=2, dash=REFERENCE_DASH))
        parts.append(_on_white(x - 6 if inwards else x + 6, low, name, "end" if inwards else "start"))
    return parts


def _is_free(row: list[tuple[float, float]], left: float, right: float) -> bool:
    return all(right <= begin or left >= end for begin, end in row)


def _on_white(x: float, y: float, text: str, anchor: str) -> str:
    """Words that stay readable where they cross lines."""
    plain = words(x, y, text, anchor=anchor, size=12, colour=ORANGE)
    return plain.replace("<text ", '<text stroke="#ffffff" stroke-width="4" paint-order="stroke" ', 1)


def _drawn(places: list[tuple[float, float]], curve: Curve, number: int) -> list[str]:
    colour, dash = _LOOKS[number % len(_LOOKS)]
    parts: list[str] = []
    if curve.joined and len(places) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
    if not curve.joined or (len(places) <= _MOST_DOTS_ON_LINE and not curve.steps):
        parts += [_dot(x, y, number) for x, y in places]
    return parts


def _dot(x: float, y: float, number: int) -> str:
    """A full dot, or every other time a hollow one: they must be told apart in grey."""
    colour = _LOOKS[number % len(_LOOKS)][0]
    look = f'fill="#ffffff" stroke="{colour}" stroke-width="1.4"' if number % 2 else f'fill="{colour}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.8" {look}/>'


def _legend(curves: tuple[Curve, ...], top: float) -> list[str]:
    """A sample of each line with its name; none where there is one line, which the axes name."""
    if len(curves) < 2:
        return []
    parts: list[str] = []
    for number, curve in enumerate(curves):
        y = top + _LEGEND_ROW * number
        colour, dash = _LOOKS[number % len(_LOOKS)]
        if curve.joined:
            parts.append(segment(_LEFT, y - 4, _LEFT + 36, y - 4, colour=colour, width=2, dash=dash))
        else:
            parts.append(_dot(_LEFT + 18, y - 4, number))
        parts.append(words(_LEFT + 46, y, curve.label, size=12))
    return parts
