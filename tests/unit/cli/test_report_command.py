"""`hingeline report` as it is typed: the same result from the journal alone, or words on what is missing."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.cli import runs
from hingeline.core.errors import HingelineError
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_npz
from hingeline.oracles.session import QuerySession
from hingeline.renormalisation.stacks.stack import StochasticStack
from hingeline.renormalisation.stacks.storage import save_stack

CIRCUMSTANCES = ("started", "seconds", "seconds_by_phase", "versions")
RUN = Path("run")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    made = random_network((6, 7, 3), seed=811)
    save_npz(PiecewiseLinearNetwork(made.weights, made.biases), tmp_path / "net.npz")
    np.save(tmp_path / "x.npy", np.random.default_rng(812).uniform(0.1, 0.9, (5, 6)))
    return tmp_path / "net.npz"


def result(path: Path = RUN) -> dict[str, Any]:
    told = json.loads((path / "result.json").read_text(encoding="utf-8"))
    return {key: value for key, value in told.items() if key not in CIRCUMSTANCES}


def page(path: Path) -> str:
    """A report without its times."""
    times = r"\d[\d.,]*(?:e-\d+)? (?:ms|s|min|h|seconds?|minutes?)\b(?: \d+ s)?"
    return re.sub(times, "TIME", path.read_text(encoding="utf-8"))


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(RUN.rglob("*")) if path.is_file()}


QUICK = ("--parts", "depth", "--attacks", "gradient ray")
ASKED = {
    "extract": ("extract",),
    "extract without polish": ("extract", "--no-polish"),
    "extract with a budget": ("extract", "--budget", "60"),
    "doctor": ("doctor",),
    "span": ("span", "--data", "x.npy", "--obfuscate", "2"),
    "fragility": ("fragility", "--data", "x.npy", "--rows", "1", "--ask", *QUICK),
}
READ = {
    "fragility": ("--data", "x.npy", "--rows", "2", "--workers", "1", *QUICK),
    "defend": ("--data", "x.npy", "--defence", "round:2", "--seeds", "3", "--parts", "leak"),
}


@pytest.mark.parametrize("words", ASKED.values(), ids=ASKED.keys())
def test_the_report_of_a_run_that_asked_is_the_same_when_the_target_is_gone(
    shell: Any, net: Path, words: tuple[str, ...]
) -> None:
    verb, *rest = words
    code = shell(verb, net, *rest, "--out", RUN, "--quiet")
    first, told, journal = result(), page(RUN / "report.html"), (RUN / "journal.sqlite").read_bytes()
    names = {path for path in contents() if ".sqlite" not in path}
    net.unlink()
    assert shell("report", RUN) == code, shell.err
    assert result() == first and page(RUN / "report.html") == told
    assert (RUN / "journal.sqlite").read_bytes() == journal
    assert {path for path in contents() if ".sqlite" not in path} == names
    assert "; 0 were asked now" in shell.out and "differs" not in shell.err


@pytest.mark.parametrize(("verb", "words"), READ.items(), ids=READ.keys())
def test_a_verb_that_reads_its_target_gives_the_same_and_says_so_when_it_is_gone(
    shell: Any, net: Path, verb: str, words: tuple[str, ...]
) -> None:
    code = shell(verb, net, *words, "--out", RUN, "--quiet")
    first, told = result(), page(RUN / "report.html")
    assert shell("report", RUN) == code, shell.err
    assert result() == first and page(RUN / "report.html") == told
    net.unlink()
    before = contents()
    assert shell("report", RUN) == 2
    assert f"{net}, which this run was begun with, is gone" in shell.err and contents() == before


def test_stability_is_measured_again_from_its_stack(shell: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(813)
    weights = [rng.normal(size=(4, 5)), rng.normal(size=(3, 4))]
    save_stack(StochasticStack(weights, [np.zeros(4), np.zeros(3)]), tmp_path / "stack.safetensors")
    np.save("x.npy", (rng.random((4, 5)) > 0.5).astype(float))
    words = ("--data", "x.npy", "--samples", "400", "--closely", "1", "--curve-inputs", "2")
    code = shell("stability", tmp_path / "stack.safetensors", *words, "--out", RUN, "--quiet")
    first = result()
    assert shell("report", RUN, "--quiet") == code, shell.err
    assert result() == first
    (tmp_path / "stack.safetensors").unlink()
    assert shell("report", RUN) == 2 and "is gone" in shell.err


def test_the_last_line_is_one_json_object(shell: Any, net: Path) -> None:
    shell("extract", net, "--out", RUN, "--quiet")
    assert shell("report", RUN, "--json") == 0
    assert shell.json["queries"] == shell.json["queries_from_journal"] == result()["queries"]
    assert shell.json["exit_code"] == 0 and "report.html" in shell.json["files"] and shell.err == ""


def test_a_page_elsewhere_leaves_the_folder_as_it_is(shell: Any, net: Path) -> None:
    shell("extract", net, "--out", RUN, "--quiet")
    before = contents()
    assert shell("report", RUN, "--html", "page.html") == 0
    assert "Report: page.html" in shell.out
    assert page(Path("page.html")) == page(RUN / "report.html")
    assert shell("report", RUN, "--html", "page.html", "--json") == 0
    assert shell.json["html"] == "page.html" and shell.json["files"] == []
    assert {path: text for path, text in contents().items() if path in before} == before


def interrupt(keep: int) -> None:
    """Take the later answers out of the journal, and what came of the run."""
    with sqlite3.connect(RUN / "journal.sqlite") as journal:
        for table, column in (("answer", "id"), ("row_index", "batch"), ("intent", "id")):
            journal.execute(f"DELETE FROM {table} WHERE {column} > ?", (keep,))
    journal.close()
    (RUN / "result.json").unlink()


@pytest.mark.parametrize("words", [("extract",), ASKED["span"], ASKED["fragility"]], ids=lambda w: w[0])
@pytest.mark.parametrize("keep", [1, 5])
def test_an_interrupted_run_is_told_to_go_on_and_nothing_is_asked(
    shell: Any, net: Path, words: tuple[str, ...], keep: int
) -> None:
    verb, *rest = words
    code = shell(verb, net, *rest, "--out", RUN, "--quiet")
    first = result()
    interrupt(keep)
    net.rename("away.npz")
    assert shell("report", RUN, "--json") == 5
    assert re.search(r"this needs at least [\d,]+ answers? that the journal does not hold", shell.err)
    assert "hingeline resume run" in shell.err and shell.json["exit_code"] == 5
    assert not (RUN / "result.json").exists()
    Path("away.npz").rename(net)
    assert shell("resume", RUN, "--quiet") == code and result() == first


def test_a_verb_that_goes_on_without_missing_answers_is_not_believed(
    shell: Any, net: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell("extract", net, "--out", RUN, "--quiet")
    honest = runs.extract

    def careless(oracle: Any, **told: Any) -> Any:
        with contextlib.suppress(HingelineError):
            QuerySession(oracle, journal=told["journal"]).ask(np.linspace(0.1, 0.9, 24).reshape(4, 6))
        return honest(oracle, **told)

    monkeypatch.setattr(runs, "extract", careless)
    before = contents()
    assert shell("report", RUN) == 5
    assert "at least 4 answers" in shell.err
    assert {path: text for path, text in contents().items() if path in before} == before


def test_a_run_killed_before_it_was_saved_gets_its_models_too(shell: Any, net: Path) -> None:
    shell("extract", net, "--out", RUN, "--quiet")
    model = (RUN / "model.safetensors").read_bytes()
    for name in ("result.json", "report.html", "model.safetensors"):
        (RUN / name).unlink()
    shutil.rmtree(RUN / "figures")
    net.unlink()
    assert shell("report", RUN) == 0
    assert (RUN / "model.safetensors").stat().st_size == len(model) and (RUN / "figures").is_dir()


def test_a_run_that_asked_nothing_has_nothing_to_report(shell: Any, net: Path) -> None:
    shell("extract", net, "--out", RUN, "--quiet")
    interrupt(0)
    with sqlite3.connect(RUN / "journal.sqlite") as journal:
        journal.execute("DELETE FROM meta WHERE key = 'spec'")
    journal.close()
    assert shell("report", RUN) == 5
    assert "that the journal does not hold" in shell.err


def test_an_older_schema_a_lost_journal_and_no_run_are_refused_in_words(shell: Any, net: Path) -> None:
    shell("extract", net, "--out", RUN, "--quiet")
    kept = (RUN / "result.json").read_text()
    (RUN / "result.json").write_text(kept.replace('"schema": 1', '"schema": 0'))
    before = contents()
    assert shell("report", RUN) == 2
    assert "is of schema 0, and this program reads 1" in shell.err and contents() == before
    (RUN / "result.json").write_text(kept)
    (RUN / "journal.sqlite").unlink()
    assert shell("report", RUN) == 2 and "there is no journal" in shell.err
    assert shell("report", "nowhere") == 2 and "there is no run at nowhere" in shell.err


def test_a_result_that_is_not_what_it_was_is_named_and_everything_written_anew(shell: Any, net: Path) -> None:
    shell("extract", net, "--out", RUN, "--quiet")
    first = result()
    told = json.loads((RUN / "result.json").read_text())
    (RUN / "result.json").write_text(json.dumps(told | {"queries": 1}))
    (RUN / "model.safetensors").unlink()
    assert shell("report", RUN) == 0
    assert "differs from the result.json that was here: queries" in shell.err
    assert result() == first and (RUN / "model.safetensors").exists()


def test_a_door_that_failed_for_good_is_told_as_it_failed(shell: Any, tmp_path: Path) -> None:
    (tmp_path / "failing_model.py").write_text(
        "calls = []\n"
        "def model(x):\n"
        "    calls.append(1)\n"
        "    if len(calls) > 4:\n"
        "        raise RuntimeError('the cable is pulled')\n"
        "    return abs(x).sum(axis=1, keepdims=True)\n"
    )
    assert shell("extract", "failing_model:model", "--input-dim", "3", "--out", RUN) == 3
    assert tomllib.loads((RUN / "run.toml").read_text())["verb"] == "extract"
    assert shell("report", RUN) == 3
    assert "the cable is pulled" in shell.err and "hingeline resume run" in shell.err
