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

from dataclasses import dataclass, replace

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import BudgetExhausted, RecoveryError
from hingeline.core.events import Note
from hingeline.core.outcome import Outcome, Status
from hingeline.core.randomness import Randomness
from hingeline.extraction.attempts import recover_in_range
from hingeline.extraction.bias_fit import BiasFit, fit_biases
from hingeline.extraction.digits import digits, digits_by_layer
from hingeline.extraction.recovery import Bench, Recovery
from hingeline.extraction.typical_check import TypicalCheck, check_typical, typical_gap
from hingeline.extraction.verify import RowErrors, expected_gap, fresh_points, largest_error
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.probing.growing_noise import noise_far_out
from hingeline.probing.probe import Probe

WORTH = 1e-13
"""An absolute error of less than this share of how much answers vary is no reason to look from afar."""
DOMINANT = 10.0
"""Nor is one that is not so many times what grows with the norm."""
FINEST = 1e-15
"""Share of the variation to which the error is brought down at first: float64 has no more to give."""
LEVELS = (1.0, 1.0, 10.0, 100.0, 1e4, 1e6)
"""Multiples of the finest share that are tried in turn, each with its own chance."""
SMALLEST_UNIT = 8.0
"""Units below this are not worth it."""
SHARE_OF_RADIUS = 1 / 30
"""Where answers end somewhere: typical norms seen from afar, as a share of that."""
HIDDEN = 0.3
"""Weights' errors may move the answers that biases are fitted to by this share of the answers' own error."""
NEAREST = 1 / 3
"""Smallest norm at which biases are fitted, in typical norms."""
FIRST_SPAN = 10.0
"""The first of two fits uses the farthest points only: within this factor of the farthest."""
FEWEST = 60
"""Fewest answers for the biases."""
MOST_EXCESS = 3.0
"""Residuals this many times the measured noise are not noise: the network is wrong somewhere."""


@dataclass(frozen=True, eq=False)
class _Return:
    """A network brought back from afar."""

    fit: BiasFit
    reach: float
    """Norm, in typical norms, up to which the weights' errors do not show."""
    row_errors: list[FloatArray]


def largest_unit(probe: Probe, variation: float, rng: np.random.Generator) -> float:
    """The unit of length in which the door's absolute error is that of float64; 1 where that is no help.

    Args:
        probe: The door at its natural scale; its calibration is corrected for what is seen far out.
        variation: How much its values vary at typical norms.
        rng: Draws where the error is looked at: 24 queries, only where there is something to gain.

    Raises:
        BudgetExhausted: The budget ended.
    """
    measured = probe.calibration
    absolute, growing = measured.noise.absolute, measured.noise.per_norm * measured.scale
    nothing_to_gain = absolute <= max(WORTH * variation, DOMINANT * growing)
    if nothing_to_gain or np.isfinite(measured.half_width) or measured.centre is not None or variation <= 0:
        return 1.0
    most = min(absolute / (FINEST * variation), SHARE_OF_RADIUS * measured.radius / measured.scale)
    if most < SMALLEST_UNIT:
        return 1.0
    with probe.session.phase("noise far out"):
        seen = noise_far_out(probe, most * measured.scale, rng)
    if seen is not None:
        growing = max(seen - absolute, 0.0) / most
        noise = replace(measured.noise, per_norm=min(measured.noise.per_norm, seen / most / measured.scale))
        probe.calibration = replace(measured, noise=noise)
    unit = min(most, absolute / growing) if growing > 0 else most
    return 1.0 if unit < SMALLEST_UNIT else float(2.0 ** np.floor(np.log2(unit)))


def recover_from_afar(bench: Bench, unit: float) -> Recovery:
    """Recover in units of up to `unit`, bring the network back and check it at typical norms.

    Raises:
        BudgetExhausted: The budget ended; `bench.best` has what was found.
        QueryFailed: The door is closed.
    """
    best: Recovery | None = None
    smaller = np.inf
    for attempt, level in enumerate(LEVELS):
        tried = min(unit / level, smaller)
        if tried < SMALLEST_UNIT:
            break
        distant, again = _recover_in(bench, float(2.0 ** np.floor(np.log2(tried))), attempt)
        if distant.network is None or distant.outcome.status not in (Status.COMPLETE, Status.EQUIVALENT):
            best = best or Recovery(_nearer(distant.network, again), distant.outcome)
            continue
        result, check = _brought_back(bench, distant, again, attempt)
        if check.agreed:
            return result
        best, smaller = result, again.probe.calibration.unit / 100
        bench.probe.session.emit(Note(f"{check.complaint} Trying nearer."))
    assert best is not None
    return best


def _recover_in(bench: Bench, unit: float, attempt: int) -> tuple[Recovery, Bench]:
    probe = type(bench.probe)(bench.probe.session, bench.probe.calibration.seen_from(unit))
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
    rng = bench.randomness.step("biases", attempt)
    back = _with_biases(bench, network, distant, rng)
    bench.best = back.fit.network
    with bench.probe.session.phase("check at typical inputs"):
        rng = bench.randomness.step("typical", attempt)
        check = check_typical(bench.probe, back.fit, back.reach, rng, bench.settings)
    bench.evidence["typical_check"] = check.to_dict()
    gap = float(np.sqrt(np.mean(typical_gap(back.fit, bench.probe, rng) ** 2)))
    _write_digits(bench, back, gap)
    return Recovery(back.fit.network, _outcome(bench, found.outcome, check, back, gap)), check


