"""The last digits and the last word for networks with several hidden layers.

First the rows' components outside their span by one linear solve, then a Gauss-Newton fit of everything
else on fresh random answers, then verification on points and a line that no fit has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import BoolArray, FloatArray
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.extraction.chosen_questions import pinning_questions
from hingeline.extraction.earlier_bends import contradictions
from hingeline.extraction.full_gradients import FullGradients
from hingeline.extraction.gauss_newton import HOPELESS, PolishSettings
from hingeline.extraction.null_space import Straight, straighten
from hingeline.extraction.parameter_chart import row_basis
from hingeline.extraction.polish import PolishResult, polish
from hingeline.extraction.rare_points import rare_points
from hingeline.extraction.recorded import Recorded as Answers
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.sample_design import completed_design
from hingeline.extraction.seldom_together import chosen_recorded, climbed_to_rare, showing_rare
from hingeline.extraction.verify import (
    CLAIMED,
    UNEXPLAINED,
    RowErrors,
    fresh_points,
    largest_error,
    perturbed,
    verify,
)
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.numerics.tolerances import EPSILON
from hingeline.probing.probe import is_coarse

SAMPLES_PER_UNKNOWN = 1.3
"""Fresh answers asked for each free parameter and output: a well-conditioned fit."""
COARSE_SAMPLES_PER_UNKNOWN, COARSE_SAMPLES_PER_PARAMETER = 60, 3
"""Further answers where they are coarse: so many for each unknown, at most so many for each parameter."""
ON_PER_WEIGHT = 1.6
"""Samples in which a neuron is on, for each weight of its row."""
WORST_NOISE = 5.0
"""Held-out answers may be missed by so many deviations before something must be missing."""
LARGEST_DESIGN = 2500
"""Up to so many unknowns the samples are designed; beyond, each neuron is just seen on often enough."""
RECORDED_PER_SAMPLE = 0.6
"""Recorded answers fitted beside each fresh one: with hardly more than unknowns, those that a step has to
leave out take with them what others pin."""
RARE_PER_SAMPLE = 0.5
"""Points that are climbed to and asked, at most, for each other one."""
LARGEST_CHOICE = 1500
"""Up to so many unknowns only what recorded answers leave open is asked."""
LARGEST_POOL = 2500
"""Answers among which that is chosen."""
JITTER = 1e-9
"""How far a network that needs no fit is moved before it is fitted all the same."""
GOOD_FIT = 3e-13
"""Held-out answers missed by less of their range need no second pass."""
UNEXPLAINED_FIT = 1e-10
"""A fit that misses held-out answers by more of their range, beyond the noise, has not explained them."""
FAR_OFF_FIT = 1e-6
"""From coarse answers, a fit that misses by more of their range lacks a neuron that can be looked for."""
BLURRED = 30.0
"""Recorded answers are left out where errors outside the rows' span make so many times their noise."""
ROW_DIGITS, TYPICAL = 0.03, 200
"""Answers are foretold to this share of what errors outside the rows' span make of them at typical inputs."""
OUTSIDE_SIGMAS = 3.0
"""Errors claimed of rows outside their span, in standard deviations of an entry."""
PASSES = 2
"""Times that rows are straightened and everything is fitted."""
POOL = 12
"""Points among which samples are chosen offline, for each sample."""
SPARE_SAMPLES = 12
"""Samples beyond that, for the hold-out."""


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
            "something of small effect is missing; within the tolerance the network answers right."
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


@dataclass(frozen=True, eq=False)
class _Recorded:
    """Fresh answers that the fit may use as often as it likes."""

    points: FloatArray
    answers: FloatArray
    noise: FloatArray
    held: BoolArray
    """Which of them are never fitted."""


def _polished(
    bench: Bench, network: PiecewiseLinearNetwork, claimed: RowErrors
) -> tuple[PiecewiseLinearNetwork, RowErrors, float]:
    """The polished network, its claimed error, and by how much of their range it misses held-out answers."""
    recorded: _Recorded | None = None
    missed = 0.0
    # in a box samples cannot be kept within the rows' span: there every digit outside it counts
    usable = not is_coarse(bench.probe) and bench.probe.domain.free
    seen = FullGradients.of(bench.lines) if usable else None
    for attempt in range(PASSES):
        with bench.probe.session.phase("straighten"):
            rng = bench.randomness.step("straighten", attempt)
            straightened = straighten(bench.probe, network, rng, None if attempt else seen)
        straight = straightened.network
        recorded = recorded or _record(bench, straightened)
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


def _worst_held_out(network: PiecewiseLinearNetwork, recorded: _Recorded) -> FloatArray:
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


