"""A scripted `extract` for tests of the command line: asks real questions through a session, ends as told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hingeline.core.errors import BudgetExhausted
from hingeline.core.events import Event, NeuronRecovered, ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.session import QuerySession

ROWS = 10
BATCHES = 3


def pretend_extract(
    status: Status = Status.COMPLETE,
    value: PiecewiseLinearNetwork | None = None,
    interrupt: Callable[[int], None] = lambda batch: None,
) -> Callable[..., Finding[PiecewiseLinearNetwork]]:
    """Three batches of ten rows, then a finding of the given status; `interrupt` sees each batch number."""

    def extract(
        oracle: Any,
        *,
        budget: int | None = None,
        seed: int = 0,
        settings: Any = None,
        journal: Any = None,
        on_event: Any = ignore,
    ) -> Finding[PiecewiseLinearNetwork]:
        session = QuerySession(oracle, budget=budget, journal=journal, on_event=on_event)
        made = Provenance("extract", oracle.spec.name, seed)
        short = ask_batches(session, seed, interrupt, lambda batch: NeuronRecovered(1, batch + 1))
        if short is not None:
            return Finding(None, short, {}, session.spending, made)
        return Finding(value, Outcome(status, "As told."), EVIDENCE, session.spending, made)

    return extract


def ask_batches(
    session: QuerySession, seed: int, interrupt: Callable[[int], None], event: Callable[[int], Event]
) -> Outcome | None:
    """Three batches of ten rows, an event after each; how it ended if the budget did not last."""
    rng = np.random.default_rng(seed)
    for batch in range(BATCHES):
        interrupt(batch)
        try:
            with session.phase(f"step {batch}"):
                session.ask(rng.normal(size=(ROWS, session.input_dim)))
        except BudgetExhausted as error:
            return Outcome(Status.BUDGET_SPENT, f"{error}.", "Saved.")
        session.emit(event(batch))
    return None


EVIDENCE = {"verification": {"points": 50, "largest_gap": 1e-14, "tolerance": 1e-12}}
