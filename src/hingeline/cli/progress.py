"""Progress of a run, told from its events alone: counted in queries, not in seconds.

On a terminal a live table ticks off neurons layer by layer; elsewhere a plain line comes every ten seconds.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from hingeline.auditing.record import StageEnded
from hingeline.core.events import (
    AnswersReplayed,
    BudgetLow,
    Event,
    EventSink,
    NeuronRecovered,
    Note,
    PhaseStarted,
    QueriesAnswered,
)
from hingeline.report.numbers import count, duration, plural
from hingeline.sensitivity.exact.minimal import FlipBounded
from hingeline.subspace.workbench import DirectionsFound

_SECONDS_BETWEEN_LINES = 10.0
_FRAMES_PER_SECOND = 8
_MOST_DOTS = 64  # neurons shown one by one; wider layers are told as a number


class Tally:
    """What is known of a run so far; takes one event after the other."""

    def __init__(self) -> None:
        self.phase = ""
        self.spent = 0
        self.budget: int | None = None
        self.replayed = 0
        self.neurons: dict[int, int] = {}
        self.directions: DirectionsFound | None = None
        self.flips: FlipBounded | None = None
        self.flips_done = 0
        self.flips_proved = 0
        self.notes: list[str] = []
        self.stages: list[StageEnded] = []
        self.started = time.perf_counter()

    def __call__(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case PhaseStarted():
                self.phase = event.phase
            case QueriesAnswered():
                self.spent, self.budget = event.spent, event.budget
            case AnswersReplayed():
                self.spent, self.budget = event.spent, event.budget
                self.replayed += event.rows
            case NeuronRecovered():
                self.neurons[event.layer] = event.found
            case DirectionsFound():
                self.directions = event
            case StageEnded():
                self.stages.append(event)
            case FlipBounded():
                self.flips, self.flips_done = event, self.flips_done + 1
                self.flips_proved += event.ended == "proved"
            case BudgetLow():
                self.notes.append(f"less than a tenth of the budget of {count(event.budget)} is left")
            case Note(message) if message not in self.notes:  # the verbs of an audit see the same door
                self.notes.append(message)
            case _:
                pass

    @property
    def new(self) -> int:
        """Questions that were really sent in this run, not served from the journal."""
        return self.spent - self.replayed

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.perf_counter() - self.started

    def line(self) -> str:
        """Where the run stands, in one line."""
        limit = f" of {count(self.budget)}" if self.budget is not None else ""
        parts = [duration(self.seconds)]
        # what reads weights asks nothing; there, a count of 0 queries would only puzzle
        parts += [f"{count(self.spent)}{limit} queries"] if self.spent or self.budget is not None else []
        parts += [f"layer {layer}: {plural(found, 'neuron')}" for layer, found in self.neurons.items()]
        parts += [directions_words(self.directions)] if self.directions is not None else []
        parts += [flips_words(self)] if self.flips is not None else []
        return " · ".join([*parts, self.phase] if self.phase else parts)


def counted_on(sink: EventSink, before: int, budget: int | None) -> EventSink:
    """A sink for the second verb of a run: its questions are told as added to those `before`."""

    def send(event: Event) -> None:
        if isinstance(event, QueriesAnswered | AnswersReplayed):
            event = replace(event, spent=event.spent + before, budget=budget)
        sink(event)

    return send


class Progress:
    """Shows a tally while it changes; a context manager and an event sink.

    Args:
        console: Where to show it.
        quiet: Keep the tally, show nothing.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.tally = Tally()
        self._console = console
        self._quiet = quiet
        self._told_at = time.perf_counter()
        self._notes_told = 0
        self._live: Live | None = None
        self._ended = False

    def __enter__(self) -> Progress:
        if not self._quiet and self._console.is_terminal:
            # rich would also swallow what others print; nothing below the command line prints.
            self._live = Live(
                get_renderable=self._picture,
                console=self._console,
                refresh_per_second=_FRAMES_PER_SECOND,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take in one event and show what is due."""
        self.tally(event)
        if not self._quiet:
            self._tell_notes()
            if isinstance(event, StageEnded):
                self._console.print(stage_line(event))
            if self._live is None and time.perf_counter() - self._told_at >= _SECONDS_BETWEEN_LINES:
                self._told_at = time.perf_counter()
                self._console.print(Text(self.tally.line()))

    @contextmanager
    def aside(self) -> Generator[Console | None]:
        """Room for words of others, and for a question; gives the console, None if nothing is shown."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()
        yield None if self._quiet else self._console
        if live is not None:
            self.__enter__()

    def _tell_notes(self) -> None:
        for note in self.tally.notes[self._notes_told :]:
            self._console.print(Text(f"  {note}", style="dim"))
        self._notes_told = len(self.tally.notes)

    def _picture(self) -> RenderableType:
        return picture(self.tally, running=not self._ended)


def stage_line(ended: StageEnded) -> Text:
    """How a stage of an audit ended, in one line that stays."""
    stage, finding = ended.stage, ended.stage.finding
    mark, colour = ("✓", "green") if stage.settled and not stage.left_out else ("-", "dim")
    if not stage.settled:
        mark, colour = "!", "yellow"
    told = stage.left_out or ("done" if finding is None else str(finding.outcome.reason))
    price = plural(stage.queries, "question") if stage.queries else "nothing asked"
    return Text.assemble(
        (f"{mark} ", colour),
        (f"{ended.number} of {ended.of} {stage.name:<11}", "bold"),
        f" {told}",
        (f"  {price}, {duration(stage.seconds)}", "dim"),
    )


def picture(tally: Tally, *, running: bool = True) -> RenderableType:
    """The live table: a row of dots for each layer, and the queries; while it runs, the step too."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    # A copy: rich draws in its own thread while events come in.
    for layer, found in list(tally.neurons.items()):
        dots = "●" * found if found <= _MOST_DOTS else "●" * _MOST_DOTS + "…"
        grid.add_row(Text(f"layer {layer}"), Text(dots, style="green"), Text(plural(found, "neuron")))
    told = _spent(tally)
    if tally.directions is not None:
        grid.add_row(Text("span"), *_grown(tally.directions))
    if tally.flips is not None:
        told_flips = Text(flips_words(tally), style="green")
        grid.add_row(Text("smallest flips"), _bar(tally.flips_done, tally.flips.of), told_flips)
    grid.add_row(
        Text("queries"), *([told] if tally.budget is None else [_bar(tally.spent, tally.budget), told])
    )
    if not running:
        return Group(grid, Text(""))
    step = Spinner("dots", Text(f"{tally.phase or 'starting'}  {duration(tally.seconds)}", style="dim"))
    return Group(grid, step)


def directions_words(grown: DirectionsFound) -> str:
    """How far a span has grown: 41 directions, or 41 of 80."""
    known = plural(grown.found, "direction")
    return known if grown.of is None else f"{count(grown.found)} of {plural(grown.of, 'direction')}"


def flips_words(tally: Tally) -> str:
    """How many inputs have bounds now: 12 of 100 inputs, 11 proved."""
    of = tally.flips_done if tally.flips is None else tally.flips.of
    return f"{count(tally.flips_done)} of {plural(of, 'input')}, {count(tally.flips_proved)} proved"


def _grown(grown: DirectionsFound) -> list[RenderableType]:
    told = Text(directions_words(grown), style="green")
    return [told] if grown.of is None else [_bar(grown.found, grown.of), told]


def _bar(done: int, total: int) -> RenderableType:
    return ProgressBar(total=total, completed=done, width=40)


def _spent(tally: Tally) -> Text:
    limit = f" of {count(tally.budget)}" if tally.budget is not None else ""
    known = f", {count(tally.replayed)} from the journal" if tally.replayed else ""
    return Text(f"{count(tally.spent)}{limit}{known}", style="bold")
