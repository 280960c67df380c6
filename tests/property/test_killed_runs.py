"""A run that is killed at any moment goes on, and no answer on record is asked for again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BATCH = 16


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
@pytest.mark.parametrize("seed", range(3))
def test_killed_runs_end_like_the_uninterrupted_one(tmp_path, seed):
    script = Path(__file__).with_name("killed_run.py")
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, "-W", "error", script, tmp_path, str(seed)]
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)

    assert seen["kills"] >= 3
    assert seen["kills_half_way"] >= 1
    assert seen["same_answers"]
    assert seen["asked_again"] == 0
    assert all(0 <= rows <= BATCH for rows in seen["in_flight"])
    # The account of the door: the plan once, and what was in flight at each kill once more.
    assert seen["rows_received"] == seen["rows_of_the_plan"] + sum(seen["in_flight"])
    assert seen["spent"] == seen["spent_calmly"] == seen["rows_of_the_plan"] == seen["rows_answered"]
    assert seen["rows_sent_by_the_journal"] >= seen["rows_received"]
