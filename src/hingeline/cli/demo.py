"""`hingeline demo`: rebuild a digit classifier behind a counter from its answers, then open the box."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hingeline.cli.exits import Exit
from hingeline.cli.options import Plan, TargetRequest, View, open_target, plan_options, view_options

_EVERY = 4
"""With --stability every so many-th of the 200 held-out digits is looked at."""
_DOORS = ("round:4", "round:2", "labels")
"""Defences that --defend judges beside none."""
_JUDGED = {"seeds": 3, "inputs": 20, "steps": 20}
"""Settings of --defend: small, but no single seed."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@plan_options
@click.option("--keep", is_flag=True, help="Leave the hidden model in the run folder, to play with.")
@click.option(
    "--stability",
    "stack",
    is_flag=True,
    help="Instead, measure how stable a stack of random units is that reads the same digits.",
)
@click.option(
    "--defend",
    "doors",
    is_flag=True,
    help="Instead, judge what rounding its answers, or showing labels only, would have bought.",
)
@click.option(
    "--audit", "whole", is_flag=True, help="Instead, run the whole audit of that classifier, with its report."
)
@view_options
def command(plan: Plan, keep: bool, stack: bool, doors: bool, whole: bool, view: View) -> int:
    """Watch a real digit classifier being rebuilt from its answers.

    A 64-32-10 network, trained on scans of handwritten digits, sits behind a counter: it can only be asked.
    Needs no network, no download and no optional package.

    With --stability another classifier is read instead, a 64-48-32-10 stack of random units: how small
    differences between digits grow or die through its layers, in about 15 seconds.

    With --defend the first classifier is put behind four doors (none, round:4, round:2, labels) and each is
    attacked: what it costs users, what still leaks, who still stands, in about 15 seconds.

    With --audit every verb is run on the first classifier, within one budget and one report, in about 30
    seconds.
    """
    if stack + doors + whole > 1:
        raise click.UsageError("--stability, --defend and --audit are demos of their own; take one")
    if whole:
        return _audit(plan, keep, view)
    if stack:
        return _stability(plan, keep, view)
    if doors:
        return _defend(plan, keep, view)
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
    from hingeline.evaluation.demo_data import DIGITS_STACK

    return _on_digits("stability", DIGITS_STACK, {}, plan, view)


def _defend(plan: Plan, keep: bool, view: View) -> int:
    """`hingeline defend` of the digit classifier, at digits it was not trained on."""
    if keep:
        raise click.UsageError("--keep leaves the hidden model, and with --defend nothing is hidden")
    from hingeline.evaluation.demo_data import DIGITS_MODEL

    # every pixel of a changed digit stays between white and black
    settings = {**_JUDGED, "defences": list(_DOORS), "box": [0.0, 1.0]}
    return _on_digits("defend", DIGITS_MODEL, settings, plan, view, every=1)


def _audit(plan: Plan, keep: bool, view: View) -> int:
    """`hingeline audit` of the digit classifier, with digits it was not trained on."""
    if keep:
        raise click.UsageError("--keep leaves the hidden model; --audit keeps the copy in its folder anyway")
    from hingeline.evaluation.demo_data import DIGITS_MODEL

    return _on_digits("audit", DIGITS_MODEL, {"box": [0.0, 1.0]}, plan, view, every=1)


def _on_digits(
    verb: str, model: Path, settings: dict[str, Any], plan: Plan, view: View, every: int | None = None
) -> int:
    """A verb that wants inputs, of a model that comes along, with held-out digits."""
    # NumPy and the estimators are loaded when a run begins.
    import numpy as np

    from hingeline.cli.running import announce, open_recorded, perform, prepared, tell
    from hingeline.evaluation.demo_data import held_out_digits
    from hingeline.report.recipe import Recipe, described_file, described_target
    from hingeline.report.run_folder import RunFolder, next_free

    folder = RunFolder.reserve(plan.out or next_free(Path(f"runs/demo-{verb}")))
    digits, data, step = held_out_digits(), folder.path / "digits.npz", every or _EVERY
    np.savez(data, x=digits.points[::step], y=digits.labels[::step])
    files = {"data": described_file(data), "labels": described_file(data)}
    recipe = Recipe(
        verb, described_target(TargetRequest(str(model)).said()), plan.seed, plan.budget, settings, files
    )
    oracle = open_recorded(recipe)
    folder.begin(recipe)
    announce(oracle, recipe, folder, view)
    code = tell(perform(prepared(oracle, recipe), folder, view), folder, view)
    # a demo that ran to its end did what it is for; what does not hold together stands in what it tells
    return Exit.DONE if code is Exit.INCONCLUSIVE and not view.as_json else code
