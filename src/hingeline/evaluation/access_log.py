"""What an endpoint saw: an independent count of requests and rows, kept by the server, not by the asker.

One JSON line per inference request, written before its answer leaves, so that an answer that was received is
always on record. Rows are recorded by a digest: enough to see that one was answered twice.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import FormatError, InvalidInput


@dataclass(frozen=True)
class AccessSummary:
    """What happened at an endpoint so far."""

    requests: int
    """Inference requests, failed ones included."""
    rows_answered: int
    """Rows in requests that were answered."""
    rows_repeated: int
    """Answered rows that had been answered before."""
    failures: int
    """Requests that got no answer: refused, turned away, dropped."""


class AccessLog:
    """Counts, and optionally appends lines to a file; safe to call from several threads.

    Args:
        path: File to append to; None to count only, without telling repeated rows.

    Raises:
        InvalidInput: The file cannot be written.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self._lock = threading.Lock()
        self._requests = 0
        self._rows = 0
        self._failures = 0
        self._file = None if path is None else _opened(Path(path))

    @property
    def requests(self) -> int:
        """Inference requests, failed ones included."""
        return self._requests

    @property
    def rows_answered(self) -> int:
        """Rows in requests that were answered."""
        return self._rows

    @property
    def failures(self) -> int:
        """Requests that got no answer."""
        return self._failures

    def answered(self, request_id: str, points: FloatArray) -> None:
        """Note an answer that is about to leave."""
        digests = [_digest(row) for row in points] if self._file else []
        with self._lock:
            self._requests += 1
            self._rows += len(points)
            self._write({"status": 200, "id": request_id, "rows": len(points), "digests": digests})

    def failed(self, status: int | None) -> None:
        """Note a request without an answer; `status` is None for a dropped connection."""
        with self._lock:
            self._requests += 1
            self._failures += 1
            self._write({"status": status, "rows": 0})

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps({"at": round(time.time(), 6), **entry}) + "\n")
            self._file.flush()


def read_access_log(path: str | Path) -> AccessSummary:
    """Add up an access log file.

    Raises:
        FormatError: A line is not of an access log.
    """
    seen: Counter[str] = Counter()
    requests = rows = failures = 0
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            requests, rows = requests + 1, rows + entry["rows"]
            failures += entry["status"] != 200
            seen.update(entry.get("digests", ()))
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(f"{path}, line {number} is not of an access log: {error}") from error
    return AccessSummary(requests, rows, sum(seen.values()) - len(seen), failures)


def _opened(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"cannot write the access log {path}: {error.strerror or error}") from error


def _digest(row: FloatArray) -> str:
    # Adding 0.0 makes -0.0 and 0.0 one row, as they are one point.
    return hashlib.blake2b(np.ascontiguousarray(row + 0.0).tobytes(), digest_size=8).hexdigest()
