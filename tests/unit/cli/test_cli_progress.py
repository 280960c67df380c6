"""Progress is told from events alone."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from hingeline.cli import progress
from hingeline.cli.progress import Progress, Tally, counted_on, picture
from hingeline.core.events import (
    AnswersReplayed,
    BudgetLow,
    Event,
    NeuronRecovered,
    Note,
    PhaseStarted,
    QueriesAnswered,
)
from hingeline.subspace.workbench import DirectionsFound

EVENTS: tuple[Event, ...] = (
    PhaseStarted("layer 1/witnesses", None),
    AnswersReplayed(30, 30, 100, "layer 1"),
    QueriesAnswered(20, 50, 100, "layer 1"),
    NeuronRecovered(1, 3),
    NeuronRecovered(1, 4),
    NeuronRecovered(2, 1),
)


def tally_of(*events: Event) -> Tally:
    tally = Tally()
    for event in events:
        tally(event)
    return tally


def test_a_tally_adds_up_what_the_events_say() -> None:
    tally = tally_of(*EVENTS)
    assert (tally.spent, tally.budget, tally.replayed, tally.new) == (50, 100, 30, 20)
    assert tally.neurons == {1: 4, 2: 1}
    assert "50 of 100 queries · layer 1: 4 neurons · layer 2: 1 neuron" in tally.line()


def test_the_live_picture_has_one_dot_for_each_neuron() -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(tally_of(*EVENTS)))
    told = console.file.getvalue()
    assert told.count("●") == 5
    assert "50 of 100, 30 from the journal" in told


@pytest.mark.parametrize(
    ("event", "words"),
    [(DirectionsFound(41), "41 directions"), (DirectionsFound(41, 80), "41 of 80 directions")],
)
def test_a_growing_span_is_told(event: Event, words: str) -> None:
    tally = tally_of(*EVENTS, event)
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(tally))
    assert f"· {words} ·" in tally.line()
    assert words in console.file.getvalue()


def test_the_questions_of_a_second_verb_are_added_to_those_of_the_first() -> None:
    tally = tally_of(*EVENTS)
    counted_on(tally, before=50, budget=200)(QueriesAnswered(5, 5, 150, "obfuscation"))
    assert (tally.spent, tally.budget) == (55, 200)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Note("the last layer is expansive"), "the last layer is expansive"),
        (BudgetLow(95, 100), "less than a tenth of the budget of 100 is left"),
    ],
)
def test_notes_are_told_at_once_and_once(event: Event, words: str) -> None:
    console = Console(file=io.StringIO(), width=100)
    with Progress(console) as shown:
        shown(event)
        shown(NeuronRecovered(1, 1))
    assert console.file.getvalue().count(words) == 1


def test_without_a_terminal_a_line_comes_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    console = Console(file=io.StringIO(), width=100)
    with Progress(console) as shown:
        for second in range(25):
            clock[0] = float(second)
            shown(QueriesAnswered(1, second, None, "p"))
    assert len(console.file.getvalue().splitlines()) == 2


def test_quiet_says_nothing_and_still_counts() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    with Progress(console, quiet=True) as shown:
        for event in (*EVENTS, Note("x")):
            shown(event)
    assert console.file.getvalue() == ""
    assert shown.tally.spent == 50
