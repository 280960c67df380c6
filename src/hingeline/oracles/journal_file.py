"""The file of a journal: made, opened and checked before anything is trusted to it.

Idea: SQLite with a write-ahead log and synchronous=FULL, so a committed row survives `kill -9` and power
loss. Everything but `meta` is only ever appended to: an intent is one row, its answer another, so that the
large input blob is written once. The view `batch` shows the two side by side.

One process writes at a time: the writer holds an exclusive SQLite lock on an empty file beside the journal,
which the system lets go when the process dies. Readers need no lock.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hingeline.core.errors import FormatError, InvalidInput

APPLICATION_ID = 0x48494E47  # "HING" in the file's header
SCHEMA = 1

_MAGIC = b"SQLite format 3\x00"
_TABLES = frozenset({"meta", "intent", "answer", "row_index", "event", "decision"})
_NETWORK_FILE_SYSTEMS = frozenset(
    ["nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "davfs", "ceph", "lustre"]
    + [f"fuse.{name}" for name in ("sshfs", "glusterfs", "s3fs", "rclone")]
)
_DEFINITION = f"""
BEGIN IMMEDIATE;
CREATE TABLE meta (key TEXT PRIMARY KEY, json TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE intent (
    id INTEGER PRIMARY KEY, repeats INTEGER, phase TEXT NOT NULL, sent_at REAL NOT NULL, dtype TEXT NOT NULL,
    row_count INTEGER NOT NULL, hash BLOB NOT NULL, x BLOB NOT NULL);
CREATE TABLE answer (
    id INTEGER PRIMARY KEY REFERENCES intent (id), got_at REAL NOT NULL, note TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('answered', 'failed', 'unsent')), hash BLOB, y BLOB);
CREATE TABLE row_index (
    hash INTEGER NOT NULL, batch INTEGER NOT NULL, row INTEGER NOT NULL,
    PRIMARY KEY (hash, batch, row)) WITHOUT ROWID;
CREATE TABLE event (
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL, json TEXT NOT NULL);
CREATE TABLE decision (
    phase TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL, PRIMARY KEY (phase, key)) WITHOUT ROWID;
CREATE VIEW batch AS
    SELECT i.id, i.repeats, i.phase, i.row_count, i.dtype, i.sent_at, a.got_at,
        coalesce(a.status, (SELECT 'repeated' FROM intent r WHERE r.repeats = i.id), 'in doubt') AS status,
        coalesce(a.note, '') AS note, i.hash, a.hash AS answer_hash, i.x, a.y
    FROM intent i LEFT JOIN answer a ON a.id = i.id;
CREATE INDEX intent_repeats ON intent (repeats) WHERE repeats IS NOT NULL;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA};
COMMIT;
"""


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot write; works beside a running writer and on read-only media.

    Raises:
        FormatError: Not a journal of ours, a newer one, or damaged.
        InvalidInput: No such file, or it cannot be read.
    """
    if not path.is_file():
        raise InvalidInput(f"there is no journal at {path}")
    _check_header(path)
    with plain_errors(path):
        connection = _connect_reading(path)
    with _closed_on_error(connection), plain_errors(path):
        _check_identity(connection, path)
    return connection


def open_for_writing(path: Path) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    """The journal at `path`, made if there is none, and the lock that keeps other writers away.

    Raises:
        FormatError: Not a journal of ours, a newer one, or damaged.
        InvalidInput: The place cannot be written, is a network file system, or another process writes there.
    """
    _check_place(path)
    lock = _writer_lock(path)
    with _closed_on_error(lock):
        if path.exists() and path.stat().st_size:
            _check_header(path)
        with plain_errors(path):
            connection = sqlite3.connect(path, isolation_level=None)
        with _closed_on_error(connection), plain_errors(path):
            if _names(connection):
                _check_identity(connection, path)
                _check_structure(connection, path)
            _make_durable(connection, path)
            if not _names(connection):
                connection.executescript(_DEFINITION)
    return connection, lock


