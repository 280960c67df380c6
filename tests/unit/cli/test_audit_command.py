from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import counted_target
import numpy as np
import pytest
from conftest import Shell

from hingeline.networks.storage import load_safetensors, save_npz

MODEL = "counted_target:model"
QUICK = ("--parts", "extraction,line,span,fragility,stability")


@pytest.fixture(autouse=True)
def counting() -> None:
    counted_target.begin()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "inputs.npz"
    points = np.random.default_rng(5).standard_normal((12, 6))
    np.savez(path, x=points, y=counted_target.NETWORK(points).argmax(axis=1))
    return path


def audit(shell: Shell, data: Path | None, *words: object, target: str = MODEL) -> int:
    named = () if data is None else ("--data", data, "--labels", data)
    return shell("audit", target, "--input-dim", 6, *named, *words)


def timeless(value: Any) -> Any:
    """A result without what the clock told."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if "second" not in k and k != "started"}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def result(folder: str) -> Any:
    return json.loads(Path(folder, "result.json").read_text())


def test_an_audit_leaves_one_folder_with_copy_report_and_sarif(shell: Shell, data: Path) -> None:
    assert audit(shell, data, "--out", "run") == 0
    names = {path.name for path in Path("run").iterdir()}
    wanted = {"run.toml", "journal.sqlite", "result.json", "report.html", "audit.sarif", "figures"}
    assert wanted | {"model.safetensors", "span.npz", "fragility.npz"} <= names
    assert load_safetensors(Path("run/model.safetensors")).sizes == (6, 7, 3)
    told = result("run")
    assert told["queries"] == counted_target.answered()
    assert told["evidence"]["stages"][0]["name"] == "door"
    assert told["evidence"]["measures"]["accuracy"] == 1.0


def test_the_plan_is_shown_before_anything_but_the_doctor_is_asked(shell: Shell, data: Path) -> None:
    assert audit(shell, data, *QUICK, "--budget", 5000, "--cost-per-1000", 2.5, "--yes", "--out", "run") == 0
    assert "12.50 EUR" in shell.err
    plan, rebuilt = shell.err.index("in all"), shell.err.index("extraction  All 7 neurons")
    assert shell.err.index("1 of 7 door") < plan < rebuilt


@pytest.mark.parametrize("stop", [int(n) for n in np.random.default_rng(20261122).integers(1, 480, 5)])
def test_an_interrupted_audit_goes_on_and_pays_nothing_twice(shell: Shell, data: Path, stop: int) -> None:
    assert audit(shell, data, *QUICK, "--out", "whole") == 0
    price = counted_target.answered()
    counted_target.begin(stop_after=stop)
    assert audit(shell, data, *QUICK, "--out", "broken") == 130
    assert "hingeline resume broken" in shell.err
    before = counted_target.answered()
    counted_target.begin()
    assert shell("resume", "broken") == 0
    assert before + counted_target.answered() == price
    assert timeless(result("broken")) == timeless(result("whole"))


def test_a_broken_policy_ends_with_one_and_stands_in_the_result(shell: Shell, data: Path) -> None:
    words = ("--parts", "extraction", "--fail-on", "leak.layers>=1", "--fail-on", "accuracy<0.5")
    assert audit(shell, data, *words, "--out", "run") == 1
    verdicts = [policy["verdict"] for policy in result("run")["evidence"]["policies"]]
    assert verdicts == ["broken", "kept"]


def test_a_policy_that_could_not_be_judged_is_not_passed(shell: Shell) -> None:
    words = ("--parts", "extraction", "--fail-on", "fragility.median<0.1", "--out", "run")
    assert audit(shell, None, *words) == 5
    assert result("run")["evidence"]["policies"][0]["verdict"] == "not judged"


def test_policies_are_read_before_anything_is_asked(shell: Shell, data: Path) -> None:
    assert audit(shell, data, "--fail-on", "leak.layrs>=1", "--out", "run") == 2
    assert "leak.layers" in shell.err
    assert counted_target.answered() == 0
    assert not Path("run").exists()


def test_the_measures_that_policies_know_are_listed(shell: Shell) -> None:
    assert audit(shell, None, "--fail-on", "list") == 0
    assert "leak.layers" in shell.out
    assert "fragility.median" in shell.out
    assert audit(shell, None, "--fail-on", "list", "--json") == 0
    assert "leak.layers" in shell.json


def test_another_host_is_not_asked_without_a_yes_where_nobody_can_answer(shell: Shell) -> None:
    words = ("--i-am-authorised", "me, ticket 1", "--budget", 100, "--out", "run")
    assert shell("audit", "http://203.0.113.9/v2/models/m", *words) == 2
    assert "--yes" in shell.err
    assert not Path("run").exists()


def test_another_host_is_refused_without_an_authorisation(shell: Shell) -> None:
    assert shell("audit", "http://203.0.113.9/v2/models/m", "--yes", "--out", "run") == 6


def test_a_plan_that_nobody_agrees_to_ends_after_the_doctor(
    shell: Shell, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert audit(shell, data, "--cost-per-1000", 1, "--out", "run") == 5
    assert counted_target.answered() < 50
    monkeypatch.setattr("click.confirm", lambda *_, **__: True)
    assert shell("resume", "run") == 0


def test_a_spent_budget_is_said_and_kept(shell: Shell, data: Path) -> None:
    assert audit(shell, data, "--budget", 150, "--out", "run") == 4
    assert counted_target.answered() <= 150
    assert "hingeline resume run --budget" in shell.out
    assert shell("resume", "run", "--budget", 5000) == 0
    assert result("run")["queries"] == counted_target.answered()


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("smooth", 0, "smooth"),
        ("labels", 0, "labels"),
        ("constant", 5, "the same"),
    ],
)
def test_doors_that_show_little_get_a_truthful_report(
    shell: Shell, data: Path, target: str, code: int, words: str
) -> None:
    ended = audit(shell, data, "--budget", 30000, "--out", "run", target=f"counted_target:{target}")
    told = result("run")
    assert ended == code
    assert told["evidence"]["measures"]["leak.copy"] in (0.0, None)
    assert words in Path("run/report.html").read_text()


def test_nothing_but_the_result_is_said_in_quiet(shell: Shell, data: Path) -> None:
    assert audit(shell, data, "--parts", "extraction", "--quiet", "--out", "run") == 0
    assert shell.err == ""
    assert audit(shell, data, "--parts", "extraction", "--json", "--out", "again") == 0
    assert len(shell.out.splitlines()) == 1
    assert shell.json["verb"] == "audit"


def test_sarif_is_written_where_it_is_wanted(shell: Shell, data: Path, tmp_path: Path) -> None:
    assert audit(shell, data, "--parts", "extraction", "--sarif", tmp_path / "out.sarif", "--out", "run") == 0
    assert (tmp_path / "out.sarif").read_text() == Path("run/audit.sarif").read_text()
    for bad in (tmp_path / "no" / "out.sarif", tmp_path, "/dev/null"):
        assert audit(shell, data, "--sarif", bad, "--out", "again") == 2
        assert not Path("again").exists()


def test_sarif_points_at_the_model_as_seen_from_here(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    save_npz(counted_target.NETWORK, tmp_path / "models" / "m.npz")
    assert shell("audit", "models/m.npz", "--parts", "extraction", "--out", "run") == 0
    assert '"models/m.npz"' in Path("run/audit.sarif").read_text()
    assert str(tmp_path) not in Path("run/audit.sarif").read_text()


def test_a_model_file_is_asked_and_never_read(shell: Shell, data: Path, tmp_path: Path) -> None:
    save_npz(counted_target.NETWORK, tmp_path / "model.npz")
    assert shell("audit", "model.npz", "--data", data, "--labels", data, *QUICK, "--out", "file") == 0
    assert audit(shell, data, *QUICK, "--out", "door") == 0
    assert result("file")["evidence"]["leak"] == result("door")["evidence"]["leak"]


def test_labels_without_inputs_are_refused(shell: Shell, data: Path) -> None:
    assert shell("audit", MODEL, "--input-dim", 6, "--labels", data) == 2
    assert "--data" in shell.err
