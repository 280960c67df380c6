"""The last digits and the last word for networks with several hidden layers.

First the rows' components outside their span by one linear solve, then a Gauss-Newton fit of everything
else on fresh random answers, then verification on points and a line that no fit has seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.earlier_bends import contradictions
from hingeline.extraction.fit_answers import FAR_OFF_FIT, FitAnswers, answers_to_fit, with_more
from hingeline.extraction.full_gradients import FullGradients
from hingeline.extraction.gauss_newton import HOPELESS, PolishSettings
from hingeline.extraction.null_space import straighten
from hingeline.extraction.parameter_chart import row_basis
from hingeline.extraction.polish import PolishResult, polish
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.verify import (
    CLAIMED,
    UNEXPLAINED,
    RowErrors,
    largest_error,
    perturbed,
    verify,
)
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import is_coarse

WORST_NOISE = 5.0
"""Held-out answers may be missed by so many deviations before something must be missing."""
JITTER = 1e-9
"""How far a network that needs no fit is moved before it is fitted all the same."""
GOOD_FIT = 3e-13
"""Held-out answers missed by less of their range need no second pass."""
UNEXPLAINED_FIT = 1e-10
"""A fit that misses held-out answers by more of their range, beyond the noise, has not explained them."""
OUTSIDE_SIGMAS = 3.0
"""Errors claimed of rows outside their span, in standard deviations of an entry."""
PASSES = 2
"""Times that rows are straightened and everything is fitted."""


def finish(bench: Bench, network: PiecewiseLinearNetwork, claimed: RowErrors, undecided: str) -> Recovery:
    """Polish and verify a complete network.

    Args:
        bench: Where to work.
        network: Complete, signs decided or carried by a bypass, right to some digits.
        claimed: Errors that its rows are claimed to have.
        undecided: Why signs are not decided; empty if they are.

    Raises:
        BudgetExhausted: The budget ended; the best network is on the bench.
    """
    missed, bench.contradiction = 0.0, None
    if bench.settings.polish:
        network, claimed, missed = _polished(bench, network, claimed)
        bench.best = network
    with bench.probe.session.phase("verify"):
        check = verify(bench.probe, network, claimed, bench.randomness.step("verify"), bench.settings)
    if not check.agreed:
        bench.contradiction = check.worst_point
    bench.evidence["verification"] = check.to_dict()
    bench.row_errors = claimed
    # what the fit leaves uncertain of the output layer is no row's error, but a parameter's
    fitted = bench.evidence.get("polish", {}).get("expected_error") or 0.0
    bench.evidence["parameter_error"] = max(largest_error(claimed), CLAIMED * fitted)
    if not check.agreed:
        return Recovery(network, Outcome(Status.INCONCLUSIVE, check.complaint, "Try another --seed."))
    unexplained = contradictions(
        network,
        largest_error(claimed),
        bench.sweeps,
        bench.probe if is_coarse(bench.probe) else None,
        bench.probe,
    )
    bench.evidence["verification"]["unexplained_earlier_bends"] = unexplained
    if unexplained:
        return Recovery(network, Outcome(Status.PARTIAL, UNEXPLAINED.format(count=unexplained)))
    if missed > UNEXPLAINED_FIT:
        reason = (
            f"The fit misses held-out answers by {missed:.1g} of their range, more than noise explains: "
            "something of small effect is missing; fresh answers agree, but only gaps above "
            f"{check.tolerance:.1g} would show."
        )
        return Recovery(network, Outcome(Status.PARTIAL, reason))
    loose = bench.evidence.get("polish", {}).get("undetermined", [])
    if loose:
        named = "; ".join(f"layer {layer}, neuron {neuron}" for layer, neuron in loose[:5])
        reason = f"{len(loose)} rows are not pinned by any answer asked ({named}); the function is verified."
        return Recovery(network, Outcome(Status.PARTIAL, reason))
    if not check.passed:
        return Recovery(network, Outcome(Status.INCONCLUSIVE, check.complaint))
    widths = " and ".join(map(str, network.hidden_widths))
    if undecided:
        reason = f"The function is verified, but {undecided}; shipped in an exactly equivalent form."
        return Recovery(network, Outcome(Status.EQUIVALENT, reason))
    layers = len(network.hidden_widths)
    reason = f"All neurons of {layers} hidden layers ({widths}) recovered and verified."
    return Recovery(network, Outcome(Status.COMPLETE, reason))


def _polished(
    bench: Bench, network: PiecewiseLinearNetwork, claimed: RowErrors
) -> tuple[PiecewiseLinearNetwork, RowErrors, float]:
    """The polished network, its claimed error, and by how much of their range it misses held-out answers."""
    recorded: FitAnswers | None = None
    missed = 0.0
    # in a box samples cannot be kept within the rows' span: there every digit outside it counts
    usable = not is_coarse(bench.probe) and bench.probe.domain.free
    seen = FullGradients.of(bench.lines) if usable else None
    for attempt in range(PASSES):
        with bench.probe.session.phase("straighten"):
            rng = bench.randomness.step("straighten", attempt)
            straightened = straighten(bench.probe, network, rng, None if attempt else seen)
        straight = straightened.network
        recorded = recorded or answers_to_fit(bench, straightened)
        blurred = replace(recorded, noise=np.hypot(recorded.noise, straightened.noise_at(recorded.points)))
        result = _fit(bench, straight, blurred, attempt)
        if not result.improved and result.held_out_before < WORST_NOISE:
            # already at the noise: start a little off it, so that the fit can tell what it pins
            rng = bench.randomness.step("jitter", attempt)
            jitter = [np.full(width, JITTER) for width in straight.hidden_widths]
            result = _fit(bench, perturbed(straight.canonical(), jitter, rng), blurred, attempt)
        claims = _with_outside(_claims(result, claimed), straightened.excess * straightened.errors)
        if not result.improved:
            return network, claimed, missed
        beyond = max(0.0, result.held_out_after - WORST_NOISE)
        missed = beyond * float(np.median(blurred.noise)) / float(np.ptp(recorded.answers))
        if _vaguer(result, claims, claimed):
            return network, claimed, missed
        network, claimed = result.network, claims
        if is_coarse(bench.probe):
            bench.contradiction = _worst_held_out(network, recorded) if missed > FAR_OFF_FIT else None
        if usable and result.undetermined and not attempt and missed < FAR_OFF_FIT:
            recorded = with_more(bench, straightened, recorded, result.undetermined)
            continue
        if missed < GOOD_FIT or network.weights[0].shape[0] >= network.input_dim:
            break
        if bench.recorded is not None and missed > FAR_OFF_FIT:
            break  # something is missing, which straighter rows do not bring
    return network, claimed, missed


def _vaguer(result: PolishResult, claims: RowErrors, before: RowErrors) -> bool:
    """Whether a fit that stopped far from the noise says less of the rows than was known of them before.

    The engine for many parameters may: the last step is all that it tells of their errors.
    """
    far = result.held_out_after > WORST_NOISE and result.row_errors is None
    return far and largest_error(claims) > largest_error(before)


def _worst_held_out(network: PiecewiseLinearNetwork, recorded: FitAnswers) -> FloatArray:
    """The held-out point that a fit misses most: the way there crosses what is missing."""
    held = recorded.held
    gaps = np.abs(network(recorded.points[held]) - recorded.answers[held]).max(axis=1)
    return recorded.points[held][np.argmax(gaps / recorded.noise[held])]


def _claims(result: PolishResult, before: RowErrors) -> RowErrors:
    """What the noise explains, and what the fit missed held-out answers by; as before where nothing pins.

    As before, too, where the fit explains nothing: verification must not be given room for what is missing.
    """
    if result.residual_after >= HOPELESS:
        return before
    factor = 3 * float(np.clip(result.held_out_after, 1.0, WORST_NOISE))
    if result.row_errors is None:
        return factor * max(result.last_change, EPSILON)
    hidden = result.row_errors[:-1]
    earlier = [before] * len(hidden) if isinstance(before, float | int) else before
    return [
        np.where(np.isfinite(now), factor * np.maximum(now, EPSILON), old)
        for now, old in zip(hidden, earlier, strict=True)
    ]


def _with_outside(claims: RowErrors, outside: FloatArray) -> RowErrors:
    """Errors claimed for rows, with those of first-layer rows outside their span."""
    if isinstance(claims, float | int):
        return float(np.hypot(claims, OUTSIDE_SIGMAS * outside.max(initial=0.0)))
    first, *above = claims
    return [np.hypot(first, OUTSIDE_SIGMAS * outside), *above]


def _fit(bench: Bench, network: PiecewiseLinearNetwork, recorded: FitAnswers, attempt: int) -> PolishResult:
    result = polish(
        network, recorded.points, recorded.answers, recorded.noise, hold_out=recorded.held,
        first_layer_basis=row_basis(network), rng=bench.randomness.step("held out", attempt),
        settings=PolishSettings(backend=bench.settings.backend), on_event=bench.probe.session.emit,
    )  # fmt: skip
    bench.probe.session.emit(Note(result.reason))
    bench.evidence["polish"] = _evidence(result)
    return result


def _evidence(result: PolishResult) -> dict[str, object]:
    return {
        "improved": result.improved,
        "reason": result.reason,
        "iterations": result.iterations,
        "held_out_before": result.held_out_before,
        "held_out_after": result.held_out_after,
        "expected_error": result.expected_error,
        "engine": result.engine,
        "backend": result.backend,
        "undetermined": [list(row) for row in result.undetermined],
        "seconds": result.seconds,
    }