@contextmanager
def plain_errors(path: Path) -> Generator[None]:
    """Say what SQLite's errors mean for the journal at `path`."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise InvalidInput(f"cannot use the journal {path}: {error}; {_advice(error)}") from error
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from error


def _advice(error: sqlite3.OperationalError) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another process is using it; wait for it to end"
    if name.startswith("SQLITE_FULL"):
        return "free some space and resume; every answer recorded so far is kept"
    return "check that the file and its directory can be read and written"


def damaged(path: Path, seen: str) -> FormatError:
    """The error for a journal that was one and is no longer whole."""
    return FormatError(
        f"the journal {path} is damaged: {seen}. To save what can still be read:  "
        f"hingeline journal merge NEW.sqlite {path}"
    )


def _check_place(path: Path) -> None:
    directory = path.absolute().parent
    if not directory.is_dir():
        raise InvalidInput(
            f"cannot write a journal to {path}: {directory} is not a directory; create it first"
        )
    if not os.access(directory, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise InvalidInput(f"cannot write a journal to {path}: no permission; choose a directory of your own")
    kind = file_system_of(directory)
    if kind in _NETWORK_FILE_SYSTEMS:
        raise InvalidInput(
            f"cannot keep a journal at {path}: {kind} is a network file system, on which SQLite's log is not "
            "safe; choose a local directory and copy the file afterwards"
        )


def file_system_of(directory: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of file system under `directory`; empty where the system does not tell (other than Linux)."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        # proc(5): the mount point is field 5, with blanks as octal escapes; the type comes after the dash.
        mount = before.split()[4].replace("\\040", " ")
        if directory.is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, after.split()[0]
    return kind


def _writer_lock(path: Path) -> sqlite3.Connection:
    beside = path.with_name(path.name + ".lock")
    with plain_errors(path):
        lock = sqlite3.connect(beside, isolation_level=None, timeout=0.0)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            raise InvalidInput(
                f"another process is writing the journal {path}; wait for it or stop it"
            ) from error
        raise InvalidInput(f"cannot use the journal {path}: {error}; {_advice(error)}") from error
    return lock


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except OSError as error:
        raise InvalidInput(f"cannot read the journal {path}: {error.strerror}") from error
    if start != _MAGIC:
        raise FormatError(f"{path} is not a journal: it begins with {start!r}, not with {_MAGIC!r}")


def _connect_reading(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    # A reader may be used, and collected, in another thread than its maker's; SQLite itself takes turns.
    options: dict[str, Any] = {"uri": True, "isolation_level": None, "check_same_thread": False}
    try:
        connection = sqlite3.connect(f"{uri}?mode=ro", **options)
        with _closed_on_error(connection):
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        if path.with_name(path.name + "-wal").exists():
            raise
        # On read-only media the log's index cannot be made; without a log none is needed.
        connection = sqlite3.connect(f"{uri}?immutable=1", **options)
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _make_durable(connection: sqlite3.Connection, path: Path) -> None:
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise InvalidInput(
            f"cannot keep a journal at {path}: its file system does not support a write-ahead log "
            f"(SQLite chose {mode!r}); choose a local directory"
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA trusted_schema = OFF")


def _names(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    schema = connection.execute("PRAGMA user_version").fetchone()[0]
    if mark != APPLICATION_ID:
        raise FormatError(f"{path} is an SQLite database, but not a journal of hingeline (mark {mark:#x})")
    if schema > SCHEMA:
        raise FormatError(
            f"the journal {path} has schema {schema}; this version reads up to {SCHEMA}: "
            "pip install --upgrade hingeline"
        )
    missing = _TABLES - _names(connection)
    if missing:
        raise damaged(path, f"no table {', '.join(sorted(missing))}")


def _check_structure(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise damaged(path, found)


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Generator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise
