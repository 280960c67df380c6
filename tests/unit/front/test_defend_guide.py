"""The guide to defences: its examples run and print what it shows; options and typed defences exist."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from hingeline.cli.defend import command
from hingeline.defences.doors.typed import TYPED_FORMS
from hingeline.evaluation.defending.choosing import chosen_defences
from hingeline.evaluation.defending.trained import TRAINED_FORMS

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "defend.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", GUIDE, re.DOTALL)
OF_OTHERS = {"--defend"}
"""Options of `hingeline demo`."""


def test_every_example_shows_what_it_prints() -> None:
    assert len(EXAMPLES) == GUIDE.count("```python") == 4


@pytest.mark.parametrize(("code", "shown"), EXAMPLES)
def test_the_examples_of_the_guide_run(
    code: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue() == shown


def test_every_option_in_the_guide_exists() -> None:
    known = {name for option in command.params for name in option.opts} | OF_OTHERS
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", GUIDE)) <= known


def test_everything_that_can_be_typed_is_in_the_guide_and_can_be_typed() -> None:
    section = GUIDE.split("## What can be typed")[1].split("## Settings")[0]
    typed = set(re.findall(r"`([a-z][a-z0-9-]*(?::[0-9][0-9.e-]*)?)`", section))
    names = {form.partition(":")[0] for form in (*TYPED_FORMS, *TRAINED_FORMS)} - {"none"}
    assert names <= {one.partition(":")[0] for one in typed}
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    forms = [form for row in rows for form in re.findall(r"`([^`]+)`", row) if "KIND" not in form]
    assert len(chosen_defences(forms)) == len(forms)
