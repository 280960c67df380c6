"""How one sees a network leak: neurons by questions, bends along a line, the weights as images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hingeline.auditing.record import Audit, Line
from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves, Pictures
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.model import Block
from hingeline.report.numbers import count, plural, small
from hingeline.report.span_figures import image, image_side

_MOST_WEIGHTS = 32  # images of first-layer rows
_COLUMNS = 8  # images in one line
_BRIEF = {"door": "doctor", "inputs": "your inputs"}


def evidence_blocks(audit: Audit) -> Iterable[Block]:
    """The query curve, one line through the input space, the first layer as images: what there is of them."""
    line = None if audit.line is None else line_figure(audit, audit.line)
    weights = None if audit.copy is None else weight_images(audit.copy)
    for figure in (query_curve(audit), line, weights):
        if figure is not None:
            yield figure


def query_curve(audit: Audit) -> Curves | None:
    """Neurons known by questions asked, one step curve for each layer; None where none was ever counted."""
    if not audit.progress:
        return None
    starts, stage = stage_starts(audit), audit.stage("extraction")
    last = max(asked for asked, _, _ in audit.progress)
    end = last if stage is None else max(last, starts.get("extraction", 0) + stage.queries)
    layers = sorted({layer for _, layer, _ in audit.progress})
    return Curves(
        "query-curve",
        "Neurons that were counted as known after so many questions. A count that falls was taken back, "
        "because more questions told better.",
        Axis("questions asked of the door", from_zero=True, whole=True),
        Axis("neurons known", from_zero=True, whole=True),
        tuple(_steps(audit, layer, end) for layer in layers),
        marks=tuple((f"{_BRIEF.get(name, name)} begins", float(start)) for name, start in starts.items()),
    )


def stage_starts(audit: Audit) -> dict[str, int]:
    """Questions that had been asked when each stage began that asked any."""
    starts: dict[str, int] = {}
    asked = 0
    for stage in audit.stages:
        if stage.queries:
            starts[stage.name] = asked
        asked += stage.queries
    return starts


def _steps(audit: Audit, layer: int, end: int) -> Curve:
    """A step at each new count, level in between."""
    xs, ys = [0.0], [0.0]
    for asked, of, known in audit.progress:
        if of == layer:
            xs += [float(asked), float(asked)]
            ys += [ys[-1], float(known)]
    return Curve(f"layer {layer}", (*xs, float(end)), (*ys, ys[-1]))


def line_figure(audit: Audit, line: Line) -> Curves | None:
    """What the door answered along one line, what the copy says and where it bends; None for no row."""
    if not len(line.positions):
        return None
    labels = audit.card is not None and audit.card.answers == "labels"
    values, words, told = _shown(audit, line, line.values, labels)
    across = tuple(line.positions.tolist())
    curves = [Curve("the door's answers", across, tuple(values.tolist()), joined=False)]
    if line.predicted is not None:
        predicted, _, _ = _shown(audit, line, line.predicted, labels)
        curves.append(Curve("the copy", across, tuple(predicted.tolist())))
    floor = float(values.min())
    for layer in np.unique(line.layers):
        bends = line.bends[line.layers == layer]
        ground = tuple([floor] * len(bends))
        curves.append(
            Curve(f"bends of layer {layer} in the copy", tuple(bends.tolist()), ground, joined=False)
        )
    return Curves(
        "line",
        f"{told} along a straight line from one input (0) to another (1).{_compared(line)}",
        Axis("way from the first input to the second"),
        Axis(words),
        tuple(curves),
        marks=tuple(("", float(place)) for place in line.bends),
    )


def _shown(audit: Audit, line: Line, values: FloatArray, labels: bool) -> tuple[FloatArray, str, str]:
    """One number for each position, its words for the axis, and for the caption."""
    if labels:
        return (
            (values[:, 0] if values.shape[1] == 1 else values.argmax(axis=1)),
            "class",
            "The class it gives",
        )
    if values.shape[1] == 1:
        return values[:, 0], "answer", "The one value it answers"
    first, last = int(line.values[0].argmax()), int(line.values[-1].argmax())
    if first == last:
        last = int(np.argsort(line.values[0])[-2])
    names = _output_names(audit, values.shape[1])
    one, other = names[first], names[last]
    return (
        values[:, first] - values[:, last],
        f"{one} minus {other}",
        f"Its value for {one} minus that for {other}",
    )


def _output_names(audit: Audit, width: int) -> list[str]:
    """Names of the columns; of log-ratios one class is missing, the one that all are held against."""
    if audit.card is not None and audit.card.output_dim == width + 1:
        return [f"class {n}" for n in range(width + 1) if n != audit.card.head.reference]
    return [f"class {n}" for n in range(width)]


def _compared(line: Line) -> str:
    if line.predicted is None:
        return ""
    gap = float(np.abs(line.predicted - line.values).max(initial=0.0))
    return (
        f" The copy has {plural(len(line.bends), 'bend')} here; nowhere on it copy and door are more than "
        f"{small(gap)} apart."
    )


def weight_images(copy: PiecewiseLinearNetwork) -> Pictures | None:
    """First-layer rows of the copy, the most effective first; None where inputs are no images.

    What a neuron does is told by the length of its row times that of what goes out of it, which no scaling of
    neurons changes.
    """
    side = image_side(copy.input_dim)
    if side is None or not copy.hidden_widths:
        return None
    rows, out = copy.weights[0], copy.weights[1]
    effect = np.linalg.norm(rows, axis=1) * np.linalg.norm(out, axis=0)
    order = np.argsort(-effect, kind="stable")[:_MOST_WEIGHTS]
    shown = [image(rows[n], side, -_end(rows[n]), _end(rows[n])) for n in order]
    which = (
        f"the {count(len(shown))} of {count(len(rows))} with the most effect"
        if len(shown) < len(rows)
        else "all"
    )
    return Pictures(
        "weights",
        f"What each first-layer neuron of the copy looks for ({which}, strongest first). Mid grey is no "
        "weight, white adds to the neuron, black holds it back; each on its own scale.",
        ("",) * min(_COLUMNS, len(shown)),
        tuple(tuple(shown[n : n + _COLUMNS]) for n in range(0, len(shown), _COLUMNS)),
    )


def _end(row: FloatArray) -> float:
    return float(np.abs(row).max()) or 1.0
