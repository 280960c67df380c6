"""The report for the terminal: the verdict, the numbers, what was checked; the page has the rest.

Tables are shown where they are the answer itself (`Table.everywhere`).
"""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text as Words

from hingeline.report.model import Claim, Report, Section, Table, Tile, Tone

_COLOURS = {Tone.GOOD: "green", Tone.PART: "yellow", Tone.BAD: "red"}
_MARKS = {True: ("✓", "green"), False: ("✗", "red"), None: ("?", "yellow")}


def terminal_text(report: Report) -> RenderableType:
    """Headline, numbers, claims and the tables that belong everywhere; the rest is left to the page."""
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
    told: list[RenderableType] = []
    for block in section.blocks:
        if isinstance(block, Claim):
            told.append(_claim(block))
        elif isinstance(block, Table) and block.everywhere:
            told += [Words(section.title, style="bold"), _table(block)]
            if block.caption:
                told += [Words(block.caption, style="dim"), Words("")]
    return told


def _table(block: Table) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False, header_style="dim")
    for place, name in enumerate(block.columns):
        grid.add_column(name, justify="left" if place == 0 else "right", no_wrap=place == 0)
    for row in block.rows:
        grid.add_row(*(Words(cell) for cell in row))
    return grid


def _claim(claim: Claim) -> RenderableType:
    mark, colour = _MARKS[claim.holds]
    seen = (f"  {claim.seen}", "dim") if claim.seen else ""
    return Words.assemble((f"{mark} ", colour), claim.words, seen)
