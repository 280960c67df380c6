"""A journal's contents are counted, verified, exported and merged; damage is found, never served."""

import numpy as np
import pytest
from recordings import edited, interrupted, recorded
from seen_rows import Failing, Noisy, SeenRows

from hingeline.core.errors import FormatError, InvalidInput, QueryFailed
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_care import journal_stats, verify_journal
from hingeline.oracles.journal_copy import export_npz, merge_journals
from hingeline.oracles.replay import open_answers
from hingeline.oracles.session import QuerySession


def test_stats_tell_everything_that_left(tmp_path):
    path, oracle = tmp_path / "j", Failing()
    with Journal.open(path) as journal:
        session = QuerySession(oracle, journal=journal, batch_size=2)
        with session.phase("a"):
            session.ask(np.arange(6.0).reshape(3, 2))
        for bad in (np.zeros((1, 9)), QueryFailed("refused", sent=False)):
            oracle.bad = bad
            with pytest.raises(QueryFailed):
                session.ask([[7, 7]])
        found = journal_stats(journal)
    assert (found.rows_sent, found.rows_answered, found.rows_failed, found.rows_unsent) == (4, 3, 1, 1)
    assert found.rows_sent == oracle.rows - 1  # the refused batch reached this door's code, not its target
    assert found.rows_answered_by_phase == {"a": 3}
    assert (found.batches, found.runs, found.target) == (4, 1, "seen")


def test_a_sound_journal_passes_and_names_what_is_in_doubt(tmp_path):
    path = interrupted(recorded(tmp_path / "j", np.arange(40.0).reshape(20, 2)), [[1, 1]])
    with Journal.read(path) as journal:
        found = verify_journal(journal)
    assert found.ok
    assert (found.batches, found.rows, found.in_doubt) == (2, 20, (2,))


DAMAGE = {
    "a bit of an answer": "UPDATE answer SET y = CAST(substr(y, 1, 31) || x'41' AS BLOB) WHERE id = 2",
    "a bit of a question": "UPDATE intent SET x = CAST(x'01' || substr(x, 2) AS BLOB) WHERE id = 2",
    "text for bytes": "UPDATE answer SET y = 'seven' WHERE id = 2",
    "half an answer": "UPDATE answer SET y = substr(y, 1, 11) WHERE id = 2",
    "another batch's": "UPDATE answer SET (y, hash) = (SELECT y, hash FROM answer WHERE id = 1) WHERE id = 2",
    "the type": "UPDATE intent SET dtype = 'nonsense' WHERE id = 2",
    "the number of rows": "UPDATE intent SET row_count = 1 WHERE id = 2",
}


@pytest.mark.parametrize("damage", [*DAMAGE.values(), "DELETE FROM row_index WHERE batch = 2"])
def test_damage_is_found_and_what_is_sound_is_saved(tmp_path, damage):
    path = recorded(tmp_path / "j", [[1, 2], [1.5, 2]], [[3, 4], [3.5, 4]], [[5, 6]])
    with Journal.read(edited(path, damage)) as journal, Journal.open(tmp_path / "new") as new:
        found = verify_journal(journal)
        assert not found.ok
        assert "batch 2" in " ".join(found.problems)
        merge_journals(new, journal)
        assert verify_journal(new).ok
        held = {tuple(row) for batch in new.batches() for row in batch.rows}
    assert {(1, 2), (5, 6)} <= held


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_answer_is_never_served(tmp_path, damage):
    path = recorded(tmp_path / "j", [[1, 2], [1.5, 2]], [[3, 4], [3.5, 4]])
    with Journal.open(edited(path, damage)) as journal, pytest.raises(FormatError, match="damaged"):
        QuerySession(SeenRows(), journal=journal).ask([[3, 4], [3.5, 4]])


def test_a_page_of_garbage_is_reported_by_verify(tmp_path):
    path = recorded(tmp_path / "j", np.arange(400.0).reshape(-1, 2))
    with Journal.read(path) as journal:
        size = journal.select("PRAGMA page_size")[0][0]
        page = journal.select("SELECT rootpage FROM sqlite_master WHERE name = 'row_index'")[0][0]
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)
    with Journal.read(path) as journal:
        assert "malformed" in " ".join(verify_journal(journal).problems)
    with pytest.raises(FormatError, match="damaged"):
        Journal.open(path)


def test_export_and_open_give_the_answers_back(tmp_path):
    oracle = SeenRows(dtype="float32", bounds=(0.0, 100.0))
    path = recorded(tmp_path / "j", np.arange(20.0).reshape(10, 2), [[0, 1]], oracle=oracle, batch_size=4)
    with Journal.read(path) as journal:
        assert export_npz(journal, tmp_path / "a.npz") == 11
    with np.load(tmp_path / "a.npz") as archive:
        assert archive["x"].shape == (11, 2)
        assert archive["x"].dtype == np.float32
        assert archive["y"][:, 1].tolist() == [*range(0, 20, 2), 0]
    assert open_answers(tmp_path / "a.npz").spec.bounds == (0.0, 100.0)


def test_an_empty_journal_has_nothing_to_export_or_merge(tmp_path):
    with Journal.open(tmp_path / "j") as journal, Journal.open(tmp_path / "k") as other:
        with pytest.raises(InvalidInput, match="nothing to export"):
            export_npz(journal, tmp_path / "a.npz")
        with pytest.raises(InvalidInput, match="nothing to merge"):
            merge_journals(other, journal)
    assert not (tmp_path / "a.npz").exists()


def test_an_export_that_cannot_be_written_says_so(tmp_path):
    with (
        Journal.read(recorded(tmp_path / "j", [[1, 2]])) as journal,
        pytest.raises(InvalidInput, match="cannot write"),
    ):
        export_npz(journal, tmp_path / "missing" / "a.npz")


def test_merging_adds_what_is_lacking_and_nothing_twice(tmp_path):
    a = recorded(tmp_path / "a", [[1, 1], [2, 2]])
    b = recorded(tmp_path / "b", [[2, 2], [3, 3]], [[3, 3]])
    with Journal.open(a) as into, Journal.read(b) as source:
        first, second = merge_journals(into, source), merge_journals(into, source)
        assert (first.rows, first.known) == (2, 1)
        assert (second.rows, second.known) == (0, 3)
        assert verify_journal(into).ok
    oracle = SeenRows()
    with Journal.open(a) as journal:
        session = QuerySession(oracle, journal=journal)
        session.ask([[1, 1], [2, 2], [3, 3]])
        session.ask([[3, 3]], fresh=True)
    assert (oracle.rows, session.spent) == (0, 4)


def test_repeated_answers_keep_their_order_through_a_merge(tmp_path):
    source = recorded(tmp_path / "a", [[1, 1]] * 3, [[1, 1]], oracle=Noisy())
    with Journal.open(tmp_path / "b") as into, Journal.read(source) as opened:
        merge_journals(into, opened)
    with Journal.open(tmp_path / "b") as journal:
        assert QuerySession(Noisy(), journal=journal).ask([[1, 1]] * 4, fresh=True)[:, 0].tolist() == [
            0,
            1,
            2,
            3,
        ]


def test_journals_of_two_targets_are_not_merged(tmp_path):
    other = recorded(tmp_path / "b", [[1, 1]], oracle=SeenRows(name="else"))
    mine = recorded(tmp_path / "a", [[1, 1]])
    with (
        Journal.open(mine) as into,
        Journal.read(other) as source,
        pytest.raises(InvalidInput, match="'else'"),
    ):
        merge_journals(into, source)
