"""The report as one HTML file: no script, no link to anywhere, opens from disk, prints well, reads aloud.

What the template shows is prepared by `page_parts`; the template only writes it down.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hingeline.report.model import Report
from hingeline.report.page_parts import page_parts

_TEMPLATES = Path(__file__).parent / "templates"
_FEW = 5  # sections that need no table of contents


def html_text(report: Report) -> str:
    """The whole page; everything that came from a target is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    parts = page_parts(report)
    page = environment.get_template("page.html")
    return page.render(report=report, parts=parts, has_contents=len(parts) > _FEW)
