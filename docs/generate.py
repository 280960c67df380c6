"""Write what can be written from the code: docs/reference, and the example with its output in README.md.

    python docs/generate.py

Pages of public names come from docstrings.py. A test holds the reference current and runs the example.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import hingeline
from hingeline.auditing.measures import MEASURES
from hingeline.cli.main import COMMANDS
from hingeline.report.schema import audit_schema, result_schema, schema_text

sys.path.insert(0, str(Path(__file__).resolve().parent))

from docstrings import entry, first_line

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = ROOT / "examples" / "first_look.py"
README = ROOT / "README.md"
POLICIES = ROOT / "docs" / "guide" / "ci.md"
PEERS = ROOT / "docs" / "papers" / "cryptanalytic-extraction.md"
NOTE = "<!-- Written by docs/generate.py; edit the docstrings instead. -->"


def public_names() -> list[str]:
    """All names but the version, in alphabetical order."""
    return sorted((name for name in hingeline.__all__ if name != "__version__"), key=str.lower)


def page_of(name: str) -> str:
    """The page of docs/reference/api that has a name: its home package, errors by themselves."""
    home = getattr(hingeline, name).__module__.split(".")
    return "errors" if home[1:] == ["core", "errors"] else home[1].replace("_", "-")


def anchor_of(heading: str) -> str:
    """The anchor that code hosts and the site make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def entry_anchor(name: str) -> str:
    """The anchor of a name's entry; `hl.Audit` stands below `hl.audit`, and anchors have no capitals."""
    twin = name != name.lower() and name.lower() in hingeline.__all__
    return anchor_of(f"hl.{name}") + ("-1" if twin and page_of(name) == page_of(name.lower()) else "")


def names_page() -> str:
    """Every public name with its home and the first line of its docstring."""
    rows = [_name_row(name) for name in public_names()]
    head = ["# Public names", "", NOTE, "", "`import hingeline as hl`; everything else may change.", ""]
    return "\n".join([*head, "| name | what it is | defined in |", "|---|---|---|", *rows]) + "\n"


def _name_row(name: str) -> str:
    value = getattr(hingeline, name)
    kind = "" if inspect.isclass(value) else "()"
    link = f"[`hl.{name}{kind}`](api/{page_of(name)}.md#{entry_anchor(name)})"
    return f"| {link} | {first_line(value).replace('|', chr(92) + '|')} | `{value.__module__}` |"


def api_pages() -> dict[Path, str]:
    """One page per package: every public name that is at home there, from its docstring."""
    at_home: dict[str, list[str]] = {}
    for name in public_names():
        at_home.setdefault(page_of(name), []).append(name)
    pages = {REFERENCE / "api" / f"{page}.md": _api_page(page, names) for page, names in at_home.items()}
    return pages | {REFERENCE / "api" / "index.md": _api_index(sorted(at_home))}


def _api_page(page: str, names: list[str]) -> str:
    package = "core.errors" if page == "errors" else page.replace("-", "_")
    about = first_line(importlib.import_module(f"hingeline.{package}"))
    # functions first: they are where one begins
    ordered = sorted(names, key=lambda name: (inspect.isclass(getattr(hingeline, name)), name.lower()))
    parts = [f"## hl.{name}\n\n{entry(name, getattr(hingeline, name))}" for name in ordered]
    return "\n\n".join([f"# hingeline.{package}", NOTE, about, *parts]) + "\n"


def _api_index(pages: list[str]) -> str:
    head = [
        "# Python, name by name",
        "",
        NOTE,
        "",
        "By package; [all names](../names.md) are on one page too.",
        "",
    ]
    toctree = ["```{toctree}", ":maxdepth: 2", "", *pages, "```"]
    return "\n".join([*head, *toctree]) + "\n"


def commands_page() -> str:
    """Every verb with its arguments and options."""
    head = ["# Commands", "", NOTE, "", "Exit codes: see [It failed, now what](../guide/it-failed.md)."]
    verbs = (part for verb in COMMANDS for part in _command(f"hingeline {verb}", _loaded(verb)))
    return "\n".join([*head, *verbs]) + "\n"


def _loaded(verb: str) -> click.Command:
    return importlib.import_module(COMMANDS[verb][0]).command


