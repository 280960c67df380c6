"""Write what can be written from the code: docs/reference, and the example with its output in README.md.

    python docs/generate.py

A test holds the reference current and runs the example.
"""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import hingeline
from hingeline.cli.main import COMMANDS
from hingeline.report.schema import audit_schema, result_schema, schema_text

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = ROOT / "examples" / "first_look.py"
README = ROOT / "README.md"
NOTE = "<!-- Written by docs/generate.py; edit the docstrings instead. -->"


def names_page() -> str:
    """Every public name with its home and the first line of its docstring."""
    rows = [_name_row(name) for name in sorted(hingeline.__all__, key=str.lower) if name != "__version__"]
    head = ["# Public names", "", NOTE, "", "`import hingeline as hl`; everything else may change.", ""]
    return "\n".join([*head, "| name | what it is | defined in |", "|---|---|---|", *rows]) + "\n"


def _name_row(name: str) -> str:
    value = getattr(hingeline, name)
    kind = "" if inspect.isclass(value) else "()"
    line = (inspect.getdoc(value) or "").split("\n")[0].replace("|", "\\|")
    return f"| `hl.{name}{kind}` | {line} | `{value.__module__}` |"


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


def pages() -> dict[Path, str]:
    """Where each page lives and what it must say."""
    return {
        REFERENCE / "names.md": names_page(),
        REFERENCE / "commands.md": commands_page(),
        REFERENCE / "result.schema.json": schema_text(result_schema()),
        REFERENCE / "audit.schema.json": schema_text(audit_schema()),
    }


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
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    README.write_text(with_example(README.read_text(encoding="utf-8"), example_output()), encoding="utf-8")
