"""`hingeline doctor`: what does this door reveal?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hingeline.cli.exits import status_code
from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    open_target,
    plan_options,
    target_options,
    view_options,
)

if TYPE_CHECKING:
    from hingeline.core.outcome import Finding
    from hingeline.oracles.protocol import Oracle
    from hingeline.probing.card import DoctorCard
    from hingeline.report.run_folder import RunFolder


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Length |x| of a typical input; by default sqrt(inputs), or from the bounds.",
)
@click.option(
    "--init",
    "draft",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Ask nothing: write a commented target.toml for this URL, to complete by hand.",
)
@view_options
def command(target: TargetRequest, plan: Plan, scale: float | None, draft: Path | None, view: View) -> int:
    """Measure what the door TARGET reveals, in about 40 queries.

    Scores, probabilities or labels; the precision that arrives; rounding; noise; whether answers repeat and
    depend on the batch; clipped inputs; piecewise linear or smooth; and what attacks can hope for. With
    --out DIR the answers and a report are kept.

    Exit codes: 0 measured; 2 usage; 3 target unreachable or unusable; 4 budget spent; 5 no conclusion; 6 no
    authorisation; 130 interrupted.
    """
    if draft is not None:
        return _drafted(target, draft)
    # NumPy and rich are loaded when questions are asked; --help must not pay for them.
    from hingeline.cli.doctor_view import show
    from hingeline.report.machine import result_line

    folder = _reserved(plan)
    try:
        oracle = open_target(target)
    except BaseException:
        if folder is not None:
            folder.abandon()
        raise
    finding, files = _examined(oracle, target, plan, scale, folder, view)
    code = status_code(finding.outcome.status)
    if view.as_json:
        click.echo(
            result_line(finding, exit_code=int(code), out=str(plan.out) if plan.out else None, files=files)
        )
    else:
        show(finding, target.target, plan.out, quiet=view.quiet)
    return code


def _drafted(target: TargetRequest, path: Path) -> int:
    """Write a target.toml to begin with."""
    from hingeline.oracles.template_draft import draft_target

    if not target.target.startswith(("http://", "https://")):
        raise click.UsageError(f"--init describes an endpoint; {target.target} is no URL")
    if path.exists():
        raise click.UsageError(f"{path} is there already; nothing was written")
    try:
        path.write_text(draft_target(target.target, target.input_dim), encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot write {path}: {error.strerror}") from error
    click.echo(f"Written: {path}. Complete it, then:  hingeline doctor {path}")
    return 0


def _reserved(plan: Plan) -> RunFolder | None:
    if plan.out is None:
        return None
    # The folder brings NumPy and the model writers; a look without --out does not need them.
    from hingeline.report.run_folder import RunFolder

    return RunFolder.reserve(plan.out)


def _examined(
    oracle: Oracle,
    target: TargetRequest,
    plan: Plan,
    scale: float | None,
    folder: RunFolder | None,
    view: View,
) -> tuple[Finding[DoctorCard], Sequence[str]]:
    """Ask, and keep what came of it where there is a folder."""
    if folder is not None:
        # This brings the solvers of all verbs; a look without --out does not need them.
        from hingeline.cli.running import perform, prepared
        from hingeline.report.recipe import Recipe, described_target

        settings = {} if scale is None else {"scale": scale}
        recipe = Recipe("doctor", described_target(target.said()), plan.seed, plan.budget, settings)
        folder.begin(recipe)
        ended = perform(prepared(oracle, recipe), folder, view)
        return ended.finding, ended.saved.files
    from hingeline.cli.console import messages
    from hingeline.probing.doctor import doctor

    with ExitStack() as stack:
        if not (view.quiet or view.as_json):
            stack.enter_context(messages().status(f"asking {oracle.spec.name} about 40 questions"))
        return doctor(oracle, seed=plan.seed, budget=plan.budget, scale=scale), ()