def _command(words: str, command: click.Command) -> Iterator[str]:
    yield from ("", f"## {words}", "", inspect.cleandoc(command.help or "").replace("\b\n", ""), "")
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _command(f"{words} {name}", inner)
        return
    places = [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
    yield f"    {' '.join([words, *places])} [OPTIONS]"
    yield ""
    options = [p for p in command.params if isinstance(p, click.Option)]
    yield from ("| option | meaning |", "|---|---|") if options else ()
    yield from (f"| `{_spelled(option)}` | {_meaning(option)} |" for option in options)


def _spelled(option: click.Option) -> str:
    names = " / ".join([*option.opts, *option.secondary_opts])
    return f"{names} {option.metavar}" if option.metavar and not option.is_flag else names


def _meaning(option: click.Option) -> str:
    choices = f" One of: {', '.join(option.type.choices)}." if isinstance(option.type, click.Choice) else ""
    return f"{option.help or ''}{choices}".strip().replace("|", "\\|")


def peers_table() -> str:
    """What published programs needed beside what ours did, for every network both were measured on."""
    ours = {row["network"]: row for row in _benchmark_rows()}
    data = json.loads((ROOT / "benchmarks" / "peers.json").read_text(encoding="utf-8"))
    head = ["network", "who", "result", "questions", "ours", "seconds", "ours", "parameter error", "ours"]
    rows = [
        _peer_row(figure, data["sources"][figure["source"]]["who"], ours[name])
        for figure in data["figures"]
        for name in ours
        if name in (_shown(figure["network"]), f"{_shown(figure['network'])} seed0")
    ]
    rule = "|---|---|---|" + "--:|" * (len(head) - 3)
    return "\n".join([f"| {' | '.join(head)} |", rule, *rows]) + "\n"


def _benchmark_rows() -> list[dict[str, str]]:
    """The rows of docs/reference/benchmarks.md by column."""
    lines = (REFERENCE / "benchmarks.md").read_text(encoding="utf-8").splitlines()
    cells = [line[2:-2].split(" | ") for line in lines if line.startswith("| ")]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


def _shown(network: str) -> str:
    return network.replace("_", " ")


def _peer_row(figure: dict[str, Any], who: str, ours: dict[str, str]) -> str:
    seconds = figure.get("seconds")
    error = figure.get("parameter_error")
    cells = [
        ours["network"],
        who,
        figure["result"],
        f"{figure['queries']:,}",
        ours["queries"],
        "" if seconds is None else f"{seconds:g}",
        ours["seconds"],
        "" if error is None else f"{error:.1e}",
        ours["parameter error"],
    ]
    return f"| {' | '.join(cells)} |"


def measures_table() -> str:
    """What a policy of `hingeline audit` can be about."""
    rows = [f"| `{name}` | {measure.words} |" for name, measure in MEASURES.items()]
    return "\n".join(["| measure | what it is |", "|---|---|", *rows]) + "\n"


def with_part(page: Path, name: str, text: str) -> str:
    """A page with what stands between the markers of that name replaced."""
    marked = re.compile(rf"(<!-- {name}:start -->\n).*(<!-- {name}:end -->)", re.DOTALL)
    return marked.sub(lambda found: found[1] + text + found[2], page.read_text(encoding="utf-8"))


def pages() -> dict[Path, str]:
    """Where each page lives and what it must say."""
    written = {
        REFERENCE / "names.md": names_page(),
        REFERENCE / "commands.md": commands_page(),
        REFERENCE / "result.schema.json": schema_text(result_schema()),
        REFERENCE / "audit.schema.json": schema_text(audit_schema()),
    }
    parts = {
        PEERS: with_part(PEERS, "peers", peers_table()),
        POLICIES: with_part(POLICIES, "measures", measures_table()),
    }
    return written | parts | api_pages()


def example_output() -> str:
    """What the example prints."""
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=True)
    return done.stdout


def example_block(output: str) -> str:
    """The example and its output as README.md shows them."""
    return f"```python\n{EXAMPLE.read_text(encoding='utf-8')}```\n\n```\n{output}```\n"


def with_example(readme: str, output: str) -> str:
    """`readme` with what stands between the example's markers replaced."""
    marked = re.compile(r"(<!-- example:start -->\n).*(<!-- example:end -->)", re.DOTALL)
    return marked.sub(lambda found: found[1] + example_block(output) + found[2], readme)


if __name__ == "__main__":
    for stale in set((REFERENCE / "api").glob("*.md")) - set(pages()):
        stale.unlink()
    for path, text in pages().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    README.write_text(with_example(README.read_text(encoding="utf-8"), example_output()), encoding="utf-8")
