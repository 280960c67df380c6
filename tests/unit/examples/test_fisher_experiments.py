"""The Fisher experiment runs, and the page about it says what it measured."""

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
PAGE = (ROOT / "docs" / "papers" / "fisher-directions.md").read_text(encoding="utf-8")
LARGEST = 200_000  # bytes of a figure: pages should load


def test_the_experiment_writes_figure_data_and_numbers(tmp_path: Path) -> None:
    words = [sys.executable, ROOT / "examples" / "fisher" / "flip_curves.py", "--quick", "--out", tmp_path]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "fisher-flips.json").read_text(encoding="utf-8"))
    assert told["quick"] and told["numbers"]["64-64-10"]["accuracy"][0] > 0.9
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".csv", ".json"}


@pytest.mark.parametrize("name", ["fisher-flips", "fisher-details", "fisher-universal", "fisher-threats"])
def test_every_table_of_the_page_is_the_one_that_was_measured(name: str) -> None:
    told = json.loads((FIGURES / "fisher-flips.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["tables"][name]
    assert not told["quick"]


def test_every_figure_of_the_page_is_there_and_small() -> None:
    shown = re.findall(r"\]\(\.\./figures/([\w-]+\.svg)\)", PAGE)
    assert len(shown) >= 5
    for name in shown:
        assert (FIGURES / name).stat().st_size < LARGEST
        assert (FIGURES / name).with_suffix(".csv").stat().st_size < LARGEST


def test_the_page_never_calls_a_jacobian_the_stability_matrix() -> None:
    assert not re.search(r"(?<!not the )stability matrix", PAGE)
