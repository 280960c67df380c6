"""Doors whose answers have an absolute error (rounded, or with noise added): look from far away.

On a free domain an absolute error is no defence. Far out the answers are larger and the error is not: in a
unit of length R the door answers f(R x) / R, a network with the same weights, biases divided by R and the
error divided by R. So the ordinary recovery is done there, in a unit that brings the error down to that of
float64. What comes back are weights of nearly all digits and biases as exact as one answer; a regression on
answers at smaller norms gives the biases what averaging can give, and fresh questions at typical norms
decide whether anything acts near the origin only. Then the unit was too large, and a smaller one is tried.

Source: extraction from rounded answers by larger steps is known; the change of unit, which turns it into the
exact problem, is ours. Cost: as without the error, and 16 queries per bias and about 300 for the check.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted, QueryFailed, RecoveryError
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.core.randomness import Randomness
from hingeline.extraction.attempts import recover_in_range
from hingeline.extraction.bias_answers import with_biases
from hingeline.extraction.bias_fit import BiasFit
from hingeline.extraction.digits import digits, digits_by_layer
from hingeline.extraction.larger_unit import SMALLEST_UNIT
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.typical_check import TYPICAL_POINTS, TypicalCheck, check_typical
from hingeline.extraction.verify import RowErrors, fresh_points, largest_error
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.probe import Probe

LEVELS = (1.0, 1.0, 10.0, 100.0, 1e4, 1e6)
"""Multiples of the finest share that are tried in turn, each with its own chance."""
BEARABLE = 1e-8
"""Share of the variation up to which an error can be borne without any larger unit, if none helps."""
NEARER, LESS_FAR = 100.0, 100.0
"""The unit shrinks so much where something acts near the origin only, or where the door fails far out."""
CLOSE_RADIUS = 100.0
"""Where the door fails far out, so many typical norms of the unit are used; without a failure, all space."""
NEAREST_STEP = "answers rounded to the nearest step; rounded down, output biases are half a step larger"
"""What no answer can tell."""
MOST_EXCESS = (1.3, 3.0)
"""Residuals so many times what rounding makes, or what noise was measured to be, have another cause."""


def recover_from_afar(bench: Bench, unit: float, variation: float) -> Recovery:
    """Recover in units of up to `unit`, bring the network back and check it at typical norms.

    Raises:
        BudgetExhausted: The budget ended; `bench.best` has what was found.
        QueryFailed: The door is closed.
    """
    best: Recovery | None = None
    smaller = radius = np.inf
    for attempt, level in enumerate(LEVELS):
        tried = min(unit / level, smaller)
        if tried < SMALLEST_UNIT:
            break
        tried = float(2.0 ** np.floor(np.log2(tried)))
        try:
            distant, again = _recover_in(bench, tried, attempt, radius)
        except QueryFailed as failure:
            _ask_nearby(bench)
            bench.probe.session.emit(Note(f"{failure} The door answers nearer by; trying there."))
            smaller, radius = tried / LESS_FAR, CLOSE_RADIUS
            continue
        if distant.network is None or distant.outcome.status not in (Status.COMPLETE, Status.EQUIVALENT):
            best = best or Recovery(_nearer(distant.network, again), distant.outcome)
            continue
        result, check = _brought_back(bench, distant, again, attempt)
        if check.agreed:
            return result
        best, smaller = result, tried / NEARER
        bench.probe.session.emit(Note(f"{check.complaint} Trying nearer."))
    if bench.probe.calibration.noise.absolute < BEARABLE * variation:
        seen = dict(bench.evidence)
        for name in ("seen_from", "digits", "verification_from_afar"):
            bench.evidence.pop(name, None)
        result = recover_in_range(bench)
        if best is None or result.outcome.ok:
            return result
        bench.evidence.update(seen)
    return best or recover_in_range(bench)


def _recover_in(bench: Bench, unit: float, attempt: int, radius: float) -> tuple[Recovery, Bench]:
    seen = bench.probe.calibration.seen_from(unit)
    seen = replace(seen, radius=min(seen.radius, radius * seen.scale))
    probe = Probe(bench.probe.session, seen)
    randomness = Randomness(bench.randomness.seed + 104729 * attempt)
    distant = Bench(probe, randomness, bench.settings, evidence=bench.evidence)
    bench.evidence["seen_from"] = {"unit": unit, "attempt": attempt + 1}
    bench.probe.session.emit(Note(f"looking from {unit:.3g} times as far, where the answers' error is small"))
    try:
        return recover_in_range(distant), distant
    except BudgetExhausted:
        bench.best = _nearer(distant.best, distant)
        raise
    except RecoveryError as problem:
        outcome = Outcome(Status.INCONCLUSIVE, f"{problem}.", "Try another --seed.")
        return Recovery(distant.best, outcome), distant


def _ask_nearby(bench: Bench) -> None:
    """One question at a typical input, not from memory: a closed door fails here too, and for good."""
    bench.probe.ask(np.full((1, bench.probe.input_dim), 0.5), fresh=True)


def _nearer(network: PiecewiseLinearNetwork | None, distant: Bench) -> PiecewiseLinearNetwork | None:
    """A network found in a larger unit, in the natural one."""
    if network is None:
        return None
    unit = distant.probe.calibration.unit
    return PiecewiseLinearNetwork(network.weights, [unit * bias for bias in network.biases])


def _brought_back(
    bench: Bench, found: Recovery, distant: Bench, attempt: int
) -> tuple[Recovery, TypicalCheck]:
    network = _nearer(found.network, distant)
    assert network is not None
    bench.best = network = network.canonical()
    rows = _rows(network, distant.row_errors)
    unit = distant.probe.calibration.unit
    returned = with_biases(bench, network, rows, unit, bench.randomness.step("biases", attempt))
    bench.best = network = returned.fit.network
    rng = bench.randomness.step("typical", attempt)
    with bench.probe.session.phase("check at typical inputs"):
        check = check_typical(bench.probe, returned, rng, bench.settings)
    bench.evidence["verification_from_afar"] = bench.evidence.get("verification")
    bench.evidence["verification"] = check.to_dict()
    gap = float(np.sqrt(np.mean(returned.fit.gap(fresh_points(bench.probe, rng, TYPICAL_POINTS)) ** 2)))
    _write_digits(bench, returned.fit, rows, check, gap)
    rounded = bench.probe.calibration.rounding is not None
    most_excess = MOST_EXCESS[0] if rounded else MOST_EXCESS[1]
    return Recovery(network, _outcome(found.outcome, check, returned.fit, rows, gap, most_excess)), check


def _rows(network: PiecewiseLinearNetwork, errors: RowErrors | None) -> list[FloatArray]:
    """Errors of all hidden rows."""
    if errors is None or isinstance(errors, float | int):
        return [np.full(width, float(errors or 0.0)) for width in network.hidden_widths]
    return [np.asarray(part, dtype=np.float64) for part in errors]


def _write_digits(
    bench: Bench, fit: BiasFit, rows: list[FloatArray], check: TypicalCheck, gap: float
) -> None:
    hidden = [np.maximum(part, biases) for part, biases in zip(rows, fit.errors[:-1], strict=True)]
    outgoing = float(np.abs(fit.network.weights[-1]).max(initial=0.0)) * largest_error(rows)
    last = np.full(fit.network.output_dim, outgoing)
    bench.row_errors = hidden
    bench.evidence["parameter_error"] = max(largest_error(rows), outgoing, fit.largest)
    bench.evidence["neurons"] = [
        {"layer": layer, "neuron": index, "status": "measured", "error": float(error)}
        for layer, errors in enumerate(hidden, start=1)
        for index, error in enumerate(errors)
    ]
    stated: dict[str, Any] = {
        "layers": digits_by_layer([*rows, last], fit.errors),
        "answers_error": check.noise,
        "expected_gap": gap,
    }
    if bench.probe.calibration.rounding is not None:
        stated["assumes"] = NEAREST_STEP
    bench.evidence["digits"] = stated


def _outcome(
    found: Outcome,
    check: TypicalCheck,
    fit: BiasFit,
    rows: list[FloatArray],
    gap: float,
    most_excess: float,
) -> Outcome:
    """The outcome at a distance, if it holds at typical norms too, and how exact the network is."""
    if not check.agreed:
        return Outcome(Status.PARTIAL, check.complaint)
    if not check.telling:
        return Outcome(Status.INCONCLUSIVE, check.complaint)
    if fit.factor > most_excess:
        reason = (
            f"Answers are missed by {fit.factor:.2g} times what their error was measured to be: "
            "something of small effect is missing, or they are not rounded to the nearest step."
        )
        return Outcome(Status.PARTIAL, reason)
    loose = sum(int(np.isinf(errors).sum()) for errors in fit.errors)
    if loose and found.ok:
        reason = f"{loose} biases are not told by any answer asked; the function is verified."
        return Outcome(Status.PARTIAL, reason)
    biases = np.concatenate(fit.errors)
    biases = biases[np.isfinite(biases)]
    told = "no bias is told on its own"
    if biases.size:
        worst, middle = digits(float(biases.max())), digits(float(np.median(biases)))
        told = f"biases to {worst:.1f} (median {middle:.1f})"
    sentence = (
        f" Answers are uncertain by {check.noise:.2g}: weights are known to "
        f"{digits(largest_error(rows)):.1f} decimals or more, {told}, outputs at typical inputs to {gap:.1g}."
    )
    return replace(found, reason=found.reason + sentence)
