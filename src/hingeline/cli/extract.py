"""`hingeline extract`: how much of the network can be rebuilt, at what price?"""

from __future__ import annotations

import sys

import click

from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    open_target,
    plan_options,
    remote_host,
    target_options,
    view_options,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@click.option("--polish/--no-polish", default=True, help="Ask again for the last digits (default), or not.")
@view_options
def command(target: TargetRequest, plan: Plan, polish: bool, view: View) -> int:
    """Rebuild the network behind TARGET from its answers.

    TARGET is a .onnx, .safetensors or .npz file, a URL, a target.toml, a recorded journal.sqlite, or
    package.module:name. The run is kept in --out DIR (or a new folder under runs/) and can be resumed.

    Exit codes: 0 rebuilt and verified; 2 usage; 3 target unreachable or unusable; 4 budget spent; 5 not
    complete; 6 no authorisation; 130 interrupted.
    """
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.running import announce, perform, tell
    from hingeline.report.recipe import Recipe, described_target
    from hingeline.report.run_folder import RunFolder, new_folder

    folder = RunFolder.reserve(plan.out or new_folder(target.target))
    try:
        oracle = open_target(target)
        _agree(target, plan)
    except BaseException:
        folder.abandon()
        raise
    settings = {} if polish else {"polish": False}
    recipe = Recipe("extract", described_target(target.said()), plan.seed, plan.budget, settings)
    folder.begin(recipe)
    announce(oracle, recipe, folder, view)
    return tell(perform(oracle, recipe, folder, view), folder, view)


def _agree(target: TargetRequest, plan: Plan) -> None:
    """Let nobody spend without limit on another host by accident."""
    host = remote_host(target.target)
    if host is None or plan.budget is not None or plan.yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"say how much may be asked of {host}:  --budget N  (or --yes for no limit)")
    click.confirm(f"Ask {host} without a limit?", abort=True, err=True)
