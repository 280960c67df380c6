"""`hingeline cite` as it is typed: the tool, a run, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import hingeline as hl
from hingeline.report.results import SCHEMA, read_result, result_file


@pytest.fixture
def run(shell: Any, model: Path) -> Path:
    assert shell("extract", model, "--out", "run", "--quiet") == 0
    return Path("run")


def keys(text: str) -> list[str]:
    return re.findall(r"^@\w+\{(\w+),$", text, re.MULTILINE)


def test_without_a_run_the_tool_alone_is_cited(shell: Any) -> None:
    assert shell("cite") == 0
    assert shell.out == hl.cite() and keys(shell.out) == ["hingeline"]


def test_a_run_adds_its_methods_as_folder_or_file(shell: Any, run: Path) -> None:
    assert shell("cite", run) == 0
    assert keys(shell.out) == ["hingeline", "carlini2020cryptanalytic", "rolnick2020reverse"]
    by_folder = shell.out
    assert shell("cite", run / "result.json") == 0
    assert shell.out == by_folder
    assert "hingeline cite DIR" in (run / "report.html").read_text(encoding="utf-8")


def test_the_last_line_is_one_json_object(shell: Any, run: Path) -> None:
    assert shell("cite", run, "--json") == 0
    told = shell.json
    assert told["keys"] == keys(told["bibtex"]) and told["without_entry"] == []
    assert told["exit_code"] == 0 and len(told["sources"]) == 2


def test_the_schema_of_results_is_the_one_that_is_written(run: Path) -> None:
    assert json.loads((run / "result.json").read_text())["schema"] == SCHEMA
    assert read_result(result_file(run))["verb"] == "extract"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"schema": 0, "sources": []}', "is of schema 0, and this program reads 1"),
        ('{"schema": 2, "sources": []}', "made by another version"),
        ('{"sources": []}', "tells no schema"),
        ("[]", "is no result"),
        ("no", "is no result"),
        (f'{{"schema": {SCHEMA}}}', "tells no sources"),
        (f'{{"schema": {SCHEMA}, "sources": [1]}}', "no text"),
    ],
)
def test_what_is_no_result_of_this_version_is_refused_in_words(shell: Any, content: str, words: str) -> None:
    Path("result.json").write_text(content)
    assert shell("cite", "result.json") == 2
    assert words in shell.err and shell.out == ""


def test_a_run_that_has_not_ended_or_is_none_is_told_apart(shell: Any, run: Path) -> None:
    (run / "result.json").unlink()
    assert shell("cite", run) == 2
    assert "has not ended" in shell.err and "hingeline resume run" in shell.err
    assert shell("cite", "elsewhere", "--json") == 2
    assert "there is no run at elsewhere" in shell.err and shell.json["exit_code"] == 2
