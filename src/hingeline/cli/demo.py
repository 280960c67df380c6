"""`hingeline demo`: rebuild a digit classifier behind a counter from its answers, then open the box."""

from __future__ import annotations

from pathlib import Path

import click

from hingeline.cli.exits import Exit
from hingeline.cli.options import Plan, TargetRequest, View, open_target, plan_options, view_options

_EVERY = 4
"""With --stability every so many-th of the 200 held-out digits is looked at."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@plan_options
@click.option("--keep", is_flag=True, help="Leave the hidden model in the run folder, to play with.")
@click.option(
    "--stability",
    "stack",
    is_flag=True,
    help="Instead, measure how stable a stack of random units is that reads the same digits.",
)
@view_options
def command(plan: Plan, keep: bool, stack: bool, view: View) -> int:
    """Watch a real digit classifier being rebuilt from its answers.

    A 64-32-10 network, trained on scans of handwritten digits, sits behind a counter: it can only be asked.
    Needs no network, no download and no optional package.

    With --stability another classifier is read instead, a 64-48-32-10 stack of random units: how small
    differences between digits grow or die through its layers, in about 15 seconds.
    """
    if stack:
        return _stability(plan, keep, view)
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


def _stability(plan: Plan, keep: bool, view: View) -> int:
    """`hingeline stability` of the stack that comes along, on digits it was not trained on."""
    if keep:
        raise click.UsageError("--keep leaves the hidden model, and with --stability nothing is hidden")
    # NumPy and the estimators are loaded when a run begins.
    import numpy as np

    from hingeline.cli.running import announce, open_recorded, perform, prepared, tell
    from hingeline.evaluation.demo_data import DIGITS_STACK, held_out_digits
    from hingeline.report.recipe import Recipe, described_file, described_target
    from hingeline.report.run_folder import RunFolder, next_free

    folder = RunFolder.reserve(plan.out or next_free(Path("runs/demo-stability")))
    digits, data = held_out_digits(), folder.path / "digits.npz"
    np.savez(data, x=digits.points[::_EVERY], y=digits.labels[::_EVERY])
    files = {"data": described_file(data), "labels": described_file(data)}
    target = described_target(TargetRequest(str(DIGITS_STACK)).said())
    recipe = Recipe("stability", target, plan.seed, plan.budget, {}, files)
    oracle = open_recorded(recipe)
    folder.begin(recipe)
    announce(oracle, recipe, folder, view)
    code = tell(perform(prepared(oracle, recipe), folder, view), folder, view)
    # a demo that ran to its end did what it is for; what does not hold together stands in what it tells
    return Exit.DONE if code is Exit.INCONCLUSIVE and not view.as_json else code