def _with_biases(
    bench: Bench, network: PiecewiseLinearNetwork, distant: Bench, rng: np.random.Generator
) -> _Return:
    """Ask for the biases between typical norms and where the weights' errors begin to show, and fit them."""
    probe, unit = bench.probe, distant.probe.calibration.unit
    rows = _rows(network, distant.row_errors)
    reach = _reach(network, rows, bench, unit)
    biases = sum(len(bias) for bias in network.biases)
    count = max(FEWEST, int(np.ceil(bench.settings.answers_per_bias * biases / network.output_dim)))
    directions = fresh_points(probe, rng, count, (1.0,))
    sizes = np.exp(rng.uniform(np.log(NEAREST), np.log(max(reach, 1.0)), count))
    sizes[::2] = np.exp(rng.uniform(np.log(NEAREST), np.log(min(3.0, max(reach, 1.0))), len(sizes[::2])))
    sizes[1::4] = np.exp(rng.uniform(np.log(max(reach / FIRST_SPAN, NEAREST)), np.log(max(reach, 1.0)), len(sizes[1::4])))
    points = directions * sizes[:, np.newaxis]
    with probe.session.phase("biases"):
        answers = probe.ask(points)
    noise = np.hypot(probe.noise.at(points), _weights_gap(network, rows, points))
    far = sizes >= reach / FIRST_SPAN
    if far.sum() * network.output_dim >= biases:
        network = fit_biases(network, points[far], answers[far], noise[far]).network
    return _Return(fit_biases(network, points, answers, noise), reach, rows)


def _rows(network: PiecewiseLinearNetwork, errors: RowErrors | None) -> list[FloatArray]:
    """Errors of all hidden rows."""
    if errors is None or isinstance(errors, float | int):
        return [np.full(width, float(errors or 0.0)) for width in network.hidden_widths]
    return [np.asarray(part, dtype=np.float64) for part in errors]


def _weights_gap(network: PiecewiseLinearNetwork, rows: list[FloatArray], points: FloatArray) -> FloatArray:
    """What the weights' errors do to the answers, biases apart: "n"."""
    bare = PiecewiseLinearNetwork(network.weights, [np.zeros_like(bias) for bias in network.biases])
    return expected_gap(bare, rows, points)


def _reach(network: PiecewiseLinearNetwork, rows: list[FloatArray], bench: Bench, unit: float) -> float:
    """Norm, in typical norms, up to which the weights' errors are well below the answers' own."""
    points = fresh_points(bench.probe, np.random.default_rng(0), FEWEST, (1.0,))
    gap = float(_weights_gap(network, rows, points).max())
    noise = float(bench.probe.noise.at(points).min())
    most = HIDDEN * noise / gap if gap > 0 else unit
    return float(np.clip(most, 1.0, np.sqrt(unit)))


def _write_digits(bench: Bench, back: _Return, gap: float) -> None:
    fit = back.fit
    hidden = [np.maximum(rows, biases) for rows, biases in zip(back.row_errors, fit.errors[:-1], strict=True)]
    outgoing = float(np.abs(fit.network.weights[-1]).max(initial=0.0)) * largest_error(back.row_errors)
    last = np.full(fit.network.output_dim, outgoing)
    bench.row_errors = hidden
    bench.evidence["parameter_error"] = max(largest_error(hidden), float(fit.errors[-1].max()))
    bench.evidence["neurons"] = [
        {"layer": layer, "neuron": index, "status": "measured", "error": float(error)}
        for layer, errors in enumerate(hidden, start=1)
        for index, error in enumerate(errors)
    ]
    bench.evidence["digits"] = {
        "layers": digits_by_layer([*back.row_errors, last], fit.errors),
        "answers_error": fit.sigma,
        "expected_gap": gap,
    }


def _outcome(bench: Bench, found: Outcome, check: TypicalCheck, back: _Return, gap: float) -> Outcome:
    """The outcome at a distance, if it holds at typical norms too, and how exact the network is."""
    if not check.agreed:
        return Outcome(Status.PARTIAL, check.complaint)
    if not check.telling:
        return Outcome(Status.INCONCLUSIVE, check.complaint)
    noise = float(bench.probe.noise.at_norm(np.array([bench.probe.calibration.scale]))[0])
    if back.fit.sigma > MOST_EXCESS * noise:
        reason = (
            f"Answers are missed by {back.fit.sigma:.2g} where their error was measured to be {noise:.2g}: "
            "something of small effect is missing."
        )
        return Outcome(Status.PARTIAL, reason)
    loose = sum(int(np.isinf(errors).sum()) for errors in back.fit.errors)
    if loose and found.ok:
        reason = f"{loose} biases are not told by any answer asked; the function is verified."
        return Outcome(Status.PARTIAL, reason)
    weights = digits(largest_error(back.row_errors))
    biases = np.concatenate(back.fit.errors)
    biases = biases[np.isfinite(biases)]
    sentence = (
        f" Answers are uncertain by {back.fit.sigma:.2g}: weights are known to {weights:.1f} decimals or more, "
        f"biases to {digits(float(biases.max())):.1f} (median {digits(float(np.median(biases))):.1f}), outputs "
        f"at typical inputs to {gap:.1g}."
    )
    return replace(found, reason=found.reason + sentence)
