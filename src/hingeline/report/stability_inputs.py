"""What a small step does: flips of all inputs by size, and single inputs one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from hingeline.core.arrays import IntArray
from hingeline.renormalisation.diagnosis import StabilityDiagnosis, eigenvalue_ratios
from hingeline.renormalisation.perturbations.binary import BinaryFlips
from hingeline.renormalisation.wording import told_from_asking_again, told_place
from hingeline.report import stability_figures, stability_words
from hingeline.report.fragility_directions import interval
from hingeline.report.fragility_words import percent
from hingeline.report.model import Block, Claim, Table, Text
from hingeline.report.numbers import plural, small
from hingeline.sensitivity.fisher.flip_curve import FlipCurve, FlipCurves

_CURVES = ("fisher", "gradient", "boundary", "random")
_NAMES = ("sensitive", "gradient", "nearest boundary", "random")
_CHANCE = 0.5  # of inputs that change class when asked again: beyond it flips are chance
_SIGMAS = 3.0  # standard errors from zero, below which an eigenvalue is not told


def flips(found: StabilityDiagnosis) -> Iterable[Block]:
    """Shares flipped by steps of each length, beside random steps and no step at all."""
    curves = found.curves
    if curves is None:
        return
    place = told_place(curves)
    yield Text(
        "For every input the direction along which a tiny step moves the class probabilities most "
        "(Fisher information) is followed both ways, and the class is asked. Beside it: the gradient, the "
        "nearest linearised boundary, and random directions of the same length."
    )
    yield stability_figures.flip_curves(curves)
    rows = tuple(
        (
            small(float(length)),
            *(interval(curves[name], at) for name in _CURVES),
            stability_words.ratio_words(curves, at),
        )
        for at, length in enumerate(curves.sizes)
    )
    yield Table(
        ("step (l2)", *_NAMES, "times random"),
        (
            (
                "0, asked\u00a0again",
                interval(curves.control_of_two, 0),
                "",
                "",
                interval(curves.control, 0),
                "",
            ),
            *rows,
        ),
        f"Percent of {stability_words.whom(len(found.curve_rows))} flipped, with 95 % (Wilson) intervals. "
        "First line: what is flipped by asking the same input again, of two tries for the direction that is "
        "tried both ways. Last column: over the share of random steps, and at least that.",
    )
    yield _sensitive(curves, place)
    yield _control(curves.control, curves.control_of_two, curves.wavers)


def _sensitive(curves: FlipCurves, place: int) -> Claim:
    """Whether the direction is more than chance, by the intervals."""
    size, low = small(float(curves.sizes[place])), float(curves.ratio_low[place])
    seen = (
        f"{interval(curves['fisher'], place)} against {interval(curves['random'], place)} percent at a step "
        f"of {size}"
    )
    if not told_from_asking_again(curves, place):
        again = interval(curves.control_of_two, 0)
        words = "Whether steps along the most sensitive direction flip more than asking again does"
        return Claim(words, None, f"{interval(curves['fisher'], place)} against {again} percent in two tries")
    if low > 1:
        return Claim("Steps along the most sensitive direction flip more than random ones", True, seen)
    return Claim(
        "Whether steps along the most sensitive direction flip more than random ones: the intervals overlap",
        None,
        seen,
    )


def _control(control: FlipCurve, of_two: FlipCurve, wavers: bool) -> Claim:
    if not wavers:
        return Claim("Control: asked again unchanged, every input kept its class", True)
    again, best = percent(float(control.shares[0])), percent(float(of_two.shares[0]))
    return Claim(
        "Control: asked again unchanged, some inputs change their class; read all shares against that",
        None if control.shares[0] <= _CHANCE else False,
        f"{again} in one try, {best} in the better of two",
    )


def one_by_one(found: StabilityDiagnosis) -> Iterable[Block]:
    """Single inputs: margin, information, boundary, smallest flip along the line, in numbers and images."""
    rows, lines, labels = stability_figures.shown_rows(found), found.lines, found.labels
    which = "looked at closely" if found.stack is not None and found.stack.looks else "as examples"
    of = "" if len(rows) == len(found.points) else f", of {len(found.points)}"
    yield Text(
        f"{plural(len(rows), 'input')} {which}{of}, the nearest to its linearised boundary first. Every "
        "input is told one by one in result.json."
    )
    yield Table(
        (
            "input",
            "class",
            *(["label"] if labels is not None else []),
            "margin",
            "top eigenvalue",
            "over the second",
            "linearised boundary",
            "smallest flip on the line",
        ),
        tuple(_row(found, int(row)) for row in rows),
        f"Margin: {_margin(found)}. Eigenvalues: of the Fisher information at the input, per squared input "
        "unit. Distances: l2. The line: both ways along the most sensitive direction.",
    )
    wavering = [int(row) for row in rows if lines is not None and lines.classes[row] != found.classes[row]]
    if wavering:
        yield Text(
            f"Row {', '.join(map(str, wavering))}: other samples give another class. At the boundary "
            "what it becomes is chance."
        )
    hidden = rows[found.fisher.saturated[rows] & found.trusted[rows]]
    if len(hidden):
        yield Text(
            f"At row {', '.join(map(str, hidden))} the answer is saturated: the information is tiny although "
            "the boundary may be close. Read the distances there."
        )
    images = stability_figures.both_signs(found, rows)
    yield from [] if images is None else [images]
    if found.known.traces.any() and found.fisher.log_eigenvalues.shape[1] > 1:
        yield found.known.figures()[0]


def _margin(found: StabilityDiagnosis) -> str:
    if found.kind == "stack":
        return "log-odds of the class over its nearest rival"
    return "output of the class less that of its nearest rival"


def _row(found: StabilityDiagnosis, row: int) -> tuple[str, ...]:
    fisher, lines = found.fisher, found.lines
    own = stability_figures.class_words(found, row)
    label = () if found.labels is None else (str(found.labels[row]),)
    flip = "not measured"
    if lines is not None:
        flip = f"none up to {small(lines.reach)}"
        if lines.found[row]:
            flip = f"{small(float(lines.steps[row]))}, to class {lines.becomes[row]}"
    top, ratio = _information(found, row)
    far = float(fisher.linear_distances[row])
    boundary = small(far) if math.isfinite(far) else "none"
    if not found.trusted[row]:
        top, ratio, boundary = "not known", "", "not known"
    return (f"row\u00a0{row}", own, *label, small(float(found.margins[row])), top, ratio, boundary, flip)


def _information(found: StabilityDiagnosis, row: int) -> tuple[str, str]:
    """Top eigenvalue with its error, where samples tell it from zero, and how far it leads the second."""
    ratio = float(eigenvalue_ratios(found.fisher)[row])
    looks = () if found.stack is None else found.stack.looks
    direct = next((look.convergence.single.direct for look in looks if look.row == row), None)
    if direct is None:
        top = small(float(found.fisher.eigenvalues[row, 0]))
    else:
        value, error, ratio = float(direct.eigenvalues[0]), float(direct.errors[0]), direct.ratio
        if error > 0 and not value > _SIGMAS * error:
            return "not told from 0", ""
        top = f"{small(value)} +- {small(error)}" if error > 0 else small(value)
    if math.isinf(ratio):
        return top, "the only one"
    return top, "" if math.isnan(ratio) else small(ratio)


def pixels(found: StabilityDiagnosis) -> Iterable[Block]:
    """The best few coordinates to exchange, where inputs have two values."""
    binary = found.binary
    if binary is None:
        return
    yield Text(
        "These inputs have two values, so that a step is an exchange of some of their coordinates. Those "
        "that Fisher information names, the better of both signs, beside random ones."
    )
    yield binary.figure()
    names = ("fisher", "gradient", "random")
    rows = tuple(
        (str(k), *(interval(binary[name], at) for name in names), _times(binary, at))
        for at, k in enumerate(binary.counts)
    )
    columns = ("exchanged", "by Fisher information", "by the gradient", "random", "times random")
    number = binary.control.flips.shape[1]
    yield Table(
        columns,
        (("0, asked again", interval(binary.control_of_two, 0), "", interval(binary.control, 0), ""), *rows),
        f"Percent of {stability_words.whom(number)} that change their class, with 95 % intervals.",
    )
    rows_shown = stability_figures.shown_rows(found)
    images = stability_figures.best_pixels(found, rows_shown)
    yield images if images is not None else _coordinates(found, binary, rows_shown)


def _times(binary: BinaryFlips, place: int) -> str:
    ratio, low = float(binary.ratio[place]), float(binary.ratio_low[place])
    if math.isnan(ratio):
        return "neither flips"
    told = small(ratio) if math.isfinite(ratio) else "random flips none"
    return f"{told} (at least {small(low)})" if math.isfinite(low) and low > 0 else told


def _coordinates(found: StabilityDiagnosis, binary: BinaryFlips, rows: IntArray) -> Table:
    """The best coordinates by number, where inputs are no images."""
    places = {int(row): place for place, row in enumerate(found.curve_rows)}
    told = tuple(
        (f"row {row}", ", ".join(map(str, np.sort(binary.sets[-1][places[int(row)]]))))
        for row in rows
        if int(row) in places
    )
    words = f"the best {plural(int(binary.counts[-1]), 'coordinate')} to exchange, counted from 0"
    return Table(("input", words), told)
