"""The session counts, limits, de-duplicates and replays, alike with and without a journal."""

from contextlib import nullcontext

import numpy as np
import pytest
from seen_rows import Failing, Noisy, SeenRows, WithIds

from hingeline.core.errors import BudgetExhausted, InvalidInput, OutsideDomain, QueryFailed
from hingeline.core.events import AnswersReplayed, BatchFailed, BudgetLow, PhaseEnded, QueriesAnswered
from hingeline.oracles.journal import Journal
from hingeline.oracles.session import QuerySession


@pytest.fixture(params=["plain", "journal"])
def kept(request, tmp_path):
    """None, or a journal."""
    with nullcontext() if request.param == "plain" else Journal.open(tmp_path / "journal.sqlite") as journal:
        yield journal


def test_rows_counted_are_rows_seen(kept):
    oracle = SeenRows()
    session = QuerySession(oracle, journal=kept, batch_size=4)
    answers = session.ask(np.arange(20.0).reshape(10, 2))
    assert answers[:, 1].tolist() == list(range(0, 20, 2))
    assert [len(b) for b in oracle.batches] == [4, 4, 2]
    assert session.spent == oracle.rows == session.spending.queries == 10


def test_a_row_asked_twice_is_sent_and_counted_once(kept):
    oracle = SeenRows()
    session = QuerySession(oracle, journal=kept)
    session.ask([[1, 2], [3, 4], [1, 2]])
    assert session.ask([[3, 4], [5, 6]])[:, 0].tolist() == [7, 11]
    assert session.spent == oracle.rows == 3


def test_the_first_answer_stands(kept):
    session = QuerySession(Noisy(), journal=kept)
    first = session.ask([[1, 2]])
    session.ask([[1, 2]], fresh=True)
    assert session.ask([[1, 2]]) == first


def test_fresh_rows_are_sent_and_counted_each_time(kept):
    oracle = Noisy()
    session = QuerySession(oracle, journal=kept)
    session.ask([[1, 2]])
    assert session.ask([[1, 2]] * 3, fresh=True)[:, 0].tolist() == [1, 2, 3]
    assert session.spent == oracle.rows == 4


def test_rows_that_round_to_one_row_as_sent_are_one_query(kept):
    oracle = SeenRows(dtype="float32")
    session = QuerySession(oracle, journal=kept)
    answers = session.ask([[1.0, 0.0], [1.0 + 1e-12, 0.0]])
    assert session.spent == oracle.rows == 1
    assert answers[0, 0] == answers[1, 0] == 1.0
    assert oracle.batches[0].dtype == np.float64


def test_the_budget_is_enforced_before_anything_is_sent(kept):
    oracle = SeenRows()
    session = QuerySession(oracle, journal=kept, budget=3)
    session.ask([[0, 0], [0, 1]])
    with pytest.raises(BudgetExhausted) as refused:
        session.ask([[0, 0], [1, 1], [2, 2]])
    assert (refused.value.limit, refused.value.spent, refused.value.wanted) == (3, 2, 2)
    assert oracle.rows == session.spent == 2


def test_known_rows_are_free_when_the_budget_is_spent(kept):
    session = QuerySession(SeenRows(), journal=kept, budget=1)
    session.ask([[1, 1]])
    assert session.ask([[1, 1]]).shape == (1, 2)
    assert session.remaining == 0


def test_phases_nest_and_their_limits_hold(kept):
    session = QuerySession(SeenRows(), journal=kept, budget=100)
    with session.phase("outer", limit=3):
        session.ask([[1, 0]])
        with session.phase("inner"):
            assert session.remaining == 2
            with pytest.raises(BudgetExhausted, match="outer"):
                session.ask([[2, 0], [3, 0], [4, 0]])
            session.ask([[2, 0]])
    assert session.spending.queries_by_phase == {"outer": 1, "outer/inner": 1}
    assert session.remaining == 98


