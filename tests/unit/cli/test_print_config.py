"""`--print-config`: flags over variables over target.toml over defaults, and nothing is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TOML = """
url = "https://example.org/predict"
input_dim = 4
request = '{"x": {{rows}}}'
response = "y"
rate = 3
max_batch = 16
bounds = [0.0, 1.0]
"""


@pytest.fixture
def told(shell: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    Path("target.toml").write_text(TOML)

    def use(*words: str) -> dict[str, tuple[Any, str]]:
        assert shell(*words, "--print-config", "--json") == 0, shell.err
        assert shell.json["exit_code"] == 0 and shell.err == ""
        return {name: (one["value"], one["origin"]) for name, one in shell.json["settings"].items()}

    return use


def test_each_layer_wins_over_the_next(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HINGELINE_BATCH_SIZE", "8")
    monkeypatch.setenv("HINGELINE_BUDGET", "100")
    found = told("extract", "target.toml", "--budget", "50", "--seed", "0")
    assert found["TARGET"] == ("target.toml", "command line")
    assert found["--budget"] == (50, "command line") and found["--seed"] == (0, "command line")
    assert found["--batch-size"] == (8, "HINGELINE_BATCH_SIZE")
    assert found["--rate"] == (3, "target.toml") and found["--bounds"] == ([0.0, 1.0], "target.toml")
    assert found["--timeout"] == (None, "default") and found["--polish"] == (True, "default")
    assert told("extract", "target.toml", "--answers", "auto")["--answers"] == ("auto", "command line")
    assert told("extract", "target.toml", "--rate", "9")["--rate"] == (9.0, "command line")


def test_nothing_is_asked_made_or_refused(shell: Any, told: Any) -> None:
    # a target on another host, without authorisation: saying what would be done sends nothing
    assert told("doctor", "target.toml")["--i-am-authorised"] == (None, "default")
    assert [path.name for path in Path.cwd().iterdir()] == ["target.toml"]


@pytest.mark.parametrize("verb", ["doctor", "extract", "span", "fragility", "stability", "defend", "demo"])
def test_every_verb_that_runs_tells_its_settings(shell: Any, verb: str) -> None:
    target = () if verb == "demo" else ("net.npz",)
    data = ("--data", "x.npy") if verb in ("fragility", "stability", "defend") else ()
    assert shell(verb, *target, *data, "--print-config", "--out", "run") == 0, shell.err
    lines = {line.split()[0]: line.split()[1:] for line in shell.out.splitlines()}
    assert lines["--out"] == ['"run"', "command", "line"] and lines["--seed"] == ["0", "default"]
    assert not Path("run").exists()


def test_a_target_file_that_cannot_be_read_is_a_mistake(shell: Any) -> None:
    Path("broken.toml").write_text("url = ")
    assert shell("extract", "broken.toml", "--print-config") == 2
    assert "cannot read broken.toml" in shell.err
