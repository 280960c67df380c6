"""Events: the one stream that progress bars, logs, the journal and the report all read."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger("hingeline")
logger.addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Event:
    """Something that happened in a run."""


@dataclass(frozen=True)
class PhaseStarted(Event):
    """A named phase began."""

    phase: str
    """Name, nested phases joined by '/'."""
    limit: int | None
    """Most rows this phase may ask; None if unlimited."""


@dataclass(frozen=True)
class PhaseEnded(Event):
    """A named phase ended."""

    phase: str
    queries: int
    """Rows asked within it."""
    seconds: float


@dataclass(frozen=True)
class QueriesAnswered(Event):
    """A batch was answered."""

    rows: int
    """Rows in this batch."""
    spent: int
    """Rows asked in the whole run."""
    budget: int | None
    """Rows allowed in the whole run."""
    phase: str


@dataclass(frozen=True)
class AnswersReplayed(Event):
    """Answers of an earlier run were served from the journal; they count, but nothing was sent."""

    rows: int
    spent: int
    """Rows asked in the whole run."""
    budget: int | None
    phase: str


@dataclass(frozen=True)
class BatchFailed(Event):
    """A batch was sent and no usable answer came; its rows count."""

    rows: int
    reason: str
    phase: str


@dataclass(frozen=True)
class BudgetLow(Event):
    """Less than a tenth of the budget is left."""

    spent: int
    budget: int


@dataclass(frozen=True)
class NeuronRecovered(Event):
    """A hidden neuron was pinned down."""

    layer: int
    """1 for the first hidden layer."""
    found: int
    """Neurons of that layer known so far."""


@dataclass(frozen=True)
class Note(Event):
    """A sentence for people: a decision taken, a surprise, a fallback."""

    message: str


EventSink = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The default sink."""


def fan_out(*sinks: EventSink) -> EventSink:
    """One sink that hands each event to all of `sinks` in order."""

    def send(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return send
