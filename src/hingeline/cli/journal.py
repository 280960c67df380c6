"""`hingeline journal`: look into recorded answers, check them, take them elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from hingeline.cli.exits import Exit
from hingeline.cli.options import View, view_options
from hingeline.core.errors import InvalidInput
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_care import JournalStats, Verification, journal_stats, verify_journal
from hingeline.oracles.journal_copy import Merged, export_npz, merge_journals
from hingeline.oracles.journal_reader import JournalReader

_FILE = click.Path(path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Look into, check, export or merge recorded answers.

    JOURNAL is the journal.sqlite of a run folder, or the folder.
    """


@command.command()
@click.argument("journal", type=_FILE)
@view_options
def stats(journal: Path, view: View) -> int:
    """Count what was asked, answered, lost or is in doubt."""
    with JournalReader.read(_file(journal)) as opened:
        found = journal_stats(opened)
    return _tell(view, Exit.DONE, asdict(found), _stats_text(found))


@command.command()
@click.argument("journal", type=_FILE)
@view_options
def verify(journal: Path, view: View) -> int:
    """Check the file, every checksum and every index entry; ends with 5 if there is damage."""
    with JournalReader.read(_file(journal)) as opened:
        found = verify_journal(opened)
    code = Exit.DONE if found.ok else Exit.INCONCLUSIVE
    return _tell(view, code, asdict(found) | {"ok": found.ok}, _verification_text(found))


@command.command()
@click.argument("journal", type=_FILE)
@click.option("--npz", type=_FILE, required=True, metavar="FILE", help="Where to write x, y and spec.")
@view_options
def export(journal: Path, npz: Path, view: View) -> int:
    """Write all answered rows to an .npz file, which is itself a TARGET for every verb."""
    if npz.exists():
        raise InvalidInput(f"{npz} exists; choose a new file or remove it first")
    with JournalReader.read(_file(journal)) as opened:
        rows = export_npz(opened, npz)
    return _tell(view, Exit.DONE, {"path": str(npz), "rows": rows}, f"{rows:,} answers written to {npz}")


@command.command()
@click.argument("into", type=_FILE)
@click.argument("sources", type=_FILE, nargs=-1, required=True)
@view_options
def merge(into: Path, sources: tuple[Path, ...], view: View) -> int:
    """Copy the answers of SOURCES that INTO lacks; INTO is made if there is none.

    Damaged batches are left behind (and named; the command then ends with 5), so a merge into a new file
    saves what is sound in a damaged journal.
    """
    _refuse_itself(into, sources)
    merged: dict[str, Merged] = {}
    with Journal.open(_file(into)) as opened:
        for source in sources:
            with JournalReader.read(_file(source)) as reader:
                merged[str(source)] = merge_journals(opened, reader)
    damage = any(m.damaged for m in merged.values())
    told = {"path": str(into), "sources": {name: asdict(m) for name, m in merged.items()}}
    return _tell(view, Exit.INCONCLUSIVE if damage else Exit.DONE, told, _merged_text(merged))


def _file(path: Path) -> Path:
    return path / "journal.sqlite" if path.is_dir() else path


def _refuse_itself(into: Path, sources: tuple[Path, ...]) -> None:
    if _file(into).resolve() in {_file(source).resolve() for source in sources}:
        raise InvalidInput(f"{into} is named as source and as destination; name another destination")


def _tell(view: View, code: Exit, facts: Mapping[str, Any], text: str) -> int:
    if view.as_json:
        click.echo(json.dumps({"schema": 1, **facts, "exit_code": int(code)}))
    else:
        click.echo(text)
    return code


def _stats_text(found: JournalStats) -> str:
    target = f"{found.target} ({found.input_dim} inputs, {found.dtype})" if found.target else "none yet"
    lines = [
        ("target", target),
        ("file", f"{found.path}, {found.bytes / 1e6:,.1f} MB, schema {found.schema}"),
        ("runs", f"{found.runs}, {found.batches:,} batches{_span(found)}"),
        ("rows sent", f"{found.rows_sent:,}"),
        ("answered", f"{found.rows_answered:,}"),
        *((f"  {name}", f"{rows:,}") for name, rows in found.rows_answered_by_phase.items()),
        ("failed", f"{found.rows_failed:,}  sent, no usable answer"),
        ("unsent", f"{found.rows_unsent:,}  never left"),
        ("repeated", f"{found.rows_repeated:,}  sent again after a crash; may have been paid twice"),
        ("in doubt", f"{found.rows_in_doubt:,}  sent, no answer recorded; a resumed run sends them again"),
    ]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def _span(found: JournalStats) -> str:
    if found.first_sent is None:
        return ""
    first = datetime.fromtimestamp(found.first_sent)
    last = datetime.fromtimestamp(found.last_answer or found.first_sent)
    return f", {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S}"


def _verification_text(found: Verification) -> str:
    if found.ok:
        text = f"Whole: {found.rows:,} answered rows in {found.batches:,} batches agree with their checksums."
    else:
        rescue = f"Save what is sound:  hingeline journal merge NEW.sqlite {found.path}"
        text = "\n".join(["Damaged:", *(f"  {problem}" for problem in found.problems), rescue])
    if found.in_doubt:
        numbers = ", ".join(map(str, found.in_doubt[:10])) + (", ..." if len(found.in_doubt) > 10 else "")
        text += f"\nIn doubt (sent, no answer recorded; no damage): batches {numbers}"
    return text


def _merged_text(merged: Mapping[str, Merged]) -> str:
    lines: list[str] = []
    for name, part in merged.items():
        lines.append(f"{name}: {part.rows:,} answers copied, {part.known:,} were there already")
        lines += [f"  left behind: {reason}" for reason in part.damaged]
    return "\n".join(lines)
