"""Lines and dots over two axes, as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase

from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.report.axes import Scale, ticks_in_words
from hingeline.report.dot_names import dot_names
from hingeline.report.drawing import (
    BLUE,
    GREEN,
    INK,
    LETTER,
    MARKED,
    ORANGE,
    PURPLE,
    REFERENCE_DASH,
    WIDTH,
    Drawing,
    lines_of,
    segment,
    words,
)

Named = list[tuple[str, float]]
"""Reference lines: name and place."""
Dotted = list[tuple[float, float, str]]
"""Dots: place and name."""
_TOP = 14.0  # above the plot, pixels
_LEGEND_ROW = 20
_MARK_ROW = 17  # height of the name of a vertical line, pixels
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


@dataclass(frozen=True)
class _Plot:
    """Where the axes lie, pixels."""

    width: int
    left: float
    right: float
    bottom: float
    ticks: int
    """Along the horizontal axis, one more at most."""

    @classmethod
    def of(cls, width: int) -> _Plot:
        """Room for words beside the plot; on a phone less of it."""
        if width == WIDTH:
            return cls(width, 80.0, WIDTH - 24.0, _TOP + 270.0, 8)
        return cls(width, 64.0, width - 14.0, _TOP + 240.0, 4)

    @property
    def is_narrow(self) -> bool:
        """Names have no room beside their lines: letters stand there, and the names below."""
        return self.width < WIDTH


def drawn_curves(figure: Curves, width: int = WIDTH) -> Drawing:
    """Grid, reference lines, curves, legend."""
    plot = _Plot.of(width)
    shown = [_drawable(curve, figure) for curve in figure.curves]
    across = _scale(
        figure.across, [x for x, _ in _all(shown)], figure.marks, plot.left, plot.right, plot.ticks
    )
    up = _scale(figure.up, [y for _, y in _all(shown)], figure.levels, plot.bottom, _TOP)
    levels, marks = _on(figure.levels, up), _on(figure.marks, across)
    alone = len(figure.curves) > 1 and all(len(c.x) == 1 and not c.joined for c in figure.curves)
    dots = [
        (across.place(x), up.place(y), curve.label)
        for curve, points in zip(figure.curves, shown, strict=True)
        for x, y in points
    ] if alone else []  # fmt: skip
    named: list[tuple[str, str]] = []
    if plot.is_narrow:
        levels, marks, dots, named = _lettered(levels, marks, dots)
    parts = _grid(across, up, plot)
    parts += [part for name, y in levels for part in _level(name, up.place(y), plot)]
    parts += _marks([(name, across.place(x)) for name, x in marks], plot)
    for number, (curve, points) in enumerate(zip(figure.curves, shown, strict=True)):
        parts += _drawn([(across.place(x), up.place(y)) for x, y in points], curve, number)
    if dots:
        parts += dot_names(dots, plot.left, plot.right, _TOP, plot.bottom)
    words_below, bottom = _axis_words(figure, plot)
    rows, height = _legend(() if alone else figure.curves, named, bottom, plot)
    return Drawing(height, parts + words_below + rows, width)


def _lettered(
    levels: Named, marks: Named, dots: Dotted
) -> tuple[Named, Named, Dotted, list[tuple[str, str]]]:
    """Letters in place of the names of lines and dots, and which letter stands for which name."""
    letters = iter(ascii_lowercase)
    named = [
        (next(letters, "…"), name) for name in (*(n for n, _ in (*levels, *marks)), *(d[2] for d in dots))
    ]
    short = iter([letter for letter, _ in named])
    return (
        [(next(short), y) for _, y in levels],
        [(next(short), x) for _, x in marks],
        [(x, y, next(short)) for x, y, _ in dots],
        named,
    )


def _axis_words(figure: Curves, plot: _Plot) -> tuple[list[str], float]:
    """What the axes measure, and the height that is taken then."""
    below = lines_of(figure.across.words, plot.right - plot.left)
    beside = lines_of(figure.up.words, plot.bottom - _TOP)
    middle = (plot.left + plot.right) / 2
    parts = [
        words(middle, plot.bottom + 38 + 15 * n, line, anchor="middle", size=12)
        for n, line in enumerate(below)
    ]
    parts += [
        words(14 + 13 * n, (_TOP + plot.bottom) / 2, line, anchor="middle", size=12, turn=True)
        for n, line in enumerate(beside[:2])
    ]
    return parts, plot.bottom + 33 + 15 * len(below)


def _drawable(curve: Curve, figure: Curves) -> list[tuple[float, float]]:
    """Points that have a place on the axes."""
    pairs = zip(curve.x, curve.y, strict=True)
    return [(x, y) for x, y in pairs if _fits(x, figure.across) and _fits(y, figure.up)]


def _fits(value: float, axis: Axis) -> bool:
    return math.isfinite(value) and (value > 0 or not axis.log)


def _all(shown: list[list[tuple[float, float]]]) -> list[tuple[float, float]]:
    return [point for points in shown for point in points]


def _scale(
    axis: Axis,
    values: list[float],
    lines: tuple[tuple[str, float], ...],
    start: float,
    end: float,
    most: int = 8,
) -> Scale:
    """An axis that holds the data and the reference lines."""
    known = [*values, *(place for _, place in lines if _fits(place, axis))]
    zero = [0.0] if axis.from_zero and not axis.log else []
    return Scale.over([*known, *zero], log=axis.log, start=start, end=end, whole=axis.whole, most=most)


def _on(lines: tuple[tuple[str, float], ...], scale: Scale) -> Named:
    return [(name, place) for name, place in lines if scale.low <= place <= scale.high]


def _grid(across: Scale, up: Scale, plot: _Plot) -> list[str]:
    parts: list[str] = []
    ticks = across.ticks()
    for tick, told in zip(ticks, ticks_in_words(ticks), strict=True):
        x = across.place(tick)
        parts += [
            segment(x, _TOP, x, plot.bottom),
            words(x, plot.bottom + 18, told, anchor="middle", size=12),
        ]
    ticks = up.ticks()
    for tick, told in zip(ticks, ticks_in_words(ticks), strict=True):
        y = up.place(tick)
        parts += [
            segment(plot.left, y, plot.right, y),
            words(plot.left - 8, y + 4, told, anchor="end", size=12),
        ]
    return parts


def _level(name: str, y: float, plot: _Plot) -> list[str]:
    line = segment(plot.left, y, plot.right, y, colour=ORANGE, width=2, dash=REFERENCE_DASH)
    above = y - 6 if y > _TOP + 18 else y + 16
    return [line, _on_white(plot.left + 6, above, name, "start")]


def _marks(marks: list[tuple[str, float]], plot: _Plot) -> list[str]:
    """Vertical lines with their names, one above the other where they would overlap."""
    lines: list[str] = []
    names: list[str] = []
    taken: list[list[tuple[float, float]]] = []
    for name, x in marks:
        inwards = x > (plot.left + plot.right) / 2
        length = LETTER * len(name) + 12
        left, right = (x - length, x) if inwards else (x, x + length)
        row = next((i for i, row in enumerate(taken) if _is_free(row, left, right)), len(taken))
        taken += [[]] if row == len(taken) else []
        taken[row].append((left, right))
        low = plot.bottom - 8 - _MARK_ROW * row  # names of levels stand higher up
        lines.append(segment(x, _TOP, x, plot.bottom, colour=ORANGE, width=2, dash=REFERENCE_DASH))
        names.append(_on_white(x - 6 if inwards else x + 6, low, name, "end" if inwards else "start"))
    # names over all lines: the next line must not cross them out
    return lines + names


def _is_free(row: list[tuple[float, float]], left: float, right: float) -> bool:
    return all(right <= begin or left >= end for begin, end in row)


def _on_white(x: float, y: float, text: str, anchor: str) -> str:
    """Words that stay readable where they cross lines."""
    plain = words(x, y, text, anchor=anchor, size=12, colour=MARKED)
    return plain.replace("<text ", '<text stroke="#ffffff" stroke-width="4" paint-order="stroke" ', 1)


def _drawn(places: list[tuple[float, float]], curve: Curve, number: int) -> list[str]:
    colour, dash = _LOOKS[number % len(_LOOKS)]
    parts: list[str] = []
    if curve.joined and len(places) > 1:
        path = " ".join(f"{x},{y}" for x, y in _corners(places))
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
    if not curve.joined or (len(places) <= _MOST_DOTS_ON_LINE and not curve.steps):
        parts += [_dot(x, y, number) for x, y in places]
    return parts


def _corners(places: list[tuple[float, float]]) -> Iterator[tuple[str, str]]:
    """A line's points as they are written, without those inside a level or upright piece: steps have many."""
    written = [(f"{x:.1f}", f"{y:.1f}") for x, y in places]
    yield from written[:1]
    for before, point, after in zip(written, written[1:], written[2:], strict=False):
        if not any(before[i] == point[i] == after[i] for i in (0, 1)):
            yield point
    yield from written[1:][-1:]


