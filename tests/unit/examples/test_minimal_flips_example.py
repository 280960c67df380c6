"""The experiment on smallest flips runs, and its page shows what it writes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def example() -> Any:
    path = ROOT / "examples" / "fragility" / "minimal_flips.py"
    spec = importlib.util.spec_from_file_location("minimal_flips_example", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # its dataclasses are looked up by the name of their module
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_it_proves_two_digits_and_writes_figures_and_numbers(tmp_path: Path, capsys: Any) -> None:
    assert example().main(["--inputs", "2", "--workers", "1", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("2 of 2") == 4
    names = {path.name for path in tmp_path.iterdir()}
    assert {"minimal-flips.json", "minimal-flips-l2.svg", "minimal-flips-linf-box.csv"} <= names


def test_the_page_has_a_place_for_the_table_and_shows_the_figure() -> None:
    page = (ROOT / "docs" / "design" / "smallest-flips.md").read_text(encoding="utf-8")
    assert "<!-- table:start -->" in page and "figures/minimal-flips-l2.svg" in page
