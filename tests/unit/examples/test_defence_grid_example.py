"""The published grid of defences runs small, and its page says what was measured."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hingeline.evaluation.defending.choosing import default_defences
from hingeline.evaluation.demo_data import held_out_digits

ROOT = Path(__file__).resolve().parents[3]
FIGURES = ROOT / "docs" / "figures"
NAME = "defence-grid"
SCRIPT = ROOT / "examples" / "defences" / "grid.py"
PAGE = (ROOT / "docs" / "papers" / f"{NAME}.md").read_text(encoding="utf-8")
TOLD = json.loads((FIGURES / f"{NAME}.json").read_text(encoding="utf-8"))


def test_the_experiment_writes_figure_data_and_numbers(tmp_path: Path) -> None:
    words = [sys.executable, SCRIPT, "--quick", "--inputs", "5", "--out", tmp_path]
    one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        list(map(str, words)), env=one_thread, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))
    assert told["quick"] and told["numbers"]["attacked"] == 5 and told["numbers"]["seeds"] == 3
    assert set(told["tables"]) == set(TOLD["tables"])
    assert {path.suffix for path in tmp_path.iterdir()} == {".svg", ".csv", ".json"}


@pytest.mark.parametrize("part", ["", "-utility", "-leak", "-standing", "-checks"])
def test_every_table_of_the_page_is_the_one_that_was_measured(part: str) -> None:
    name = f"{NAME}{part}"
    block = re.search(rf"<!-- {name}:start -->\n(.*?)<!-- {name}:end -->", PAGE, re.DOTALL)
    assert block is not None
    assert block[1].splitlines() == TOLD["tables"][name]
    assert not TOLD["quick"]


def test_the_published_grid_has_every_usual_door_and_every_kind_that_is_trained() -> None:
    named = [row["defence"] for row in TOLD["numbers"]["rows"]]
    assert named == ["none", *default_defences(10), "muldef:5", "robust", "detector"]
    assert TOLD["numbers"]["seeds"] == 5
    for row in TOLD["numbers"]["rows"]:
        assert len(row["leak"]["runs"]) == len(row["robustness"]["runs"]) == 5


def test_no_door_that_shows_fewer_answers_of_the_model_stands_worse_than_the_bare_one() -> None:
    stand = {row["defence"]: row["robustness"]["adaptive"] for row in TOLD["numbers"]["rows"]}
    # whoever is declined has fooled nobody, and what fools a detector's door fools the model behind it
    assert stand["detector"] >= stand["none"]


def test_what_is_trained_never_saw_the_digits_that_are_asked() -> None:
    sys.path.append(str(SCRIPT.parent))
    try:
        training_digits = importlib.import_module("grid").training_digits
    finally:
        sys.path.remove(str(SCRIPT.parent))
    x, y = training_digits(quick=False)
    asked = held_out_digits().points
    assert len(x) == len(y) == 1597
    assert not (np.unique(np.vstack([x, asked]), axis=0).shape[0] < len(np.unique(x, axis=0)) + 200)
