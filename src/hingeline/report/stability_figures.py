"""Figures of stability that measurements do not draw themselves: both signs, chosen pixels, heat maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import IntArray
from hingeline.core.figure_data import Axis, Curve, Curves, Figure, Heat, Picture, Pictures
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.flow.class_law_results import ClassLaws
from hingeline.renormalisation.stack_findings import CloseLook, Flow
from hingeline.report.numbers import plural, small
from hingeline.report.span_figures import image, image_side
from hingeline.sensitivity.fisher.flip_curve import FlipCurves
from hingeline.sensitivity.results import number, numbers

_NAMES = {
    "Fisher, sign chosen by asking": "most sensitive direction, the worse of both ways",
    "Fisher, either sign alike": "most sensitive direction, mean of both ways",
}
_SHOWN = 4  # inputs told one by one, where none was looked at closely
_MOST_CLASSES = 12  # more columns are too narrow for their numbers


def shown_rows(found: StabilityDiagnosis) -> IntArray:
    """The inputs told one by one, the nearest to its linearised boundary first."""
    # what is not known comes last
    distances = found.linear_distances
    if found.stack is not None and found.stack.looks:
        rows = np.array([look.row for look in found.stack.looks])
        return rows[np.argsort(distances[rows], kind="stable")]
    order = np.argsort(distances, kind="stable")
    places = np.linspace(0, len(order) - 1, min(_SHOWN, len(order)))
    return order[np.unique(places.round().astype(np.int64))]


def shape_of(found: StabilityDiagnosis) -> tuple[int, int] | None:
    """Height and width of the inputs as square grey images; None if they cannot be."""
    side = image_side(found.points.shape[1])
    return None if side is None else (side, side)


def both_signs(found: StabilityDiagnosis, rows: IntArray) -> Pictures | None:
    """Inputs as given, their most sensitive direction both ways, and flipped; None where they are no images.

    Args:
        found: What was found.
        rows: Which inputs.
    """
    shape = shape_of(found)
    rows = rows[found.fisher.top[rows].any(axis=1)]
    if shape is None or not len(rows):
        return None
    return Pictures(
        "sensitive-directions",
        "One input in each line: as given; the step that moves its class probabilities most, both ways (mid "
        "grey is no change); and where the class first changes along it.",
        ("as given", "sensitive direction", "the other way", "flipped along it"),
        tuple(_line(found, int(row), shape[0]) for row in rows),
    )


def class_words(found: StabilityDiagnosis, row: int) -> str:
    """The class of an input, or both where other samples gave another one."""
    own, lines = int(found.classes[row]), found.lines
    other = own if lines is None else int(lines.classes[row])
    return str(own) if own == other else f"{own} or {other}"


def flip_curves(curves: FlipCurves) -> Curves:
    """Shares flipped by size, with names that explain themselves."""
    figure = curves.figure("stability-flips")
    told = tuple(replace(curve, label=_NAMES.get(curve.label, curve.label)) for curve in figure.curves)
    return replace(figure, curves=told)


def class_curves(laws: ClassLaws) -> Curves:
    """Distances between classes by layer, with an axis whose words fit."""
    exact = all(laws.exact_layers)
    up = "total variation between classes" + ("" if exact else ", from below")
    return replace(laws.figure(), up=Axis(up, from_zero=True))


def _line(found: StabilityDiagnosis, row: int, side: int) -> tuple[Picture, ...]:
    given, direction = found.points[row], found.fisher.top[row]
    # one scale for all inputs: some may be constant
    ends = (float(found.points.min()), float(found.points.max()))
    reach, lines = float(np.abs(direction).max()), found.lines
    wrong = found.labels is not None and found.labels[row] != found.classes[row]
    label = f" (labelled {found.labels[row]})" if wrong and found.labels is not None else ""
    sign, flipped, words = 0, given, "no flip within the reach"
    if lines is not None and lines.found[row]:
        sign, flipped = int(lines.signs[row]), lines.points[row]
        words = f"class {lines.becomes[row]} after a step of {small(float(lines.steps[row]))}"
    elif lines is None:
        words = "not measured"
    told = {1: "this way it flips first", 0: ""}
    return (
        image(given, side, *ends, f"row {row}: class {class_words(found, row)}{label}"),
        image(direction, side, -reach, reach, told.get(sign, "")),
        image(-direction, side, -reach, reach, told.get(-sign, "") if sign else ""),
        image(flipped, side, *ends, words),
    )


def best_pixels(found: StabilityDiagnosis, rows: IntArray) -> Pictures | None:
    """Inputs of two values with their k best coordinates flipped; None where they are no images."""
    shape, binary = shape_of(found), found.binary
    places = {int(row): place for place, row in enumerate(found.curve_rows)}
    rows = np.array([row for row in rows if int(row) in places], dtype=np.int64)
    if shape is None or binary is None or not len(rows):
        return None
    low, high = float(found.points.min()), float(found.points.max())

    def line(row: int) -> tuple[Picture, ...]:
        told = [image(found.points[row], shape[0], low, high, f"row {row}: class {found.classes[row]}")]
        for place, chosen in enumerate(binary.sets):
            moved = found.points[row].copy()
            pixels = chosen[places[row]]
            moved[pixels] = low + high - moved[pixels]
            flips = bool(binary["fisher"].flips[place, places[row]])
            told.append(image(moved, shape[0], low, high, "another class" if flips else "same class"))
        return tuple(told)

    return Pictures(
        "best-pixels",
        "Inputs as given, and with the few pixels exchanged that Fisher information names; better ones may "
        "exist.",
        ("as given", *(plural(int(k), "pixel") for k in binary.counts)),
        tuple(line(int(row)) for row in rows),
    )


def by_layer(looks: tuple[CloseLook, ...], rows: IntArray) -> Curves:
    """Information by layer at the nearest and the farthest of the close looks, beside random directions."""
    by_row = {look.row: look for look in looks}
    chosen = list(dict.fromkeys((int(rows[0]), int(rows[-1]))))
    words = ("nearest to its boundary", "farthest from it") if len(chosen) == 2 else ("the input",)
    curves: list[Curve] = []
    for row, which in zip(chosen, words, strict=True):
        profile = by_row[row].convergence.profile
        places = tuple(float(i + 1) for i in range(len(profile.layers)))
        curves.append(Curve(f"row {row}, {which}: most sensitive direction", places, numbers(profile.along)))
        curves.append(Curve(f"row {row}: random direction", places, numbers(profile.random)))
    last = len(by_row[chosen[0]].convergence.profile.layers)
    return Curves(
        "information-by-layer",
        "How much each layer still knows of a small step at the input: a step along the most sensitive "
        "direction, and a random step. In a stack of noisy layers it can only fall; the two may part.",
        Axis(f"layer ({last} is the answer)", whole=True),
        Axis("information, per squared input unit", log=True),
        tuple(curves),
    )


def class_distances(laws: ClassLaws) -> Heat | None:
    """Total variation of all pairs of classes in the last layer of units; None for two, or too many."""
    if not 2 < len(laws.labels) <= _MOST_CLASSES:
        return None
    values = {pair: float(line[-1].value) for pair, line in zip(laws.pairs, laws.distances, strict=True)}
    told = "the distance" if laws.exact_layers[-1] else "a lower bound"
    return Heat(
        "class-distances-last-layer",
        "How far classes are told apart by the last layer of units: 1 is always, 0 is never "
        f"(total variation, {told}).",
        "total-variation distance",
        "class",
        "class",
        tuple(map(str, laws.labels)),
        tuple(map(str, laws.labels)),
        tuple(tuple(values.get((a, b), values.get((b, a))) for b in laws.labels) for a in laws.labels),
    )


def eigenvalues(flows: tuple[Flow, ...]) -> Figure | None:
    """Largest |lambda| of several steps, for each flow; None without identification, or for one step."""
    if len(flows[0].matrices) < 2:
        return None
    if not any(m.spectrum is not None for flow in flows for m in flow.matrices):
        return None
    steps = flows[0].matrices
    return Heat(
        "largest-eigenvalues",
        "Largest |lambda| of the stability matrix of each step, under the declared identification; errors "
        "and what may be said of it stand in the table.",
        "largest |lambda|",
        "samples upward from",
        "step",
        tuple(flow.words for flow in flows),
        tuple(f"layer {m.layer} to {m.layer + 1}" for m in steps),
        tuple(
            tuple(None if r.eigenvalue is None else number(r.eigenvalue) for r in flow.relevance)
            for flow in flows
        ),
    )
