"""The one way to ask: counts rows, enforces the budget, records and replays, tells what happens.

Idea: a row is asked once per run. Asked again, it is answered from memory, uncounted; with a journal, a row
that an earlier run asked is answered from there and counted, so a resumed run tells the same total as an
uninterrupted one. `fresh=True` asks again on purpose: the n-th asking of a row gets its n-th recorded
answer, or is sent.

What counts: every row that was sent, also when the answer was unusable, and every row replayed. Rows of an
earlier run that were in doubt or failed and are sent again count once here; `journal_care.journal_stats`
tells how many went out twice.

Cost per row besides the oracle: about 1 us (10 inputs) to 6 us (784); with a journal see there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points
from hingeline.core.errors import InvalidInput, OracleError, OutsideDomain, QueryFailed
from hingeline.core.events import (
    AnswersReplayed,
    BatchFailed,
    BudgetLow,
    Event,
    EventSink,
    PhaseEnded,
    PhaseStarted,
    QueriesAnswered,
    ignore,
)
from hingeline.core.outcome import Spending
from hingeline.oracles.budget import Budget
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle, OracleWithIds
from hingeline.oracles.row_memory import KeyArray, RowMemory, SentArray, as_sent, row_keys

# SQLite holds at most 1e9 bytes in one value, and a request of more than this helps nobody.
_LARGEST_BATCH_BYTES = 64 * 2**20
OUT_OF_RANGE = "answered NaN or infinity in"
"""How the words of such a failure go on after the door's name; a run done again knows it by them."""


