"""The span experiments run, and the page about them says what they measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "examples" / "span"
FIGURES = ROOT / "docs" / "figures"
PAGE = (ROOT / "docs" / "papers" / "span-recovery.md").read_text(encoding="utf-8")
LARGEST = 200_000  # bytes of a figure: pages should load


def ran(script: str, folder: Path) -> None:
    words = [sys.executable, SCRIPTS / f"{script}.py", "--quick", "--seeds", "1", "--out", folder]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("| ")


def test_an_experiment_writes_figure_data_and_numbers(tmp_path: Path) -> None:
    ran("step_size", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"span-step.svg", "span-step.csv", "span-step.json"}
    told = json.loads((tmp_path / "span-step.json").read_text(encoding="utf-8"))
    assert told["quick"]
    assert {run["rank"] for run in told["numbers"]["fixed"]["1e-05"]} == {20}


@pytest.mark.slow
@pytest.mark.parametrize(
    "script", ["rank_against_queries", "thin_layers", "kinds_of_answers", "trained_networks"]
)
def test_the_other_experiments_run_too(script: str, tmp_path: Path) -> None:
    ran(script, tmp_path)
    assert list(tmp_path.glob("*.svg"))


@pytest.mark.parametrize("name", ["span-rank", "span-thin", "span-step", "span-answers", "span-trained"])
def test_every_table_of_the_page_is_the_one_that_was_measured(name: str) -> None:
    told = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["table"]
    assert not told["quick"]


def test_every_figure_of_the_page_is_there_and_small() -> None:
    shown = re.findall(r"\]\(\.\./figures/([\w-]+\.svg)\)", PAGE)
    assert len(shown) >= 10
    for name in shown:
        assert (FIGURES / name).stat().st_size < LARGEST
        assert (FIGURES / name).with_suffix(".csv").stat().st_size < LARGEST