def _dot(x: float, y: float, number: int) -> str:
    """A full dot, or every other time a hollow one: they must be told apart in grey."""
    colour = _LOOKS[number % len(_LOOKS)][0]
    look = f'fill="#ffffff" stroke="{colour}" stroke-width="1.4"' if number % 2 else f'fill="{colour}"'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.8" {look}/>'


def _legend(
    curves: tuple[Curve, ...], named: list[tuple[str, str]], top: float, plot: _Plot
) -> tuple[list[str], float]:
    """A sample of each line with its name, then letters with theirs, and where it ends.

    No sample where there is one line, which the axes name.
    """
    left = 0.0 if plot.is_narrow else plot.left
    entries = [(_sample(curve, number, left), curve.label) for number, curve in enumerate(curves)]
    entries = (entries if len(curves) > 1 else []) + [(_letter(one, left), name) for one, name in named]
    parts: list[str] = []
    y = top + 25
    for sample, name in entries:
        parts += sample(y)
        for line in lines_of(name, plot.right - left - 46):
            parts.append(words(left + 46, y, line, size=12))
            y += _LEGEND_ROW
    return parts, y - 10 if entries else top


def _sample(curve: Curve, number: int, left: float) -> Callable[[float], list[str]]:
    colour, dash = _LOOKS[number % len(_LOOKS)]
    if not curve.joined:
        return lambda y: [_dot(left + 18, y - 4, number)]
    return lambda y: [segment(left, y - 4, left + 36, y - 4, colour=colour, width=2, dash=dash)]


def _letter(letter: str, left: float) -> Callable[[float], list[str]]:
    return lambda y: [words(left + 18, y, letter, anchor="middle", size=12, colour=MARKED)]
