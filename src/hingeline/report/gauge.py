"""Gauges as SVG: a bar on a track, where the whole track is all there is."""

from __future__ import annotations

from hingeline.core.figure_data import Gauge
from hingeline.report.drawing import BLUE, GRID, LABELS, ROW, WIDTH, Drawing, lines_of, segment, words

_BEHIND = 190  # room for the words behind the track, pixels
_ABOVE = 18  # room for the words above a track, pixels
_PARTS = 4  # a track is marked in quarters


def drawn_gauge(figure: Gauge, width: int = WIDTH) -> Drawing:
    """One track for each level, filled as far as it has come, its words behind it, or above on a phone."""
    beside = width == WIDTH
    left, end, above = (LABELS, width - _BEHIND, 0) if beside else (16, width - 24, _ABOVE)
    height, full = len(figure.levels) * (ROW + above), end - left
    parts: list[str] = []
    for row, level in enumerate(figure.levels):
        top = row * (ROW + above)
        y, length = top + above, full * min(max(level.value / level.end, 0.0), 1.0)
        parts += (
            [
                words(left - 10, top + 18, level.label, anchor="end"),
                words(end + 10, top + 18, level.words),
            ]
            if beside
            else [words(0, top + 16, f"{level.label}: {level.words}", size=13)]
        )
        parts += [
            f'<rect x="{left}" y="{y + 5}" width="{full}" height="18" rx="2" fill="{GRID}"/>',
            f'<rect x="{left}" y="{y + 5}" width="{length:.1f}" height="18" rx="2" fill="{BLUE}"/>',
        ]
    for part in range(_PARTS + 1):
        x = left + full * part / _PARTS
        # On a phone the lines would cross the words.
        line = [segment(x, 2, x, height + 2, colour="#ffffff" if 0 < part < _PARTS else GRID)]
        parts += line if beside else []
        parts.append(words(x, height + 16, f"{100 * part // _PARTS} %", anchor="middle", size=12))
    told = lines_of(figure.unit, width - left)
    parts += [words(left, height + 34 + 16 * n, line, size=12) for n, line in enumerate(told)]
    return Drawing(height + 26 + 16 * len(told), parts, width)
