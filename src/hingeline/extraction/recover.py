"""The plan of an extraction: sweep, measure, ask whether one layer explains it, else go deeper."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.bends import MeasuredLine, measure_bends
from hingeline.extraction.convolution.recover_convolution import recover_convolution
from hingeline.extraction.deep import recover_deep
from hingeline.extraction.hyperplanes import Hyperplanes
from hingeline.extraction.membership import Sightings, look_for
from hingeline.extraction.neuron_lines import note_hyperplanes, note_votes
from hingeline.extraction.pooled_maxima import refuse_maxima
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.shallow import explains, layer_of, recover_affine, recover_single
from hingeline.extraction.single_layer import RegionView
from hingeline.extraction.verify import line_towards, random_line
from hingeline.probing.line import Line, LineSweep, sweep_line
from hingeline.probing.noise_check import checked_noise
from hingeline.probing.probe import is_coarse

FEW_STRANGERS = 1
"""Hyperplanes that do not extend, per 50, which a first line may show by mistake."""
QUIET_LINES = 2
"""Lines without a new hyperplane that are no reason to stop: short ones in a bounded domain, or those
drawn to where the last candidate was wrong."""
COARSE_QUIET_LINES = 4
"""Such lines where answers are coarse: a neuron may lie too near to others to be measured on one of them."""
SLIGHT = 1.3
"""Noise that is more by less than this factor is no reason to sweep a line again."""
SURE_SIGMAS = 8.0
"""Deviations from every hyperplane at which a region is surely on the side that it seems to be on."""
TINY = float(np.finfo(np.float64).tiny) ** 0.25
SETTLED = (Status.COMPLETE, Status.EQUIVALENT)
"""Outcomes after which a deeper network need not be tried."""


def recover(bench: Bench) -> Recovery:
    """Rebuild the network behind the bench's probe.

    Raises:
        BudgetExhausted: The budget ended; `bench.best` has what was found.
    """
    first = _first_sweep(bench)
    if first.largest_step:
        return Recovery(None, _jumping(first.largest_step))
    if bench.settings.image is not None:
        convolution = recover_convolution(bench, first, bench.settings.image)
        if convolution is not None:
            return convolution
    note_hyperplanes(bench, first, 0)
    lines = [_measure(bench, first, None, 0)]
    planes = Hyperplanes.from_line(lines[0], lines[0].measured)
    note_hyperplanes(bench, first, planes.count)
    result: Recovery | None = None
    quiet, patience = 0, 0 if bench.probe.domain.free else QUIET_LINES
    if is_coarse(bench.probe):
        patience = COARSE_QUIET_LINES
    for attempt in range(1, bench.settings.most_lines):
        result = _one_layer(bench, planes, lines, attempt)
        if result is not None and result.outcome.status in SETTLED:
            return result
        bench.evidence.pop("architecture", None)
        looks = _looks(bench, planes, attempt)
        note_votes(bench, looks)
        refused = None if is_coarse(bench.probe) else refuse_maxima(bench, planes, looks, attempt)
        if refused is not None:
            return Recovery(None, refused)
        members = looks.members
        strangers = planes.count - int(members.sum())
        coarse = is_coarse(bench.probe)
        few = planes.count // 5 if coarse else FEW_STRANGERS * planes.count // 50
        if strangers > max(FEW_STRANGERS, few):
            return recover_deep(bench, planes.select(members), lines)
        # a few that do not extend may be two bends taken for one: leave them out and look elsewhere
        planes = planes.select(members)
        if strangers and attempt > 1 and not coarse:
            return recover_deep(bench, planes, lines)
        hopeful = bench.contradiction is not None
        grown = _next_line(bench, planes, lines, attempt)
        quiet = quiet + 1 if grown.count == planes.count else 0
        if quiet > (max(patience, QUIET_LINES) if hopeful else patience):
            if strangers:
                return recover_deep(bench, planes, lines)
            break
        planes = grown
    if result is not None:
        return result
    return Recovery(bench.best, Outcome(Status.INCONCLUSIVE, _unexplained(bench, planes, lines)))


def _jumping(step: float) -> Outcome:
    reason = (
        f"The answers stand still and jump, by {step:.2g} at one place: not piecewise linear (step functions "
        "or a quantised network), so there are no ReLU neurons to find."
    )
    return Outcome(Status.REFUSED, reason, "Ask for the answers before they are quantised, if there are any.")


def _unexplained(bench: Bench, planes: Hyperplanes, lines: list[MeasuredLine]) -> str:
    if planes.count:
        return f"{planes.count} first-layer neurons found, but together they do not explain the answers."
    bends = sum(len(line.sweep.bends) for line in lines)
    noise = float(bench.probe.noise.at_norm(np.array([bench.probe.calibration.scale]))[0])
    return (
        f"{bends} bends seen on {len(lines)} lines, but no hyperplane could be measured: "
        f"answers uncertain by {noise:.1g} are too coarse, or not those of a ReLU network."
    )


def _one_layer(bench: Bench, planes: Hyperplanes, lines: list[MeasuredLine], attempt: int) -> Recovery | None:
    """What one hidden layer of these hyperplanes comes to; None if it does not explain the answers."""
    if not planes.count and not len(lines[-1].sweep.bends):
        return recover_affine(bench, lines[-1])
    view, values = _best_view(bench, planes, lines)
    layer = layer_of(planes, view, values)
    with bench.probe.session.phase("hypothesis"):
        explained = explains(bench, layer, attempt)
    return recover_single(bench, layer, view) if explained else None


def _sweep(bench: Bench, known: Hyperplanes | None, index: int) -> LineSweep:
    line = _line(bench, index)
    # predictions from coarse answers miss by more than it takes to save queries
    foresee = known is not None and not is_coarse(bench.probe)
    predicted = np.sort(known.crossings(line)) if known is not None and foresee else None
    with bench.probe.session.phase("lines"):
        sweep = sweep_line(bench.probe, line, predicted=predicted)
    bench.sweeps.append(sweep)
    bench.probe.note_slope(float(np.abs(sweep.slopes).max()))
    bench.probe.session.emit(Note(f"line {index + 1}: {len(sweep.bends)} bends"))
    return sweep


def _first_sweep(bench: Bench) -> LineSweep:
    """The first line; once more if its answers are coarser than the doctor thought."""
    sweep = _sweep(bench, None, 0)
    if not is_coarse(bench.probe) or bench.probe.noise_checked:
        return sweep
    with bench.probe.session.phase("noise"):
        rougher = bench.probe.with_noise(checked_noise(bench.probe, bench.randomness.step("noise")))
    worse = rougher.calibration.noise.per_norm > SLIGHT * bench.probe.calibration.noise.per_norm
    bench.probe = rougher
    if not worse:
        return sweep
    bench.sweeps.pop()
    return _sweep(bench, None, 0)


def _line(bench: Bench, index: int) -> Line:
    """A random line, or one to where the last candidate failed: something unknown bends on the way."""
    target, bench.contradiction = bench.contradiction, None
    line = random_line(bench.probe, bench.randomness.step("line", index), bench.settings)
    return line if target is None else line_towards(bench.probe, line.origin, target, bench.settings)


def _measure(
    bench: Bench,
    sweep: LineSweep,
    known: Hyperplanes | None,
    index: int,
    basis: FloatArray | None = None,
) -> MeasuredLine:
    with bench.probe.session.phase("hyperplanes"):
        rng = bench.randomness.step("hyperplanes", index)
        explained = None if known is None else known.explain(sweep, same_jumps=True)
        if known is not None and explained is not None and is_coarse(bench.probe):
            explained = explained.without(known.vague)
        return measure_bends(bench.probe, sweep, rng, known=explained, basis=basis)


def narrow_basis(bench: Bench, lines: list[MeasuredLine]) -> FloatArray | None:
    """From coarse answers: the span of all gradients, if it is less than everything."""
    basis = lines[-1].basis
    return basis if is_coarse(bench.probe) and len(basis) < bench.probe.input_dim else None


def _best_view(bench: Bench, planes: Hyperplanes, lines: list[MeasuredLine]) -> tuple[RegionView, np.ndarray]:
    """The most precise region; from coarse answers, of those where it is sure which side of what they are."""
    errors = np.concatenate([line.jacobian_errors for line in lines])
    centres = np.concatenate([line.centres for line in lines])
    if is_coarse(bench.probe) and planes.count:
        doubt = SURE_SIGMAS / np.maximum(planes.certainty(centres), TINY)
        errors = np.where(np.isfinite(errors), np.maximum(1.0, doubt**2) * errors, np.inf)
    best = int(np.argmin(errors))
    jacobian = np.concatenate([line.jacobians for line in lines])[best]
    error = float(np.concatenate([line.jacobian_errors for line in lines])[best])
    values = np.concatenate([line.values for line in lines])[best]
    return RegionView(centres[best], jacobian, error), values


def _looks(bench: Bench, planes: Hyperplanes, attempt: int) -> Sightings:
    with bench.probe.session.phase("membership"):
        rng = bench.randomness.step("membership", attempt)
        return look_for(
            bench.probe, planes.normals, planes.offsets, planes.errors, planes.witnesses, rng,
            jumps=planes.jumps if is_coarse(bench.probe) else None,
        )  # fmt: skip


def _next_line(bench: Bench, planes: Hyperplanes, lines: list[MeasuredLine], attempt: int) -> Hyperplanes:
    sweep = _sweep(bench, planes, attempt)
    line = _measure(bench, sweep, planes, attempt, narrow_basis(bench, lines))
    lines.append(line)
    return planes.join(Hyperplanes.from_line(line, line.measured), better=is_coarse(bench.probe))
