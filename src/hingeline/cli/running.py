"""One run of `extract` inside a run folder: begun, watched, saved, ended with the right code.

`extract`, `resume` and `demo` differ only in where the recipe comes from.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields

import click
from rich.text import Text

from hingeline.cli.console import messages, output
from hingeline.cli.exits import Exit, RunStopped, exit_code
from hingeline.cli.options import TargetRequest, View, open_target
from hingeline.cli.progress import Progress, Tally
from hingeline.core.errors import HingelineError
from hingeline.core.outcome import Finding, Status
from hingeline.extraction.extract import extract
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.protocol import Oracle
from hingeline.report.extraction import extraction_report
from hingeline.report.machine import result_line
from hingeline.report.model import Report
from hingeline.report.numbers import count, plural
from hingeline.report.recipe import Recipe
from hingeline.report.run_folder import RunFolder, SavedRun
from hingeline.report.text import terminal_text

_CODES = {
    Status.COMPLETE: Exit.DONE,
    Status.EQUIVALENT: Exit.DONE,
    Status.PARTIAL: Exit.INCONCLUSIVE,
    Status.BUDGET_SPENT: Exit.BUDGET,
    Status.INCONCLUSIVE: Exit.INCONCLUSIVE,
    Status.REFUSED: Exit.TARGET,
}


@dataclass(frozen=True)
class Ended:
    """A run that came to its end."""

    finding: Finding[PiecewiseLinearNetwork]
    report: Report
    saved: SavedRun
    tally: Tally
    code: Exit


def status_code(status: Status) -> Exit:
    """The exit code of a finding, by how it ended."""
    return _CODES[status]


def open_recorded(recipe: Recipe) -> Oracle:
    """The door that a recipe describes."""
    known = {field.name for field in fields(TargetRequest)}
    return open_target(TargetRequest(**{k: v for k, v in recipe.target.items() if k in known}))


def perform(oracle: Oracle, recipe: Recipe, folder: RunFolder, view: View) -> Ended:
    """Run the recipe against its journal and save what comes of it.

    Raises:
        RunStopped: It was interrupted or the target failed; what was answered is kept, and the message says
            how to go on.
    """
    progress = Progress(messages(), quiet=view.quiet or view.as_json)
    with _kept(folder, progress.tally), folder.journal() as journal, progress:
        finding = extract(
            oracle,
            budget=recipe.budget,
            seed=recipe.seed,
            settings=recipe.settings,
            journal=journal,
            on_event=progress,
        )
    report = extraction_report(finding, recipe)
    saved = folder.save(finding, report)
    return Ended(finding, report, saved, progress.tally, status_code(finding.outcome.status))


def announce(oracle: Oracle, recipe: Recipe, folder: RunFolder, view: View) -> None:
    """Say what is about to be asked and where it is kept, so that even a killed run can be found again."""
    if view.quiet or view.as_json:
        return
    limit = "no limit" if recipe.budget is None else f"at most {plural(recipe.budget, 'query', 'queries')}"
    target = f"{oracle.spec.name} ({plural(oracle.spec.input_dim, 'input')})"
    messages().print(Text(f"Asking {target}: seed {recipe.seed}, {limit}, kept in {folder.path}"))


def tell(ended: Ended, folder: RunFolder, view: View) -> int:
    """Say what came of a run, as words or as one line of JSON; returns the exit code."""
    if view.as_json:
        circumstances = {
            "exit_code": int(ended.code),
            "out": str(folder.path),
            "files": ended.saved.files,
            "left_out": ended.saved.left_out,
            "queries_from_journal": ended.tally.replayed,
        }
        click.echo(result_line(ended.finding, **circumstances))
        return ended.code
    console = output()
    console.print(terminal_text(ended.report))
    for line in closing_lines(ended, folder):
        console.print(Text(line))
    return ended.code


def closing_lines(ended: Ended, folder: RunFolder) -> Iterator[str]:
    """What is said below the report: what is missing, what was saved, what to type next."""
    if not ended.finding.outcome.ok:
        yield ended.report.summary
    if ended.tally.replayed:
        replayed = plural(ended.tally.replayed, "answer")
        yield f"{replayed} came from the journal; {count(ended.tally.new)} were asked now."
    yield f"Saved in {folder.path}: {', '.join(_listed(ended.saved.files))}"
    yield from (f"Without {name}: {reason}" for name, reason in ended.saved.left_out.items())
    if ended.code is Exit.BUDGET:
        yield f"Go on with more:  hingeline resume {folder.path} --budget N"
    yield f"Report: {folder.path / 'report.html'}  (open it)"


def _listed(files: Sequence[str]) -> Iterator[str]:
    """Names of files; the contents of a directory as one."""
    return iter(dict.fromkeys(f"{name.split('/')[0]}/" if "/" in name else name for name in files))


@contextmanager
def _kept(folder: RunFolder, tally: Tally) -> Generator[None]:
    """Turn what can stop a run into words that say what is kept and how to go on."""
    resume = f"hingeline resume {folder.path}"
    try:
        yield
    except KeyboardInterrupt as interrupt:
        message = f"Stopped after {_asked(tally)}; nothing you paid for is lost. Continue:  {resume}"
        raise RunStopped(message, Exit.INTERRUPTED) from interrupt
    except HingelineError as error:
        kept = f"{_asked(tally).capitalize()} are kept. " if tally.spent else ""
        message = f"Error: {error}\n{kept}When that is mended:  {resume}"
        raise RunStopped(message, exit_code(error)) from error


def _asked(tally: Tally) -> str:
    return plural(tally.spent, "query", "queries")
