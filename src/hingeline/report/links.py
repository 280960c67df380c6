"""What can be saved from the page: a figure's data as CSV, its drawing as SVG, inside it as data addresses.

Nothing is fetched: the page is one file. What would make it heavy is left to the run's folder, drawings
before data.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hingeline.core.figure_data import Figure
from hingeline.report.figures import csv_text, svg_text

_MOST_EACH = 80_000
"""Letters of one address."""
_MOST_TOGETHER = 150_000
"""Letters of all addresses of a page: it should open at once, and be sent by mail."""


@dataclass(frozen=True)
class Link:
    """Something to save."""

    words: str
    """What it is, with its size."""
    file: str
    """The name it is saved under."""
    address: str
    """All of it, as a data address."""


def page_links(figures: Sequence[Figure], names: Sequence[str]) -> tuple[tuple[Link, ...], ...]:
    """For every figure of a page the links below it; `names` are those of their files, without ending."""
    pairs = list(zip(names, figures, strict=True))
    data = [_link("Data (CSV", f"{name}.csv", "text/csv", csv_text(figure)) for name, figure in pairs]
    drawn = [_link("Drawing (SVG", f"{name}.svg", "image/svg+xml", svg_text(one)) for name, one in pairs]
    afforded = _afforded([*data, *drawn])
    return tuple(
        tuple(link for link in both if link is not None)
        for both in zip(afforded[: len(pairs)], afforded[len(pairs) :], strict=True)
    )


def _afforded(links: Iterable[Link]) -> list[Link | None]:
    """None in place of what is too heavy."""
    room = _MOST_TOGETHER
    kept: list[Link | None] = []
    for link in links:
        fits = len(link.address) <= min(room, _MOST_EACH)
        room -= len(link.address) if fits else 0
        kept.append(link if fits else None)
    return kept


def _link(words: str, file: str, kind: str, text: str) -> Link:
    data = text.encode("utf-8")
    size = f"{max(round(len(data) / 1000), 1)} kB"
    address = f"data:{kind};charset=utf-8;base64,{b64encode(data).decode('ascii')}"
    return Link(f"{words}, {size})", file, address)
