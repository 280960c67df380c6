"""What a journal holds, and where the answer to a row is.

Idea: 64 bits of a row's key find its places in an index; then all its bytes are compared, so a served
answer is an answer to exactly these bytes. Every answer carries a checksum that ties it to its rows, and
it is checked whenever the answer is read: SQLite itself would not notice a flipped bit in a blob.

Cost: about 10 us per row looked up, and one read of each batch that is hit.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.oracles.journal_file import damaged, open_for_reading, plain_errors
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.row_memory import KeyArray, SentArray, number_type, row_keys

BatchStatus = Literal["answered", "failed", "unsent", "repeated", "in doubt"]
Place = tuple[int, int]
"""Where an answer is: number of the batch, row in it."""

_CACHED_BATCHES = 2
_ANSWER_TYPE = np.dtype("<f8")


@dataclass(frozen=True, eq=False)
class Batch:
    """One batch as the journal holds it."""

    id: int
    """Counts from 1 in the order of sending."""
    phase: str
    """Open phases when it was sent, joined by '/'."""
    status: BatchStatus
    """Repeated: sent again as a later batch. In doubt: sent, and nothing is known of an answer."""
    note: str
    """Why there is no usable answer; empty if there is one."""
    rows: SentArray
    """What was sent, shape "n d", in the target's dtype."""
    digest: bytes
    """Checksum of the rows' keys, taken when they were sent."""
    answers: FloatArray | None
    """Shape "n k"; None unless answered."""