def _record(bench: Bench, straight: Straight) -> _Recorded:
    """Ask what the fit needs: typical points, and those of a pool that pin what typical ones leave open."""
    network = straight.network
    width, dim = network.weights[0].shape
    unknowns = network.parameter_count - max(0, dim - width) * width
    count = int(np.ceil(SAMPLES_PER_UNKNOWN * unknowns / network.output_dim)) + SPARE_SAMPLES
    rng = bench.randomness.step("polish")
    if bench.recorded is not None and unknowns <= LARGEST_CHOICE:
        return _beside_recorded(bench, straight, bench.recorded, count, rng)
    if unknowns > LARGEST_DESIGN:
        points = _samples(bench, network, count, rng)
        held = rng.permutation(len(points)) < max(SPARE_SAMPLES // 2, len(points) // 20)
        if bench.recorded is not None:
            return _with_rare(bench, straight, bench.recorded, points, held)
    else:
        points, held = _designed(bench, network, count, rng)
    if is_coarse(bench.probe):
        extra = _pool(
            bench, network, _extra_samples(network, unknowns), bench.randomness.step("more samples")
        )
        points, held = (
            np.concatenate([points, extra]),
            np.concatenate([held, np.arange(len(extra)) % 20 == 0]),
        )
    with bench.probe.session.phase("polish"):
        answers = bench.probe.ask(points)
    noise = _noise_at(bench, points, answers)
    basis = row_basis(network)
    if is_coarse(bench.probe) and basis is not None:
        # steered samples lie in the rows' span, where the same norm means more noise
        inside = bench.probe.inside_span(width).noise.at(points @ basis)
        noise = np.maximum(noise, inside)
    return _Recorded(points, answers, noise, held)


def _beside_recorded(
    bench: Bench, straight: Straight, recorded: Answers, count: int, rng: np.random.Generator
) -> _Recorded:
    """Ask only what recorded answers leave open; what is held out is asked afresh, as many as ever."""
    network = straight.network
    held = max(SPARE_SAMPLES // 2, count // 20)
    recorded = _trusted(recorded, straight)
    pool = _pool(bench, network, held + LARGEST_POOL // network.output_dim, rng)
    rare = rare_points(network, pool, bench.probe.calibration.scale, rng)
    if bench.telling is not None:
        rare = np.concatenate([rare, bench.telling])
    offered = np.concatenate([pool[held:], rare])
    offered = offered[np.linalg.norm(offered, axis=1) < bench.probe.calibration.radius]
    # there is no use in parameters much sharper than the rows are outside their span
    floor = ROW_DIGITS * float(np.median(straight.noise_at(fresh_points(bench.probe, rng, TYPICAL))))
    noise = np.hypot(_noise_at(bench, offered, network(offered)), floor)
    chosen = pinning_questions(
        network, (recorded.points, np.hypot(recorded.noise, straight.noise_at(recorded.points))),
        (offered, noise), count - held, rng,
        first_layer_basis=row_basis(network),
    )  # fmt: skip
    base = np.concatenate([recorded.points, offered[chosen]])
    every = np.concatenate([base, np.delete(offered, chosen, axis=0)])
    asked_for = _covering(network, every, len(base), rng)
    asked_for[: len(recorded.points)] = False
    fresh = np.concatenate([pool[:held], every[asked_for]])
    with bench.probe.session.phase("polish"):
        answers = bench.probe.ask(fresh)
    noise = _noise_at(bench, fresh, answers)
    return _beside(recorded, fresh, answers, noise, np.arange(len(fresh)) < held)


def _with_rare(
    bench: Bench, straight: Straight, recorded: Answers, points: FloatArray, held: BoolArray
) -> _Recorded:
    """Points to ask, with those recorded and others at which neurons are on together that seldom are."""
    network, rng = straight.network, bench.randomness.step("seldom together")
    wanted = int(RECORDED_PER_SAMPLE * len(points))
    recorded = chosen_recorded(network, points[~held], _trusted(recorded, straight), wanted, rng)
    there = np.concatenate([points[~held], recorded.points])
    climbed = climbed_to_rare(network, there, points, bench.probe.calibration.scale)
    climbed = climbed[np.linalg.norm(climbed, axis=1) < bench.probe.calibration.radius]
    # the rarest come first
    more = climbed[showing_rare(network, there, climbed, rng)][: int(RARE_PER_SAMPLE * len(points))]
    fresh = np.concatenate([points, more])
    with bench.probe.session.phase("polish"):
        answers = bench.probe.ask(fresh)
    return _beside(recorded, fresh, answers, _noise_at(bench, fresh, answers), held)


def _beside(
    recorded: Answers, fresh: FloatArray, answers: FloatArray, noise: FloatArray, held: BoolArray
) -> _Recorded:
    """Fresh answers, those that are held out first, and recorded ones."""
    points = np.concatenate([fresh, recorded.points])
    mask = np.zeros(len(points), dtype=np.bool_)
    mask[: len(held)] = held
    noise = np.concatenate([noise, recorded.noise])
    return _Recorded(points, np.concatenate([answers, recorded.values]), noise, mask)


def _trusted(recorded: Answers, straight: Straight) -> Answers:
    """Recorded answers that a fit may use."""
    # where something is missing no parameters fit, and they must not be bent to it
    gaps = np.abs(straight.network(recorded.points) - recorded.values).max(axis=1) / recorded.sizes
    usual = float(np.ptp(recorded.values / recorded.sizes[:, np.newaxis], axis=0).max())
    # and where rows are wrong outside their span they tell of nothing else
    blur = straight.noise_at(recorded.points)
    return recorded.select((gaps < FAR_OFF_FIT * usual) & (blur < BLURRED * recorded.noise))


def _noise_at(bench: Bench, points: FloatArray, answers: FloatArray) -> FloatArray:
    return bench.probe.noise.at(points) + EPSILON * np.abs(answers).max(axis=1)


def _extra_samples(network: PiecewiseLinearNetwork, unknowns: int) -> int:
    """More answers than unknowns average the noise of coarse answers away; within a few per parameter."""
    wanted = COARSE_SAMPLES_PER_UNKNOWN * unknowns
    return int(min(wanted, COARSE_SAMPLES_PER_PARAMETER * network.parameter_count) / network.output_dim)


def _designed(
    bench: Bench, network: PiecewiseLinearNetwork, count: int, rng: np.random.Generator
) -> tuple[FloatArray, BoolArray]:
    """Points to ask and which of them are held out: the held-out ones are set aside before the design."""
    pool = _pool(bench, network, POOL * count, rng)
    held = max(SPARE_SAMPLES // 2, count // 20)
    base = pool[held:count]
    rare = rare_points(network, pool, bench.probe.calibration.scale, rng)
    if bench.telling is not None:
        rare = np.concatenate([rare, bench.telling])
    offered = np.concatenate(
        [pool[count:], rare[np.linalg.norm(rare, axis=1) < bench.probe.calibration.radius]]
    )
    design = completed_design(network, base, offered, rng, first_layer_basis=row_basis(network))
    fitted = np.concatenate([base, offered[design.chosen]])
    left = np.delete(offered, design.chosen, axis=0)
    every = np.concatenate([fitted, left])
    chosen = _covering(network, every, len(fitted), rng)
    points = np.concatenate([pool[:held], every[chosen]])
    return points, np.arange(len(points)) < held


def _fit(bench: Bench, network: PiecewiseLinearNetwork, recorded: _Recorded, attempt: int) -> PolishResult:
    result = polish(
        network, recorded.points, recorded.answers, recorded.noise, hold_out=recorded.held,
        first_layer_basis=row_basis(network), rng=bench.randomness.step("held out", attempt),
        settings=PolishSettings(backend=bench.settings.backend), on_event=bench.probe.session.emit,
    )  # fmt: skip
    bench.probe.session.emit(Note(result.reason))
    bench.evidence["polish"] = _evidence(result)
    return result


def _samples(
    bench: Bench, network: PiecewiseLinearNetwork, count: int, rng: np.random.Generator
) -> FloatArray:
    """`count` points, and as many more as it takes to see every neuron on often enough to fit its row."""
    pool = _pool(bench, network, POOL * count, rng)
    return pool[_covering(network, pool, count, rng)]


def _covering(
    network: PiecewiseLinearNetwork, pool: FloatArray, count: int, rng: np.random.Generator
) -> BoolArray:
    """The first `count` points of a pool, and more where a neuron would be on too seldom to fit its row."""
    patterns = network.activation_pattern(pool)
    fan_in = [min(network.weights[0].shape)] + [w.shape[1] for w in network.weights[1:-1]]
    chosen = np.zeros(len(pool), dtype=np.bool_)
    chosen[:count] = True
    for on, width in zip(patterns, fan_in, strict=True):
        for neuron in range(on.shape[1]):
            missing = int(np.ceil(ON_PER_WEIGHT * (width + 1) - (on[:, neuron] & chosen).sum()))
            more = rng.permutation(np.nonzero(on[:, neuron] & ~chosen)[0])[: max(0, missing)]
            chosen[more] = True
    return chosen


def _pool(bench: Bench, network: PiecewiseLinearNetwork, count: int, rng: np.random.Generator) -> FloatArray:
    """Half typical inputs, half with uneven first-layer heights, where rarely active neurons are on."""
    width, dim = network.weights[0].shape
    unit = bench.probe.calibration.scale / np.sqrt(dim)
    points = unit * rng.standard_normal((count, dim))
    if width > dim:
        return bench.probe.domain.pulled_in(points * np.exp(rng.uniform(-1.5, 1.0, (count, 1))))
    uneven = np.arange(count) % 2 == 0
    spread = np.exp(rng.uniform(0.5, 2.0, (count, 1)) * rng.standard_normal((count, width)))
    signs = np.where(rng.uniform(size=(count, width)) < rng.uniform(0.3, 1.0, (count, 1)), 1.0, -1.0)
    steered = (unit * spread * signs - network.biases[0]) @ np.linalg.pinv(network.weights[0]).T
    points[uneven] = steered[uneven]
    basis = row_basis(network)
    if basis is not None and bench.probe.domain.free:
        # what lies outside the rows' span changes no answer, but rows may be wrong there in their last digits
        points = points @ basis @ basis.T
    return bench.probe.domain.pulled_in(points)


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
