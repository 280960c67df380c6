"""A report as its page shows it: places to link to, tables and figures numbered, claims in lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, groupby
from typing import Any

from markupsafe import Markup

from hingeline.core.figure_data import Figure
from hingeline.report.drawing import NARROW
from hingeline.report.figures import file_names, has_narrow, svg_text
from hingeline.report.links import Link, page_links
from hingeline.report.model import Block, Claim, Report, Section, Table

_EMPTY = Markup("")
_LONG = 40  # letters from which a cell is a sentence
# A number as our builders write them: 12,345, 3.1e-13, <0.5, 78 %, 4 of 5, 0.26 (0.2-0.3), ?, or nothing.
_NUMBER = re.compile(r"[<>≤≥~±+−-]?\d[\d.,]*(e[+-]?\d+)?( ?%| s)?|\d+( of |/)\d+|\?|")


@dataclass(frozen=True)
class Shown:
    """One block, or a run of claims, with what its place on the page adds."""

    kind: str
    """Name of the block's class; "Claims" for a run of claims."""
    block: Any
    number: int = 0
    """Of a table or figure, counted over the page."""
    columns: tuple[str, ...] = ()
    """Of a table: "n" for numbers, set flush right; "t" for sentences, given room; else empty."""
    svg: Markup = _EMPTY
    """The drawing of a figure."""
    narrow: Markup = _EMPTY
    """The same for a phone; empty where it cannot be drawn so narrow."""
    links: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Part:
    """One section."""

    anchor: str
    """Unique on the page."""
    section: Section
    blocks: tuple[Shown, ...]


def page_parts(report: Report) -> tuple[Part, ...]:
    """The sections in reading order."""
    figures, tables = _shown_figures(report), count(1)
    anchors = _unique(section.anchor or _slug(section.title) for section in report.sections)
    return tuple(
        Part(anchor, section, tuple(_shown(section, figures, tables)))
        for anchor, section in zip(anchors, report.sections, strict=True)
    )


def _shown_figures(report: Report) -> Iterator[Shown]:
    """All figures as they come, with a number, a drawing and links each."""
    links = page_links(report.figures, file_names(report.figures))
    for number, (figure, offered) in enumerate(zip(report.figures, links, strict=True), start=1):
        # Safe: svg_text escapes every word that is not its own.
        svg, narrow = Markup(svg_text(figure, f"figure-{number}")), _EMPTY
        if has_narrow(figure):
            narrow = Markup(svg_text(figure, f"figure-{number}-narrow", NARROW))
        yield Shown("Figure", figure, number, svg=svg, narrow=narrow, links=offered)


def _shown(section: Section, figures: Iterator[Shown], tables: Iterator[int]) -> Iterator[Shown]:
    for is_claim, group in groupby(section.blocks, key=_is_claim):
        if is_claim:
            yield Shown("Claims", list(group))
            continue
        for block in group:
            if isinstance(block, Table):
                yield Shown("Table", block, next(tables), _columns(block))
            elif isinstance(block, Figure):
                yield next(figures)
            else:
                yield Shown(type(block).__name__, block)


def _is_claim(block: Block) -> bool:
    return isinstance(block, Claim)


def _columns(table: Table) -> tuple[str, ...]:
    """What each column holds: "n" for numbers alone, "t" for sentences; a table without a head is pairs."""
    if not table.columns:
        return ("",) * max((len(row) for row in table.rows), default=0)
    return tuple(
        "" if place == 0 else _kind([row[place] for row in table.rows]) for place in range(len(table.columns))
    )


def _kind(cells: list[str]) -> str:
    if all(_NUMBER.fullmatch(cell) for cell in cells):
        return "n"
    return "t" if any(len(cell) > _LONG for cell in cells) else ""


def _slug(title: str) -> str:
    """A title as the name of a place: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"


def _unique(names: Iterable[str]) -> list[str]:
    """Names that occur again, and those that the page itself uses, get a number."""
    taken = ["report", "contents"]
    for name in names:
        tries = (name if number == 1 else f"{name}-{number}" for number in count(1))
        taken.append(next(one for one in tries if one not in taken))
    return taken[2:]
