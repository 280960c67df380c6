"""Recorded answers as an oracle: nothing is sent, and what was not recorded is not answered.

Idea: a past journal, or a table of rows `x` and answers `y`, stands in for the target: re-analysis offline,
teaching, regression tests. A row recorded several times is answered with each recording in turn, then from
the first again, so that a target that did not repeat itself does not seem to.

Cost: a journal is read as it is asked; a table is held in memory, with about 250 bytes per row to find it.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile, is_zipfile

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import FormatError, InvalidInput, QueryFailed
from hingeline.oracles.journal_reader import JournalReader, Place, spec_from
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.row_memory import KeyArray, SentArray, as_sent, number_type, row_keys


class Recording(Protocol):
    """Where recorded answers are found."""

    @property
    def spec(self) -> OracleSpec | None:
        """Whose answers these are."""
        ...

    def places(self, sent: SentArray, keys: KeyArray) -> Sequence[Sequence[Place]]:
        """Where the answers to each row are, first asked first."""
        ...

    def answers_at(self, places: Sequence[Place]) -> FloatArray:
        """The answers stored at `places`."""
        ...


class ReplayOracle:
    """A recording that answers like the target did.

    Args:
        source: A journal's path, or a recording that is open.

    Raises:
        InvalidInput: No such journal, or it holds no answers.
        FormatError: The file is not a journal, or damaged.
    """

    def __init__(self, source: str | Path | Recording) -> None:
        if isinstance(source, str | Path):
            reader = JournalReader.read(source)
            weakref.finalize(self, reader.close)  # whoever asks an oracle does not know that it holds a file
            source = reader
        self._recording: Recording = source
        self._served: dict[bytes, int] = {}
        self._spec = _recorded(source.spec)

    @property
    def spec(self) -> OracleSpec:
        """That of the target, but nothing leaves this machine."""
        return self._spec

    def query(self, points: FloatArray) -> FloatArray:
        """The recorded answers at `points`.

        Raises:
            QueryFailed: Some rows were never recorded.
        """
        sent = as_sent(as_points(points, self._spec.input_dim), self._spec.dtype)
        keys = row_keys(sent)
        found = self._recording.places(sent, keys)
        missing = sum(not places for places in found)
        if missing:
            raise QueryFailed(
                f"{missing:,} of {len(found):,} rows are not in the {self._spec.name}. It answers only "
                "what was asked when it was made: use the verb, seed and settings of that run, or ask the "
                "target itself"
            )
        return self._recording.answers_at([self._next(key, p) for key, p in zip(keys, found, strict=True)])

    def _next(self, key: Any, places: Sequence[Place]) -> Place:
        if len(places) == 1:
            return places[0]
        turn = self._served.get(key.tobytes(), 0)
        self._served[key.tobytes()] = turn + 1
        return places[turn % len(places)]


class AnswerTable:
    """Rows and answers in memory.

    Args:
        rows: What was asked, shape "n d", in the type in which it was sent.
        answers: What was answered, shape "n k".
        spec: Whose answers these are.
    """

    def __init__(self, rows: SentArray, answers: FloatArray, spec: OracleSpec) -> None:
        self.spec: OracleSpec | None = spec
        self._answers = answers
        self._where: dict[bytes, list[Place]] = {}
        for row, key in enumerate(row_keys(rows)):
            self._where.setdefault(key.tobytes(), []).append((0, row))

    def places(self, sent: SentArray, keys: KeyArray) -> Sequence[Sequence[Place]]:
        """Where the answers to each row are, in the table's order."""
        return [self._where.get(key.tobytes(), []) for key in keys]

    def answers_at(self, places: Sequence[Place]) -> FloatArray:
        """The answers stored at `places`."""
        return self._answers[[row for _, row in places]]


def holds_answers(path: str | Path) -> bool:
    """True if `path` is an .npz with the keys `x` and `y`; other keys mean other things, such as weights."""
    if not is_zipfile(path):
        return False
    with np.load(path, allow_pickle=False) as archive:
        return {"x", "y"} <= set(archive.files)


def open_answers(path: str | Path) -> ReplayOracle:
    """An .npz of answers as an oracle: `x` of shape "n d", `y` of shape "n k" or "n", optionally `spec`.

    Raises:
        InvalidInput: No such file.
        FormatError: Not a table of answers.
    """
    if not Path(path).is_file():
        raise InvalidInput(f"there is no file {path}")
    try:
        with np.load(path, allow_pickle=False) as archive:
            rows, answers = _native(archive["x"]), np.asarray(archive["y"], dtype=np.float64)
            described = json.loads(str(archive["spec"])) if "spec" in archive.files else None
    except (OSError, EOFError, LookupError, ValueError, TypeError, BadZipFile) as error:
        raise FormatError(f"{path} is not a table of answers (.npz with x and y): {error}") from error
    answers = answers[:, np.newaxis] if answers.ndim == 1 else answers
    _check_table(path, rows, answers)
    return ReplayOracle(AnswerTable(rows, answers, _table_spec(path, rows, answers, described)))


def _native(rows: SentArray) -> SentArray:
    return rows.astype(rows.dtype.newbyteorder("="), copy=False)


def _check_table(path: str | Path, rows: SentArray, answers: FloatArray) -> None:
    if rows.ndim != 2 or answers.ndim != 2 or not len(rows) or len(rows) != len(answers):
        raise FormatError(
            f"{path} has x of shape {rows.shape} and y of {answers.shape}; want (n, d) and (n, k)"
        )
    try:
        number_type(rows.dtype.str)
    except InvalidInput as error:
        raise FormatError(f"{path} has an x of type {rows.dtype}; want numbers") from error
    if not np.isfinite(answers).all() or not np.isfinite(rows.astype(np.float64)).all():
        raise FormatError(f"{path} has NaN or infinite numbers in x or y")


def _table_spec(path: str | Path, rows: SentArray, answers: FloatArray, described: Any) -> OracleSpec:
    try:
        known = OracleSpec(Path(path).stem, rows.shape[1]) if described is None else spec_from(described)
    except (TypeError, LookupError) as error:
        raise FormatError(f"{path} describes its target as {described!r}") from error
    return replace(known, input_dim=rows.shape[1], output_dim=answers.shape[1], dtype=rows.dtype.name)


def _recorded(spec: OracleSpec | None) -> OracleSpec:
    if spec is None:
        raise InvalidInput("this journal has not recorded a run; there is nothing to replay")
    return replace(spec, name=f"recording of {spec.name}", remote=False, max_batch=None)
