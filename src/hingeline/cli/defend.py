"""`hingeline defend`: what does each defence buy, against an attacker who knows it?"""

from __future__ import annotations

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

_AT_LEAST_ONE = click.IntRange(min=1)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@data_options
@click.option(
    "--defence",
    "defences",
    multiple=True,
    metavar="TEXT",
    help="One to judge, such as round:3, softmax+top-k:1, noise:0.01, labels, muldef:5, detector; again for "
    "more. A usual choice if none is named.",
)
@click.option(
    "--train", type=FILE, metavar="FILE", help="What muldef and detector are trained on, as --data."
)
@click.option("--train-labels", type=FILE, metavar="FILE", help="The classes of --train, as --labels.")
@change_options("linf")
@click.option(
    "--radius",
    type=click.FloatRange(min=0, min_open=True),
    metavar="R",
    help="Size of the changes; such that half of the undefended inputs flip, if not given.",
)
@click.option("--seeds", type=click.IntRange(min=3), metavar="N", help="Repetitions of everything (5).")
@click.option("--inputs", type=_AT_LEAST_ONE, metavar="N", help="Most inputs that are attacked (100).")
@click.option("--steps", type=_AT_LEAST_ONE, metavar="N", help="Steps of a gradient attack (40).")
@click.option("--restarts", type=_AT_LEAST_ONE, metavar="N", help="Its restarts (2).")
@click.option(
    "--repeats", type=_AT_LEAST_ONE, metavar="N", help="Questions to a door that answers at random (20)."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Most time of one extraction or search (60); a slow machine finds less in it.",
)
@click.option(
    "--parts", type=NAMES, metavar="NAMES", help="Of leak, span, robustness, with commas; all three."
)
@view_options
def command(
    target: TargetRequest,
    plan: Plan,
    data: Path,
    labels: Path | None,
    train: Path | None,
    train_labels: Path | None,
    view: View,
    **said: Any,
) -> int:
    """Judge what defences of your own model TARGET buy: utility, leak, span, robustness, over several seeds.

    TARGET is a .onnx, .safetensors or .npz file of a network, a torch module or a function named as
    package.module:name. Every defence is put around it; our own extraction and span attack it through the
    defended door, and attackers of inputs know the defence. --budget limits each extraction. No figure of
    robustness is told where a check of the attack failed. The run is kept in --out DIR (or a new folder
    under runs/) and can be resumed.

    Exit codes: 0 judged, every check passed; 2 usage; 3 target unusable; 5 some figure of robustness is not
    stated; 130 interrupted.
    """
    check_box(said["box"])
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.running import begin

    files = {"data": data, "labels": labels, "train": train, "train_labels": train_labels}
    settings = {k: v for k, v in said.items() if v not in (None, ()) and (k, v) != ("norm", "linf")}
    settings = {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}
    return begin("defend", target, plan, view, settings, {n: f for n, f in files.items() if f is not None})
