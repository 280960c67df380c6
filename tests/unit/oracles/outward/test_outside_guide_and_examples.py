"""The page on attacks of others and its examples run and print what they show, but for digits."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

ROOT = Path(__file__).resolve().parents[4]
GUIDE = (ROOT / "docs" / "guide" / "other-attacks.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", GUIDE, re.DOTALL)
EXAMPLES = sorted((ROOT / "examples" / "outward").glob("*.py"))
OTHERS = ("torch", "foolbox", "pyautoattack", "art")


def needs(code: str) -> None:
    """Skip unless what the code imports is there."""
    for module in OTHERS:
        if re.search(rf"^(import|from) {module}\b", code, re.MULTILINE):
            pytest.importorskip(module)


def shape(text: str) -> str:
    """The text without numbers, which end in other digits on other machines."""
    return re.sub(r"\d[\d,.]*", "#", text)


def test_every_snippet_shows_what_it_prints() -> None:
    assert len(SNIPPETS) == GUIDE.count("```python") == 4


@pytest.mark.parametrize(("code", "shown"), SNIPPETS, ids=["counted", "foolbox", "autoattack", "art"])
def test_the_snippets_of_the_page_run(
    code: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(code)
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert shape(printed.getvalue()) == shape(shown)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_stop_go_on_and_print_what_they_say(path: Path, capsys: Any) -> None:
    code = path.read_text(encoding="utf-8")
    needs(code)
    assert runpy.run_path(str(path))["main"]() == 0
    printed = capsys.readouterr().out
    shown = code.split("2 CPU cores):\n\n")[1].split('"""')[0]
    assert shape(printed) == shape(re.sub(r"^    ", "", shown, flags=re.MULTILINE))
    stopped, resumed = re.findall(r"(\S+) questions, (\S+) of them answered by the journal", printed)
    assert stopped[1] == "0" and resumed[1] == stopped[0]
