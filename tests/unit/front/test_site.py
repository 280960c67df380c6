"""The site is whole: every page listed, every link and anchor there, every name and verb documented.

The strict build (`make docs`) finds most of this too; here it is found without Sphinx.
"""

from __future__ import annotations

import re
import runpy
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import hingeline
from hingeline.auditing.policy import read_policies
from hingeline.cli.main import COMMANDS, group

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
GENERATE: dict[str, Any] = runpy.run_path(str(DOCS / "generate.py"))
GALLERY: dict[str, Any] = runpy.run_path(str(DOCS / "gallery.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def without_code(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """What code hosts and the site make of the headings of a page."""
    seen: Counter[str] = Counter()
    anchors = set[str]()
    for heading in re.findall(r"^#+ (.*)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE):
        anchor = GENERATE["anchor_of"](re.sub(r"[`*]", "", heading).strip())
        anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return anchors


def broken_links(page: Path) -> list[str]:
    """Relative links of a page that lead to no file, or to no heading of it."""
    links = re.findall(r"\]\((?!https?://)([^)]+)\)", without_code(page.read_text(encoding="utf-8")))
    return [link for link in links if not leads_somewhere(page, link)]


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not anchor or anchor in anchors_of(target))


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One `hl.two`\n\n[a](#one-hltwo) [b](#two) [c](gone.md) [d](page.md#one-hltwo)\n")
    assert broken_links(page) == ["#two", "gone.md"]


def listed(page: Path) -> Iterator[Path]:
    """The pages in the toctrees of a page."""
    for block in re.findall(
        r"^```\{toctree\}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    ):
        entries = [line for line in block.splitlines() if line and not line.startswith(":")]
        yield from ((page.parent / f"{entry}.md").resolve() for entry in entries)


def test_every_page_is_in_one_list_and_every_entry_is_a_page() -> None:
    entries = Counter(entry for page in PAGES for entry in listed(page))
    assert entries == Counter(page for page in PAGES if page != DOCS / "index.md")


def test_every_index_names_its_pages_in_words_too() -> None:
    # a code host shows no toctree
    for page in PAGES:
        if page.name == "index.md" and page.parent.name not in ("docs", "api"):
            text = page.read_text(encoding="utf-8")
            linked = {(page.parent / link).resolve() for link in re.findall(r"\]\(([^)#]+\.md)", text)}
            assert set(listed(page)) <= linked


def place_of(page: Path, heading: str) -> str:
    """The anchor of the heading that reads so, capitals and all."""
    headings = re.findall(r"^#+ (.*)$", without_code(page.read_text(encoding="utf-8")), re.MULTILINE)
    anchor = GENERATE["anchor_of"](heading)
    before = [GENERATE["anchor_of"](other) for other in headings[: headings.index(heading)]]
    return f"{anchor}-{before.count(anchor)}" if anchor in before else anchor


@pytest.mark.parametrize("name", [name for name in hingeline.__all__ if name != "__version__"])
def test_every_public_name_has_an_entry(name: str) -> None:
    page = DOCS / "reference" / "api" / f"{GENERATE['page_of'](name)}.md"
    entry = page.read_text(encoding="utf-8").split(f"\n## hl.{name}\n")[1].split("\n## ")[0]
    assert f"hl.{name}" in entry and "Defined in `hingeline." in entry
    listed_as = (DOCS / "reference" / "names.md").read_text(encoding="utf-8")
    assert f"](api/{page.name}#{place_of(page, f'hl.{name}')}) |" in listed_as


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb_is_in_the_reference_with_its_help(verb: str) -> None:
    commands = (DOCS / "reference" / "commands.md").read_text(encoding="utf-8")
    section = commands.split(f"\n## hingeline {verb}\n")[1].split("\n## ")[0].strip()
    assert len(section) > 40


def test_what_is_generated_is_current() -> None:
    # Mend with: make generate
    pages = GENERATE["pages"]()
    assert [path.name for path, text in pages.items() if path.read_text(encoding="utf-8") != text] == []
    assert set((DOCS / "reference" / "api").glob("*.md")) <= set(pages)


def test_a_public_name_without_a_docstring_is_refused() -> None:
    class Silent:
        pass

    with pytest.raises(ValueError, match="no docstring"):
        GENERATE["entry"]("Silent", Silent)


def typed_commands(page: Path) -> Iterator[list[str]]:
    """The words of every line in a block of text that begins with `hingeline`."""
    for block in re.findall(r"^```\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("hingeline ") and "..." not in line.split("#")[0].replace("runs/...", ""):
                yield shlex.split(line, comments=True)[1:]


def unknown_options(words: list[str]) -> list[str]:
    """What of a typed command does not exist: its verb, or options."""
    command: click.Command | None = group
    with click.Context(group) as context:
        while isinstance(command, click.Group):
            command = command.get_command(context, words[0])
            words = words[1:]
    if command is None:
        return ["verb"]
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return [word for word in words if word.startswith("--") and word not in known]


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.stem)
def test_every_command_that_a_page_tells_to_type_exists(page: Path) -> None:
    assert [words for words in typed_commands(page) if unknown_options(words)] == []


def test_an_option_that_does_not_exist_is_seen() -> None:
    assert unknown_options(["extract", "x.npz", "--nonsense", "--seed", "1"]) == ["--nonsense"]
    assert unknown_options(["nonsense"]) == ["verb"]
    assert unknown_options(["journal", "export", "x", "--npz", "y"]) == []


def test_every_policy_in_the_guide_can_be_meant() -> None:
    page = (DOCS / "guide" / "ci.md").read_text(encoding="utf-8")
    policies = re.findall(r"`([a-z][a-z.]*(?:>=|<=|==|!=|>|<)[\d.]+)`", page)
    assert len(policies) >= 6
    assert [str(policy.text) for policy in read_policies(policies)] == policies


def test_the_gallery_is_current_and_shows_every_figure() -> None:
    # Mend with: make generate
    assert (DOCS / "gallery" / "index.md").read_text(encoding="utf-8") == GALLERY["page"]()
    shown = {figure for experiment in GALLERY["EXPERIMENTS"] for figure in experiment.figures}
    assert shown | {"readme"} == {path.stem for path in (DOCS / "figures").glob("*.svg")}


def test_every_script_of_the_gallery_exists_and_a_test_runs_it() -> None:
    tests = "".join(
        p.read_text(encoding="utf-8") for p in (ROOT / "tests" / "unit" / "examples").glob("*.py")
    )
    for experiment in GALLERY["EXPERIMENTS"]:
        assert (ROOT / "examples" / experiment.script).exists()
        assert Path(experiment.script).stem in tests
        assert (
            experiment.figures[0] in (DOCS / experiment.page).read_text(encoding="utf-8")
            or experiment.arguments
        )


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_the_readme_shows_rows_of_the_whole_benchmark_word_for_word() -> None:
    tables = runpy.run_path(str(ROOT / "benchmarks" / "tables.py"))
    whole = (DOCS / "reference" / "benchmarks.md").read_text(encoding="utf-8")
    table = whole.split(tables["START"])[1].split(tables["END"])[0]
    shown = README.split(tables["START"] + "\n")[1].split(tables["END"])[0]
    assert shown == tables["shortened"](table)


def test_the_picture_of_the_readme_says_what_a_run_says(tmp_path: Path) -> None:
    drawn = runpy.run_path(str(DOCS / "picture.py"))["picture"]()
    kept = (DOCS / "figures" / "readme.svg").read_text(encoding="utf-8")

    # rounding errors, and with them a few questions, differ between machines; colours by one step at most
    def told(svg: str) -> str:
        return re.sub(r"#[0-9a-f]{6}|\d\S*e-\d+|[\d,]+(?= questions)", "#", svg)

    assert told(drawn) == told(kept) and "2,410 weights" in kept


def test_the_site_is_built_strictly() -> None:
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "sphinx -b html -W --keep-going" in make
    assert "make docs" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    conf = (DOCS / "conf.py").read_text(encoding="utf-8")
    assert "nitpicky = True" in conf and "suppress_warnings" not in conf and "nitpick_ignore" not in conf


def test_the_examples_of_the_python_tutorial_print_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "tutorials" / "from-python.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```\n\n```\n(.*?)```", text, re.DOTALL)
    assert len(examples) == text.count("```python") == 2
    for code, shown in examples:
        exec(code, {})
        assert capsys.readouterr().out == shown
