"""A recording answers what it was asked, and nothing else."""

import numpy as np
import pytest
from seen_rows import Noisy, SeenRows

from hingeline.core.errors import FormatError, InvalidInput, QueryFailed
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_copy import export_npz
from hingeline.oracles.journal_reader import JournalReader
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.replay import ReplayOracle, holds_answers, open_answers
from hingeline.oracles.session import QuerySession

POINTS = np.arange(12.0).reshape(6, 2)


@pytest.fixture(params=["journal", "npz"])
def replayed(request, tmp_path):
    """Opens the recording of a run on an oracle, as a journal or as its exported table."""

    def make(oracle, *askings):
        with Journal.open(tmp_path / "j") as journal:
            session = QuerySession(oracle, journal=journal, batch_size=4)
            for points in askings:
                session.ask(points, fresh=True)
        if request.param == "journal":
            return ReplayOracle(tmp_path / "j")
        with JournalReader.read(tmp_path / "j") as journal:
            export_npz(journal, tmp_path / "a.npz")
        return open_answers(tmp_path / "a.npz")

    return make


def test_a_recording_answers_what_was_asked_in_any_order(replayed):
    oracle = replayed(SeenRows(), POINTS)
    assert isinstance(oracle, Oracle)
    assert (QuerySession(oracle).ask(POINTS[::-1]) == SeenRows().answer(POINTS[::-1])).all()


def test_rows_that_were_never_asked_are_refused_with_their_number(replayed):
    with pytest.raises(QueryFailed, match="2 of 3 rows are not in the recording of seen"):
        replayed(SeenRows(), POINTS).query(np.array([[0.0, 1.0], [9.0, 9.0], [8.0, 8.0]]))


def test_a_recording_describes_the_target_but_sends_nothing(replayed):
    oracle = replayed(SeenRows(remote=True, max_batch=2, bounds=(0.0, 20.0), answers="logits"), POINTS)
    assert not oracle.spec.remote
    assert (oracle.spec.bounds, oracle.spec.answers, oracle.spec.max_batch) == ((0.0, 20.0), "logits", None)


def test_rows_are_found_as_they_were_sent(replayed):
    oracle = replayed(SeenRows(dtype="float32"), [[0.1, 0.2]])
    assert oracle.query(np.array([[0.1 + 1e-12, 0.2]]))[0, 1] == np.float32(0.1)


def test_answers_that_differed_are_given_in_turn(replayed):
    oracle = replayed(Noisy(), [[1, 1]] * 2, [[1, 1]])
    asked = [oracle.query(np.array([[1.0, 1.0]]))[0, 0] for _ in range(4)]
    assert asked == [0, 1, 2, 0]


def test_a_recording_of_a_recording_is_a_run_like_any_other(replayed, tmp_path):
    oracle = replayed(SeenRows(), POINTS)
    with Journal.open(tmp_path / "second") as journal:
        QuerySession(oracle, journal=journal).ask(POINTS[:3])
    assert (ReplayOracle(tmp_path / "second").query(POINTS[:3]) == SeenRows().answer(POINTS[:3])).all()


def test_a_journal_without_a_run_cannot_be_replayed(tmp_path):
    Journal.open(tmp_path / "j").close()
    with pytest.raises(InvalidInput, match="nothing to replay"):
        ReplayOracle(tmp_path / "j")


def test_a_table_made_by_anyone_is_an_oracle(tmp_path):
    np.savez(tmp_path / "t.npz", x=np.asfortranarray(POINTS), y=np.arange(6))
    oracle = open_answers(tmp_path / "t.npz")
    assert oracle.query(POINTS[4:]).tolist() == [[4], [5]]
    assert (oracle.spec.input_dim, oracle.spec.output_dim) == (2, 1)


def test_bytes_in_foreign_order_are_understood(tmp_path):
    np.savez(tmp_path / "t.npz", x=POINTS.astype(">f4"), y=np.arange(6.0, dtype=">f8"))
    assert open_answers(tmp_path / "t.npz").query(POINTS[:1]).tolist() == [[0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"x": POINTS}, "y is not a file"),
        ({"x": POINTS, "y": np.arange(5)}, r"\(6, 2\) and y of \(5, 1\)"),
        ({"x": POINTS[:0], "y": POINTS[:0]}, r"\(0, 2\)"),
        ({"x": POINTS, "y": np.array(["a"] * 6)}, "could not convert"),
        ({"x": POINTS.astype(str), "y": np.arange(6)}, "want numbers"),
        ({"x": POINTS, "y": np.full(6, np.nan)}, "NaN"),
        ({"x": POINTS, "y": np.array([None] * 6)}, "allow_pickle"),
        ({"x": POINTS, "y": np.arange(6), "spec": np.array("[1]")}, "describes its target"),
        ({"x": POINTS, "y": np.arange(6), "spec": np.array("{")}, "not a table"),
    ],
    ids=str,
)
def test_a_table_that_makes_no_sense_is_refused(tmp_path, content, message):
    np.savez(tmp_path / "t.npz", **content)
    with pytest.raises(FormatError, match=message):
        open_answers(tmp_path / "t.npz")


def test_files_that_are_no_table_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("x, y")
    np.save(tmp_path / "x.npy", POINTS)
    for name in ("text.npz", "x.npy"):
        with pytest.raises(FormatError, match="not a table of answers"):
            open_answers(tmp_path / name)
    with pytest.raises(InvalidInput, match="no file"):
        open_answers(tmp_path / "missing.npz")


def test_tables_of_answers_are_told_from_other_files(tmp_path):
    np.savez(tmp_path / "answers.npz", x=POINTS, y=np.arange(6))
    np.savez(tmp_path / "weights.npz", W0=POINTS, b0=np.arange(6))
    (tmp_path / "text").write_text("x y")
    found = {p.name for p in tmp_path.iterdir() if holds_answers(p)}
    assert found == {"answers.npz"}
