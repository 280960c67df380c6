"""What all figures share: one width, one palette, words, lines, the frame.

The palette is Okabe and Ito's, which the colour-blind tell apart; where colours carry meaning, dashes or
words carry it too, so that a page prints in grey and reads aloud.
"""

from __future__ import annotations

from html import escape

WIDTH = 760
"""Of every figure, pixels; pages scale it."""
LABELS = 190
"""Room for row labels on the left, pixels."""
ROW = 28
"""Height of one row of bars or dots, pixels."""
INK, GRID = "#333333", "#d8dde3"
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#007a5a", "#a3578a"
REFERENCE_DASH = "5 4"
"""Of reference lines, so that they are not taken for data."""


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


def frame(caption: str, height: float, parts: list[str]) -> str:
    """The whole `<svg>` element, with the caption as its title for those who cannot see it."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif"><title>{escape(caption)}</title>\n{body}\n</svg>\n'
    )
