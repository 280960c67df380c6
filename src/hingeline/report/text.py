"""The report for the terminal: the verdict, the numbers, what was checked; the page has the rest."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text as Words

from hingeline.report.model import Claim, Command, Report, Section, Table, Text, Tile, Tone

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


def full_text(report: Report) -> RenderableType:
    """Everything but the figures, section by section."""
    parts: list[RenderableType] = [terminal_text(report), Words(report.summary)]
    for section in report.sections:
        parts += [Words(f"\n{section.title}", style="bold"), *_blocks(section)]
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


def _blocks(section: Section) -> Iterator[RenderableType]:
    for block in section.blocks:
        match block:
            case Text():
                yield Words(block.words)
            case Command():
                yield Padding(Words("\n".join(block.lines), style="cyan"), (0, 0, 0, 2))
            case Table():
                yield _table(block)
            case _:
                continue


def _table(table: Table) -> Grid:
    grid = Grid(*table.columns, title=table.caption or None, title_justify="left", box=None)
    for row in table.rows:
        grid.add_row(*(Words(cell) for cell in row))
    return grid
