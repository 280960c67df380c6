"""`hingeline span`: what does the network look at, and what can be changed without it noticing?"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from hingeline.cli.options import (
    Plan,
    TargetRequest,
    View,
    check_box,
    plan_options,
    target_options,
    view_options,
)

# As in `subspace.settings`, which would bring NumPy; a test holds both together.
_METHODS = ("auto", "complement", "central", "pairs", "gaussian", "labels", "rank")
_FILE = click.Path(path_type=Path)


class _Quantum(click.ParamType[float]):
    """A positive number or fraction."""

    name = "quantum"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number."""
        try:
            quantum = float(Fraction(str(value)))
        except (ValueError, ZeroDivisionError, OverflowError):
            quantum = 0.0
        if quantum <= 0:
            self.fail(
                f"{value!r} is not a step; want a positive number, or a fraction such as 1/255", param, ctx
            )
        return quantum


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@target_options
@plan_options
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    default="auto",
    show_default=True,
    help="How directions are found; auto chooses by what the answers give away.",
)
@click.option("--rank-only", is_flag=True, help="Only how many directions: a fraction of the price.")
@click.option(
    "--data", type=_FILE, metavar="FILE", help="Examples, one in each row: .npy, .npz (key x) or .csv."
)
@click.option("--box", type=float, nargs=2, metavar="LO HI", help="Examine also the inputs in this range.")
@click.option(
    "--polish", is_flag=True, help="Measure once more for the last digits: about 3 times the price."
)
@click.option(
    "--quantum",
    type=_Quantum(),
    metavar="Q",
    help="Inputs must be multiples of this; a number or a fraction (8-bit images: 1/255).",
)
@click.option(
    "--active",
    type=click.IntRange(min=1),
    metavar="N",
    help="Measure what matters most, too, from N fresh gradients.",
)
@click.option(
    "--moves",
    type=click.IntRange(min=1),
    metavar="N",
    help="Long moves that must show nothing more, before it is called exact.",
)
@click.option(
    "--obfuscate",
    metavar="FILE|N",
    help="Make inputs look different with the same answer, and ask: those in FILE, or N of --data.",
)
@click.option(
    "--target-image", type=_FILE, metavar="FILE", help="What the obfuscated inputs should look like."
)
@click.option(
    "--sigma",
    type=click.FloatRange(min=0, min_open=True),
    metavar="S",
    help="Deviation of the noise that hides them.",
)
@view_options
def command(
    target: TargetRequest,
    plan: Plan,
    rank_only: bool,
    data: Path | None,
    obfuscate: str | None,
    target_image: Path | None,
    view: View,
    **said: Any,
) -> int:
    """Find what the network behind TARGET looks at, and what it cannot see.

    The answers of a network with d inputs often depend on far fewer directions. They are found by asking;
    what happens in all others has no effect. TARGET is a .onnx, .safetensors or .npz file, a URL, a
    target.toml, a recorded journal.sqlite, or package.module:name. The run is kept in --out DIR (or a new
    folder under runs/) and can be resumed.

    Exit codes: 0 exact and verified; 2 usage; 3 target unreachable or unusable; 4 budget spent; 5 not
    complete or ambiguous; 6 no authorisation; 130 interrupted.
    """
    if rank_only:
        said["method"] = _rank_method(str(said["method"]))
    files = {"data": data, "target-image": target_image}
    if obfuscate is not None and obfuscate.isdecimal():
        said["obfuscate"] = _rows_of_data(int(obfuscate), data)
    elif obfuscate is not None:
        files["obfuscate"] = Path(obfuscate)
    _check_wishes(str(said["method"]), obfuscate, target_image, said["sigma"])
    check_box(said["box"])
    # NumPy and the solvers are loaded when a run begins; --help must not pay for them.
    from hingeline.cli.running import begin

    # What is at its default is not written down.
    settings = {name: value for name, value in said.items() if value not in (None, False, "auto")}
    return begin("span", target, plan, view, settings, {n: f for n, f in files.items() if f is not None})


def _rank_method(method: str) -> str:
    if method not in ("auto", "rank"):
        raise click.UsageError(f"--rank-only is a method of its own; it does not go with --method {method}")
    return "rank"


def _rows_of_data(number: int, data: Path | None) -> int:
    if number < 1:
        raise click.UsageError("--obfuscate wants at least 1 row of --data, or a FILE")
    if data is None:
        raise click.UsageError(f"--obfuscate {number} takes the first rows of --data FILE; name one")
    return number


def _check_wishes(method: str, obfuscate: str | None, picture: Path | None, sigma: float | None) -> None:
    """Refuse what contradicts itself, before a door is opened."""
    if obfuscate is not None and method == "rank":
        raise click.UsageError("to obfuscate inputs the directions must be known, not only how many they are")
    for name, value in (("--target-image", picture), ("--sigma", sigma)):
        if value is not None and obfuscate is None:
            raise click.UsageError(f"{name} says how inputs are obfuscated; say which, with --obfuscate")
