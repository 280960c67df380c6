"""The experiments on random networks run, and the page about them says what they measured."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "examples" / "random_networks"
FIGURES = ROOT / "docs" / "figures"
PAGE = (ROOT / "docs" / "papers" / "random-networks.md").read_text(encoding="utf-8")
LARGEST = 200_000  # bytes of a figure: pages should load
LAWS = {
    "activation_constants": "random-activations",
    "angle_against_depth": "random-angle",
    "distance_against_dimension": "random-distance",
    "failure_against_validity": "random-validity",
    "gradient_change": "random-gradient-change",
    "rank_profile": "random-rank",
    "single_step": "random-step",
    "surcharge": "random-surcharge",
}


def ran(script: str, folder: Path) -> None:
    words = [sys.executable, SCRIPTS / f"{script}.py", "--quick", "--out", folder]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(words, env=one_thread, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("| ")


def test_an_experiment_writes_figure_data_and_numbers(tmp_path: Path) -> None:
    ran("rank_profile", tmp_path)
    names = {"random-rank.svg", "random-rank.csv", "random-rank.json"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert json.loads((tmp_path / "random-rank.json").read_text(encoding="utf-8"))["quick"]


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(set(LAWS) - {"rank_profile"}))
def test_the_other_experiments_run_too(script: str, tmp_path: Path) -> None:
    ran(script, tmp_path)
    assert list(tmp_path.glob("*.svg"))


def test_there_is_one_script_for_each_law() -> None:
    assert {path.stem for path in SCRIPTS.glob("*.py")} == {*LAWS, "common"}


@pytest.mark.parametrize("name", sorted(LAWS.values()))
def test_every_table_of_the_page_is_the_one_that_was_measured(name: str) -> None:
    told = json.loads((FIGURES / f"{name}.json").read_text(encoding="utf-8"))
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == told["table"]
    assert not told["quick"]


def test_every_figure_of_the_page_is_there_and_small() -> None:
    shown = re.findall(r"!\[[^\]]*\]\(\.\./figures/([\w-]+\.svg)\)", PAGE)
    assert len(shown) == len(LAWS)
    for name in shown:
        assert (FIGURES / name).stat().st_size < LARGEST
        assert (FIGURES / name).with_suffix(".csv").stat().st_size < LARGEST
