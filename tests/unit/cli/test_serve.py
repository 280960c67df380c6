"""`hingeline serve` as a process: its address, its answers, its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from hingeline.evaluation.access_log import read_access_log
from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.opening import oracle as open_oracle
from hingeline.oracles.remote import remote_oracle

NETWORK = PiecewiseLinearNetwork([np.eye(2), np.eye(2)], [np.zeros(2), np.array([1 / 3, -1 / 3])])
POINTS = np.array([[0.5, -1.0], [2.0, 3.0]])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save_network(NETWORK, tmp_path / "digits.npz")
    return tmp_path / "digits.npz"


@contextmanager
def serve(*words: str, cwd: Path | None = None) -> Generator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "hingeline", "serve", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=cwd) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_until(process: subprocess.Popen[str], mark: str) -> list[str]:
    lines: list[str] = []
    while process.stdout is not None and (line := process.stdout.readline()):
        lines.append(line.rstrip())
        if mark in line:
            break
    return lines


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_the_address_and_the_next_command_and_ends_cleanly(
    model: Path, stop: signal.Signals
) -> None:
    with serve(str(model), "--port", "0", "--round", "3") as process:
        lines = lines_until(process, "Ctrl-C")
        url = next(line.split()[-1] for line in lines if line.startswith("Address:"))
        assert "rounded to 3 decimals" in lines[0]
        assert f"Next:     hingeline doctor {url}" in lines
        oracle = remote_oracle(url)
        assert oracle.query(POINTS).tolist() == [[0.833, -0.333], [2.333, 2.667]]
        oracle.close()
        process.send_signal(stop)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (0, "")
    assert "Stopped after 1 requests: 2 rows answered" in out


def test_typed_defences_are_served_in_their_order_and_told(model: Path) -> None:
    words = ["--port", "0", "--defence", "softmax+round:2", "--defence", "top-k:1"]
    with serve(str(model), *words) as process:
        lines = lines_until(process, "Ctrl-C")
        assert "probabilities, rounded to 2 decimals, 1 largest scores only" in lines[0]
        url = next(line.split()[-1] for line in lines if line.startswith("Address:"))
        oracle = remote_oracle(url)
        likely = np.exp(NETWORK(POINTS)) / np.exp(NETWORK(POINTS)).sum(axis=1, keepdims=True)
        assert oracle.query(POINTS).max(axis=1).tolist() == np.round(likely.max(axis=1), 2).tolist()
        assert (oracle.query(POINTS) == 0).sum() == 2
        oracle.close()


def test_with_json_the_address_is_one_json_object(model: Path, tmp_path: Path) -> None:
    log = tmp_path / "access.jsonl"
    words = ["--port", "0", "--json", "--labels", "--name", "secret", "--access-log", str(log)]
    with serve(str(model), *words) as process:
        told = json.loads(lines_until(process, "}")[-1])
        assert told["url"].endswith("/v2/models/secret")
        oracle = remote_oracle(told["url"])
        assert oracle.query(POINTS).ravel().tolist() == [0, 1]
        oracle.close()
    assert read_access_log(log).rows_answered == 2


def test_a_function_is_served_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def total(x):\n    return x.sum(axis=1)\n")
    with serve("mine:total", "--input-dim", "2", "--port", "0", "--json", cwd=tmp_path) as process:
        told = json.loads(lines_until(process, "}")[-1])
        assert told["url"].endswith("/v2/models/total")
        oracle = open_oracle(told["url"], answers="logits")
        assert oracle.query(POINTS).ravel().tolist() == POINTS.sum(axis=1).tolist()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.npz"], "nothing.npz"),
        (["MODEL", "--labels", "--softmax"], "labels hide everything else"),
        (["MODEL", "--round", "99"], "--round"),
        (["MODEL", "--defence", "rond:3"], "Did you mean 'round:3'"),
        (["MODEL", "--labels", "--defence", "round:3"], "put round:3 first"),
        (["MODEL", "--rate", "0"], "--rate"),
        (["MODEL", "--dtype", "int8"], "--dtype"),
        (["MODEL", "--host", "256.1.1.1"], "cannot listen on 256.1.1.1"),
        (["MODEL", "--access-log", "/"], "cannot write the access log|is a directory"),
        (["http://127.0.0.1:1/v2/models/m"], "could not connect"),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(model: Path, words: list[str], message: str) -> None:
    given = [str(model) if word == "MODEL" else word for word in words]
    with serve(*given) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode in (2, 3)
    assert "Traceback" not in err
    assert any(part in err for part in message.split("|"))
    assert not out