def test_events_tell_the_count():
    events = []
    session = QuerySession(SeenRows(), budget=10, on_event=events.append)
    with session.phase("p"):
        session.ask(np.eye(10, 2) + np.arange(10)[:, np.newaxis])
    kinds = [type(e) for e in events]
    assert events[1] == QueriesAnswered(10, 10, 10, "p")
    assert kinds.count(BudgetLow) == 1
    assert isinstance(events[-1], PhaseEnded)
    assert events[-1].queries == 10


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.full((2, 2), np.nan), "NaN or infinity in 2 of 2 rows"),
        (np.zeros((3, 2)), r"shape \(3, 2\)"),
        (np.zeros((2, 3)), r"shape \(2, 3\)"),
        (np.zeros((2, 0)), r"shape \(2, 0\)"),
        (np.zeros(2), r"shape \(2,\)"),
        ([["a", "b"]] * 2, "not numbers"),
        (QueryFailed("status 500", sent=True), "status 500"),
    ],
    ids=str,
)
def test_an_unusable_answer_counts_and_is_never_served(kept, bad, message):
    oracle, events = Failing(), []
    session = QuerySession(oracle, journal=kept, on_event=events.append)
    session.ask([[9, 9]])
    oracle.bad = bad
    with pytest.raises(QueryFailed, match=message):
        session.ask([[1, 2], [3, 4]])
    oracle.bad = None
    assert session.ask([[1, 2], [3, 4]])[:, 0].tolist() == [3, 7]
    assert session.spent == oracle.rows == 5
    assert [e.rows for e in events if isinstance(e, BatchFailed)] == [2]


def test_a_batch_that_never_left_does_not_count(kept):
    oracle = Failing()
    oracle.bad = QueryFailed("connection refused", sent=False)
    session = QuerySession(oracle, journal=kept)
    with pytest.raises(QueryFailed):
        session.ask([[1, 2]])
    assert session.spent == 0


def test_whatever_a_function_raises_its_rows_count(kept):
    oracle = Failing()
    oracle.bad = ZeroDivisionError("inside the function")
    session = QuerySession(oracle, journal=kept)
    with pytest.raises(ZeroDivisionError):
        session.ask([[1, 2]])
    assert session.spent == oracle.rows == 1


def test_batches_before_a_failed_one_are_kept(kept):
    oracle = Failing()
    session = QuerySession(oracle, journal=kept, batch_size=2)
    session.ask([[1, 0], [2, 0]])
    oracle.bad = QueryFailed("gone", sent=False)
    with pytest.raises(QueryFailed):
        session.ask([[1, 0], [2, 0], [3, 0]])
    oracle.bad = None
    session.ask([[1, 0], [2, 0], [3, 0]])
    assert session.spent == 3


@pytest.mark.parametrize(
    ("settings", "points", "error"),
    [
        ({"bounds": (0.0, 1.0)}, [[0.5, 1.5]], OutsideDomain),
        ({"dtype": "float16"}, [[0.0, 1e5]], OutsideDomain),
        ({}, [[1.0, np.nan]], InvalidInput),
        ({}, [[1.0, 2.0, 3.0]], InvalidInput),
        ({}, [["a", "b"]], InvalidInput),
    ],
)
def test_rows_that_cannot_be_meant_are_not_sent(settings, points, error):
    oracle = SeenRows(**settings)
    with pytest.raises(error):
        QuerySession(oracle).ask(points)
    assert oracle.rows == 0


@pytest.mark.parametrize("settings", [{"budget": 0}, {"batch_size": 0}])
def test_settings_that_cannot_be_meant_are_refused(settings):
    with pytest.raises(InvalidInput, match="at least 1"):
        QuerySession(SeenRows(), **settings)


def test_no_rows_are_no_query(kept):
    session = QuerySession(SeenRows(), journal=kept)
    assert session.ask(np.zeros((0, 2))).shape[0] == 0
    assert session.spent == 0


def test_a_batch_stays_below_what_one_request_can_hold():
    oracle = SeenRows(input_dim=2**22)
    QuerySession(oracle).ask(np.tile(np.arange(3.0)[:, np.newaxis], 2**22))
    assert [len(b) for b in oracle.batches] == [2, 1]


