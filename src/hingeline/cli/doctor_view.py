"""The doctor's card on a terminal: a headline, what was measured, what attacks can hope for, what to type."""

from __future__ import annotations

from pathlib import Path

from rich.box import ROUNDED
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hingeline.cli.console import messages, output
from hingeline.core.outcome import Finding
from hingeline.probing.card import DoctorCard
from hingeline.probing.questions import MOST_QUERIES
from hingeline.report.examination import facts, possible_words
from hingeline.report.numbers import duration, plural

_MARKS = {"yes": ("●", "red"), "limited": ("◐", "yellow"), "no": ("○", "green")}
_WIDEST = 110


def show(finding: Finding[DoctorCard], target: str, out: Path | None, *, quiet: bool) -> None:
    """Print the card to standard output; what went wrong to standard error."""
    card, console = finding.value, output()
    if card is None:
        messages().print(f"Error: {finding.outcome.reason} {finding.outcome.advice}".rstrip(), markup=False)
        return
    if quiet:
        console.print(card.headline, markup=False)
        return
    console.print(card_panel(finding, card), width=min(console.width, _WIDEST), soft_wrap=False)
    if not card.complete:
        console.print(f"Not finished: {finding.outcome.reason} {finding.outcome.advice}", markup=False)
    if out is not None:
        console.print(f"Saved in {out}; report: {out / 'report.html'}", markup=False)
    following = next_step(card, target)
    if following:
        console.print(f"Next:  {following}", markup=False)


def card_panel(finding: Finding[DoctorCard], card: DoctorCard) -> RenderableType:
    """The card in a frame."""
    price = f"{plural(finding.queries, 'question')}, {duration(finding.spending.seconds)}"
    parts: list[RenderableType] = [
        Text(card.headline, style="bold"),
        Text(),
        _facts(card),
    ]
    if card.verdicts:
        parts += [Text(), Text("What an outsider with enough questions can find out:", style="dim")]
        parts += [_verdicts(card)]
    for note in card.notes:
        parts += [Text(), Text(note, style="yellow")]
    return Panel(
        Group(*parts),
        title=Text(f"doctor  {card.target}", style="bold cyan"),
        title_align="left",
        subtitle=Text(f"{price}, seed {finding.provenance.seed}", style="dim"),
        subtitle_align="right",
        box=ROUNDED,
        border_style="cyan",
        padding=(1, 2),
    )


def next_step(card: DoctorCard, target: str) -> str:
    """What to type next; empty if nothing more is to be learnt here."""
    again = f"hingeline doctor {target}"
    if not card.complete:
        return f"{again} --budget {MOST_QUERIES}"
    if card.flat_beyond is not None and card.bounds is None:
        return f"{again} --bounds {card.flat_beyond[0]:.4g} {card.flat_beyond[1]:.4g}"
    if card.kind == "constant":
        return f"{again} --bounds 0 1" if card.bounds is None else ""
    if card.depends_on_batch:
        return f"{again} --batch-size 1"
    possible = {verdict.attack for verdict in card.verdicts if verdict.possible != "no"}
    verbs = {"weights": "extract", "input subspace": "span"}
    verb = next((verb for attack, verb in verbs.items() if attack in possible), None)
    return f"hingeline {verb} {target}" if verb else ""


def _facts(card: DoctorCard) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in facts(card):
        grid.add_row(name, Text(words))
    return grid


def _verdicts(card: DoctorCard) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    for wrapped in (False, False, False, True):
        grid.add_column(no_wrap=not wrapped, overflow="fold")
    for verdict in card.verdicts:
        mark, colour = _MARKS[verdict.possible]
        words = Text(possible_words(verdict), style=colour)
        grid.add_row(Text(mark, style=colour), Text(verdict.attack, style="bold"), words, Text(verdict.why))
    return grid
