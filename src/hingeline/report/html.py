"""The report as one HTML file: no script, no link to anywhere, opens from disk, prints well."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hingeline.core.figure_data import Figure
from hingeline.report.figures import svg_text
from hingeline.report.model import Block, Claim, Report, Section

_TEMPLATES = Path(__file__).parent / "templates"


def html_text(report: Report) -> str:
    """The whole page; everything that came from a target is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=False
    )
    page = environment.get_template("page.html")
    return page.render(report=report, blocks=_named_blocks, svg=_inline_svg)


def _named_blocks(section: Section) -> list[tuple[str, Any]]:
    """The section's blocks with the name of their kind; claims in a row become one list."""
    named: list[tuple[str, Any]] = []
    for is_claim, group in groupby(section.blocks, key=_is_claim):
        members = list(group)
        named += [("Claims", members)] if is_claim else [(type(block).__name__, block) for block in members]
    return named


def _is_claim(block: Block) -> bool:
    return isinstance(block, Claim)


def _inline_svg(figure: Figure) -> Markup:
    # Safe: svg_text escapes every word that is not its own.
    return Markup(svg_text(figure))
