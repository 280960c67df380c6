"""The journal keeps what it was told, for the target it was told about."""

import numpy as np
import pytest
from recordings import edited, interrupted, recorded
from seen_rows import SeenRows

from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.core.events import Note
from hingeline.oracles import journal, journal_reader
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_care import journal_stats
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession


def test_the_intent_is_on_disk_before_the_question_leaves(tmp_path):
    path = tmp_path / "j"
    seen = []

    class Looking(SeenRows):
        def answer(self, points):
            with Journal.read(path) as beside:
                seen.append([(b.status, b.rows.tolist()) for b in beside.batches()])
            return super().answer(points)

    recorded(path, [[1, 2]], [[3, 4]], oracle=Looking())
    assert seen[0] == [("in doubt", [[1, 2]])]
    assert seen[1] == [("answered", [[1, 2]]), ("in doubt", [[3, 4]])]


def test_rows_are_kept_in_the_type_in_which_they_were_sent(tmp_path):
    with Journal.read(recorded(tmp_path / "j", [[0.1, 2]], oracle=SeenRows(dtype="float32"))) as journal:
        (batch,) = journal.batches()
    assert batch.rows.dtype == np.float32
    assert batch.answers is not None
    assert batch.answers[0, 1] == np.float32(0.1)


def test_notes_decisions_and_events_are_kept(tmp_path):
    with Journal.open(tmp_path / "j") as journal:
        journal.remember("doctor", {"noise": 1e-16})
        journal.decide("signs", "layer 1", [1, -1])
        journal.record(Note("a surprise"))
    with Journal.read(tmp_path / "j") as journal:
        assert journal.recall("doctor") == {"noise": 1e-16}
        assert journal.decision("signs", "layer 1") == [1, -1]
        assert journal.decision("signs", "layer 2", "none") == "none"
        assert journal.select("SELECT kind, json FROM event") == [("Note", '{"message": "a surprise"}')]


def test_the_spec_comes_back_whole(tmp_path):
    oracle = SeenRows(bounds=(-1.0, 1.0), max_batch=7, dtype="float32")
    with Journal.read(recorded(tmp_path / "j", [[0, 1]], oracle=oracle)) as journal:
        assert journal.spec == oracle.spec


@pytest.mark.parametrize(
    "other", [{"name": "else"}, {"input_dim": 3}, {"dtype": "float32"}, {"output_dim": 5}], ids=str
)
def test_the_answers_of_another_target_are_refused(tmp_path, other):
    path = recorded(tmp_path / "j", [[1, 2]], oracle=SeenRows(output_dim=2))
    with Journal.open(path) as journal, pytest.raises(InvalidInput, match="holds answers of 'seen'"):
        QuerySession(SeenRows(**({"output_dim": 2} | other)), journal=journal)


def test_the_same_target_may_be_described_better_later(tmp_path):
    path = recorded(tmp_path / "j", [[1, 2]])
    recorded(path, [[1, 2]], oracle=SeenRows(output_dim=2, answers="logits", max_batch=3))


def test_an_intent_without_an_answer_is_in_doubt_until_it_is_sent_again(tmp_path):
    path = interrupted(tmp_path / "j", [[1, 2], [3, 4]])
    with Journal.open(path) as journal:
        assert journal.in_doubt == 2
        assert journal_stats(journal).rows_in_doubt == 2
        QuerySession(SeenRows(), journal=journal).ask([[1, 2], [3, 4]])
        found = journal_stats(journal)
        assert (found.rows_in_doubt, found.rows_repeated, found.rows_answered, found.rows_sent) == (
            0,
            2,
            2,
            4,
        )
    with Journal.open(path, on_doubt="stop") as journal:
        assert journal.in_doubt == 0


def test_on_doubt_stop_stops_and_lets_go(tmp_path):
    path = interrupted(tmp_path / "j", [[1, 2], [3, 4]])
    with pytest.raises(QueryFailed, match=r"2 rows .* no answer was recorded"):
        Journal.open(path, on_doubt="stop")
    Journal.open(path).close()
    with pytest.raises(InvalidInput, match="on_doubt"):
        Journal.open(path, on_doubt="maybe")  # pyright: ignore[reportArgumentType]


def test_rows_that_share_64_bits_of_their_keys_keep_their_own_answers(tmp_path, monkeypatch):
    for module in (journal, journal_reader):
        monkeypatch.setattr(module, "index_hashes", lambda keys: [7] * len(keys))
    path, oracle = recorded(tmp_path / "j", [[1, 2], [3, 4]], [[5, 6]]), SeenRows()
    with Journal.open(path) as opened:
        answers = QuerySession(oracle, journal=opened).ask([[5, 6], [7, 8], [3, 4]])
    assert answers[:, 0].tolist() == [11, 15, 7]
    assert oracle.batches[0].tolist() == [[7, 8]]


def test_a_spec_with_unknown_fields_is_read(tmp_path):
    path = recorded(tmp_path / "j", [[1, 2]])
    edited(path, """UPDATE meta SET json = json_set(json, '$.later', 1) WHERE key = 'spec'""")
    with Journal.read(path) as journal:
        assert journal.spec == OracleSpec("seen", 2)
