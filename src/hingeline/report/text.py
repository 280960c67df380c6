"""The report for the terminal: the verdict, the numbers, what was checked; the page has the rest."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text as Words

from hingeline.report.model import Claim, Report, Section, Tile, Tone

_COLOURS = {Tone.GOOD: "green", Tone.PART: "yellow", Tone.BAD: "red"}
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}


def terminal_text(report: Report) -> RenderableType:
    """Headline, numbers and all claims of the report; figures are left to the page."""
    colour = _COLOURS[report.tone]
    head = Words.assemble((f" {report.verdict} ", f"bold white on {colour}"), "  ", (report.headline, "bold"))
    parts: list[RenderableType] = [head, Padding(_tiles(report.tiles), (1, 0, 1, 0))]
    for section in report.sections:
        parts += _told(section)
    return Group(*parts)


def _tiles(tiles: tuple[Tile, ...]) -> Grid:
    grid = Grid.grid(padding=(0, 3, 0, 0))
    for _ in tiles:
        grid.add_column()
    grid.add_row(*(Words(tile.value, style="bold cyan") for tile in tiles))
    grid.add_row(*(Words(tile.label, style="dim") for tile in tiles))
    return grid


def _told(section: Section) -> list[RenderableType]:
    return [_claim(block) for block in section.blocks if isinstance(block, Claim)]


def _claim(claim: Claim) -> RenderableType:
    mark, colour = _MARKS[claim.holds]
    seen = (f"  {claim.seen}", "dim") if claim.seen else ""
    return Words.assemble((f"{mark} ", colour), claim.words, seen)
