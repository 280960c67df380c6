"""A run done again from its journal alone, and its report written once more."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from hingeline.cli.console import messages, output
from hingeline.cli.exits import Exit, RunStopped, exit_code
from hingeline.cli.options import View
from hingeline.cli.progress import Progress
from hingeline.cli.running import Ended, is_read, open_recorded, prepared, tell
from hingeline.cli.runs import Ran
from hingeline.core.errors import NotRecorded, OracleError
from hingeline.networks.files import write_atomically
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.recorded_run import RecordedDoor, RecordedJournal
from hingeline.report.html import html_text
from hingeline.report.machine import result_line, result_text
from hingeline.report.recipe import Recipe
from hingeline.report.results import read_result, result_file
from hingeline.report.run_folder import RunFolder, SavedRun
from hingeline.report.text import terminal_text

# What differs between two makings of the same result.
_CIRCUMSTANCES = ("started", "seconds", "seconds_by_phase", "versions")
_ALWAYS_ASKED = ("extract", "span", "doctor")


@dataclass(frozen=True)
class Again:
    """A run that was done again."""

    ran: Ran
    progress: Progress
    changed: tuple[str, ...] | None
    """Parts of result.json that are not what they were; None if there was no result."""


def make_again(directory: Path, html: Path | None, view: View) -> int:
    """Make a report again and say so; returns the exit code.

    Args:
        directory: The run folder.
        html: Where to write the page alone; None to write everything anew in the folder.
        view: How to show things.

    Raises:
        HingelineError: No such run, a file is gone, or a result.json of another schema.
        RunStopped: Answers are missing, the run ended without a result, or it was interrupted.
    """
    folder = RunFolder.open(directory)
    recipe = folder.recipe()
    before = read_result(result_file(directory)) if folder.has_result else None
    recipe.check_files(target=_reads_target(recipe))
    again = _done_again(recipe, folder, view, before)
    if html is not None:
        return _tell_page(again, html, folder, view)
    saved = _saved(again, folder)
    ended = Ended(again.ran.finding, again.ran.report, saved, again.progress.tally, again.ran.code, True)
    return tell(ended, folder, view)


def _done_again(recipe: Recipe, folder: RunFolder, view: View, before: dict[str, Any] | None) -> Again:
    progress = Progress(messages(), quiet=view.quiet or view.as_json)
    with _words(folder), RecordedJournal(folder.journal_path) as journal:
        door = _door(recipe, journal)
        run = prepared(door, recipe)
        with progress:
            ran = run(journal, progress)
        if isinstance(door, RecordedDoor) and door.missing:
            raise NotRecorded(door.missing)
    return Again(ran, progress, None if before is None else _changed(before, ran))


def _reads_target(recipe: Recipe) -> bool:
    """Whether a verb may look into the file that is its target."""
    asked = recipe.verb in _ALWAYS_ASKED or (recipe.verb == "fragility" and recipe.settings.get("ask"))
    return not asked


def _door(recipe: Recipe, journal: RecordedJournal) -> Oracle:
    """What the run may ask: its journal, under the name that the target had."""
    if is_read(recipe.verb):
        return open_recorded(recipe)
    spec = journal.spec
    if spec is not None:
        return RecordedDoor(spec, journal)
    if _reads_target(recipe) and "://" not in str(recipe.target["target"]):
        # its weights are at hand, so opening it asks nothing
        return RecordedDoor(open_recorded(recipe).spec, journal)
    raise NotRecorded(1)


def _changed(before: dict[str, Any], ran: Ran) -> tuple[str, ...]:
    now = json.loads(result_text(ran.finding))
    parts = [key for key in {**before, **now} if key not in _CIRCUMSTANCES]
    return tuple(key for key in parts if before.get(key) != now.get(key))


def _saved(again: Again, folder: RunFolder) -> SavedRun:
    """Models and arrays are written anew only where they may not be what they were."""
    ran = again.ran
    if again.changed == ():
        return folder.save_report(ran.finding, ran.report)
    if again.changed:
        told = f"  differs from the result.json that was here: {', '.join(again.changed)}"
        messages().print(Text(told, style="dim"))
    return folder.save(ran.finding, ran.report, ran.arrays)


def _tell_page(again: Again, html: Path, folder: RunFolder, view: View) -> int:
    """Write the page alone and say where."""
    ran, page = again.ran, html_text(again.ran.report)
    write_atomically(html, lambda partial: partial.write_text(page, encoding="utf-8"))
    if view.as_json:
        circumstances = {"exit_code": int(ran.code), "out": str(folder.path), "files": [], "html": str(html)}
        replayed = {"queries_from_journal": again.progress.tally.replayed}
        click.echo(result_line(ran.finding, **circumstances, **replayed))
        return ran.code
    console = output()
    console.print(terminal_text(ran.report))
    console.print(Text(f"Report: {html}  (open it)"))
    return ran.code


@contextmanager
def _words(folder: RunFolder) -> Generator[None]:
    """Turn what can stop a report into words that say what to type."""
    resume = f"hingeline resume {folder.path}"
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise RunStopped("Stopped; the run folder is as it was.", Exit.INTERRUPTED) from interrupt
    except NotRecorded as missing:
        raise RunStopped(f"Error: {missing}. Go on with the run:  {resume}", exit_code(missing)) from missing
    except OracleError as error:
        # the door failed when the run was done, and the journal says how
        message = f"Error: {error}\nThe run ended like this, without a result. When that is mended:  {resume}"
        raise RunStopped(message, exit_code(error)) from error
