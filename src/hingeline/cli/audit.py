"""`hingeline audit`: all that one door gives away, within one budget and one report."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from hingeline.cli.input_options import FILE, NAMES, change_options
from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    check_box,
    plan_options,
    remote_host,
    target_options,
    view_options,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@click.option(
    "--data", type=FILE, metavar="FILE", help="Inputs, one in each row: .npy, .npz (key x) or .csv."
)
@click.option("--labels", type=FILE, metavar="FILE", help="What they should be: .npy, .npz (key y) or .csv.")
@click.option("--rows", type=click.IntRange(min=1), metavar="N", help="Take only the first N inputs.")
@click.option(
    "--parts",
    type=NAMES,
    metavar="NAMES",
    help="Of extraction, line, span, fragility, stability, defences, with commas; all of them.",
)
@change_options("l2")
@click.option(
    "--threshold", type=float, metavar="T", help="Where the class changes, if there is one output (0)."
)
@click.option(
    "--defence",
    "defences",
    multiple=True,
    metavar="TEXT",
    help="One to judge, such as round:3 or noise:0.01; again for more. round:4, round:2, labels.",
)
@click.option(
    "--cost-per-1000",
    type=click.FloatRange(min=0),
    metavar="AMOUNT",
    help="What 1,000 questions cost; the plan and the report then tell money.",
)
@click.option("--currency", metavar="NAME", help="Of that amount (EUR).")
@click.option(
    "--fail-on",
    multiple=True,
    metavar="POLICY",
    help="End with 1 if this holds, such as 'leak.layers>=1'; again for more. 'list' shows all measures.",
)
@click.option("--sarif", type=FILE, metavar="FILE", help="Write the findings as SARIF 2.1.0 too.")
@view_options
def command(
    target: TargetRequest,
    plan: Plan,
    data: Path | None,
    labels: Path | None,
    sarif: Path | None,
    view: View,
    **said: Any,
) -> int:
    """Tell all that the door TARGET gives away, in one report: copy, span, flips, what defences would buy.

    TARGET is a .onnx, .safetensors or .npz file, a URL, a target.toml, a recorded journal.sqlite, or
    package.module:name. It is only asked, also where it is a file. After about 42 questions the plan is shown
    with its price; for other hosts it wants your yes (--yes in CI). Everything happens within --budget and is
    kept in --out DIR (or a new folder under runs/); an interrupted audit goes on with hingeline resume.

    Exit codes: 0 done, no policy broken; 1 a --fail-on policy is broken; 2 usage; 3 target unreachable or
    unusable; 4 budget spent; 5 something without a conclusion, or a policy that could not be judged; 6 no
    authorisation; 130 interrupted.
    """
    if "list" in said["fail_on"]:
        return _list_measures(as_json=view.as_json)
    check_box(said["box"])
    if labels is not None and data is None:
        raise click.UsageError("--labels belong to inputs: give --data FILE too")
    if said["rows"] is not None and data is None:
        raise click.UsageError("--rows takes the first inputs of --data FILE, and none was given")
    _check_agreement(target, plan, said["cost_per_1000"])
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.auditing.policy import read_policies
    from hingeline.cli.audit_run import check_sarif
    from hingeline.cli.running import begin

    read_policies(said["fail_on"])
    settings = {k: v for k, v in said.items() if v not in (None, ()) and (k, v) != ("norm", "l2")}
    settings = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    if plan.yes:
        settings["yes"] = True
    if sarif is not None:
        settings["sarif"] = str(check_sarif(sarif))
    files = {"data": data, "labels": labels}
    return begin("audit", target, plan, view, settings, {n: f for n, f in files.items() if f is not None})


def _check_agreement(target: TargetRequest, plan: Plan, cost: float | None) -> None:
    """The plan wants a yes where a question costs somebody something, and nobody is there to say it."""
    host = remote_host(target.target)
    if plan.yes or sys.stdin.isatty() or (host is None and not cost):
        return
    whom = host or target.target
    raise click.UsageError(
        f"an audit of {whom} shows its price and asks you once; where nobody can answer, say:  --yes"
    )


def _list_measures(*, as_json: bool) -> int:
    from hingeline.auditing.measures import MEASURES

    if as_json:
        click.echo(json.dumps({name: measure.words for name, measure in MEASURES.items()}))
        return 0
    for name, measure in MEASURES.items():
        click.echo(f"{name:<18} {measure.words}")
    return 0
