"""One line through the input space: what the door answered, what the copy says, where the copy bends."""

from __future__ import annotations

import numpy as np

from hingeline.auditing.record import Audit, Line
from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves
from hingeline.report.numbers import plural, small

_EVERY = 4  # of the answers one in so many is drawn as a dot, so that the copy shows between them
_NAMED_BENDS = 6  # more names would cover the figure


def line_figure(audit: Audit, line: Line) -> Curves | None:
    """Answers along the line, of the output whose bends show best; None where nothing moves."""
    if not len(line.positions) or not np.ptp(line.values, axis=0).any():
        return None
    if audit.card is not None and audit.card.answers == "labels":
        given = line.values[:, 0] if line.values.shape[1] == 1 else line.values.argmax(axis=1)
        return _figure(
            line, "The class that the door gives", Axis("class", whole=True), given, None, dots=True
        )
    shown = _most_bent(line.values if line.predicted is None else line.predicted)
    name, unit = _output_name(audit, line.values.shape[1], shown)
    predicted = None if line.predicted is None else line.predicted[:, shown]
    return _figure(line, f"The door's answer{name}", Axis(unit), line.values[:, shown], predicted)


def _figure(
    line: Line,
    told: str,
    up: Axis,
    values: FloatArray,
    predicted: FloatArray | None,
    *,
    dots: bool = False,
) -> Curves:
    across, few = line.positions, len(line.bends) <= _NAMED_BENDS
    if predicted is None:
        curves = [_curve("what the door answered", across, values, joined=not dots)]
    else:
        some = _curve("what the door answered", across[::_EVERY], values[::_EVERY], joined=False)
        curves = [_curve("what the copy says", across, predicted), some]
    for layer in () if few else np.unique(line.layers):
        bends = line.bends[line.layers == layer]
        floor = np.full(len(bends), float(values.min()))
        curves.append(_curve(f"bends of neurons of layer {layer}", bends, floor, joined=False))
    marked = zip(line.layers.tolist(), line.bends.tolist(), strict=True)
    return Curves(
        "line",
        f"{told} along a straight line between two inputs.{_compared(line)}",
        Axis("way from the first input (0) to the second (1)"),
        up,
        tuple(curves),
        marks=tuple((f"layer {layer}", place) for layer, place in marked) if few else (),
    )


def _curve(label: str, x: FloatArray, y: FloatArray, *, joined: bool = True) -> Curve:
    return Curve(label, tuple(map(float, x)), tuple(map(float, y)), joined)


def _most_bent(values: FloatArray) -> int:
    """The output whose bends show best: the largest change of slope for its range."""
    if values.shape[1] == 1 or len(values) < 3:
        return 0
    turns, spread = np.abs(np.diff(values, 2, axis=0)).max(axis=0), np.ptp(values, axis=0)
    return int(np.argmax(np.divide(turns, spread, out=np.zeros_like(turns), where=spread > 0)))


def _output_name(audit: Audit, width: int, shown: int) -> tuple[str, str]:
    """What an output is called, in the caption and on the axis."""
    card = audit.card
    if width == 1 or card is None:
        return "", "answer"
    if card.output_dim != width + 1:
        return f" for class {shown}", f"answer for class {shown}"
    # log-ratios leave out the class that all others are held against
    one, other = [n for n in range(width + 1) if n != card.head.reference][shown], card.head.reference
    return f" for class {one} against class {other}", f"log-ratio of class {one} to class {other}"


def _compared(line: Line) -> str:
    if line.predicted is None:
        return ""
    gap = float(np.abs(line.predicted - line.values).max(initial=0.0))
    drawn = " (dashed)" * (0 < len(line.bends) <= _NAMED_BENDS)
    bends = plural(len(line.bends), "bend") if len(line.bends) else "none"
    return (
        f" The answer bends where a neuron switches: the copy has {bends} "
        f"here{drawn}. Copy and door are nowhere on it more than {small(gap)} apart, in any output."
    )
