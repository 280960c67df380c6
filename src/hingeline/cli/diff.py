"""`hingeline diff A B`: are two networks the same up to neuron order and positive scale?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hingeline.cli.exits import Exit
from hingeline.cli.options import View, check_box, view_options

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from hingeline.networks.difference import LayerDifference, NetworkDifference
    from hingeline.networks.gap_certificate import GapCertificate

_WORST_SHOWN = 5
_NOTES_SHOWN = 8


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    default=1e-8,
    show_default=True,
    metavar="T",
    help="Largest relative parameter difference that counts as the same.",
)
@click.option(
    "--box",
    type=float,
    nargs=2,
    metavar="LO HI",
    help="Prove how far the outputs differ where all inputs are in this range.",
)
@view_options
def command(a: Path, b: Path, tolerance: float, box: tuple[float, float] | None, view: View) -> int:
    """Are two networks the same up to neuron order and positive scale?

    A and B are .npz, .safetensors or .onnx files. Ends with 0 if they are the same network, with 1 if they
    differ, with 2 if a file cannot be read as a network.
    """
    check_box(box)
    # NumPy and the readers are loaded when files are compared; --help must not pay for them.
    from hingeline.networks.certificate import certify_gap
    from hingeline.networks.loading import as_network, diff

    one, other = as_network(a), as_network(b)
    found = diff(one, other, tolerance=tolerance)
    proved = None if box is None else certify_gap(one, other, *box)
    code = Exit.DONE if found.equivalent else Exit.POLICY
    if view.as_json:
        told = {"a": str(a), "b": str(b), **found.to_dict(), "exit_code": int(code)}
        if proved is not None:
            told["certificate"] = proved.to_dict()
        click.echo(json.dumps(told, allow_nan=False))
    else:
        _show(found, proved, a, b, quiet=view.quiet)
    return code


def _show(found: NetworkDifference, proved: GapCertificate | None, a: Path, b: Path, *, quiet: bool) -> None:
    # rich takes 0.1 s; --json does not need it.
    from hingeline.cli.console import output

    console = output()
    colour = "green" if found.equivalent else "yellow" if found.same_function else "red"
    console.print(found.verdict, style=f"bold {colour}", markup=False)
    if proved is not None:
        console.print(_capital(proved.summary()), markup=False, soft_wrap=True)
    if quiet:
        return
    console.print(f"\n  a  {a}  {'-'.join(map(str, found.sizes_a))}", markup=False)
    console.print(f"  b  {b}  {'-'.join(map(str, found.sizes_b))}\n", markup=False)
    console.print(_layer_table(found))
    if found.gaps:
        console.print(_gap_table(found))
    _show_worst(found, console)
    if found.sizes_a[0] == found.sizes_b[0]:
        _show_list("Only in a:", found.missing, console)
        _show_list("Only in b:", found.extra, console)
    _show_list("Merged or left out before matching, because it changes nothing:", found.notes, console)


def _capital(sentence: str) -> str:
    return f"{sentence[0].upper()}{sentence[1:]}."


def _layer_table(found: NetworkDifference) -> Table:
    from rich.table import Table

    table = Table(title="Neurons, after undoing order and scale", title_justify="left", title_style="bold")
    flips = any(layer.flipped for layer in found.neurons)
    table.add_column("layer")
    for heading in (
        "matched",
        *["on at other side"] * flips,
        "only a",
        "only b",
        "weight error",
        "bias error",
    ):
        table.add_column(heading, justify="right")
    for layer in found.neurons:
        counts = [
            len(layer.matched),
            *[layer.flipped] * flips,
            len(layer.unmatched_a),
            len(layer.unmatched_b),
        ]
        table.add_row(f"hidden {layer.layer}", *map(str, counts), *_errors(layer))
    output = _number(found.output_error) if math.isfinite(found.output_error) else "shapes differ"
    table.add_row("output", *[""] * (3 + flips), output)
    return table


def _errors(layer: LayerDifference) -> tuple[str, str]:
    return (_number(layer.weight_error), _number(layer.bias_error)) if layer.matched else ("-", "-")


def _gap_table(found: NetworkDifference) -> Table:
    from rich.table import Table

    table = Table(title="Outputs at fresh points", title_justify="left", title_style="bold")
    table.add_column("points")
    for heading in ("how many", "largest gap", "of the output's range"):
        table.add_column(heading, justify="right")
    for gap in found.gaps:
        table.add_row(gap.where, f"{gap.points:,}", _number(gap.gap), _number(gap.relative))
    return table


def _show_worst(found: NetworkDifference, console: Console) -> None:
    """The matched neurons that differ by more than the tolerance, worst first."""
    pairs = [(pair.error, layer.layer, pair) for layer in found.neurons for pair in layer.matched]
    worst = sorted((item for item in pairs if item[0] > found.tolerance), key=lambda item: -item[0])
    if found.equivalent or not worst:
        return
    lines = [
        f"layer {layer}: W{layer - 1}[{pair.a[0]}] of a is W{layer - 1}[{pair.b[0]}] of b, "
        f"largest difference {_number(error)}" + (", on at the other side" if pair.orientation < 0 else "")
        for error, layer, pair in worst[:_WORST_SHOWN]
    ]
    _show_list(f"Matched neurons that differ, worst {len(lines)} of {len(worst)}:", tuple(lines), console)


def _show_list(title: str, lines: tuple[str, ...], console: Console) -> None:
    if not lines:
        return
    console.print(f"\n{title}", style="bold", markup=False)
    for line in lines[:_NOTES_SHOWN]:
        console.print(f"  {line}", markup=False)
    if len(lines) > _NOTES_SHOWN:
        console.print(f"  and {len(lines) - _NOTES_SHOWN} more (all with --json)", markup=False)


def _number(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"
