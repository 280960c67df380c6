"""`hingeline fragility`: how small a change flips it, in which direction, and is one-step reasoning valid?"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import click

from hingeline.cli.input_options import FILE, NAMES, change_options, data_options
from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    check_box,
    plan_options,
    target_options,
    view_options,
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@data_options
@change_options("l2")
@click.option(
    "--free", type=FILE, metavar="FILE", help="Which coordinates may change: a row of 0 and 1, as --data."
)
@click.option(
    "--threshold",
    type=float,
    default=0.0,
    show_default=True,
    metavar="T",
    help="Where the class changes, if there is one output.",
)
@click.option(
    "--attacks",
    type=NAMES,
    metavar="NAMES",
    help="Attacks or sets of them, with commas; the norm's standard set if not given.",
)
@click.option("--parts", type=NAMES, metavar="NAMES", help="What to measure besides, with commas.")
@click.option(
    "--exact/--no-exact",
    default=True,
    help="Prove the smallest flips, where weights of a ReLU network are read.",
)
@click.option("--nodes", type=click.IntRange(min=1), metavar="N", help="Most nodes of that proof per input.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Most seconds of that proof for all inputs together (480).",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="W",
    help="Processes for that proof; as many as there are cores if not given.",
)
@click.option("--ask", is_flag=True, help="Only ask, also where the weights could be read from a file.")
@view_options
def command(
    target: TargetRequest,
    plan: Plan,
    data: Path,
    labels: Path | None,
    free: Path | None,
    view: View,
    **said: Any,
) -> int:
    """Measure how small a change flips the network behind TARGET, in which direction, and why.

    A .onnx, .safetensors or .npz file of a ReLU network is read: its smallest flips are proved. A torch
    module, named as package.module:name, is differentiated. Every other TARGET (a URL, a target.toml, a
    function, a recorded journal.sqlite) is asked, and every query counted. The run is kept in --out DIR (or
    a new folder under runs/) and can be resumed.

    Exit codes: 0 every smallest flip proved; 2 usage; 3 target unreachable or unusable; 4 budget spent;
    5 not all proved, or gradients tell nothing; 6 no authorisation; 130 interrupted.
    """
    check_box(said["box"])
    if not math.isfinite(said["threshold"]):
        raise click.UsageError(f"--threshold wants a finite number; got {said['threshold']}")
    said["workers"] = said["workers"] or os.cpu_count() or 1
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.running import begin

    files = {"data": data, "labels": labels, "free": free}
    # What is at its default is not written down.
    defaults = {"norm": "l2", "threshold": 0.0, "exact": True, "ask": False}
    settings = {k: v for k, v in said.items() if v is not None and v != defaults.get(k)}
    settings = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    return begin("fragility", target, plan, view, settings, {n: f for n, f in files.items() if f is not None})
