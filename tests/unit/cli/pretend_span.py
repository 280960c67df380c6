"""A scripted `span` for tests of the command line: asks real questions through a session, ends as told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pretend import BATCHES, ask_batches

from hingeline.core.events import ignore
from hingeline.core.outcome import Finding, Outcome, Provenance, Status
from hingeline.oracles.session import QuerySession
from hingeline.subspace.recovered import RankVotes, RecoveredSpan, Unseen
from hingeline.subspace.workbench import DirectionsFound

# The first coordinate of the network that `hidden_half` makes matters, the others do not.
RANK = 1


def known_span(dim: int, basis: Any = None) -> RecoveredSpan:
    """The span of the first axis."""
    return RecoveredSpan(
        basis=np.eye(dim)[:, :RANK] if basis is None else basis,
        rank=RANK,
        input_dim=dim,
        standing="exact",
        where="free",
        method="complement",
        why="as told",
        strengths=np.ones(RANK),
        votes=RankVotes(RANK, RANK, RANK, np.inf, 1e-12),
        angle=1e-12,
        unseen=Unseen(60, "as told"),
        floor=dim - 1,
        forecast=dim,
    )


def pretend_span(
    status: Status = Status.COMPLETE,
    interrupt: Callable[[int], None] = lambda batch: None,
    seen: list[dict[str, Any]] | None = None,
) -> Callable[..., Finding[RecoveredSpan]]:
    """Three batches of ten rows, then a finding of the given status.

    Args:
        status: How it ends.
        interrupt: Sees each batch number.
        seen: Takes the arguments of every call.
    """

    def span(
        oracle: Any,
        *,
        budget: int | None = None,
        seed: int = 0,
        journal: Any = None,
        on_event: Any = ignore,
        **wishes: Any,
    ) -> Finding[RecoveredSpan]:
        if seen is not None:
            seen.append(wishes)
        session = QuerySession(oracle, budget=budget, journal=journal, on_event=on_event)
        made = Provenance("span", oracle.spec.name, seed)
        short = ask_batches(session, seed, interrupt, lambda batch: DirectionsFound(batch + 1, BATCHES))
        if short is not None:
            return Finding(None, short, {}, session.spending, made)
        value = None if status is Status.REFUSED else known_span(session.input_dim)
        return Finding(value, Outcome(status, "As told."), {}, session.spending, made)

    return span
