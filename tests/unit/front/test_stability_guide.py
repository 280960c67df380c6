"""The guide to stability: its example runs and prints what it shows; options and guards exist."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from hingeline.cli.stability import command

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "guide" / "stability.md").read_text(encoding="utf-8")
DESIGN = (ROOT / "docs" / "design" / "stability-matrices.md").read_text(encoding="utf-8")


def test_the_example_runs_and_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ((code, shown),) = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", GUIDE, re.DOTALL)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(code, {})
    assert said.getvalue() == shown and Path("stability.html").exists()


def test_every_option_in_the_guide_exists() -> None:
    known = {name for option in command.params for name in option.opts} | {"--stability"}
    assert set(re.findall(r"--[a-z][a-z-]*", GUIDE)) <= known


def test_every_guard_that_the_design_page_names_exists() -> None:
    tests = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "tests" / "unit").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", DESIGN)
    assert named and [name for name in named if f"def {name}(" not in tests] == []