class JournalReader:
    """A journal to look at.

    Args:
        path: The file, for messages.
        database: An open connection to it.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._cache: dict[int, Batch] = {}

    @classmethod
    def read(cls, path: str | Path) -> JournalReader:
        """Open for looking only; works beside a running writer.

        Raises:
            FormatError: Not a journal, a newer one, or damaged.
            InvalidInput: No such file, or it cannot be read.
        """
        return JournalReader(Path(path), open_for_reading(Path(path)))

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def select(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        """Rows of a query on the journal's tables, with SQLite's errors in plain words."""
        with plain_errors(self.path):
            return self._database.execute(query, values).fetchall()

    def recall(self, key: str, default: Any = None) -> Any:
        """The value kept under `key`."""
        found = self.select("SELECT json FROM meta WHERE key = ?", (key,))
        return self._parsed(found[0][0]) if found else default

    def decision(self, phase: str, key: str, default: Any = None) -> Any:
        """The decision kept under `phase` and `key`."""
        found = self.select("SELECT json FROM decision WHERE phase = ? AND key = ?", (phase, key))
        return self._parsed(found[0][0]) if found else default

    @property
    def spec(self) -> OracleSpec | None:
        """The target whose answers these are; None before the first run."""
        known = self.recall("spec")
        if known is None:
            return None
        try:
            return spec_from(known)
        except (TypeError, LookupError) as error:
            raise damaged(self.path, f"its description of the target is {known!r}") from error

    def batch(self, number: int) -> Batch:
        """One batch; its answers have passed their checksum."""
        query = (
            "SELECT phase, status, note, dtype, row_count, x, y, hash, answer_hash FROM batch WHERE id = ?"
        )
        found = self.select(query, (number,))
        if not found:
            raise damaged(self.path, f"there is no batch {number}")
        phase, status, note, dtype, count, x, y, digest, checksum = found[0]
        if not all(isinstance(blob, bytes | None) for blob in (x, y, digest, checksum)):
            raise damaged(self.path, f"batch {number} has text where its bytes should be")
        rows, answers = self._table(number, x, dtype, count), None
        if status == "answered":
            if answer_checksum(digest, y) != checksum:
                raise damaged(self.path, f"the answers of batch {number} do not match their checksum")
            answers = self._table(number, y, _ANSWER_TYPE.str, count).astype(np.float64)
        return Batch(number, phase, status, note, rows, digest, answers)

    def batch_numbers(self, *statuses: BatchStatus) -> list[int]:
        """Numbers of the batches in one of `statuses` (all if none is named), in the order of sending."""
        rows = self.select("SELECT id, status FROM batch ORDER BY id")
        return [number for number, status in rows if not statuses or status in statuses]

    def batches(self) -> Iterator[Batch]:
        """All batches in the order of sending, one in memory at a time."""
        return (self.batch(number) for number in self.batch_numbers())

    def places(self, sent: SentArray, keys: KeyArray, horizon: int | None = None) -> list[list[Place]]:
        """Where the answers to each row are, first asked first.

        Args:
            sent: The rows as sent, shape "n d".
            keys: Their keys.
            horizon: Last batch to consider; None for all.
        """
        query = "SELECT batch, row FROM row_index WHERE hash = ? AND batch <= ? ORDER BY batch, row"
        last = np.iinfo(np.int64).max if horizon is None else horizon
        with plain_errors(self.path):
            execute = self._database.execute
            found = [execute(query, (key, int(last))).fetchall() for key in index_hashes(keys)]
        same = self._same_bytes([(b, r, i) for i, rows in enumerate(found) for b, r in rows], sent)
        return [[place for place in rows if (*place, i) in same] for i, rows in enumerate(found)]

    def answers_at(self, places: Sequence[Place]) -> FloatArray:
        """The answers stored at `places`, in their order."""
        answers: list[Any] = [None] * len(places)
        wanted = sorted((batch, row, i) for i, (batch, row) in enumerate(places))
        for number, group in groupby(wanted, key=itemgetter(0)):
            stored = self._cached(number).answers
            if stored is None:
                raise damaged(self.path, f"its index points at batch {number}, which has no answers")
            for _, row, i in group:
                answers[i] = stored[row]
        return np.array(answers, dtype=np.float64)

    def _same_bytes(self, hits: list[tuple[int, int, int]], sent: SentArray) -> set[tuple[int, int, int]]:
        """Those of `hits` (batch, row there, row asked) whose bytes agree.

        Raises:
            FormatError: Bytes differ, and not because two rows share 64 bits of their keys.
        """
        asked = _as_bytes(sent)
        same: set[tuple[int, int, int]] = set()
        for number, group in groupby(sorted(hits), key=itemgetter(0)):
            members = list(group)
            rows, positions = [m[1] for m in members], [m[2] for m in members]
            stored = self._cached(number).rows
            if stored.dtype != sent.dtype or stored.shape[1] != sent.shape[1] or max(rows) >= len(stored):
                raise damaged(
                    self.path, f"the rows of batch {number} are not of the shape that its index tells"
                )
            agree = (_as_bytes(stored)[rows] == asked[positions]).all(axis=1)
            same.update(m for m, yes in zip(members, agree, strict=True) if yes)
            for m in (m for m, yes in zip(members, agree, strict=True) if not yes):
                hashes = index_hashes(row_keys(np.stack([stored[m[1]], sent[m[2]]])))
                if hashes[0] != hashes[1]:
                    raise damaged(self.path, f"row {m[1]} of batch {number} does not match its index")
        return same

    def _cached(self, number: int) -> Batch:
        if number not in self._cache:
            if len(self._cache) >= _CACHED_BATCHES:
                del self._cache[next(iter(self._cache))]
            self._cache[number] = self.batch(number)
        return self._cache[number]

    def _table(self, number: int, blob: bytes, dtype: str, rows: int) -> SentArray:
        try:
            return np.frombuffer(blob, dtype=number_type(dtype)).reshape(rows, -1)
        except (InvalidInput, ValueError, TypeError) as error:
            raise damaged(self.path, f"batch {number} does not hold {rows} rows of {dtype}") from error

    def _parsed(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as error:
            raise damaged(self.path, f"{text[:40]!r} is not JSON") from error


def spec_from(described: Any) -> OracleSpec:
    """The spec that was written down as a mapping; fields we do not know are left out.

    Raises:
        TypeError: Not a mapping, or a field is missing.
        LookupError: Bounds that are no pair.
    """
    kept: dict[str, Any] = {f.name: described[f.name] for f in fields(OracleSpec) if f.name in described}
    if kept.get("bounds") is not None:
        kept["bounds"] = (kept["bounds"][0], kept["bounds"][1])
    return OracleSpec(**kept)


def index_hashes(keys: KeyArray) -> list[int]:
    """What the index holds of each key: its first 64 bits as a signed number, which is what SQLite has."""
    return keys[:, 0].astype(np.uint64).view(np.int64).tolist()


def batch_digest(keys: KeyArray) -> bytes:
    """Checksum of the rows of a batch."""
    return hashlib.sha256(keys.tobytes()).digest()


def answer_checksum(digest: bytes, answers: bytes) -> bytes:
    """Checksum that ties stored answers to the rows with `digest`."""
    return hashlib.sha256(digest + answers).digest()


def _as_bytes(rows: SentArray) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
