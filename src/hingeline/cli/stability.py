"""`hingeline stability`: how do small differences grow or die through the layers?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hingeline.cli.input_options import Listed, data_options
from hingeline.cli.options import Plan, TargetRequest, View, plan_options, reading_options, view_options

# As in `renormalisation.settings`, which would bring NumPy; a test holds both together.
_OPERATORS = ("single units", "pairs", "class means", "total")
_DECLARED = ("collective", "tied units")
_AT_LEAST_ONE = click.IntRange(min=1)


def _size(word: str) -> float:
    try:
        size = float(word)
    except ValueError:
        raise ValueError("it is no list of numbers") from None
    if not 0 < size < float("inf"):
        raise ValueError("lengths of steps are above 0")
    return size


_SIZES = Listed("sizes", _size, "numbers above 0 with commas between them, such as 0.25,0.5,1")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@reading_options
@plan_options
@data_options
@click.option(
    "--identify",
    "identification",
    type=click.Choice(_DECLARED),
    help="Stacks: which operators of neighbouring layers are the same; without it no eigenvalue is computed.",
)
@click.option(
    "--operators",
    type=click.Choice(_OPERATORS),
    help="Stacks: what is measured of each layer; single units, or what --identify wants.",
)
@click.option(
    "--samples",
    type=click.IntRange(min=400),
    metavar="M",
    help="Stacks: samples for each class and each close look (20000).",
)
@click.option(
    "--samples-per-answer", type=_AT_LEAST_ONE, metavar="M", help="Stacks: samples behind one answer (400)."
)
@click.option(
    "--closely",
    type=_AT_LEAST_ONE,
    metavar="N",
    help="Stacks: inputs looked at closely, from the nearest to the farthest boundary (4).",
)
@click.option(
    "--permutations",
    type=_AT_LEAST_ONE,
    metavar="N",
    help="Stacks: shufflings behind the null of the canonical correlations (20).",
)
@click.option("--curve-inputs", type=_AT_LEAST_ONE, metavar="N", help="Most inputs of the flip curves (100).")
@click.option(
    "--random-directions", type=_AT_LEAST_ONE, metavar="N", help="Random directions at each input (20)."
)
@click.option("--sizes", type=_SIZES, metavar="A,B,...", help="Lengths of the steps of the flip curves.")
@click.option(
    "--values", type=float, nargs=2, metavar="LO HI", help="The two values of binary inputs, such as 0 1."
)
@view_options
def command(
    target: TargetRequest, plan: Plan, data: Path, labels: Path | None, view: View, **said: Any
) -> int:
    """Measure how small differences grow or die through the layers of TARGET.

    TARGET is a .safetensors file of a stack of stochastic layers (hl.save_stack), a .onnx, .safetensors or
    .npz file of a ReLU network, or package.module:name of a stack, a network, a torch module, a scikit-learn
    pipeline of BernoulliRBMs, or the path of a file. Its weights are read and nobody is asked, so that
    --budget limits nothing. Options marked "stacks" are refused for a network, where they would have no
    effect. The run is kept in --out DIR (or a new folder under runs/).

    Exit codes: 0 all estimates hold together; 2 usage, or a target whose weights cannot be seen; 5 some do
    not, and the report names them; 130 interrupted.
    """
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.running import begin

    settings = {k: list(v) if isinstance(v, tuple) else v for k, v in said.items() if v is not None}
    files = {"data": data, "labels": labels}
    return begin("stability", target, plan, view, settings, {n: f for n, f in files.items() if f is not None})
