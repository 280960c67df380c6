"""Names beside single dots, where a legend of as many looks as dots would have to be matched by eye."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hingeline.report.drawing import words

_LETTER = 6.6  # width of a letter of size 12, roughly, pixels
_LINE = 15.0  # height of a line of names
_NEAR = 7.0  # dots nearer than this in both directions share a name
_GAP = 9.0  # between a dot and its name
_MOST_LETTERS = 44  # in a line of names

Box = tuple[float, float, float, float]


def dot_names(
    dots: Sequence[tuple[float, float, str]], left: float, right: float, top: float, bottom: float
) -> list[str]:
    """A name beside every dot, one for all dots that lie upon each other; none over another one.

    Args:
        dots: Place and name of each, pixels.
        left: Of the plot, pixels; likewise the other three.
        right: Its other side.
        top: Its upper end.
        bottom: Its lower end.
    """
    parts: list[str] = []
    taken: list[Box] = []
    for x, y, names in _together(dots):
        lines = [*_lines(names)]
        long = _LETTER * max(map(len, lines))
        ends_here = x + _GAP + long > right and x - _GAP - long >= left
        begin = x - _GAP - long if ends_here else x + _GAP
        high = _LINE * len(lines)
        place = _free(taken, begin, long, y, high, top, bottom)
        taken.append((begin, place, begin + long, place + high))
        anchor, edge = ("end", x - _GAP) if ends_here else ("start", x + _GAP)
        parts += [
            words(edge, place + _LINE * number + 11, line, anchor=anchor, size=12)
            for number, line in enumerate(lines)
        ]
    return parts


def _together(dots: Sequence[tuple[float, float, str]]) -> list[tuple[float, float, list[str]]]:
    """Dots that cannot be told apart, as one with all their names."""
    found: list[tuple[float, float, list[str]]] = []
    for x, y, name in dots:
        near = (n for a, b, n in found if abs(a - x) < _NEAR and abs(b - y) < _NEAR)
        names = next(near, None)
        if names is None:
            found.append((x, y, [name]))
        else:
            names.append(name)
    return found


def _lines(names: Sequence[str]) -> Iterator[str]:
    """Names with commas, in lines that are not too long."""
    line = ""
    for number, name in enumerate(names):
        word = name if number == len(names) - 1 else f"{name},"
        if line and len(line) + 1 + len(word) > _MOST_LETTERS:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line


def _free(
    taken: Sequence[Box], begin: float, long: float, middle: float, high: float, top: float, bottom: float
) -> float:
    """The nearest height at which nothing is written yet; that of the dot if there is none."""
    wanted = min(max(middle - high / 2, top), bottom - high)
    steps = sorted((s * _LINE / 2 for s in range(-30, 31)), key=abs)
    for place in (wanted + step for step in steps):
        inside = top <= place and place + high <= bottom
        if inside and not any(
            begin < box[2] and box[0] < begin + long and place < box[3] and box[1] < place + high
            for box in taken
        ):
            return place
    return wanted
