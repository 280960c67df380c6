"""Every paper page maps what the paper says to functions that exist, and to tests and figures that exist."""

from __future__ import annotations

import dataclasses
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

import hingeline

ROOT = Path(__file__).resolve().parents[3]
PAPERS = ROOT / "docs" / "papers"
HEAD = "| where | what it says, in our words | in hingeline | test or figure |"
NOT_OF_A_PAPER = {"index.md", "defence-grid.md"}
PAGES = sorted(page for page in PAPERS.glob("*.md") if page.name not in NOT_OF_A_PAPER)


def rows_of(text: str) -> list[list[str]]:
    """The cells of all rows of all maps of a page; a bar within a cell is escaped."""
    tables = text.split(HEAD)[1:]
    lines = [line for table in tables for line in table.split("\n\n")[0].strip().splitlines()[1:]]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def has(owner: Any, name: str) -> bool:
    """Whether a module, class or object has a name; fields of dataclasses without default count."""
    fields = {field.name for field in dataclasses.fields(owner)} if dataclasses.is_dataclass(owner) else set()
    return hasattr(owner, name) or name in fields


def exists(path: str) -> bool:
    """Whether `hl.x`, `hl.x.y` or `hingeline.module.x.y` names something."""
    parts = path.split(".")
    if parts[0] == "hl":
        owner, rest = hingeline, parts[1:]
    else:
        depth = next((n for n in range(len(parts), 0, -1) if importable(".".join(parts[:n]))), 0)
        owner, rest = importlib.import_module(".".join(parts[:depth])), parts[depth:]
    for at, name in enumerate(rest):
        if not has(owner, name):
            return False
        owner = getattr(owner, name, None) if at < len(rest) - 1 else owner
    return bool(parts[1:])


def importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_paper_page_has_a_map(page: Path) -> None:
    rows = rows_of(page.read_text(encoding="utf-8"))
    assert len(rows) >= 5 and {len(row) for row in rows} == {4}
    assert [row for row in rows if not all(row)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_function_named_in_a_paper_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:hl|hingeline)\.[\w.]+)", text)
    assert named and [path for path in named if not exists(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_holds_a_row_of_a_map_exists(page: Path) -> None:
    for row in rows_of(page.read_text(encoding="utf-8")):
        files = re.findall(r"`(tests/[^`]+)`", row[3])
        figures = re.findall(r"\]\(\.\./figures/([^)]+)\)", row[3])
        assert files or figures, row
        assert [file for file in files if not (ROOT / file).exists()] == []
        assert [figure for figure in figures if not (ROOT / "docs" / "figures" / figure).exists()] == []


def test_a_path_that_leads_nowhere_is_seen() -> None:
    assert exists("hl.extract") and exists("hl.Finding.value") and exists("hingeline.probing.line.sweep_line")
    assert not exists("hl.nonsense") and not exists("hingeline.probing.line.nonsense")
    assert not exists("hingeline.nonsense.sweep_line") and not exists("hl.Finding.nonsense")
