"""The guide to fragility: its examples run and print what it shows, its options and words exist."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from hingeline.cli.fragility import command
from hingeline.sensitivity.attacks.named import attacks_named
from hingeline.sensitivity.settings import PARTS

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "fragility.md"
TEXT = GUIDE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", TEXT, re.DOTALL)


def test_every_example_shows_what_it_prints() -> None:
    assert len(EXAMPLES) == TEXT.count("```python") == 2


@pytest.mark.parametrize(("code", "shown"), EXAMPLES)
def test_the_examples_run(code: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue() == shown


def test_every_option_in_the_guide_exists() -> None:
    known = {name for parameter in command.params for name in parameter.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= known


def test_every_part_and_attack_in_the_guide_exists() -> None:
    listed = re.search(r"`--parts` names what is measured besides: (.*?)\. A door", TEXT, re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r"`(\w+)`", listed[1])) == PARTS
    for named in re.findall(r'--attacks "(.*?)"', TEXT):
        assert attacks_named(named.split(","))
