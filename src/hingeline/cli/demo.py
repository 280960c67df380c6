"""`hingeline demo`: rebuild a digit classifier behind a counter from its answers, then open the box."""

from __future__ import annotations

from pathlib import Path

import click

from hingeline.cli.options import Plan, TargetRequest, View, open_target, plan_options, view_options


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@plan_options
@click.option("--keep", is_flag=True, help="Leave the hidden model in the run folder, to play with.")
@view_options
def command(plan: Plan, keep: bool, view: View) -> int:
    """Watch a real digit classifier being rebuilt from its answers.

    A 64-32-10 network, trained on scans of handwritten digits, sits behind a counter: it can only be asked.
    Needs no network, no download and no optional package.
    """
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.console import messages, output
    from hingeline.cli.demo_view import introduce, show
    from hingeline.cli.running import perform, prepared, tell
    from hingeline.evaluation.demo_data import DIGITS_MODEL, digits_network
    from hingeline.networks.storage import save_npz
    from hingeline.report.recipe import Recipe, described_target
    from hingeline.report.run_folder import RunFolder, next_free

    folder = RunFolder.reserve(plan.out or next_free(Path("runs/demo")))
    target = TargetRequest(str(DIGITS_MODEL))
    recipe = Recipe("extract", described_target(target.said()), plan.seed, plan.budget)
    folder.begin(recipe)
    if not (view.quiet or view.as_json):
        introduce(messages(), plan.seed)
    ended = perform(prepared(open_target(target), recipe), folder, view)
    if keep:
        save_npz(digits_network(), folder.path / "digits.npz")
    if view.as_json:
        return tell(ended, folder, view)
    show(output(), ended, folder, keep=keep)
    return ended.code
