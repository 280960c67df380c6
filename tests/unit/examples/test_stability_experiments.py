"""The stability experiments run, and the page about them says what they measured."""

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
PAGE = (ROOT / "docs" / "papers" / "renormalisation.md").read_text(encoding="utf-8")
LARGEST = 200_000  # bytes of a figure: pages should load


def test_the_ising_experiment_writes_figure_data_and_numbers(tmp_path: Path) -> None:
    words = [sys.executable, ROOT / "examples" / "stability" / "ising.py", "--quick", "--out", tmp_path]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("| level |")
    told = json.loads((tmp_path / "ising.json").read_text(encoding="utf-8"))
    assert told["quick"] and [run["size"] for run in told["numbers"]] == [16, 8]
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".csv", ".json"}


@pytest.mark.parametrize("name", ["ising", "ising-magnetic", "ising-spectrum", "ising-runs"])
def test_every_table_of_the_ising_model_is_the_one_that_was_measured(name: str) -> None:
    told = json.loads((FIGURES / "ising.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["tables"][name]
    assert not told["quick"]


def test_every_figure_of_the_renormalisation_page_is_there_and_small() -> None:
    shown = re.findall(r"\]\(\.\./figures/([\w-]+\.svg)\)", PAGE)
    assert {"ising-thermal.svg", "ising-magnetic.svg"} <= set(shown)
    for name in shown:
        assert (FIGURES / name).stat().st_size < LARGEST
        assert (FIGURES / name).with_suffix(".csv").stat().st_size < LARGEST


QUICK = [
    ("tower", ("tower", "tower-information", "tower-z"), {"tower.svg"}),
    (
        "digits_stack",
        ("digits-stack", "digits-stack-pixels", "digits-stack-runs"),
        {"digits-stack.svg", "digits-stack-pixels.svg"},
    ),
    (
        "prediction",
        ("prediction", "prediction-targets", "prediction-runs"),
        {"prediction-1.svg", "prediction-2.svg", "prediction-scatter-1.svg", "prediction-scatter-2.svg"},
    ),
]


@pytest.mark.parametrize(("script", "tables", "figures"), QUICK)
def test_the_experiments_on_stacks_write_figures_and_the_tables_of_the_page(
    script: str, tables: tuple[str, ...], figures: set[str], tmp_path: Path
) -> None:
    words = [sys.executable, ROOT / "examples" / "stability" / f"{script}.py", "--quick", "--out", tmp_path]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / f"{tables[0]}.json").read_text(encoding="utf-8"))
    assert told["quick"] and set(told["tables"]) == set(tables)
    assert {path.name for path in tmp_path.glob("*.svg")} == figures


@pytest.mark.parametrize("name", [name for _, tables, _ in QUICK for name in tables])
def test_every_table_of_stacks_is_the_one_that_was_measured(name: str) -> None:
    known = next(tables[0] for _, tables, _ in QUICK if name in tables)
    told = json.loads((FIGURES / f"{known}.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["tables"][name]
    assert not told["quick"]


def test_the_page_says_what_the_study_found() -> None:
    numbers = json.loads((FIGURES / "prediction.json").read_text(encoding="utf-8"))["numbers"]
    assert all(len(kind["runs"]) >= 3 for kind in numbers.values())
    for kind in numbers.values():
        assert all(len(run["smallest_flips"]) >= 100 for run in kind["runs"])
