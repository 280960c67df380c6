"""What an extraction found of each layer, held against the network once the extraction has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import hingeline as hl
from hingeline.core.arrays import BoolArray, FloatArray, IntArray

SAME = 1e-3
"""A row that is farther from every true one is false."""
COLUMNS = (
    "layer", "neurons", "found", "false", "weights told", "sides", "error, median", "worst", "rows asked",
    "seconds",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Rows:
    """One layer as it was found."""

    weights: FloatArray
    """Shape "n c"."""
    told: BoolArray
    """Weights that are known, shape "n c"."""
    sided: BoolArray
    """Rows of which the active side is said to be known, shape "n"."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A layer beside the true one."""

    neurons: int
    matches: IntArray
    """True row of each row found, -1 if none, shape "n"."""
    errors: FloatArray
    """Distance of unit rows on the weights that are told, of those that match."""
    told: float
    """Weights that are told, as a share of the layer's."""
    sides: str

    @property
    def found(self) -> int:
        """True rows that are there."""
        return len(np.unique(self.matches[self.matches >= 0]))


def found_rows(finding: hl.Finding[Any]) -> list[Rows]:
    """The layers of a finding, from the inputs up; the output layer is none of them."""
    network = finding.value if finding.value is not None else finding.lower_layers
    hidden = 0 if network is None else len(network.weights) - (finding.value is not None)
    layers = [] if network is None else network.weights[:hidden]
    open_ = {(n["layer"], n["neuron"]) for n in finding.evidence.get("neurons", []) if "sign" in n}
    # the rows of a network whose first layer alone is known may have no side yet
    sided = finding.value is not None or bool(finding.evidence.get("layers"))
    rows = [
        Rows(
            layer,
            np.ones(layer.shape, dtype=np.bool_),
            np.array([sided and (number, index) not in open_ for index in range(len(layer))]),
        )
        for number, layer in enumerate(layers, start=1)
    ]
    part = finding.evidence.get("rows")
    if part is not None and part["layer"] == len(rows) + 1:
        weights = np.array(part["weights"], dtype=np.float64)
        none = np.zeros(len(weights), dtype=np.bool_)
        rows.append(Rows(np.nan_to_num(weights), np.isfinite(weights), none))
    return rows


def judged(found: Sequence[Rows], truth: hl.PiecewiseLinearNetwork) -> list[Judged]:
    """Each layer beside the true one, rows normalised, over the neurons below that were matched."""
    true = truth.canonical()
    below, told_of = np.arange(true.input_dim), list[Judged]()
    for layer, weights in zip(found, true.weights[:-1], strict=False):
        usable = below >= 0
        rows = np.where(usable, layer.weights, 0.0)
        told = layer.told & usable
        rivals = weights[:, np.maximum(below, 0)]
        # every true row restricted to the weights that a found one tells
        sizes = np.sqrt(told.astype(np.float64) @ (rivals**2).T)
        own = np.linalg.norm(rows, axis=1, keepdims=True)
        cosines = (rows @ rivals.T) / np.maximum(sizes * own, 1e-300)
        best = np.abs(cosines).argmax(axis=1)
        signs = np.sign(cosines[np.arange(len(rows)), best])
        picked = rivals[best] * told / sizes[np.arange(len(rows)), best, np.newaxis]
        errors = np.linalg.norm(rows / own - signs[:, np.newaxis] * picked, axis=1)
        matches = np.where(errors < SAME, best, -1)
        good = matches >= 0
        right = int((layer.sided & good & (signs > 0)).sum())
        wrong = int((layer.sided & good & (signs < 0)).sum())
        sides = f"{right} right, {wrong} wrong" if layer.sided.any() else "not told"
        share = float(layer.told[good].sum() / max(1, weights.size))
        told_of.append(Judged(len(weights), matches, errors[good], share, sides))
        below = matches
    return told_of


def table_rows(
    layers: Sequence[Judged], truth: hl.PiecewiseLinearNetwork, reached: Mapping[int, tuple[int, int, float]]
) -> list[tuple[str, ...]]:
    """Lines of the table; `reached`: by layer the count, rows and seconds when its last one was found."""
    lines: list[tuple[str, ...]] = []
    for number, width in enumerate(truth.hidden_widths, start=1):
        if number > len(layers):
            lines.append((str(number), str(width), "0", *[""] * (len(COLUMNS) - 3)))
            continue
        one = layers[number - 1]
        when = ("", "")
        if number in reached:
            _, asked, seconds = reached[number]
            when = (f"{asked:,}", f"{seconds:.0f}")
        errors = one.errors if len(one.errors) else np.array([np.nan])
        lines.append(
            (
                str(number), str(width), str(one.found), str(int((one.matches < 0).sum())), f"{one.told:.1%}",
                one.sides, f"{np.median(errors):.1e}", f"{errors.max():.1e}", *when,
            )
        )  # fmt: skip
    return lines
