"""The plan of an extraction: sweep, measure, ask whether one layer explains it, else go deeper."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import BoolArray
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.deep import recover_deep
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.membership import belongs_to_first_layer
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.shallow import explains, layer_of, recover_affine, recover_single
from hingeline.extraction.single_layer import RegionView
from hingeline.extraction.verify import random_line
from hingeline.probing.line import LineSweep, sweep_line

FEW_STRANGERS = 1
"""Hyperplanes that do not extend, per 50, which a first line may show by mistake."""
SETTLED = (Status.COMPLETE, Status.EQUIVALENT)
"""Outcomes after which a deeper network need not be tried."""


def recover(bench: Bench) -> Recovery:
    """Rebuild the network behind the bench's probe.

    Raises:
        BudgetExhausted: The budget ended; `bench.best` has what was found.
    """
    first = _sweep(bench, None, 0)
    line = _measure(bench, first, None, 0)
    if not len(first.bends):
        return recover_affine(bench, line)
    lines = [line]
    planes = Hyperplanes.from_line(line, line.measured)
    for attempt in range(1, bench.settings.most_lines):
        view, values = _best_view(lines)
        layer = layer_of(planes, view, values)
        with bench.probe.session.phase("hypothesis"):
            explained = explains(bench, layer, attempt)
        if explained:
            result = recover_single(bench, layer, view)
            if result.outcome.status in SETTLED:
                return result
        members = _members(bench, planes, attempt)
        strangers = planes.count - int(members.sum())
        if strangers > max(FEW_STRANGERS, FEW_STRANGERS * planes.count // 50):
            return recover_deep(bench, planes.select(members), lines)
        # a few that do not extend may be two bends taken for one: leave them out and look elsewhere
        planes = planes.select(members)
        if strangers and attempt > 1:
            return recover_deep(bench, planes, lines)
        grown = _next_line(bench, planes, lines, attempt)
        if grown.count == planes.count:
            if strangers:
                return recover_deep(bench, planes, lines)
            break
        planes = grown
    return Recovery(
        bench.best,
        Outcome(
            Status.INCONCLUSIVE,
            f"{planes.count} first-layer neurons found, but together they do not explain the answers.",
        ),
    )


def _sweep(bench: Bench, known: Hyperplanes | None, index: int) -> LineSweep:
    line = random_line(bench.probe, bench.randomness.step("line", index), bench.settings)
    predicted = None if known is None else np.sort(known.crossings(line))
    with bench.probe.session.phase("lines"):
        sweep = sweep_line(bench.probe, line, predicted=predicted)
    bench.sweeps.append(sweep)
    bench.probe.session.emit(Note(f"line {index + 1}: {len(sweep.bends)} bends"))
    return sweep


def _measure(bench: Bench, sweep: LineSweep, known: Hyperplanes | None, index: int) -> MeasuredLine:
    with bench.probe.session.phase("hyperplanes"):
        rng = bench.randomness.step("hyperplanes", index)
        explained = None if known is None else known.explain(sweep, same_jumps=True)
        return measure_bends(bench.probe, sweep, rng, known=explained)


def _best_view(lines: list[MeasuredLine]) -> tuple[RegionView, np.ndarray]:
    line = min(lines, key=lambda item: float(item.jacobian_errors.min()))
    piece = int(np.argmin(line.jacobian_errors))
    view = RegionView(line.centres[piece], line.jacobians[piece], float(line.jacobian_errors[piece]))
    return view, line.values[piece]


def _members(bench: Bench, planes: Hyperplanes, attempt: int) -> BoolArray:
    with bench.probe.session.phase("membership"):
        rng = bench.randomness.step("membership", attempt)
        return belongs_to_first_layer(
            bench.probe, planes.normals, planes.offsets, planes.errors, planes.witnesses, rng
        )


def _next_line(bench: Bench, planes: Hyperplanes, lines: list[MeasuredLine], attempt: int) -> Hyperplanes:
    sweep = _sweep(bench, planes, attempt)
    line = _measure(bench, sweep, planes, attempt)
    lines.append(line)
    return planes.join(Hyperplanes.from_line(line, line.measured))