class QuerySession:
    """Holds an oracle, a budget, a journal and an event sink; all queries of a verb go through it.

    Args:
        oracle: The door.
        budget: Most rows that may be asked, in this run and the runs it resumes together; None for no limit.
        journal: Where questions and answers are recorded and replayed from; None keeps nothing.
        on_event: Where events go.
        batch_size: Most rows handed to the oracle in one call (its own `max_batch` may be smaller).
    """

    def __init__(
        self,
        oracle: Oracle,
        *,
        budget: int | None = None,
        journal: Journal | None = None,
        on_event: EventSink = ignore,
        batch_size: int = 8192,
    ) -> None:
        if batch_size < 1:
            raise InvalidInput(f"batch_size must be at least 1 row; got {batch_size}")
        spec = oracle.spec
        self.oracle = oracle
        self.budget = budget
        self.journal = journal
        self._emit = on_event
        self._batch = min(batch_size, spec.max_batch or batch_size, _rows_within(spec.input_dim))
        self._width = spec.output_dim
        self._with_ids = oracle if isinstance(oracle, OracleWithIds) else None
        self._account = Budget(budget)
        self._replayed = 0
        self._memory = RowMemory()
        self._times_asked: dict[bytes, int] = {}
        self._warned = False
        if journal is not None:
            journal.bind(spec)

    @property
    def input_dim(self) -> int:
        """Numbers in one query row."""
        return self.oracle.spec.input_dim

    @property
    def spent(self) -> int:
        """Rows asked so far."""
        return self._account.spent

    @property
    def replayed(self) -> int:
        """Rows among those that the journal answered; the others were sent."""
        return self._replayed

    @property
    def remaining(self) -> int | None:
        """Rows left under the tightest open limit; None if there is none."""
        return self._account.remaining

    @property
    def spending(self) -> Spending:
        """What was used so far."""
        return self._account.spending

    def emit(self, event: Event) -> None:
        """Tell the sink and the journal."""
        if self.journal is not None:
            self.journal.record(event)
        self._emit(event)

    @contextmanager
    def phase(self, name: str, limit: int | None = None) -> Generator[None]:
        """Name what is asked inside, optionally with its own limit; phases nest."""
        self._account.open_phase(name, limit)
        path = self._account.phase
        self.emit(PhaseStarted(path, limit))
        try:
            yield
        finally:
            self.emit(PhaseEnded(path, *self._account.close_phase()))

    def ask(self, points: Any, *, fresh: bool = False) -> FloatArray:
        """Answers at `points`, "n d" to "n k"; every row not asked before in this run is counted.

        Args:
            points: Rows to ask.
            fresh: Ask, and count, also what was asked before; to see whether the answer repeats.

        Raises:
            InvalidInput: Points of wrong shape or not finite.
            OutsideDomain: A point outside the oracle's bounds.
            BudgetExhausted: The rows do not fit the budget; none of them was sent.
            QueryFailed: No usable answer (wrong shape, NaN, the door is closed).
        """
        rows = as_points(points, self.input_dim)
        self._check_bounds(rows)
        if not len(rows):
            return np.zeros((0, self._width or 1))
        sent = as_sent(rows, self.oracle.spec.dtype)
        return self._ask_again(sent, row_keys(sent)) if fresh else self._ask_once(sent, row_keys(sent))

    def _ask_once(self, sent: SentArray, keys: KeyArray) -> FloatArray:
        new = self._memory.first_unknown(keys)
        self._account.reserve(len(new))
        for chunk in self._batches(new):
            part = _without_gaps(chunk)
            answers = self._obtain(sent[part], keys[part], np.ones(len(chunk), dtype=np.int64))
            self._memory.add(keys[part], answers)
        return self._memory.answers(keys)

    def _ask_again(self, sent: SentArray, keys: KeyArray) -> FloatArray:
        self._account.reserve(len(sent))
        answers: list[FloatArray] = []
        for chunk in self._batches(np.arange(len(sent))):
            part = _without_gaps(chunk)
            answers.append(self._obtain(sent[part], keys[part], self._askings(keys[part])))
            self._note_askings(keys[part])
            new = self._memory.first_unknown(keys[part])
            self._memory.add(keys[part][new], answers[-1][new])
        return np.concatenate(answers)

    def _batches(self, positions: IntArray) -> Iterator[IntArray]:
        return (positions[i : i + self._batch] for i in range(0, len(positions), self._batch))

    def _askings(self, keys: KeyArray) -> IntArray:
        """How often each row will have been asked in this run, this time included."""
        times: dict[bytes, int] = {}
        known, askings = self._memory.knows(keys), np.zeros(len(keys), dtype=np.int64)
        for i, key in enumerate(keys):
            name = key.tobytes()
            times[name] = times.get(name, self._times_asked.get(name, int(known[i]))) + 1
            askings[i] = times[name]
        return askings

    def _note_askings(self, keys: KeyArray) -> None:
        # Rows asked once are in memory; this table holds only what was ever asked fresh.
        askings = self._askings(keys)
        self._times_asked.update((k.tobytes(), int(n)) for k, n in zip(keys, askings, strict=True))

    def _obtain(self, sent: SentArray, keys: KeyArray, askings: IntArray) -> FloatArray:
        """The answers of one batch, from the journal where the n-th asking is recorded there."""
        if self.journal is None:
            return self._send(sent, keys)
        places = self.journal.known(sent, keys)
        recorded = np.array([len(p) >= n for p, n in zip(places, askings, strict=True)])
        if not recorded.any():
            return self._send(sent, keys)
        replayed = self.journal.answers_at(
            [p[n - 1] for p, n in zip(places, askings, strict=True) if len(p) >= n]
        )
        answers = np.empty((len(sent), replayed.shape[1]))
        answers[recorded] = replayed
        self._width = self._width or replayed.shape[1]
        if not recorded.all():
            answers[~recorded] = self._send(sent[~recorded], keys[~recorded])
        self._replayed += len(replayed)
        self._count(len(replayed), AnswersReplayed)
        return answers

    def _send(self, sent: SentArray, keys: KeyArray) -> FloatArray:
        """Ask the oracle, intent before and answer after; counts what left."""
        journal, phase = self.journal, self._account.phase
        batch = journal.intend(phase, sent, keys) if journal is not None else 0
        try:
            answers = self._checked(self._query(sent.astype(np.float64, copy=False), batch), len(sent))
        except Exception as error:  # whatever a door throws, its rows may have been paid
            self._note_failure(batch, len(sent), error)
            raise
        if journal is not None:
            journal.answered(batch, keys, answers)
        self._count(len(sent), QueriesAnswered)
        return answers

    def _query(self, points: FloatArray, batch: int) -> FloatArray:
        if self.journal is not None and self._with_ids is not None:
            return self._with_ids.query_with_id(points, self.journal.request_id(batch))
        return self.oracle.query(points)

    def _note_failure(self, batch: int, rows: int, error: Exception) -> None:
        sent = error.sent if isinstance(error, QueryFailed) else not isinstance(error, OracleError)
        if self.journal is not None:
            self.journal.failed(batch, f"{type(error).__name__}: {error}", sent=sent)
        if sent:
            self._account.count(rows)
            self.emit(BatchFailed(rows, str(error), self._account.phase))

    def _count(self, rows: int, kind: type[QueriesAnswered] | type[AnswersReplayed]) -> None:
        self._account.count(rows)
        self.emit(kind(rows, self.spent, self.budget, self._account.phase))
        if self.budget is not None and not self._warned and self.spent > 0.9 * self.budget:
            self._warned = True
            self.emit(BudgetLow(self.spent, self.budget))

    def _check_bounds(self, rows: FloatArray) -> None:
        bounds = self.oracle.spec.bounds
        if bounds is not None and rows.size and (rows.min() < bounds[0] or rows.max() > bounds[1]):
            raise OutsideDomain(
                f"a query reaches [{rows.min():.6g}, {rows.max():.6g}]; this oracle's bounds are {bounds}"
            )

    def _checked(self, answers: Any, rows: int) -> FloatArray:
        name = self.oracle.spec.name
        try:
            table = np.asarray(answers, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise QueryFailed(f"{name} answered something that is not numbers: {error}", sent=True) from error
        if (
            table.ndim != 2
            or table.shape[0] != rows
            or table.shape[1] != (self._width or table.shape[1] or -1)
        ):
            raise QueryFailed(
                f"{name} answered {rows} rows with an array of shape {table.shape}; "
                f"want ({rows}, {self._width or 'k'})",
                sent=True,
            )
        if not np.isfinite(table).all():
            bad = int((~np.isfinite(table).all(axis=1)).sum())
            reason = f"{name} {OUT_OF_RANGE} {bad} of {rows} rows"
            raise QueryFailed(reason, sent=True, out_of_range=True)
        self._width = table.shape[1]
        return table


def _without_gaps(positions: IntArray) -> IntArray | slice:
    """The same positions as a slice where they are one run: a slice of an array is no copy."""
    first, last = int(positions[0]), int(positions[-1])
    return slice(first, last + 1) if last - first + 1 == len(positions) else positions


def _rows_within(input_dim: int) -> int:
    return max(1, _LARGEST_BATCH_BYTES // (8 * max(1, input_dim)))
