"""A run done again from its journal: the same answers and failures, nothing else; nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, NotRecorded, OracleError, OutsideDomain, QueryFailed
from hingeline.oracles.journal import Journal
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.recorded_run import RecordedDoor, RecordedJournal
from hingeline.oracles.session import QuerySession

SPEC = OracleSpec("target", 2)
NEAR = np.array([[1.0, 2.0], [3.0, 4.0]])
FAR = np.array([[1e9, 0.0], [5.0, 6.0]])


class Door:
    """Answers sums; far out NaN, or an error of the test's choice; never the same noise twice."""

    def __init__(self, failure: OracleError | None = None) -> None:
        self.failure = failure
        self.asked = 0
        self.spec = SPEC

    def query(self, points: Any) -> Any:
        self.asked += len(points)
        if np.abs(points).max() < 1e6:
            return points.sum(axis=1, keepdims=True) + self.asked / 1000
        if self.failure is not None:
            raise self.failure
        return np.full((len(points), 1), np.nan)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def plan(session: QuerySession) -> list[Any]:
    """Near rows twice, far rows that fail, then one of the far rows alone."""
    told: list[Any] = [session.ask(NEAR).tolist(), session.ask(NEAR, fresh=True).tolist()]
    try:
        session.ask(FAR)
    except (QueryFailed, OutsideDomain) as failure:
        told.append((type(failure), str(failure), getattr(failure, "out_of_range", None)))
    return [*told, session.ask(FAR[1:]).tolist(), session.spent]


def recorded(file: Path, door: Any) -> list[Any]:
    with Journal.open(file) as journal:
        return plan(QuerySession(door, journal=journal))


def replayed(file: Path) -> list[Any]:
    with RecordedJournal(file) as journal:
        assert journal.spec is not None
        door = RecordedDoor(journal.spec, journal)
        told = plan(QuerySession(door, journal=journal))
        assert door.missing == 0
    return told


@pytest.mark.parametrize(
    "failure",
    [
        None,
        QueryFailed("target: the door is closed", sent=True),
        QueryFailed("target: too many requests", sent=False),
        OutsideDomain("target takes up to 1"),
    ],
)
def test_a_run_done_again_sees_the_same_answers_failures_and_price(
    file: Path, failure: OracleError | None
) -> None:
    first = recorded(file, Door(failure))
    assert replayed(file) == first
    assert first[2][2] == (None if isinstance(failure, OutsideDomain) else failure is None)


def test_rows_that_were_never_answered_are_refused_with_their_number(file: Path) -> None:
    recorded(file, Door())
    with RecordedJournal(file) as journal:
        door = RecordedDoor(SPEC, journal)
        with pytest.raises(NotRecorded, match="at least 3 answers that the journal does not hold") as refused:
            QuerySession(door, journal=journal).ask(np.ones((3, 2)) * [[1], [2], [7]])
        assert refused.value.rows == door.missing == 3
        assert not isinstance(refused.value, OracleError)


def test_only_the_rows_that_are_missing_are_counted_as_missing(file: Path) -> None:
    recorded(file, Door())
    with RecordedJournal(file) as journal, pytest.raises(NotRecorded) as refused:
        QuerySession(RecordedDoor(SPEC, journal), journal=journal).ask(np.vstack([NEAR, NEAR + 0.5]))
    assert refused.value.rows == 2


def test_a_failure_that_was_answered_when_asked_again_is_an_answer(file: Path) -> None:
    for _ in range(2):
        with Journal.open(file) as journal:
            session = QuerySession(CallableOracle(flaky(file), SPEC), journal=journal)
            if not (file.parent / "mended").exists():
                with pytest.raises(QueryFailed):
                    session.ask(NEAR)
                (file.parent / "mended").touch()
            else:
                session.ask(NEAR)
    with RecordedJournal(file) as journal:
        assert QuerySession(RecordedDoor(SPEC, journal), journal=journal).ask(NEAR).tolist() == [[3.0], [7.0]]


def flaky(file: Path) -> Any:
    def answer(points: Any) -> Any:
        if not (file.parent / "mended").exists():
            raise QueryFailed("gone", sent=True)
        return points.sum(axis=1, keepdims=True)

    return answer


def test_the_file_stays_as_it_is_and_another_target_is_refused(file: Path) -> None:
    recorded(file, Door())
    before = file.read_bytes()
    with RecordedJournal(file) as journal:
        runs = journal.recall("runs")
        journal.bind(SPEC)
        journal.decide("phase", "key", [1])
        assert journal.decision("phase", "key") == [1] and journal.recall("runs") == runs + 1
        with pytest.raises(InvalidInput, match="holds answers of"):
            journal.bind(OracleSpec("another", 2))
    assert file.read_bytes() == before
    with RecordedJournal(file) as journal:
        assert journal.decision("phase", "key") is None and journal.recall("runs") == runs


def test_there_must_be_a_journal(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no journal"):
        RecordedJournal(tmp_path / "journal.sqlite")
