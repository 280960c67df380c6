"""What all figures share: one width, one palette, words, lines, the frame.

The palette is Okabe and Ito's, which the colour-blind tell apart; where colours carry meaning, dashes or
words carry it too, so that a page prints in grey and reads aloud.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

WIDTH = 760
"""Of every figure, pixels; pages scale it."""
NARROW = 360
"""Of a figure drawn for a phone, where letters of a scaled one could not be read."""
LETTER = 6.4
"""Width of a letter of size 12, roughly, pixels."""
LABELS = 190
"""Room for row labels on the left, pixels."""
ROW = 28
"""Height of one row of bars or dots, pixels."""
INK, GRID = "#333333", "#d8dde3"
MARKED = "#a84300"
"""Words beside orange lines: orange itself is too pale to be read as letters."""
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#007a5a", "#a3578a"
FAMILIES = "system-ui, 'DejaVu Sans', sans-serif"
"""Of all words; the second is at hand where nothing is set up."""
REFERENCE_DASH = "5 4"
"""Of reference lines, so that they are not taken for data."""


@dataclass(frozen=True)
class Drawing:
    """What is drawn of a figure, before it becomes a file or a part of a page."""

    height: float
    """Pixels."""
    parts: list[str]
    """SVG elements, later ones over earlier ones."""
    width: int = WIDTH
    """Pixels."""


def lines_of(text: str, room: float) -> list[str]:
    """Words of size 12 in lines that are not wider than `room` pixels, single words apart."""
    lines: list[str] = []
    for word in text.split():
        if lines and (len(lines[-1]) + 1 + len(word)) * LETTER <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def words(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    size: int = 14,
    colour: str = INK,
    turn: bool = False,
) -> str:
    """Text at a place; `turn` lets it run upwards."""
    turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"{turned}>'
        f"{escape(text)}</text>"
    )


def segment(
    x1: float, y1: float, x2: float, y2: float, *, colour: str = GRID, width: float = 1, dash: str = ""
) -> str:
    """A straight line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}"{dashed}/>'
    )


def svg_element(drawing: Drawing, title: str, description: str, ident: str) -> str:
    """The whole `<svg>` element, with a title and what it says for those who cannot see it.

    Args:
        drawing: What is drawn.
        title: The caption.
        description: The data in words.
        ident: Begin of the names of its elements, for pages that hold several figures.
    """
    body = "\n".join(drawing.parts)
    at = escape(re.sub(r"[^A-Za-z0-9_-]+", "-", ident))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {drawing.width} {drawing.height:.0f}" '
        f'role="img" font-family="{FAMILIES}" aria-labelledby="{at}-title" aria-describedby="{at}-desc">'
        f'<title id="{at}-title">{escape(title)}</title>\n'
        f'<desc id="{at}-desc">{escape(description)}</desc>\n{body}\n</svg>\n'
    )
