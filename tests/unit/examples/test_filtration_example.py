"""The filtration experiment runs, and the page about it says what it measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FIGURES = ROOT / "docs" / "figures"
PAGE = (ROOT / "docs" / "papers" / "natural-adversarial-examples.md").read_text(encoding="utf-8")
LARGEST = 200_000  # bytes of a figure: pages should load


def test_the_experiment_writes_figure_data_and_numbers(tmp_path: Path) -> None:
    words = [sys.executable, ROOT / "examples" / "defences" / "filtration.py", "--quick", "--out", tmp_path]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "filtration.json").read_text(encoding="utf-8"))
    assert told["quick"] and len(told["numbers"]) == 2
    for run in told["numbers"]:
        assert len(run["all"]["models"]) == 7 and run["all"]["cross_fit"]["splits"] == 6
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".csv", ".json"}


@pytest.mark.parametrize("part", ["one", "all", "sets", "outside", "calibration"])
def test_every_table_of_the_page_is_the_one_that_was_measured(part: str) -> None:
    told = json.loads((FIGURES / "filtration.json").read_text(encoding="utf-8"))
    name = f"filtration-{part}"
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["tables"][name]
    assert not told["quick"] and told["splits"] >= 5


def test_every_figure_of_the_page_is_there_and_small() -> None:
    shown = re.findall(r"\]\(\.\./figures/([\w-]+\.svg)\)", PAGE)
    assert set(shown) == {"filtration.svg", "filtration-rows.svg"}
    for name in shown:
        assert (FIGURES / name).stat().st_size < LARGEST
