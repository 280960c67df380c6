"""Gauges as SVG: a bar on a track, where the whole track is all there is."""

from __future__ import annotations

from hingeline.core.figure_data import Gauge
from hingeline.report.drawing import BLUE, GRID, LABELS, ROW, WIDTH, frame, segment, words

_BEHIND = 190  # room for the words behind the track, pixels
_PARTS = 4  # a track is marked in quarters


def gauge_svg(figure: Gauge) -> str:
    """One track for each level, filled as far as it has come, its words behind it."""
    end = WIDTH - _BEHIND
    height = len(figure.levels) * ROW
    parts: list[str] = []
    for row, level in enumerate(figure.levels):
        y, full = row * ROW, end - LABELS
        length = full * min(max(level.value / level.end, 0.0), 1.0)
        parts += [
            words(LABELS - 10, y + 18, level.label, anchor="end"),
            f'<rect x="{LABELS}" y="{y + 5}" width="{full}" height="18" rx="2" fill="{GRID}"/>',
            f'<rect x="{LABELS}" y="{y + 5}" width="{length:.1f}" height="18" rx="2" fill="{BLUE}"/>',
            words(end + 10, y + 18, level.words),
        ]
    for part in range(_PARTS + 1):
        x = LABELS + (end - LABELS) * part / _PARTS
        parts += [
            segment(x, 2, x, height + 2, colour="#ffffff" if 0 < part < _PARTS else GRID),
            words(x, height + 16, f"{100 * part // _PARTS} %", anchor="middle", size=12),
        ]
    parts.append(words(LABELS, height + 34, figure.unit, size=12))
    return frame(figure.caption, height + 42, parts)
