"""`hingeline extract`: how much of the network can be rebuilt, at what price?"""

from __future__ import annotations

import click

from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    plan_options,
    target_options,
    view_options,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@click.option("--polish/--no-polish", default=True, help="Ask again for the last digits (default), or not.")
@click.option("--absolute-value", is_flag=True, help="It is a sum of absolute values: ask on half circles.")
@view_options
def command(target: TargetRequest, plan: Plan, polish: bool, absolute_value: bool, view: View) -> int:
    """Rebuild the network behind TARGET from its answers.

    TARGET is a .onnx, .safetensors or .npz file, a URL, a target.toml, a recorded journal.sqlite, or
    package.module:name. The run is kept in --out DIR (or a new folder under runs/) and can be resumed.

    Exit codes: 0 rebuilt and verified; 2 usage; 3 target unreachable or unusable; 4 budget spent; 5 not
    complete; 6 no authorisation; 130 interrupted.
    """
    if absolute_value and not polish:
        raise click.UsageError("--no-polish says nothing about --absolute-value, which needs no polish")
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.running import begin

    settings = {"absolute_value": True} if absolute_value else {} if polish else {"polish": False}
    return begin("extract", target, plan, view, settings)
