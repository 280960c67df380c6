"""Take answers out of a journal: into a table that any program reads, or into another journal.

Cost: one batch in memory at a time; each reads its source once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO
from zipfile import ZIP_STORED, ZipFile

import numpy as np

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_file import damaged
from hingeline.oracles.journal_reader import Batch, JournalReader, batch_digest, index_hashes
from hingeline.oracles.row_memory import KeyArray, SentArray, row_keys

_OWN_KEYS = frozenset({"id", "spec", "runs"})


@dataclass(frozen=True)
class Merged:
    """What a merge took over."""

    rows: int
    """Answered rows copied."""
    known: int
    """Answered rows that were there already."""
    damaged: tuple[str, ...]
    """Why a batch was left behind, one sentence each."""


def export_npz(journal: JournalReader, path: str | Path) -> int:
    """Write all answered rows to an .npz file: `x` as sent, `y` as answered, `spec` as JSON text.

    Returns:
        The number of rows.

    Raises:
        InvalidInput: No answers to export, or the file cannot be written.
        FormatError: The journal is damaged.
    """
    numbers = journal.batch_numbers("answered")
    spec = journal.spec
    if not numbers or spec is None:
        raise InvalidInput(f"the journal {journal.path} holds no answers yet; nothing to export")
    first = journal.batch(numbers[0])
    assert first.answers is not None
    rows = int(journal.select("SELECT sum(row_count) FROM batch WHERE status = 'answered'")[0][0])
    target = Path(path)
    unfinished = target.with_name(target.name + ".part")
    try:
        with ZipFile(unfinished, "w", ZIP_STORED) as archive:
            for name, table in (("x", first.rows), ("y", first.answers)):
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    _write_header(file, (rows, table.shape[1]), table.dtype)
                    for number in numbers:
                        file.write(_column(journal, number, name, table).tobytes())
            with archive.open("spec.npy", "w") as file:
                np.save(file, np.array(json.dumps(asdict(spec))))
        unfinished.replace(target)
    except OSError as error:
        raise InvalidInput(f"cannot write {target}: {error.strerror}; choose another place") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def merge_journals(into: Journal, source: JournalReader) -> Merged:
    """Copy the answers of `source` that `into` lacks; doing so twice changes nothing.

    The n-th answer to a row is copied if `into` has fewer than n. Batches without a usable answer stay
    behind, and so do damaged ones, which makes a merge into a new file the way to save a damaged journal.

    Raises:
        InvalidInput: The two hold answers of different targets, or `source` is empty.
    """
    spec = source.spec
    if spec is None:
        raise InvalidInput(f"the journal {source.path} has not recorded a run; nothing to merge")
    into.adopt(spec)
    rows, known, problems = 0, 0, list[str]()
    for number in _numbers(source):
        try:
            batch, keys = _sound(source, number)
            earlier = _earlier_askings(source, number, keys)
        except (FormatError, InvalidInput) as error:
            problems.append(str(error))
            continue
        held = [len(places) for places in into.places(batch.rows, keys)]
        lacking = np.array([n >= h for n, h in zip(earlier, held, strict=True)])
        if batch.answers is None:
            continue
        if lacking.any():
            into.copied(batch.phase, batch.rows[lacking], keys[lacking], batch.answers[lacking])
        rows, known = rows + int(lacking.sum()), known + int((~lacking).sum())
    _copy_notes(into, source)
    return Merged(rows, known, tuple(problems))


def _write_header(file: IO[bytes], shape: tuple[int, int], dtype: np.dtype[np.generic]) -> None:
    described = np.lib.format.dtype_to_descr(dtype)
    header = {"descr": described, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def _column(journal: JournalReader, number: int, name: str, like: SentArray) -> SentArray:
    batch = journal.batch(number)
    table = batch.rows if name == "x" else batch.answers
    if table is None or table.shape[1] != like.shape[1] or table.dtype != like.dtype:
        raise damaged(journal.path, f"{name} of batch {number} is not of the shape of the others")
    return table


def _numbers(source: JournalReader) -> Iterable[int]:
    try:
        return source.batch_numbers("answered")
    except FormatError:
        # Part of the file cannot be read: try every batch by its number.
        return range(1, source.select("SELECT max(id) FROM intent")[0][0] + 1)


def _sound(source: JournalReader, number: int) -> tuple[Batch, KeyArray]:
    batch = source.batch(number)
    keys = row_keys(batch.rows)
    if batch_digest(keys) != batch.digest:
        raise damaged(source.path, f"the rows of batch {number} do not match their checksum")
    return batch, keys


def _earlier_askings(source: JournalReader, number: int, keys: KeyArray) -> list[int]:
    """How many answers to each row `source` holds from before its place in batch `number`."""
    query = "SELECT count(*) FROM row_index WHERE hash = ? AND (batch, row) < (?, ?)"
    return [source.select(query, (key, number, row))[0][0] for row, key in enumerate(index_hashes(keys))]


def _copy_notes(into: Journal, source: JournalReader) -> None:
    mine = {key for (key,) in into.select("SELECT key FROM meta")} | _OWN_KEYS
    for (key,) in _readable(source, "SELECT key FROM meta"):
        if key not in mine:
            into.remember(key, source.recall(key))
    decided = set(into.select("SELECT phase, key FROM decision"))
    for phase, key in _readable(source, "SELECT phase, key FROM decision"):
        if (phase, key) not in decided:
            into.decide(phase, key, source.decision(phase, key))


def _readable(source: JournalReader, query: str) -> Iterable[tuple[str, ...]]:
    try:
        return source.select(query)
    except (FormatError, InvalidInput):
        # What is damaged was reported with the batches; the answers are what a merge is for.
        return []
