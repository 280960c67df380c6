"""One run inside a run folder: begun, watched, saved, ended with the right code.

New runs, `resume` and `demo` differ only in where the recipe comes from; what a verb does is in `runs`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from hingeline.cli.audit_run import audit_run
from hingeline.cli.console import messages, output
from hingeline.cli.defend_run import defend_run
from hingeline.cli.exits import Exit, RunStopped, exit_code
from hingeline.cli.fragility_run import fragility_run
from hingeline.cli.options import Plan, TargetRequest, View, open_target, remote_host
from hingeline.cli.progress import Progress, Tally
from hingeline.cli.run_inputs import named_file
from hingeline.cli.runs import Prepare, Run, doctor_run, extract_run
from hingeline.cli.span_run import span_run
from hingeline.cli.stability_run import seen, stability_run
from hingeline.core.errors import HingelineError, InvalidInput
from hingeline.core.outcome import Finding
from hingeline.networks.files import readable
from hingeline.oracles.protocol import Oracle
from hingeline.report.machine import result_line
from hingeline.report.model import Report
from hingeline.report.numbers import count, plural
from hingeline.report.recipe import Recipe, described_file, described_target
from hingeline.report.run_folder import RunFolder, SavedRun, new_folder
from hingeline.report.text import terminal_text

_VERBS: dict[str, Prepare] = {
    "extract": extract_run,
    "doctor": doctor_run,
    "span": span_run,
    "fragility": fragility_run,
    "stability": stability_run,
    "defend": defend_run,
    "audit": audit_run,
}
# Verbs that show their price and ask themselves.
_PRICED = ("audit",)
# Verbs that read their target; every other asks it.
_READING: dict[str, Callable[[TargetRequest, Path | None], Oracle]] = {"stability": seen}


@dataclass(frozen=True)
class Ended:
    """A run that came to its end."""

    finding: Finding[Any]
    report: Report
    saved: SavedRun
    tally: Tally
    code: Exit
    resumed: bool
    """Whether there were answers before."""


def begin(
    verb: str,
    target: TargetRequest,
    plan: Plan,
    view: View,
    settings: Mapping[str, Any],
    files: Mapping[str, Path] | None = None,
) -> int:
    """Do a new run in a new folder and tell what came of it; returns the exit code.

    Args:
        verb: What to do.
        target: The door.
        plan: Budget, seed and place.
        view: How to show things.
        settings: What else was said, by the names of the options.
        files: Files that were named, by the names of the options.

    Raises:
        HingelineError: The door or a file cannot be opened; no folder is left then.
        RunStopped: The run was interrupted; the message says how to go on.
    """
    folder = RunFolder.reserve(plan.out or new_folder(target.target))
    try:
        oracle = _opened(verb, target, (files or {}).get("data"))
        if verb not in _PRICED:
            _agree(target, plan)
        kept = {name: described_file(readable(path)) for name, path in (files or {}).items()}
        recipe = Recipe(verb, described_target(target.said()), plan.seed, plan.budget, settings, kept)
        run = prepared(oracle, recipe)
    except BaseException:
        folder.abandon()
        raise
    folder.begin(recipe)
    announce(oracle, recipe, folder, view)
    return tell(perform(run, folder, view), folder, view)


def open_recorded(recipe: Recipe) -> Oracle:
    """The door that a recipe describes."""
    known = {field.name for field in fields(TargetRequest)}
    target = TargetRequest(**{k: v for k, v in recipe.target.items() if k in known})
    return _opened(recipe.verb, target, named_file(recipe, "data"))


def _opened(verb: str, target: TargetRequest, data: Path | None) -> Oracle:
    return _READING[verb](target, data) if verb in _READING else open_target(target)


def is_read(verb: str) -> bool:
    """Whether a verb reads its target and asks nobody."""
    return verb in _READING


def prepared(oracle: Oracle, recipe: Recipe) -> Run:
    """The recipe's run, its files read; nothing has been asked.

    Raises:
        InvalidInput: No such verb, or something in the recipe cannot be meant.
        FormatError: A file cannot be read.
    """
    if recipe.verb not in _VERBS:
        known = ", ".join(_VERBS)
        raise InvalidInput(f"this is a run of '{recipe.verb}'; runs of {known} can be resumed")
    return _VERBS[recipe.verb](oracle, recipe)


def perform(run: Run, folder: RunFolder, view: View) -> Ended:
    """Do a run against its journal and save what comes of it.

    Raises:
        RunStopped: It was interrupted or the target failed; what was answered is kept, and the message says
            how to go on.
    """
    resumed = folder.has_answers
    progress = Progress(messages(), quiet=view.quiet or view.as_json)
    with _kept(folder, progress.tally), folder.journal() as journal, progress:
        ran = run(journal, progress)
    saved = folder.save(ran.finding, ran.report, ran.arrays, ran.texts)
    return Ended(ran.finding, ran.report, saved, progress.tally, ran.code, resumed)


def announce(oracle: Oracle, recipe: Recipe, folder: RunFolder, view: View) -> None:
    """Say what is about to be asked and where it is kept, so that even a killed run can be found again."""
    if view.quiet or view.as_json:
        return
    target = f"{oracle.spec.name} ({plural(oracle.spec.input_dim, 'input')})"
    reads = recipe.verb in _READING
    plan = f"{'Reading' if reads else 'Asking'} {target}: seed {recipe.seed}, {_limit(recipe, reads=reads)}"
    messages().print(Text(f"{plan}kept in {folder.path}"))


def _limit(recipe: Recipe, *, reads: bool) -> str:
    if reads:
        return "" if recipe.budget is None else "nobody is asked, so --budget limits nothing, "
    limit = "no limit" if recipe.budget is None else f"at most {plural(recipe.budget, 'query', 'queries')}"
    return f"{limit}, "


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
    # Within one run a second verb may ask what the first one did: nobody needs to know.
    if ended.resumed and ended.tally.replayed:
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


def _agree(target: TargetRequest, plan: Plan) -> None:
    """Let nobody spend without limit on another host by accident."""
    host = remote_host(target.target)
    if host is None or plan.budget is not None or plan.yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"say how much may be asked of {host}:  --budget N  (or --yes for no limit)")
    click.confirm(f"Ask {host} without a limit?", abort=True, err=True)


@contextmanager
def _kept(folder: RunFolder, tally: Tally) -> Generator[None]:
    """Turn what can stop a run into words that say what is kept and how to go on."""
    resume = f"hingeline resume {folder.path}"
    try:
        yield
    except KeyboardInterrupt as interrupt:
        message = (
            f"Stopped after {_asked(tally)}; nothing you paid for is lost. Continue:  {resume}"
            if tally.spent
            else f"Stopped; nothing was asked yet. Begin again:  {resume}"
        )
        raise RunStopped(message, Exit.INTERRUPTED) from interrupt
    except HingelineError as error:
        kept = f"{_asked(tally).capitalize()} are kept. " if tally.spent else ""
        message = f"Error: {error}\n{kept}When that is mended:  {resume}"
        raise RunStopped(message, exit_code(error)) from error


def _asked(tally: Tally) -> str:
    return plural(tally.spent, "query", "queries")
