"""The front of the repository tells the truth: commands, links, versions, references, package content."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import hingeline
from hingeline.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GENERATE: dict[str, Any] = runpy.run_path(str(ROOT / "docs" / "generate.py"))


def command_with(words: str) -> str:
    """The one line in a code block of the README that ends with `words`."""
    (line,) = re.findall(rf"^```\n(.*{re.escape(words)})\n```$", README, re.MULTILINE)
    return line


def test_the_first_command_installs_and_shows() -> None:
    command = command_with("hingeline demo")
    assert command.split(" && ")[1:] == [".venv/bin/pip install .", ".venv/bin/hingeline demo"]


def test_the_second_command_is_the_one_that_make_and_ci_run() -> None:
    command = command_with("pytest")
    assert f"\t{command}\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_readme_names_every_verb_and_no_other() -> None:
    assert re.findall(r"^\| `([a-z]+)` \|", README, re.MULTILINE) == [*COMMANDS]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == hingeline.__version__
    assert f"\nversion: {hingeline.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {hingeline.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["names.md", "commands.md", "result.schema.json", "audit.schema.json"])
def test_the_reference_is_current(page: str) -> None:
    # Mend with: python docs/generate.py
    path = ROOT / "docs" / "reference" / page
    assert path.read_text(encoding="utf-8") == GENERATE["pages"]()[path]


def masked(text: str) -> str:
    """Without what differs between machines: digits of rounding errors, and with them a few questions."""
    return re.sub(r"\d\S*e-\d+|\d+(?= questions)", "#", text)


def test_the_example_in_the_readme_is_the_one_that_runs_and_says_what_it_says() -> None:
    shown = re.search(r"<!-- example:start -->\n(.*)<!-- example:end -->", README, re.DOTALL)
    assert shown is not None
    output = GENERATE["example_output"]()
    assert output.startswith("complete: ")
    assert masked(GENERATE["example_block"](output)) == masked(shown[1])


def test_the_python_example_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    guide = (ROOT / "docs" / "guide" / "first-steps.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    exec(code, {})
    assert "questions the whole 64-32-10 network was rebuilt" in Path("report.html").read_text(
        encoding="utf-8"
    )


def test_public_names_are_listed_once_in_each_place() -> None:
    tree = ast.parse(Path(hingeline.__file__).read_text(encoding="utf-8"))
    (typed,) = [node for node in tree.body if isinstance(node, ast.If)]
    imports = {alias.name for node in typed.body for alias in node.names}
    assert imports == set(hingeline._HOMES)
    assert sorted(hingeline.__all__) == sorted([*hingeline._HOMES, "__version__"])
    assert all(getattr(hingeline, name) is not None for name in hingeline.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        hingeline.nonsense  # noqa: B018


def test_the_wheel_holds_the_data_the_template_and_the_type_marker(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "hingeline/py.typed",
        "hingeline/evaluation/data/digits.npz",
        "hingeline/evaluation/data/digits_stack.safetensors",
        "hingeline/evaluation/data/held_out.npz",
        "hingeline/evaluation/data/CREDITS.md",
        "hingeline/report/templates/page.html",
    } <= names
    assert wheel.stat().st_size < 2_000_000
    parts = zipfile.ZipFile(wheel).infolist()
    # the code is nearly all of it; data, caches or figures that came in by accident would show
    beside = [part for part in parts if not part.filename.endswith((".py", "/RECORD"))]
    assert sum(part.compress_size for part in beside) < 100_000
    data = [part for part in parts if "/data/" in part.filename]
    assert sum(part.file_size for part in data) < 150_000
