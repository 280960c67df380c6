"""A door as a plain function that counts: what attacks of others call, thousands of times.

Idea: such attacks want a function from arrays to arrays. This one asks through a `QuerySession`, so that
every row is counted once, a budget holds wherever their loop is, and a journal answers what was asked before.
A row asked again is served from memory, uncounted; at a door whose answers waver that hides the wavering, and
`fresh=True` really asks again.

Cost: that of the session, and one copy of the rows in float64.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted, InvalidInput
from hingeline.core.events import EventSink, ignore
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle, OracleSpec
from hingeline.oracles.session import QuerySession


class CountedOracle:
    """A function from rows, or images, to answers; made by `counted`.

    Usable in a `with` statement, which closes the journal that `counted` opened.

    Args:
        session: Where every row is asked.
        fresh: Ask, and count, also what was asked before.
        closes: The journal to close with it, if it is nobody else's.

    Attributes:
        session: For phases with limits of their own: `with door.session.phase("boundary", limit=2000):`.
        fresh: As above.
    """

    def __init__(self, session: QuerySession, *, fresh: bool = False, closes: Journal | None = None) -> None:
        self.session = session
        self.fresh = fresh
        self._closes = closes

    @property
    def spec(self) -> OracleSpec:
        """What is known of the door before asking."""
        return self.session.oracle.spec

    @property
    def queries(self) -> int:
        """Rows counted so far, sent or replayed."""
        return self.session.spent

    @property
    def replayed(self) -> int:
        """Rows among them that the journal answered; the others were sent."""
        return self.session.replayed

    @property
    def remaining(self) -> int | None:
        """Rows left under the tightest limit; None if there is none."""
        return self.session.remaining

    def __call__(self, inputs: Any) -> FloatArray:
        """Answers, "n k", at rows "n d" or images "n ..." that are flattened in C order.

        Raises:
            InvalidInput: Inputs of another size, or not finite.
            OutsideDomain: An input outside the door's bounds.
            BudgetExhausted: The rows do not fit the budget, and none of them was sent; the message says what
                is kept.
            QueryFailed: No usable answer.
        """
        try:
            return self.session.ask(_as_rows(inputs), fresh=self.fresh)
        except BudgetExhausted as error:
            raise BudgetExhausted(
                limit=error.limit,
                spent=error.spent,
                wanted=error.wanted,
                phase=error.phase,
                partial=error.partial,
                advice=self._kept(),
            ) from None

    def close(self) -> None:
        """Close the journal that `counted` opened; nothing else is held."""
        if self._closes is not None:
            self._closes.close()

    def __enter__(self) -> CountedOracle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _kept(self) -> str:
        journal = self.session.journal
        if journal is None:
            return (
                "None of these was sent. The answers until here end with this program; "
                'with journal="answers.sqlite" an attack can go on where it was stopped'
            )
        return (
            f"None of these was sent. All answers until here are in {journal.path}: run the same attack with "
            "the same seed and a larger budget, and it goes on from here without asking them again"
        )


def counted(
    oracle: Oracle,
    *,
    budget: int | None = None,
    journal: str | Path | Journal | None = None,
    fresh: bool = False,
    on_event: EventSink = ignore,
    batch_size: int = 8192,
) -> CountedOracle:
    """A door as a NumPy function whose rows are counted, limited and recorded.

    Args:
        oracle: The door, as `hl.oracle` opens it.
        budget: Most rows, in this run and the runs it resumes together; None for no limit. Rows that the
            journal answers count too, so a stopped attack needs a larger budget to go on.
        journal: A file to record in and to replay from, made if there is none; or an open journal.
        fresh: Ask, and count, also what was asked before; for doors whose answers waver. The n-th asking of a
            row is replayed with its n-th recorded answer.
        on_event: Where events go.
        batch_size: Most rows handed to the door in one call.

    Raises:
        InvalidInput: Not a door, a budget below 1, or a journal of another target or in use.
        FormatError: A file that is no journal.
    """
    given: Any = oracle
    if not isinstance(given, Oracle):
        raise InvalidInput(
            f"want a door; got {type(given).__name__}. Open one: hl.counted(hl.oracle(target, input_dim=64))"
        )
    own = Journal.open(journal) if isinstance(journal, str | Path) else None
    kept = own if isinstance(journal, str | Path) else journal
    try:
        session = QuerySession(oracle, budget=budget, journal=kept, on_event=on_event, batch_size=batch_size)
    except Exception:
        if own is not None:
            own.close()
        raise
    return CountedOracle(session, fresh=fresh, closes=own)


def as_counted(door: CountedOracle | QuerySession | Oracle) -> CountedOracle:
    """`door` as it is, or made to count.

    Raises:
        InvalidInput: Neither a counted door, nor a session, nor a door.
    """
    if isinstance(door, CountedOracle):
        return door
    return CountedOracle(door) if isinstance(door, QuerySession) else counted(door)


def _as_rows(inputs: Any) -> FloatArray:
    try:
        array = np.asarray(inputs, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInput(f"inputs must be numbers: {error}") from error
    return array.reshape(len(array), -1) if array.ndim > 2 and len(array) else array
