"""One measurement after the other, each named, timed, and with its share of the budget.

A measurement that the budget does not reach, or that the target does not serve, is left out with a sentence
that says so; the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from time import perf_counter
from typing import TypeVar

from hingeline.core.errors import BudgetExhausted, InvalidInput, UnsupportedOracle
from hingeline.core.events import EventSink, PhaseEnded, PhaseStarted
from hingeline.core.outcome import Spending
from hingeline.oracles.session import QuerySession

Part = TypeVar("Part")


class Stages:
    """What was done, what was left out, and what it took.

    Args:
        session: Of the door that is asked; None where nothing is.
        on_event: Where events go if there is no session.

    Attributes:
        left_out: Sentences: what was not measured, and why.
        stopped: How the budget cut something short; None if it did not.
    """

    def __init__(self, session: QuerySession | None, on_event: EventSink) -> None:
        self._session, self._on_event = session, on_event
        self._seconds: dict[str, float] = {}
        self._started = perf_counter()
        self.left_out: list[str] = []
        self.stopped: str | None = None

    @property
    def remaining(self) -> int | None:
        """Rows that may still be asked; None for no limit."""
        return None if self._session is None else self._session.remaining

    @contextmanager
    def stage(self, name: str, limit: int | None = None, part: str | None = None) -> Generator[None]:
        """Tell that a measurement, or a part of it, begins and ends; a door's session counts what it asks."""
        started = perf_counter()
        if self._session is not None:
            with self._session.phase(name, limit):
                yield
        else:
            told = name if part is None else f"{name}/{part}"
            self._on_event(PhaseStarted(told, None))
            yield
            self._on_event(PhaseEnded(told, 0, perf_counter() - started))
        self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - started

    @contextmanager
    def limited(self, name: str, limit: int | None, part: str | None = None) -> Generator[None]:
        """A stage that ends quietly, and is told as cut short, when its share is spent."""
        try:
            with self.stage(name, limit, part):
                yield
        except BudgetExhausted as spent:
            self.cut_short(f"{capital(name)}: {spent}.")

    def measured(
        self, name: str, measure: Callable[[], Part], limit: int | None = None, part: str | None = None
    ) -> Part | None:
        """What a measurement brings; None where the budget ended or the target does not serve it."""
        with self.limited(name, limit, part):
            try:
                return measure()
            except (UnsupportedOracle, InvalidInput) as error:
                # what users said was looked at before; this is about what the target answers
                self.left_out.append(f"{capital(name)}: {error}")
        return None

    def cut_short(self, sentence: str) -> None:
        """Note that the budget did not reach for something."""
        self.left_out.append(sentence)
        self.stopped = self.stopped or sentence

    def spending(self) -> Spending:
        """Queries of the session, seconds of the stages."""
        took = perf_counter() - self._started
        if self._session is None:
            return Spending(0, took, {}, self._seconds)
        return replace(self._session.spending, seconds=took)


def capital(name: str) -> str:
    """A name at the head of a sentence."""
    return name[:1].upper() + name[1:]
