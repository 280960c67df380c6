"""How one sees a network leak: neurons by questions, bends along a line, the weights as images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hingeline.auditing.record import Audit
from hingeline.core.arrays import FloatArray
from hingeline.core.figure_data import Axis, Curve, Curves, Pictures
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.report.audit_line import line_figure
from hingeline.report.model import Block
from hingeline.report.numbers import count
from hingeline.report.span_figures import image, image_side

_MOST_WEIGHTS = 32  # images of first-layer rows
_COLUMNS = 8  # images in one line
_COUNTED = {
    True: "Neurons that counted as known after so many questions; a count that falls was taken back when "
    "more questions told better.",
    False: "Neurons that were counted on the way, after so many questions. No copy was verified: counts may "
    "be too high, and one that falls was taken back.",
}
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
        f"{_COUNTED[audit.copy is not None]} Dashed: where each part of the audit began.",
        Axis("questions asked of the door", from_zero=True, whole=True),
        Axis("neurons known" if audit.copy is not None else "neurons counted", from_zero=True, whole=True),
        tuple(_steps(audit, layer, end) for layer in layers),
        marks=tuple((_BRIEF.get(name, name), float(start)) for name, start in starts.items()),
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
    return Curve(f"layer {layer}", (*xs, float(end)), (*ys, ys[-1]), steps=True)


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
    some = f"{count(len(shown))} of " if len(shown) < len(rows) else "all "
    which = f"{some}{count(len(rows))}"
    return Pictures(
        "weights",
        f"What each first-layer neuron of the copy looks for ({which}, the strongest first). Mid grey is no "
        "weight, white adds to the neuron, black holds it back; each on its own scale.",
        ("",) * min(_COLUMNS, len(shown)),
        tuple(tuple(shown[n : n + _COLUMNS]) for n in range(0, len(shown), _COLUMNS)),
    )


def _end(row: FloatArray) -> float:
    return float(np.abs(row).max()) or 1.0
