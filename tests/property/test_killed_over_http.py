"""A client that is killed while it asks over HTTP goes on later; the server's own log is the account."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hingeline.evaluation.access_log import read_access_log
from hingeline.evaluation.practice_model import PracticeSettings
from hingeline.evaluation.practice_server import PracticeServer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NETWORK = PiecewiseLinearNetwork([np.eye(3), np.ones((1, 3))], [np.zeros(3), np.zeros(1)])
BATCH, ROWS = 5, 150
CLIENT = f"""
import sys
import numpy as np
from hingeline.oracles.journal import Journal
from hingeline.oracles.remote import remote_oracle
from hingeline.oracles.session import QuerySession

folder, url = sys.argv[1:]
with Journal.open(folder + "/journal.sqlite") as journal:
    session = QuerySession(remote_oracle(url, max_batch={BATCH}), journal=journal)
    points = np.random.default_rng(0).normal(size=({ROWS}, 3))
    answers = [session.ask(points[i : i + 7]) for i in range(0, {ROWS}, 7)]
    np.save(folder + "/answers.npy", np.concatenate(answers))
    print(session.spent)
"""


def client(folder: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(folder), url], stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("after", [[1], [40, 90]])
def test_no_row_is_answered_twice_but_those_in_flight_at_a_kill(tmp_path: Path, after: list[int]) -> None:
    settings = PracticeSettings(latency=0.01)
    with PracticeServer(NETWORK, settings=settings, access_log=tmp_path / "log.jsonl") as server:
        for rows in after:
            with client(tmp_path, server.url) as process:
                while server.log.rows_answered < rows and process.poll() is None:
                    time.sleep(0.002)
                process.kill()
            assert process.returncode == -signal.SIGKILL
        with client(tmp_path, server.url) as process:
            spent = process.communicate(timeout=60)[0]
    account = read_access_log(tmp_path / "log.jsonl")
    assert process.returncode == 0 and int(spent) == ROWS
    assert account.rows_answered - account.rows_repeated == ROWS
    assert account.rows_repeated <= BATCH * len(after)
    expected = NETWORK(np.random.default_rng(0).normal(size=(ROWS, 3)))
    assert np.allclose(np.load(tmp_path / "answers.npy"), expected, rtol=0, atol=1e-14)
