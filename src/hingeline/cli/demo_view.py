"""What `hingeline demo` shows after the run: true and recovered weights side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hingeline.cli.running import Ended, closing_lines
from hingeline.core.arrays import FloatArray
from hingeline.evaluation.demo_data import digits_network, held_out_digits
from hingeline.evaluation.proof import Pair, Proof, prove
from hingeline.report.numbers import count, plural, small
from hingeline.report.run_folder import RunFolder
from hingeline.report.text import terminal_text

_SHOWN_NEURONS = 4
_SHOWN_WEIGHTS = (27, 28, 35, 36)  # the four middle pixels
_SIDE = 8
_ORDER_AND_SCALE = "True and recovered weights, after undoing neuron order and scale:\n"


def introduce(console: Console, seed: int) -> None:
    """Say what will happen."""
    console.print(
        Text("A 64-32-10 digit classifier is hidden behind a counter. ", style="bold")
        + Text(f"We may only ask it questions. Seed {seed}.\n")
    )


def show(console: Console, ended: Ended, folder: RunFolder, *, keep: bool) -> None:
    """The report, the proof, and what to type next."""
    console.print(terminal_text(ended.report))
    if ended.finding.value is not None:
        proof = prove(digits_network(), ended.finding.value, held_out_digits())
        console.print(Text("\nNow we open the box. ", style="bold") + Text(_ORDER_AND_SCALE))
        if console.color_system is not None:
            console.print(_pictures(proof))
        console.print(_numbers(proof), Text(""), sep="\n")
        for holds, words in _verdicts(proof):
            mark = ("✓ ", "green") if holds else ("✗ ", "red")
            console.print(Text.assemble(mark, words))
    console.print()
    for line in (*closing_lines(ended, folder), *_next(folder, keep=keep)):
        console.print(Text(line))


def _numbers(proof: Proof) -> RenderableType:
    """A few weights digit by digit."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("neuron", "pixel", "true weight", "recovered weight", "difference"):
        table.add_column(heading, justify="right", header_style="bold")
    for pair, pixel in zip(proof.pairs, _SHOWN_WEIGHTS, strict=False):
        true, copy = pair.true[pixel], pair.copy[pixel]
        table.add_row(
            str(pair.true_index), str(pixel), f"{true:+.15f}", f"{copy:+.15f}", small(abs(true - copy))
        )
    return table


def _verdicts(proof: Proof) -> Iterator[tuple[bool, str]]:
    difference = proof.difference
    parameters = digits_network().parameter_count
    found = sum(len(layer.matched) for layer in difference.neurons)
    hidden = sum(difference.sizes_a[1:-1])
    yield found == hidden and not difference.extra, f"{found} of {hidden} neurons found"
    worst = small(difference.max_parameter_error)
    yield difference.equivalent, f"worst difference over all {count(parameters)} weights and biases: {worst}"
    yield (
        proof.labels_equal == proof.digits,
        f"same label on {proof.labels_equal} of {plural(proof.digits, 'digit')} it was not trained on "
        f"(the classifier reads {proof.accuracy:.1%} of them right)",
    )


def _pictures(proof: Proof) -> RenderableType:
    """Incoming weights of a few neurons as 8x8 pictures, the true ones above the recovered ones."""
    shown = list(islice(proof.pairs, _SHOWN_NEURONS))
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_row(Text(""), *(Text(f"neuron {pair.true_index}", style="dim") for pair in shown))
    grid.add_row(Text("true", style="dim"), *(_thumbnail(pair.true, pair) for pair in shown))
    grid.add_row(Text(""))
    grid.add_row(Text("recovered", style="dim"), *(_thumbnail(pair.copy, pair) for pair in shown))
    return Group(grid, Text(""))


def _thumbnail(weights: FloatArray, pair: Pair) -> Text:
    """Two pixels in one character: the upper half-block's colour over the background's."""
    scaled = (weights / np.abs(pair.true).max()).reshape(_SIDE, _SIDE)
    lines = [
        Text.assemble(
            *(("▀", f"{_colour(up)} on {_colour(down)}") for up, down in zip(upper, lower, strict=True))
        )
        for upper, lower in zip(scaled[::2], scaled[1::2], strict=True)
    ]
    return Text("\n").join(lines)


def _colour(value: float) -> str:
    """From blue (negative) over near black to orange (positive); safe for the colour-blind."""
    red, green, blue = (213, 94, 0) if value > 0 else (0, 114, 178)
    strength = min(abs(float(value)), 1.0) ** 0.6
    return f"rgb({round(red * strength)},{round(green * strength)},{round(blue * strength)})"


def _next(folder: RunFolder, *, keep: bool) -> Iterator[str]:
    if keep:
        yield f"Next:  hingeline serve {folder.path / 'digits.npz'}"
    else:
        yield "Next:  hingeline audit YOUR_MODEL.npz   (or .onnx, .safetensors, a URL)"
