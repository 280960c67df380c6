from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hingeline.core.errors import FormatError, InvalidInput
from hingeline.evaluation.access_log import AccessLog, AccessSummary, read_access_log


def test_requests_rows_repeats_and_failures_are_counted(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "log.jsonl")
    log.answered("a", np.array([[0.0, 1.0], [2.0, 3.0]]))
    log.answered("b", np.array([[-0.0, 1.0], [2.0, 3.0 + 4e-16]]))
    log.failed(429)
    log.failed(None)
    log.close()
    assert (log.requests, log.rows_answered, log.failures) == (4, 4, 2)
    assert read_access_log(tmp_path / "log.jsonl") == AccessSummary(4, 4, 1, 2)


def test_a_second_server_appends_to_the_same_file(tmp_path: Path) -> None:
    for _ in range(2):
        log = AccessLog(tmp_path / "log.jsonl")
        log.answered("", np.ones((3, 2)))
        log.close()
    assert read_access_log(tmp_path / "log.jsonl") == AccessSummary(2, 6, 5, 0)


def test_a_file_that_cannot_be_written_or_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot write the access log"):
        AccessLog(tmp_path)
    (tmp_path / "other.txt").write_text("hello\n")
    with pytest.raises(FormatError, match="line 1"):
        read_access_log(tmp_path / "other.txt")
