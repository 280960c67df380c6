"""A grid of numbers as SVG: darker for larger, the number in every cell."""

from __future__ import annotations

import math

from hingeline.core.figure_data import Heat
from hingeline.report.drawing import LABELS, LETTER, WIDTH, Drawing, lines_of, words
from hingeline.report.numbers import small

_CELL = 34  # height, pixels
_WIDEST = 110  # pixels; few columns should not become planks
_NARROWEST = 34  # pixels, for a number such as 0.97 or 1e-3
_LETTER = 7.0  # width of a letter of size 13, roughly, pixels
# White to dark blue: lightness falls all the way, so it is read in grey and by the colour-blind.
_LIGHT, _DARK = (247, 251, 255), (8, 48, 107)
_EMPTY = "#eeeeee"
_HALFWAY = 0.179  # luminance at which black and white letters stand out equally
_BLACK, _WHITE = "#000000", "#ffffff"  # one of the two is read on any cell; no grey is


def drawn_heat(figure: Heat, width: int = WIDTH) -> Drawing:
    """The grid with its labels."""
    low, high = _ends(figure)
    left = LABELS if width == WIDTH else _narrow_labels(figure)
    cell = min(_WIDEST, (width - left - 10) / max(len(figure.columns), 1))
    if width == WIDTH:
        parts = [
            words(left, 14, figure.across, size=12),
            words(left - 10, 36, figure.down, anchor="end", size=12),
        ]
    else:
        parts = [words(0, 14, f"{figure.down} (down), {figure.across} (across)", size=12)]
    for column, label in enumerate(figure.columns):
        parts.append(words(left + (column + 0.5) * cell, 36, label, anchor="middle", size=13))
    for row, (label, values) in enumerate(zip(figure.rows, figure.values, strict=True)):
        y = 44 + row * _CELL
        parts.append(words(left - 10, y + 22, label, anchor="end", size=13))
        for column, value in enumerate(values):
            parts += _cell(left + column * cell, y, cell, value, low, high)
    bottom = 44 + len(figure.rows) * _CELL
    told = lines_of(figure.unit, width - left)
    parts += [words(left, bottom + 20 + 16 * n, line, size=12) for n, line in enumerate(told)]
    return Drawing(bottom + 12 + 16 * len(told), parts, width)


def fits_narrow(figure: Heat, width: int) -> bool:
    """Whether labels and numbers have room in a drawing of that width."""
    left, most = _narrow_labels(figure), max(map(len, figure.columns), default=0)
    head = len(f"{figure.down} (down), {figure.across} (across)")
    room = (width - left - 10) / max(len(figure.columns), 1)
    return room >= max(_LETTER * (most + 1), _NARROWEST) and head * LETTER <= width


def _narrow_labels(figure: Heat) -> int:
    return round(_LETTER * max(map(len, figure.rows), default=0)) + 14


def _ends(figure: Heat) -> tuple[float, float]:
    known = [v for row in figure.values for v in row if v is not None and math.isfinite(v)]
    return min(known, default=0.0), max(known, default=1.0)


def _cell(x: float, y: float, width: float, value: float | None, low: float, high: float) -> list[str]:
    empty = value is None or not math.isfinite(value)
    share = 0.0 if value is None or empty or high == low else (value - low) / (high - low)
    fill = _EMPTY if empty else _colour(share)
    ink = _BLACK if empty or _lightness(_mixed(share)) > _HALFWAY else _WHITE
    told = "" if value is None else small(value)
    box = f'<rect x="{x:.1f}" y="{y}" width="{width - 2:.1f}" height="{_CELL - 2}" fill="{fill}"/>'
    return [box, words(x + width / 2 - 1, y + 21, told, anchor="middle", size=13, colour=ink)]


def _colour(share: float) -> str:
    return "#" + "".join(f"{part:02x}" for part in _mixed(share))


def _mixed(share: float) -> tuple[int, int, int]:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(_LIGHT, _DARK, strict=True))
    return red, green, blue


def _lightness(colour: tuple[int, int, int]) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    linear = ((p / 255 / 12.92 if p <= 10 else ((p / 255 + 0.055) / 1.055) ** 2.4) for p in colour)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
