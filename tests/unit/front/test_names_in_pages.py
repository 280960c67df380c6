"""What pages name exists: public names, dotted paths, files and tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_paper_maps import exists

ROOT = Path(__file__).resolve().parents[3]
GENERATED = {"names.md", "commands.md"}
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if page.name not in GENERATED and page.parent.name != "api"
]
FILES = [
    f"/{path.relative_to(ROOT).as_posix()}"
    for folder in ("src", "tests", "examples", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*.py")
]
TESTS = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))


def code_of(page: Path) -> list[str]:
    """What stands in code type within a line."""
    return re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_name_of_ours_in_a_page_exists(page: Path) -> None:
    named = [path for code in code_of(page) for path in re.findall(r"^((?:hl|hingeline)\.[\w.]*\w)", code)]
    assert [path for path in named if not exists(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_script_and_module_that_a_page_names_exists(page: Path) -> None:
    named = {path for code in code_of(page) for path in re.findall(r"(?<![\w.])[\w/]+\.py\b", code)}
    assert [path for path in named if not any(file.endswith(f"/{path}") for file in FILES)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_a_page_names_exists(page: Path) -> None:
    # three dots stand for the rest of a long name
    named = {
        name for code in code_of(page) for name in re.findall(r"\b(test_\w+(?:\.\.\.)?)(?!\w|\.py)", code)
    }
    defined = [f"def {name[:-3]}" if name.endswith("...") else f"def {name}(" for name in named]
    assert [start for start in defined if start not in TESTS] == []
