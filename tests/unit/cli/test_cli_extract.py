"""`hingeline extract` and `resume`: the run folder, exit codes, interruptions."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pretend import BATCHES, ROWS

from hingeline.core.errors import QueryFailed
from hingeline.core.outcome import Status
from hingeline.networks.storage import load_safetensors
from hingeline.oracles.journal import Journal

TOTAL = BATCHES * ROWS


def test_a_run_leaves_everything_the_contract_names(
    shell: Any, scripted: Any, model: Path, network: Any
) -> None:
    scripted(value=network)
    assert shell("extract", model, "--out", "run") == 0
    names = {path.name for path in Path("run").iterdir()}
    assert {
        "run.toml",
        "journal.sqlite",
        "result.json",
        "model.safetensors",
        "report.html",
        "figures",
    } <= names
    copy = load_safetensors("run/model.safetensors")
    assert all((a == b).all() for a, b in zip(copy.weights, network.weights, strict=True))
    assert json.loads(Path("run/result.json").read_text())["queries"] == TOTAL


def test_the_seed_and_the_place_are_told_first(shell: Any, scripted: Any, model: Path) -> None:
    scripted()
    assert shell("extract", model, "--out", "run", "--seed", "random", "--budget", "99") == 0
    seed = tomllib.loads(Path("run/run.toml").read_text())["seed"]
    assert f"(2 inputs): seed {seed}, at most 99 queries, kept in run" in shell.err.splitlines()[0]


def test_json_is_the_only_line_on_standard_output(shell: Any, scripted: Any, model: Path) -> None:
    scripted()
    assert shell("extract", model, "--out", "run", "--json") == 0
    assert len(shell.out.splitlines()) == 1
    assert shell.json["outcome"]["ok"] is True
    assert (shell.json["queries"], shell.json["exit_code"], shell.json["out"]) == (TOTAL, 0, "run")
    assert shell.err == ""


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.COMPLETE, 0),
        (Status.EQUIVALENT, 0),
        (Status.REFUSED, 3),
        (Status.BUDGET_SPENT, 4),
        (Status.PARTIAL, 5),
        (Status.INCONCLUSIVE, 5),
    ],
)
def test_each_outcome_has_its_exit_code(
    shell: Any, scripted: Any, model: Path, status: Status, code: int
) -> None:
    scripted(status=status)
    assert shell("extract", model, "--out", "run") == code
    assert str(status) in shell.out


def test_without_out_a_new_folder_is_made_under_runs(shell: Any, scripted: Any, model: Path) -> None:
    scripted()
    assert shell("extract", model) == 0
    (folder,) = Path("runs").iterdir()
    assert folder.name.endswith("-model")


def test_a_folder_that_holds_a_run_is_refused_before_anything_is_asked(
    shell: Any, scripted: Any, model: Path
) -> None:
    scripted()
    shell("extract", model, "--out", "run")
    before = Path("run/result.json").read_bytes()
    assert shell("extract", model, "--out", "run") == 2
    assert "hingeline resume run" in shell.err
    assert Path("run/result.json").read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused_in_words(shell: Any, scripted: Any, model: Path) -> None:
    scripted()
    assert shell("extract", model, "--out", model / "inside-a-file") == 2
    assert "--out DIR" in shell.err


def test_a_target_that_cannot_be_opened_leaves_no_folder(shell: Any) -> None:
    assert shell("extract", "no-such-model.npz", "--out", "run") == 2
    assert not Path("run").exists()


def test_another_host_without_authorisation_ends_with_6(shell: Any) -> None:
    assert shell("extract", "http://hingeline.invalid/v2/models/m", "--out", "run") == 6
    assert not Path("run").exists()


def stop_at(batch: int, error: BaseException) -> Any:
    """Raise when batch number `batch` is about to be asked."""

    def interrupt(number: int) -> None:
        if number == batch:
            raise error

    return interrupt


def test_an_interrupted_run_says_how_to_go_on_and_goes_on(shell: Any, scripted: Any, model: Path) -> None:
    scripted(interrupt=stop_at(2, KeyboardInterrupt()))
    assert shell("extract", model, "--out", "run") == 130
    assert "Stopped after 20 queries" in shell.err
    assert "hingeline resume run" in shell.err
    scripted()
    assert shell("resume", "run", "--json") == 0
    assert (shell.json["queries"], shell.json["queries_from_journal"]) == (TOTAL, 20)
    with Journal.open("run/journal.sqlite") as journal:
        assert sum(len(batch.rows) for batch in journal.batches()) == TOTAL


def test_a_target_that_dies_ends_with_3_and_can_be_resumed(shell: Any, scripted: Any, model: Path) -> None:
    scripted(interrupt=stop_at(1, QueryFailed("the door closed")))
    assert shell("extract", model, "--out", "run") == 3
    assert "the door closed" in shell.err
    assert "hingeline resume run" in shell.err
    scripted()
    assert shell("resume", "run") == 0
    assert "10 answers came from the journal; 20 were asked now." in shell.out


def test_a_spent_budget_ends_with_4_and_resumes_with_a_larger_one(
    shell: Any, scripted: Any, model: Path
) -> None:
    scripted()
    assert shell("extract", model, "--out", "run", "--budget", "25") == 4
    assert "hingeline resume run --budget N" in shell.out
    assert shell("resume", "run") == 4
    assert shell("resume", "run", "--budget", "30") == 0
    assert tomllib.loads(Path("run/run.toml").read_text())["budget"] == 30


def test_a_changed_model_is_not_resumed(shell: Any, scripted: Any, model: Path) -> None:
    scripted()
    shell("extract", model, "--out", "run")
    model.write_bytes(model.read_bytes() + b"x")
    assert shell("resume", "run") == 2
    assert "has changed" in shell.err


@pytest.mark.parametrize("place", ["nothing-here", "."])
def test_a_place_without_a_run_cannot_be_resumed(shell: Any, place: str) -> None:
    assert shell("resume", place) == 2
    assert "no run" in shell.err
    assert "Traceback" not in shell.err


def test_a_corrupted_journal_is_told_in_words(shell: Any, scripted: Any, model: Path) -> None:
    scripted()
    shell("extract", model, "--out", "run")
    Path("run/journal.sqlite").write_bytes(b"not a database, but long enough to look at" * 40)
    assert shell("resume", "run") == 2
    assert "journal" in shell.err
    assert "Traceback" not in shell.err


def test_the_recipe_says_all_that_is_needed_and_nothing_at_its_default(
    shell: Any, scripted: Any, model: Path
) -> None:
    scripted()
    shell("extract", model, "--out", "run", "--seed", "5", "--bounds", "-2", "2")
    recipe = tomllib.loads(Path("run/run.toml").read_text())
    assert (recipe["verb"], recipe["seed"]) == ("extract", 5)
    assert recipe["target"].keys() == {"target", "bounds", "sha256"}
    assert recipe["target"]["target"] == str(model)
    assert "budget" not in recipe
