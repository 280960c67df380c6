"""A run's journal as all that there is: nothing is sent, and nothing is written.

Idea: a run is done again from its journal alone, to tell once more what came of it. Answered rows are served
from the journal as on resuming (`session`), and a batch that the target failed to answer fails again, in the
words that were recorded: a step that drew back then draws back now. Every other row was never answered. It
raises `NotRecorded`, which is no error of a door, so that no step takes it for one and goes on without.

Cost: the journal is read as it is asked; decisions made now are kept in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import NotRecorded, OracleError, OutsideDomain, QueryFailed, UnsupportedOracle
from hingeline.core.events import Event
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_file import open_for_reading
from hingeline.oracles.journal_reader import JournalReader, Place, batch_digest
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.row_memory import KeyArray, SentArray, as_sent, row_keys
from hingeline.oracles.session import OUT_OF_RANGE

# A batch that failed and was answered when it was sent again is answered.
_FAILED = (
    "SELECT hash, status, note FROM batch WHERE status IN ('failed', 'unsent') "
    "AND hash NOT IN (SELECT hash FROM batch WHERE status = 'answered')"
)


class RecordedJournal(Journal):
    """A journal that serves what it holds and keeps nothing; the file stays as it is.

    Args:
        path: The file.

    Raises:
        FormatError: Not a journal, a newer one, or damaged.
        InvalidInput: No such file, or it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        # Not the parent's: that takes the writer's lock, and here nothing is written.
        JournalReader.__init__(self, Path(path), open_for_reading(Path(path)))
        self.in_doubt: int = 0
        self._kept: dict[tuple[str, ...], Any] = {}
        self._failed = {digest: (status, note) for digest, status, note in self.select(_FAILED)}

    def close(self) -> None:
        """Let go of the file."""
        JournalReader.close(self)

    def __enter__(self) -> RecordedJournal:
        return self

    def recall(self, key: str, default: Any = None) -> Any:
        """The value kept under `key`, in this run or in the file."""
        return self._kept[(key,)] if (key,) in self._kept else super().recall(key, default)

    def decision(self, phase: str, key: str, default: Any = None) -> Any:
        """The decision kept under `phase` and `key`, in this run or in the file."""
        place = (phase, key)
        return self._kept[place] if place in self._kept else super().decision(phase, key, default)

    def remember(self, key: str, value: Any) -> None:
        """Keep a value in memory."""
        self._kept[(key,)] = value

    def decide(self, phase: str, key: str, value: Any) -> None:
        """Keep a decision in memory."""
        self._kept[(phase, key)] = value

    def record(self, event: Event) -> None:
        """Nothing: these events were recorded when the run was done."""

    def known(self, sent: SentArray, keys: KeyArray) -> list[list[Place]]:
        """Where the answers to each row are; nowhere for a batch that failed as a whole."""
        if batch_digest(keys) in self._failed:
            return [[] for _ in range(len(sent))]
        return self.places(sent, keys)

    def failure(self, keys: KeyArray, name: str) -> OracleError | None:
        """How the target called `name` failed to answer exactly this batch; None if it did not."""
        found = self._failed.get(batch_digest(keys))
        return None if found is None else _as_it_failed(*found, name)

    def intend(self, phase: str, sent: SentArray, keys: KeyArray) -> int:
        """Nothing: what is not recorded does not leave."""
        return 0

    def request_id(self, batch: int) -> str:
        """No name: no batch leaves."""
        return ""

    def answered(self, batch: int, keys: KeyArray, answers: FloatArray) -> None:
        """Nothing: the journal has these answers."""

    def copied(self, phase: str, sent: SentArray, keys: KeyArray, answers: FloatArray) -> None:
        """Nothing: the file stays as it is."""

    def failed(self, batch: int, note: str, *, sent: bool) -> None:
        """Nothing: the journal has this failure."""


class RecordedDoor:
    """A target of which only a journal is left.

    Args:
        spec: Whose answers the journal holds.
        journal: What was answered, and what failed.

    Attributes:
        missing: Rows that were asked here and never answered; a run that had some has no result.
    """

    def __init__(self, spec: OracleSpec, journal: RecordedJournal) -> None:
        self._spec = spec
        self._journal = journal
        self.missing = 0

    @property
    def spec(self) -> OracleSpec:
        """That of the target."""
        return self._spec

    def query(self, points: FloatArray) -> FloatArray:
        """Never an answer: a session takes those from the journal.

        Raises:
            OracleError: The target failed to answer these rows, as it did then.
            NotRecorded: They were never answered.
        """
        sent = as_sent(as_points(points, self._spec.input_dim), self._spec.dtype)
        failure = self._journal.failure(row_keys(sent), self._spec.name)
        if failure is not None:
            raise failure
        self.missing += len(points)
        raise NotRecorded(len(points))


def _as_it_failed(status: str, note: str, name: str) -> OracleError:
    """The error that a journal's note tells of."""
    kind, _, words = note.partition(": ")
    for known in (OutsideDomain, UnsupportedOracle):
        if kind == known.__name__:
            return known(words)
    return QueryFailed(
        words, sent=status == "failed", out_of_range=words.startswith(f"{name} {OUT_OF_RANGE}")
    )
