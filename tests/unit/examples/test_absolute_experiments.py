"""The experiments with absolute-value networks run, and the page about them says what they measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "examples" / "absolute_value"
FIGURES = ROOT / "docs" / "figures"
PAGE = (ROOT / "docs" / "papers" / "absolute-value-networks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["queries", "learning_curve", "finite_sample", "moments_of_samples"])
def test_an_experiment_writes_figures_and_numbers(script: str, tmp_path: Path) -> None:
    words = [sys.executable, SCRIPTS / f"{script}.py", "--quick", "--out", tmp_path]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("*.svg"))
    assert all(json.loads(path.read_text(encoding="utf-8"))["quick"] for path in tmp_path.glob("*.json"))


@pytest.mark.parametrize("name", ["abs-queries", "abs-learning", "abs-sample", "abs-moments"])
def test_every_table_of_the_page_is_the_one_that_was_measured(name: str) -> None:
    told = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["table"]
    assert not told["quick"]


def test_every_figure_of_the_page_is_there() -> None:
    for name in re.findall(r"\]\(\.\./figures/([\w-]+\.svg)\)", PAGE):
        assert (FIGURES / name).exists()
