"""Nothing scripted: demo, endpoint, `kill -9`, resume, the recovered file against the original."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.evaluation.demo_data import DIGITS_MODEL, digits_network
from hingeline.evaluation.practice_model import PracticeSettings
from hingeline.evaluation.practice_server import PracticeServer
from hingeline.oracles.opening import oracle


def program(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hingeline", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Any, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.01)


@pytest.fixture(scope="module", params=["extract", "span"])
def killed_and_resumed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A run over HTTP that is killed in the middle and resumed."""
    place = tmp_path_factory.mktemp("killed")
    run, log = place / "run", place / "access.jsonl"
    slow = PracticeSettings(latency=0.01)
    with PracticeServer(DIGITS_MODEL, name="digits", settings=slow, access_log=log) as server:
        first = program(request.param, server.url, "--batch-size", 16, "--out", run)
        wait_for(lambda: server.log.requests > 15)
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
        resumed = program("resume", run, "--json")
        out, err = resumed.communicate(timeout=120)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return {
        "run": run, "log": lines, "killed": first.returncode,
        "code": resumed.returncode, "result": json.loads(out.splitlines()[-1]), "err": err,
    }  # fmt: skip


def test_after_a_kill_the_run_goes_on_and_ends_well(killed_and_resumed: dict[str, Any]) -> None:
    assert killed_and_resumed["killed"] == -signal.SIGKILL
    assert killed_and_resumed["code"] == 0
    assert killed_and_resumed["result"]["outcome"]["ok"] is True
    assert killed_and_resumed["result"]["queries_from_journal"] > 0


def test_no_answer_was_paid_twice(killed_and_resumed: dict[str, Any]) -> None:
    requests = Counter(line["id"] for line in killed_and_resumed["log"])
    rows = {line["id"]: line["rows"] for line in killed_and_resumed["log"]}
    assert sum(rows.values()) == killed_and_resumed["result"]["queries"]
    # Only the batch that was in flight may have been sent again, under the id it had.
    assert sum(count - 1 for count in requests.values()) <= 1


@pytest.mark.parametrize("killed_and_resumed", ["span"], indirect=True)
def test_the_kept_directions_are_those_of_the_first_layer(killed_and_resumed: dict[str, Any]) -> None:
    first = digits_network().weights[0]
    with np.load(killed_and_resumed["run"] / "span.npz") as kept:
        np.testing.assert_allclose(first @ kept["basis"] @ kept["basis"].T, first, atol=1e-7)


@pytest.mark.parametrize("killed_and_resumed", ["extract"], indirect=True)
def test_the_copy_answers_as_the_original_on_every_digit(killed_and_resumed: dict[str, Any]) -> None:
    pytest.importorskip("onnxruntime")
    pixels = pytest.importorskip("sklearn.datasets").load_digits().data / 16
    truth = digits_network()(pixels)
    copy = oracle(killed_and_resumed["run"] / "model.onnx").query(pixels)
    assert len(pixels) == 1797
    assert (copy.argmax(axis=1) == truth.argmax(axis=1)).all()
    assert np.abs(copy - truth).max() < 1e-8


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(tmp_path: Path) -> None:
    with PracticeServer(DIGITS_MODEL, settings=PracticeSettings(latency=0.05)) as server:
        run = program("extract", server.url, "--batch-size", 8, "--out", tmp_path / "run")
        wait_for(lambda: server.log.requests > 10)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 130
    assert out == ""
    assert "nothing you paid for is lost" in err
    assert f"hingeline resume {tmp_path / 'run'}" in err
    assert "Traceback" not in err


def test_the_demo_proves_what_it_says(shell: Any) -> None:
    assert shell("demo") == 0
    assert "✓ 32 of 32 neurons found" in shell.out
    assert "✓ same label on 200 of 200 digits" in shell.out
    assert "✗" not in shell.out
    assert Path("runs/demo/report.html").stat().st_size > 5000
    assert shell("diff", DIGITS_MODEL, "runs/demo/model.safetensors") == 0


def test_a_second_demo_takes_a_new_place_and_can_leave_the_model(shell: Any) -> None:
    assert shell("demo", "--quiet") == 0
    assert shell("demo", "--quiet", "--keep", "--seed", "1") == 0
    assert Path("runs/demo-2/digits.npz").exists()
    assert shell("diff", "runs/demo-2/digits.npz", DIGITS_MODEL) == 0


def test_a_budget_of_ten_is_told_and_nothing_is_lost(shell: Any) -> None:
    assert shell("extract", DIGITS_MODEL, "--budget", "10", "--out", "run") == 4
    assert "hingeline resume run --budget N" in shell.out
    assert shell("resume", "run", "--budget", "5000", "--json") == 0


MODELS = """
import numpy as np

rng = np.random.default_rng(0)
W0, W1 = rng.normal(size=(6, 4)), rng.normal(size=(2, 6))

def relu(x): return np.maximum(x @ W0.T, 0) @ W1.T
def tanh(x): return np.tanh(x @ W0.T) @ W1.T
def labels(x): return relu(x).argmax(axis=1)
def nan(x): return relu(x) * np.nan
def wrong_shape(x): return np.zeros((3, 2))
def words(x): return ["cat"] * len(x)
def constant(x): return np.ones((len(x), 2))
def raising(x): raise RuntimeError("out of cheese")
"""


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("relu", 0, "complete"),
        ("tanh", 3, "smooth"),
        ("labels", 3, "labels"),
        ("nan", 3, "NaN"),
        ("wrong_shape", 3, "(3, 2)"),
        ("words", 3, "real numbers are wanted"),
        ("constant", 5, "identical"),
        ("raising", 3, "out of cheese"),
    ],
)
def test_a_target_of_the_wrong_kind_is_told_in_words(
    shell: Any, monkeypatch: pytest.MonkeyPatch, name: str, code: int, words: str
) -> None:
    Path("strange_models.py").write_text(MODELS)
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(sys.modules, "strange_models", raising=False)
    assert shell("extract", f"strange_models:{name}", "--input-dim", "4", "--out", "run") == code
    assert words in shell.out + shell.err
    assert "Traceback" not in shell.out + shell.err
