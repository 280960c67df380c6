"""`hingeline doctor` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Shell

DOORS = """
import numpy as np
WEIGHT = np.random.default_rng(0).normal(size=(3, 8))

def scores(x):
    return np.maximum(x @ WEIGHT.T, 0) @ np.arange(1.0, 7.0).reshape(3, 2)

def rounded(x):
    return np.round(scores(x), 3)

def labels(x):
    return scores(x).argmax(axis=1)

def constant(x):
    return np.full((len(x), 2), 0.5)

def nan(x):
    return np.full((len(x), 2), np.nan)
"""


@pytest.fixture
def doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """A module of practice doors with a name of its own, so that no test sees another's."""
    name = f"doors_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(DOORS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_the_card_is_shown_with_what_to_type_next(shell, model):
    assert shell("doctor", model) == 0
    assert "logits, float64, deterministic" in shell.out
    assert "weights" in shell.out and f"hingeline extract {model}" in shell.out.replace("\n", "")


def test_the_last_line_is_json_and_nothing_else_is_said(shell, model):
    assert shell("doctor", model, "--json") == 0
    assert len(shell.out.splitlines()) == 1 and shell.err == ""
    card = shell.json["evidence"]["card"]
    assert (card["answers"], card["precision"], card["queries"]) == (
        "logits",
        "float64",
        shell.json["queries"],
    )
    assert shell.json["exit_code"] == 0


def test_quiet_says_one_line(shell, model):
    assert shell("doctor", model, "--quiet") == 0
    assert shell.out.startswith("logits, float64") and len(shell.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("door", "code", "words"),
    [
        ("scores", 0, "piecewise linear"),
        ("rounded", 0, "multiples of 0.001"),
        ("labels", 0, "labels"),
        ("constant", 5, "--bounds 0 1"),
        ("nan", 3, "NaN"),
    ],
)
def test_every_door_ends_with_its_exit_code_and_a_reason(shell, doors, door, code, words):
    assert shell("doctor", f"{doors}:{door}", "--input-dim", 8) == code
    assert words in " ".join((shell.out + shell.err).split())
    assert "Traceback" not in shell.err


@pytest.mark.parametrize(("budget", "said"), [(10, "Not finished"), (3, "budget of 3 queries")])
def test_a_small_budget_ends_with_4_and_says_so(shell, model, budget, said):
    assert shell("doctor", model, "--budget", budget) == 4
    assert said in shell.out + shell.err and "The doctor asks up to 48" in " ".join(
        (shell.out + shell.err).split()
    )


def test_a_folder_keeps_the_answers_and_a_report(shell, model, tmp_path):
    out = tmp_path / "look"
    assert shell("doctor", model, "--out", out, "--json") == 0
    kept = {path.name for path in out.iterdir()}
    assert {"run.toml", "journal.sqlite", "result.json", "report.html"} <= kept
    assert "weights" in (out / "report.html").read_text(encoding="utf-8")


def test_a_folder_in_use_is_refused_before_anything_is_asked(shell, model, tmp_path):
    out = tmp_path / "look"
    shell("doctor", model, "--out", out)
    assert shell("doctor", model, "--out", out) == 2 and "already holds" in shell.err


def test_a_model_that_is_not_there_leaves_no_folder(shell, tmp_path):
    assert shell("doctor", tmp_path / "none.npz", "--out", tmp_path / "look") == 2
    assert not (tmp_path / "look").exists() and "none.npz" in shell.err


def test_a_door_on_another_host_needs_authorisation(shell):
    assert shell("doctor", "http://ml.example:8000/v2/models/fraud") == 6
    assert "--i-am-authorised" in shell.err


@pytest.mark.parametrize("scale", ["0", "-1", "x"])
def test_a_scale_that_cannot_be_meant_is_a_usage_error(shell, model, scale):
    assert shell("doctor", model, "--scale", scale) == 2


def test_a_target_description_is_drafted_without_a_question(shell: Shell, tmp_path: Path) -> None:
    words = ("doctor", "http://203.0.113.9/predict", "--init", "target.toml")
    assert shell(*words) == 0
    assert 'url = "http://203.0.113.9/predict"' in (tmp_path / "target.toml").read_text()
    assert shell(*words) == 2
    assert shell("doctor", "model.npz", "--init", "other.toml") == 2
