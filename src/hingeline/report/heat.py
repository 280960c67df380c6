"""A grid of numbers as SVG: darker for larger, the number in every cell."""

from __future__ import annotations

import math

from hingeline.core.figure_data import Heat
from hingeline.report.drawing import INK, LABELS, WIDTH, frame, words
from hingeline.report.numbers import small

_CELL = 34  # height, pixels
_WIDEST = 110  # pixels; few columns should not become planks
# White to dark blue: lightness falls all the way, so it is read in grey and by the colour-blind.
_LIGHT, _DARK = (247, 251, 255), (8, 48, 107)
_EMPTY = "#eeeeee"
_WHITE_INK_FROM = 0.6  # share of the way to dark from which dark ink is no longer read


def heat_svg(figure: Heat) -> str:
    """The grid with its labels."""
    low, high = _ends(figure)
    width = min(_WIDEST, (WIDTH - LABELS - 10) / max(len(figure.columns), 1))
    parts = [
        words(LABELS, 14, figure.across, size=12),
        words(LABELS - 10, 36, figure.down, anchor="end", size=12),
    ]
    for column, label in enumerate(figure.columns):
        parts.append(words(LABELS + (column + 0.5) * width, 36, label, anchor="middle", size=13))
    for row, (label, values) in enumerate(zip(figure.rows, figure.values, strict=True)):
        y = 44 + row * _CELL
        parts.append(words(LABELS - 10, y + 22, label, anchor="end", size=13))
        for column, value in enumerate(values):
            parts += _cell(LABELS + column * width, y, width, value, low, high)
    bottom = 44 + len(figure.rows) * _CELL
    parts.append(words(LABELS, bottom + 20, figure.unit, size=12))
    return frame(figure.caption, bottom + 28, parts)


def _ends(figure: Heat) -> tuple[float, float]:
    known = [v for row in figure.values for v in row if v is not None and math.isfinite(v)]
    return min(known, default=0.0), max(known, default=1.0)


def _cell(x: float, y: float, width: float, value: float | None, low: float, high: float) -> list[str]:
    empty = value is None or not math.isfinite(value)
    share = 0.0 if value is None or empty or high == low else (value - low) / (high - low)
    fill = _EMPTY if empty else _colour(share)
    ink = "#ffffff" if share >= _WHITE_INK_FROM else INK
    told = "" if value is None else small(value)
    box = f'<rect x="{x:.1f}" y="{y}" width="{width - 2:.1f}" height="{_CELL - 2}" fill="{fill}"/>'
    return [box, words(x + width / 2 - 1, y + 21, told, anchor="middle", size=13, colour=ink)]


def _colour(share: float) -> str:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(_LIGHT, _DARK, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"
