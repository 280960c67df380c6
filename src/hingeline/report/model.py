"""The report as a frozen tree: what is said, apart from how it is shown.

Renderers (`text`, `html`) are pure functions of it; builders such as `extraction` make it from findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hingeline.core.figure_data import Figure


class Tone(StrEnum):
    """How good the news is that the headline brings."""

    GOOD = "good"
    """Complete and verified."""
    PART = "part"
    """Something is missing or undecided; it is named."""
    BAD = "bad"
    """No conclusion."""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    words: str


@dataclass(frozen=True)
class Claim:
    """Something that was checked, with what was seen."""

    words: str
    """What is claimed."""
    holds: bool | None
    """Whether the check passed; None if it could not be made."""
    seen: str = ""
    """The figures behind it."""


@dataclass(frozen=True)
class Table:
    """Rows of text; numbers are formatted by the builder."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    everywhere: bool = False
    """Whether the terminal shows it too; most tables are left to the page."""


@dataclass(frozen=True)
class Command:
    """Lines to type."""

    lines: tuple[str, ...]


Block = Text | Claim | Table | Command | Figure


@dataclass(frozen=True)
class Section:
    """A titled part of the report."""

    title: str
    blocks: tuple[Block, ...]
    anchor: str = ""
    """Name of the place on the page, for links to it; made from the title if not given."""
    lead: str = ""
    """One line below the title that says what the section answers."""


@dataclass(frozen=True)
class Tile:
    """One number that everybody reads."""

    value: str
    label: str


@dataclass(frozen=True)
class Report:
    """Everything that is said about one finding."""

    title: str
    """Which verb on which target."""
    tone: Tone
    verdict: str
    """One or two words, such as "complete"."""
    headline: str
    """One sentence that a manager can read."""
    summary: str
    """Two or three sentences more."""
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]
    footer: str = ""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures in reading order."""
        blocks = (block for section in self.sections for block in section.blocks)
        return tuple(block for block in blocks if isinstance(block, Figure))
