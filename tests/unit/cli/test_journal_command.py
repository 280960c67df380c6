"""`hingeline journal`: the same facts for people and for machines, and a fitting exit code."""

import json
import sqlite3

import numpy as np
import pytest

from hingeline.cli.main import main
from hingeline.oracles.journal import Journal
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession


def recorded(folder, rows=5, name="sums"):
    """A run folder with a journal of `rows` rows in the phase 'lines'."""
    folder.mkdir()
    oracle = CallableOracle(lambda x: x.sum(axis=1), OracleSpec(name=name, input_dim=2))
    with Journal.open(folder / "journal.sqlite") as journal:
        session = QuerySession(oracle, journal=journal)
        with session.phase("lines"):
            session.ask(np.arange(2.0 * rows).reshape(rows, 2))
    return folder


def damage(folder):
    with sqlite3.connect(folder / "journal.sqlite") as database:
        database.execute("UPDATE answer SET y = zeroblob(40)")
    database.close()
    return folder


def ran(capsys, *words):
    """Exit code, and the last line of standard output as JSON."""
    code = main(["journal", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize("place", [".", "journal.sqlite"])
def test_stats_of_a_folder_or_its_file(tmp_path, capsys, place):
    code, told = ran(capsys, "stats", recorded(tmp_path / "run") / place)
    assert (code, told["exit_code"], told["rows_answered"], told["rows_sent"]) == (0, 0, 5, 5)
    assert told["rows_answered_by_phase"] == {"lines": 5}


def test_stats_for_people_name_target_and_phases(tmp_path, capsys):
    assert main(["journal", "stats", str(recorded(tmp_path / "run"))]) == 0
    shown = capsys.readouterr().out
    assert "sums (2 inputs, float64)" in shown
    assert "  lines" in shown


def test_stats_of_a_journal_before_its_first_run(tmp_path, capsys):
    Journal.open(tmp_path / "j").close()
    assert main(["journal", "stats", str(tmp_path / "j")]) == 0
    assert "none yet" in capsys.readouterr().out


def test_verify_ends_with_0_or_5(tmp_path, capsys):
    run = recorded(tmp_path / "run")
    assert ran(capsys, "verify", run)[0] == 0
    code, told = ran(capsys, "verify", damage(run))
    assert (code, told["ok"]) == (5, False)
    assert "batch 1" in told["problems"][0]
    assert main(["journal", "verify", str(run)]) == 5
    assert "journal merge NEW.sqlite" in capsys.readouterr().out


def test_export_writes_a_table_once(tmp_path, capsys):
    run, table = recorded(tmp_path / "run"), tmp_path / "answers.npz"
    assert ran(capsys, "export", run, "--npz", table) == (
        0,
        {"schema": 1, "path": str(table), "rows": 5, "exit_code": 0},
    )
    with np.load(table) as archive:
        assert archive["y"][:, 0].tolist() == [1, 5, 9, 13, 17]
    assert main(["journal", "export", str(run), "--npz", str(table)]) == 2
    assert "exists" in capsys.readouterr().err


def test_merge_brings_runs_together(tmp_path, capsys):
    runs = [recorded(tmp_path / "a", 3), recorded(tmp_path / "b", 5)]
    code, told = ran(capsys, "merge", tmp_path / "all.sqlite", *runs)
    assert code == 0
    assert [(m["rows"], m["known"]) for m in told["sources"].values()] == [(3, 0), (2, 3)]
    assert ran(capsys, "stats", tmp_path / "all.sqlite")[1]["rows_answered"] == 5


def test_merge_names_what_it_left_behind(tmp_path, capsys):
    run = damage(recorded(tmp_path / "run"))
    assert main(["journal", "merge", str(tmp_path / "new.sqlite"), str(run)]) == 5
    assert "left behind" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["stats", "missing.sqlite"], "no journal at"),
        (["verify", "text"], "is not a journal"),
        (["export", "a", "--npz", "no/where.npz"], "cannot write"),
        (["merge", "a", "a"], "source and as destination"),
        (["merge", "a", "b"], "holds answers of 'sums'"),
        (["merge", "a"], "Missing argument"),
    ],
)
def test_mistakes_are_told_in_words_with_exit_code_2(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    recorded(tmp_path / "a")
    recorded(tmp_path / "b", name="others")
    (tmp_path / "text").write_text("no journal")
    assert main(["journal", *words]) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert "Traceback" not in shown.err
