"""The record of every question and answer: nothing received is asked twice, even after `kill -9`.

Idea: an *intent* is committed before rows are sent, the *answer* after it came; both are only appended. A
run is resumed by running its plan again: rows that the journal knows are served from it. An intent without
an answer is *in doubt*: the target may or may not have worked on it. It is sent again under the request id
that it had, so that a target which honours ids does not work twice.

Cost: two commits with synchronous=FULL per batch; about 8 (d + k) + 20 bytes per row. Siblings:
`journal_file` says what is refused, `journal_reader` looks up, `journal_care` counts and verifies,
`journal_copy` exports and merges.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.core.events import AnswersReplayed, Event, QueriesAnswered
from hingeline.oracles.journal_file import open_for_writing, plain_errors
from hingeline.oracles.journal_reader import (
    JournalReader,
    Place,
    answer_checksum,
    batch_digest,
    index_hashes,
)
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.row_memory import KeyArray, SentArray

OnDoubt = Literal["resend", "stop"]

_BUFFERED_EVENTS = 256


class Journal(JournalReader):
    """A journal that records; made by `Journal.open`.

    Args:
        path: The file, for messages.
        database: An open connection to it.
        lock: The lock that keeps other writers away.

    Attributes:
        in_doubt: Rows that had been sent without a recorded answer when the journal was opened.
    """

    def __init__(self, path: Path, database: sqlite3.Connection, lock: sqlite3.Connection) -> None:
        super().__init__(path, database)
        self._lock = lock
        self._events: list[tuple[int, float, str, str]] = []
        self._run = 0
        self._horizon = 0
        doubts = self.select("SELECT hash, id, row_count FROM batch WHERE status = 'in doubt'")
        self._doubts: dict[bytes, int] = {digest: number for digest, number, _ in doubts}
        self.in_doubt: int = sum(rows for _, _, rows in doubts)

    @classmethod
    def open(cls, path: str | Path, *, on_doubt: OnDoubt = "resend") -> Journal:
        """Open for recording; makes the file if there is none.

        Args:
            path: The file; its directory must exist.
            on_doubt: What to do about rows sent without a recorded answer: "resend" them when the plan
                asks them again, or "stop" here.

        Raises:
            FormatError: Not a journal, a newer one, or damaged.
            InvalidInput: The place cannot be used, or another process writes there.
            QueryFailed: Rows are in doubt and `on_doubt` is "stop".
        """
        if on_doubt not in ("resend", "stop"):
            raise InvalidInput(f"on_doubt must be 'resend' or 'stop'; got {on_doubt!r}")
        journal = cls(Path(path), *open_for_writing(Path(path)))
        if on_doubt == "stop" and journal.in_doubt:
            journal.close()
            raise QueryFailed(
                f"{journal.in_doubt:,} rows in {path} were sent and no answer was recorded; the target may "
                "have counted them. Resume with on_doubt 'resend' to ask them again",
                sent=True,
            )
        return journal

    def close(self) -> None:
        """Write what is buffered and let other writers in."""
        try:
            with self._commit():
                pass
        finally:
            super().close()
            self._lock.close()

    def __enter__(self) -> Journal:
        return self

    def bind(self, spec: OracleSpec) -> None:
        """Begin a run on the target `spec`; what was recorded until now may be served to it.

        Raises:
            InvalidInput: The journal holds the answers of another target.
        """
        self.adopt(spec)
        self._run = self.recall("runs", 0) + 1
        self.remember("runs", self._run)
        self._horizon = self.select("SELECT coalesce(max(id), 0) FROM intent")[0][0]

    def adopt(self, spec: OracleSpec) -> None:
        """Belong to the target `spec` from now on.

        Raises:
            InvalidInput: The journal holds the answers of another target.
        """
        known = self.spec
        if known is None:
            self.remember("id", uuid.uuid4().hex[:12])
            self.remember("spec", asdict(spec))
        elif not _same_target(known, spec):
            raise InvalidInput(
                f"the journal {self.path} holds answers of {_described(known)}, but this run asks "
                f"{_described(spec)}; give this run a directory of its own"
            )

    def remember(self, key: str, value: Any) -> None:
        """Keep a JSON-ready value under `key`, such as the doctor's verdict."""
        with self._commit() as write:
            write.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def decide(self, phase: str, key: str, value: Any) -> None:
        """Keep a decision that a resumed run must take again."""
        with self._commit() as write:
            write.execute("INSERT OR REPLACE INTO decision VALUES (?, ?, ?)", (phase, key, json.dumps(value)))

    def record(self, event: Event) -> None:
        """Keep an event; it is written with the next commit. Answers have tables of their own."""
        if isinstance(event, QueriesAnswered | AnswersReplayed):
            return
        text = json.dumps(asdict(event), default=str)
        self._events.append((self._run, time.time(), type(event).__name__, text))
        if len(self._events) >= _BUFFERED_EVENTS:
            with self._commit():
                pass

    def known(self, sent: SentArray, keys: KeyArray) -> list[list[Place]]:
        """Where earlier runs recorded the answers to each row, first asked first.

        What this run recorded its session remembers, so a new journal is not searched at all.
        """
        if not self._horizon:
            return [[] for _ in range(len(sent))]
        return self.places(sent, keys, self._horizon)

    def intend(self, phase: str, sent: SentArray, keys: KeyArray) -> int:
        """Commit that these rows are about to be sent; returns the number of their batch."""
        repeats = self._doubts.pop(batch_digest(keys), None)
        with self._commit() as write:
            return _insert_intent(write, repeats, phase, sent, keys)

    def request_id(self, batch: int) -> str:
        """What names this batch to the target; a batch sent again has the same name."""
        repeated = self.select("SELECT repeats FROM intent WHERE id = ?", (batch,))[0][0]
        return self.request_id(repeated) if repeated is not None else f"{self.recall('id')}-{batch}"

    def answered(self, batch: int, keys: KeyArray, answers: FloatArray) -> None:
        """Commit the usable answers of a batch."""
        with self._commit() as write:
            _insert_answer(write, batch, keys, answers)

    def copied(self, phase: str, sent: SentArray, keys: KeyArray, answers: FloatArray) -> None:
        """Commit questions and answers that another journal recorded, in one step."""
        with self._commit() as write:
            _insert_answer(write, _insert_intent(write, None, phase, sent, keys), keys, answers)

    def failed(self, batch: int, note: str, *, sent: bool) -> None:
        """Commit that no usable answer of a batch came; it will never be served.

        Args:
            batch: Its number.
            note: What was seen.
            sent: Whether the target may have worked on it.
        """
        status = "failed" if sent else "unsent"
        with self._commit() as write:
            write.execute(
                "INSERT INTO answer VALUES (?, ?, ?, ?, NULL, NULL)", (batch, time.time(), note, status)
            )

    @contextmanager
    def _commit(self) -> Generator[sqlite3.Connection]:
        """One transaction, with the buffered events in it."""
        with plain_errors(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.executemany(
                    "INSERT INTO event (run, at, kind, json) VALUES (?, ?, ?, ?)", self._events
                )
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._events.clear()


def _insert_intent(
    write: sqlite3.Connection, repeats: int | None, phase: str, sent: SentArray, keys: KeyArray
) -> int:
    values = (repeats, phase, time.time(), sent.dtype.str, len(sent), batch_digest(keys), sent.tobytes())
    columns = "repeats, phase, sent_at, dtype, row_count, hash, x"
    cursor = write.execute(f"INSERT INTO intent ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values)
    return cursor.lastrowid or 0


def _insert_answer(write: sqlite3.Connection, batch: int, keys: KeyArray, answers: FloatArray) -> None:
    blob = answers.astype("<f8").tobytes()
    values = (batch, time.time(), answer_checksum(batch_digest(keys), blob), blob)
    write.execute("INSERT INTO answer VALUES (?, ?, '', 'answered', ?, ?)", values)
    index = [(key, batch, row) for row, key in enumerate(index_hashes(keys))]
    write.executemany("INSERT INTO row_index VALUES (?, ?, ?)", index)


def _same_target(known: OracleSpec, asked: OracleSpec) -> bool:
    if known.output_dim is not None and asked.output_dim not in (None, known.output_dim):
        return False
    return (known.name, known.input_dim, known.dtype) == (asked.name, asked.input_dim, asked.dtype)


def _described(spec: OracleSpec) -> str:
    return f"{spec.name!r} ({spec.input_dim} inputs, {spec.dtype})"
