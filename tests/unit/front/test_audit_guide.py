"""The guide to audits: its example runs and prints what it shows; options exist."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from hingeline.cli.audit import command

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "audit.md").read_text(encoding="utf-8")


def test_the_example_of_the_guide_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, shown = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", GUIDE, re.DOTALL)[0]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, "audit.md", "exec"), {})
    assert said.getvalue() == shown
    assert (tmp_path / "audit.html").stat().st_size > 10_000


def test_every_option_in_the_guide_exists() -> None:
    known = {name for option in command.params for name in option.opts} | {"--audit"}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", GUIDE)) <= known
