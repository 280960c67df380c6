"""`hingeline extract --absolute-value`: a sum of absolute values from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import hingeline as hl

_TARGET = """
import numpy as np
rows = np.random.default_rng(3).standard_normal((4, 6))
def model(x):
    return np.abs(x @ rows.T) @ np.array([1.0, 0.5, 2.0, 0.7])
model.input_dim = 6
"""


def test_a_sum_of_absolute_values_is_rebuilt_and_saved(shell: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("absolute_target.py").write_text(_TARGET, encoding="utf-8")
    assert shell("extract", "absolute_target:model", "--absolute-value", "--out", "run") == 0
    saved = hl.oracle("run/model.safetensors")
    points = np.random.default_rng(1).standard_normal((20, 6))
    truth = hl.oracle("absolute_target:model").query(points)
    np.testing.assert_allclose(saved.query(points), truth, rtol=1e-6)


def test_a_setting_that_says_nothing_is_refused(shell: Any) -> None:
    assert shell("extract", "m.npz", "--absolute-value", "--no-polish") == 2
    assert "needs no polish" in shell.err
