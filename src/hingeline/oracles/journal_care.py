"""What a journal amounts to, and whether it is still whole.

Cost: `journal_stats` reads no rows; `verify_journal` reads everything once and hashes it again, about 10 us
per row and 1 s per 100 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.oracles.journal_file import SCHEMA
from hingeline.oracles.journal_reader import JournalReader, batch_digest, index_hashes
from hingeline.oracles.row_memory import row_keys


@dataclass(frozen=True)
class JournalStats:
    """What a journal amounts to."""

    path: str
    schema: int
    """Layout of the file."""
    bytes: int
    """Size of the file and of its log."""
    target: str
    """Name of the target; empty before the first run."""
    input_dim: int | None
    dtype: str | None
    """Type in which rows were sent."""
    runs: int
    """How often a run began or went on."""
    batches: int
    rows_sent: int
    """Rows that left, each time they did: what the target can have counted."""
    rows_answered: int
    """Rows with a usable answer; what is served on resume."""
    rows_failed: int
    """Rows sent whose answer was unusable or lost."""
    rows_unsent: int
    """Rows of batches that never left."""
    rows_repeated: int
    """Rows in doubt after a crash that were sent again since; the target may have counted them twice."""
    rows_in_doubt: int
    """Rows sent, nothing known of an answer, and not sent again."""
    rows_answered_by_phase: Mapping[str, int]
    first_sent: float | None
    """Unix time."""
    last_answer: float | None
    """Unix time."""


@dataclass(frozen=True)
class Verification:
    """Whether a journal is whole."""

    path: str
    batches: int
    """Batches looked at."""
    rows: int
    """Answered rows whose bytes, checksum and index entry agree."""
    problems: tuple[str, ...]
    """Damage found, one sentence each; empty if the journal is whole."""
    in_doubt: tuple[int, ...]
    """Batches sent without a recorded answer: no damage, but they may have been paid."""

    @property
    def ok(self) -> bool:
        """True if no damage was found."""
        return not self.problems


def journal_stats(journal: JournalReader) -> JournalStats:
    """Count what `journal` holds."""
    spec = journal.spec
    by_status: dict[str, int] = dict(
        journal.select("SELECT status, sum(row_count) FROM batch GROUP BY status")
    )
    by_phase = journal.select(
        "SELECT phase, sum(row_count) FROM batch WHERE status = 'answered' GROUP BY phase ORDER BY min(id)"
    )
    count, first, last = journal.select("SELECT count(*), min(sent_at), max(got_at) FROM batch")[0]
    unsent = by_status.get("unsent", 0)
    return JournalStats(
        path=str(journal.path),
        schema=SCHEMA,
        bytes=_bytes_of(journal),
        target=spec.name if spec else "",
        input_dim=spec.input_dim if spec else None,
        dtype=spec.dtype if spec else None,
        runs=journal.recall("runs", 0),
        batches=count,
        rows_sent=sum(by_status.values()) - unsent,
        rows_answered=by_status.get("answered", 0),
        rows_failed=by_status.get("failed", 0),
        rows_unsent=unsent,
        rows_repeated=by_status.get("repeated", 0),
        rows_in_doubt=by_status.get("in doubt", 0),
        rows_answered_by_phase=dict(by_phase),
        first_sent=first,
        last_answer=last,
    )


def verify_journal(journal: JournalReader) -> Verification:
    """Check the file's structure, every checksum and every index entry of `journal`."""
    problems: list[str] = []
    numbers: list[int] = []
    doubts: list[int] = []
    rows = 0
    try:
        problems += [line for (line,) in journal.select("PRAGMA integrity_check(20)") if line != "ok"]
        numbers, doubts = journal.batch_numbers(), journal.batch_numbers("in doubt")
    except (FormatError, InvalidInput) as error:
        problems.append(str(error))
    for number in numbers:
        try:
            rows += _sound_rows(journal, number)
        except (FormatError, InvalidInput) as error:
            problems.append(str(error))
    return Verification(str(journal.path), len(numbers), rows, tuple(problems), tuple(doubts))


def _sound_rows(journal: JournalReader, number: int) -> int:
    """Answered rows of one batch.

    Raises:
        FormatError: Rows, checksum or index entries do not agree.
    """
    batch = journal.batch(number)
    keys = row_keys(batch.rows)
    if batch_digest(keys) != batch.digest:
        raise FormatError(f"the rows of batch {number} do not match their checksum")
    if batch.answers is None:
        return 0
    query = "SELECT 1 FROM row_index WHERE hash = ? AND batch = ? AND row = ?"
    entries = enumerate(index_hashes(keys))
    missing = sum(not journal.select(query, (key, number, row)) for row, key in entries)
    if missing:
        raise FormatError(f"{missing} rows of batch {number} are not in the index")
    return len(batch.rows)


def _bytes_of(journal: JournalReader) -> int:
    files = (journal.path, journal.path.with_name(journal.path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