def resumed(path, oracle, **settings):
    events = []
    journal = Journal.open(path)
    return journal, QuerySession(oracle, journal=journal, on_event=events.append, **settings), events


def test_a_second_run_is_served_from_the_journal_and_counts_the_same(tmp_path):
    path, oracle = tmp_path / "j", Noisy()
    for _ in range(2):
        journal, session, events = resumed(path, oracle, batch_size=3)
        with journal:
            asked = [session.ask(np.arange(10.0).reshape(5, 2)), session.ask([[0, 1]] * 2, fresh=True)]
            assert np.concatenate(asked)[:, 0].tolist() == list(range(7))
            assert session.spent == oracle.rows == 7
    assert [type(e) for e in events] == [AnswersReplayed] * 3


def test_only_the_unknown_rows_of_a_batch_are_sent(tmp_path):
    path, oracle = tmp_path / "j", SeenRows()
    with Journal.open(path) as journal:
        QuerySession(oracle, journal=journal).ask([[1, 1], [3, 3]])
    with Journal.open(path) as journal:
        session = QuerySession(oracle, journal=journal)
        answers = session.ask([[0, 0], [1, 1], [2, 2], [3, 3]])
    assert answers[:, 0].tolist() == [0, 2, 4, 6]
    assert oracle.batches[1].tolist() == [[0, 0], [2, 2]]
    assert session.spent == 4


def test_the_budget_means_all_runs_together(tmp_path):
    path, oracle = tmp_path / "j", SeenRows()
    for _ in range(2):
        journal, session, _ = resumed(path, oracle, budget=3)
        with journal:
            session.ask([[0, 0], [1, 1]])
            with pytest.raises(BudgetExhausted):
                session.ask([[2, 2], [3, 3]])
    assert oracle.rows == 2


def test_fresh_askings_beyond_the_recorded_ones_are_sent(tmp_path):
    path, oracle = tmp_path / "j", Noisy()
    with Journal.open(path) as journal:
        QuerySession(oracle, journal=journal).ask([[1, 1]] * 2, fresh=True)
    with Journal.open(path) as journal:
        session = QuerySession(oracle, journal=journal)
        assert session.ask([[1, 1]] * 3, fresh=True)[:, 0].tolist() == [0, 1, 2]
    assert oracle.rows == 3


def test_two_sessions_on_one_open_journal_share_its_answers(tmp_path):
    oracle = Noisy()
    with Journal.open(tmp_path / "j") as journal:
        first = QuerySession(oracle, journal=journal).ask([[1, 1], [2, 2]])
        assert (QuerySession(oracle, journal=journal).ask([[1, 1], [2, 2]]) == first).all()
    assert oracle.rows == 2


def test_an_unusable_answer_is_asked_again_by_the_next_run(tmp_path):
    path, oracle = tmp_path / "j", Failing()
    oracle.bad = np.full((1, 2), np.inf)
    journal, session, _ = resumed(path, oracle)
    with journal, pytest.raises(QueryFailed):
        session.ask([[1, 2]])
    oracle.bad = None
    journal, session, _ = resumed(path, oracle)
    with journal:
        assert session.ask([[1, 2]])[0, 0] == 3
    assert oracle.rows == 2


def test_a_batch_in_doubt_is_sent_again_under_its_own_id(tmp_path):
    path, oracle = tmp_path / "j", WithIds()
    for attempt in range(3):
        journal, session, _ = resumed(path, oracle)
        oracle.answer = SeenRows.answer.__get__(oracle) if attempt == 2 else _interrupt
        with journal, pytest.raises(KeyboardInterrupt) if attempt < 2 else nullcontext():
            session.ask([[1, 2], [3, 4]])
            session.ask([[5, 6]])
    assert oracle.ids[0] == oracle.ids[1] == oracle.ids[2] != oracle.ids[3]


def _interrupt(points):
    raise KeyboardInterrupt
