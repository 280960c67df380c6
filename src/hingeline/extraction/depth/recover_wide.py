"""Deep networks with a wide first layer: layer by layer where gradients are dear and bends are many.

With some tens or hundreds of neurons per layer a gradient costs as many queries as the first layer has
neurons, and the search over all bends of all layers at once (see `search`) has thousands to tell apart. So
the second layer is first found where the first is on, in whole rows, see `orthant_layer`.

Cost: see there. Source: Rolnick and Körding 2020 for the layering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.events import NeuronRecovered, Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.bends import MeasuredLine
from hingeline.extraction.depth.active_sides import active_sides
from hingeline.extraction.depth.found_rows import FoundRows, found_in_words, note_layers, rows_in_words
from hingeline.extraction.depth.frame import FrameProbe
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.orthant_layer import OrthantLayer
from hingeline.extraction.depth.upper_layer import upper_layer
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.peeled import Peeled, steerable
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.probing.line import Line

MOST_NUMBERS = 10**8
"""Bends on the first lines times neurons squared, above which a search of all layers at once fits no memory:
it keeps some numbers for every bend and pair of channels, 3 GB of them."""
MORE_LINES = 8
"""Lines swept for what they tell of the third layer."""


def too_wide(width: int, lines: Sequence[MeasuredLine]) -> bool:
    """Whether a first layer of so many neurons is too wide for the search of all layers at once."""
    return sum(len(line.sweep.bends) for line in lines) * width**2 > MOST_NUMBERS


def recover_wide(bench: Bench, first: Peeled, orthant: Sequence[MeasuredLine]) -> Recovery:
    """Rebuild what can be told of a deep network over a wide first layer.

    Args:
        bench: Where to work; answers must be exact to many digits.
        first: The first layer, its sides decided.
        orthant: Lines through the region where it is on that were measured, in input coordinates.

    Raises:
        BudgetExhausted: The budget ended; the evidence tells what was found.
    """
    rows = first.basis
    probe = FrameProbe(bench.probe, rows)
    peeled = Peeled.of(first.weights @ rows.T, first.biases, first.errors)
    bottom = FoundRows(first.weights, first.biases, first.errors, np.ones(first.width, dtype=np.bool_))
    note_layers(bench, [bottom])

    def found_more(planes: Hyperplanes, lines: int) -> None:
        bench.probe.session.emit(NeuronRecovered(2, planes.count))
        bench.probe.session.emit(
            Note(f"layer 2: {planes.count} neurons, on {lines} lines where layer 1 is on")
        )
        note_layers(bench, [bottom, second_rows(peeled, planes, np.zeros(planes.count), False)])

    search = OrthantLayer(probe, peeled, bench.randomness, found_more)
    for line in orthant:
        search.take(in_frame(line, rows))
    search.run()
    second = _sided(peeled, search)
    note_layers(bench, [bottom, second])
    if second.decided.any():
        # should the budget end here, the sides told above stay
        search.found_more = lambda planes, lines: None
        search.more(MORE_LINES)
        second = _sided(peeled, search)
    third = _third_rows(peeled, second, search)
    if len(third.biases):
        bench.probe.session.emit(NeuronRecovered(3, len(third.biases)))
        note_layers(bench, [bottom, second, third])
        bench.evidence["rows"] = {"layer": 3, **rows_in_words(third)}
    text = f"Found {found_in_words(bench.evidence)}; the layers above them are not told by what was asked"
    return Recovery(None, Outcome(Status.PARTIAL, text))


def _third_rows(peeled: Peeled, second: FoundRows, search: OrthantLayer) -> FoundRows:
    """What the lines swept for the second layer tell of the third one; no side is told."""
    use, members = second.decided, search.members
    none = np.zeros(0)
    if members is None or not use.any():
        return FoundRows(np.zeros((0, len(use))), none, none, np.zeros(0, dtype=np.bool_))
    layers = (
        KnownLayer(peeled.weights, peeled.biases, np.ones(peeled.width, dtype=np.bool_)),
        # what rows of the second layer are off by is part of the error of all that is told over them
        KnownLayer(second.weights[use], second.biases[use], use[use], error=float(np.median(second.errors))),
    )
    free = [~members.explain(line.sweep, same_jumps=False).mask for line in search.measured]
    found = upper_layer(KnownLayers(peeled.width, layers), search.measured, free)
    weights = np.zeros((len(found.biases), len(use)))
    told = np.zeros(weights.shape, dtype=np.bool_)
    weights[:, use], told[:, use] = found.weights, found.told
    search.probe.session.emit(Note(f"layer 3: {len(weights)} neurons, from the same lines"))
    undecided = np.zeros(len(weights), dtype=np.bool_)
    note = "neurons may be missing that were met in too few regions; sides are not told"
    return FoundRows(weights, found.biases, found.errors, undecided, note, told)


def in_frame(line: MeasuredLine, rows: FloatArray) -> MeasuredLine:
    """A line within a span, in the coordinates of its orthonormal rows ("r d")."""
    at = line.sweep.line
    moved = Line(rows @ at.origin, rows @ at.direction, at.scale, at.low, at.high, at.centre)
    return replace(
        line,
        sweep=replace(line.sweep, line=moved),
        normals=line.normals @ rows.T,
        centres=line.centres @ rows.T,
        jacobians=line.jacobians @ rows.T,
        basis=np.eye(len(rows)),
    )


def second_rows(peeled: Peeled, planes: Hyperplanes, sides: FloatArray, whole: bool) -> FoundRows:
    """Hyperplanes seen where the first layer is on, as rows over its outputs.

    Args:
        peeled: The first layer.
        planes: In the same coordinates.
        sides: 1 if a neuron is on where its sum is positive, -1 if where it is negative, 0 if not known.
        whole: Whether no neuron of the layer is known to be missing.
    """
    above = peeled.layer_above(planes)
    sign = np.where(sides < 0, -1.0, 1.0)
    note = "" if whole else "neurons may be missing that were not met on the lines swept"
    return FoundRows(
        above.normals * sign[:, np.newaxis], above.offsets * sign, above.errors, sides != 0, note
    )


def _sided(peeled: Peeled, search: OrthantLayer) -> FoundRows:
    """The second layer with its sides, where the gradients seen tell them."""
    planes = search.members
    if planes is None:
        return FoundRows(
            np.zeros((0, peeled.width)), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.bool_), "not found"
        )
    told = steerable(planes.normals)
    sides = active_sides(planes, search.measured) if told else np.zeros(planes.count)
    return second_rows(peeled, planes, sides, search.whole)
