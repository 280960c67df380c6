"""How a stability run ended, in words: never that a target withstands attacks."""

from __future__ import annotations

import numpy as np

from hingeline.core.outcome import Outcome, Status
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.stack_findings import StackFindings
from hingeline.sensitivity.fisher.flip_curve import FlipCurves

_NO_STEP = "Flow: the stack has one layer"
"""Of such a stack everything was measured that there is."""
_HALF = 0.5
_WAVERING = 0.5
"""Share of inputs whose class changes when they are asked again, beyond which nothing is said."""


def worded(found: StabilityDiagnosis) -> Outcome:
    """The outcome of a run."""
    if not np.isfinite(found.fisher.log_eigenvalues[:, 0]).any():
        return Outcome(
            Status.INCONCLUSIVE,
            "The answer has no slope at any input: it is constant there, rounded, or saturated.",
            "Look at the inputs and their scale; no direction can be told from such answers.",
        )
    if found.curves is not None and found.curves.control.shares[0] > _WAVERING:
        return Outcome(
            Status.INCONCLUSIVE,
            f"Asked again unchanged, {found.curves.control.shares[0]:.0%} of the inputs change their class: "
            "flips are chance.",
            "Take more samples for each answer (samples_per_answer).",
        )
    doubts = [*_unconverged(found), *_missing(found)]
    if doubts:
        return Outcome(Status.PARTIAL, f"{_told(found)} {' '.join(doubts)}", _advice(found))
    return Outcome(Status.COMPLETE, _told(found))


def told_place(curves: FlipCurves) -> int:
    """The size that is told first: the smallest that flips half along the direction, else what flips most.

    It must flip more than asking again does, if any size does.
    """
    shares = curves["fisher"].shares
    half = [at for at in np.flatnonzero(shares >= _HALF) if told_from_asking_again(curves, int(at))]
    return int(half[0]) if half else int(np.argmax(shares))


def told_from_asking_again(curves: FlipCurves, place: int) -> bool:
    """Whether more flips along the direction than the better of two unchanged tries, by the intervals."""
    return not curves.wavers or float(curves["fisher"].low[place]) > float(curves.control_of_two.high[0])


def _told(found: StabilityDiagnosis) -> str:
    """What is known, in a sentence."""
    told = _boundary(found)
    if found.curves is None:
        return told
    where = told_place(found.curves)
    size = found.curves.sizes[where]
    share, chance = found.curves["fisher"].shares[where], found.curves["random"].shares[where]
    wavering = found.curves.control_of_two.shares[0]
    # the direction asks twice, for both signs: what that gets for nothing
    itself = f"; asked twice unchanged, {wavering:.1%} of them flip by themselves" if wavering > 0 else ""
    return (
        f"{told} A step of {size:.3g} along the most sensitive direction flips {share:.0%} of them, a random "
        f"one {chance:.1%}{itself}."
    )


def _boundary(found: StabilityDiagnosis) -> str:
    """How near boundaries are, of the inputs where that is known."""
    if not found.trusted.any():
        return "Linearised boundaries are not known at any input."
    known = len(found.trusted) - found.unknown
    inputs = f"the {known} inputs where that is known" if found.unknown else "the inputs"
    apart = f" (of {len(found.trusted)})" if found.unknown else ""
    if np.isfinite(found.median_distance):
        within = f"{found.median_distance:.4g} (l2)"
        return f"Half of {inputs}{apart} have a linearised boundary within {within}."
    return f"Half of {inputs}{apart} or more have no linearised boundary."


def _unconverged(found: StabilityDiagnosis) -> list[str]:
    if found.stack is None or not found.stack.unconverged:
        return []
    rows = ", ".join(map(str, found.stack.unconverged))
    return [f"Estimates do not hold together at row {rows} ({', '.join(_failed(found.stack))})."]


def _failed(stack: StackFindings) -> list[str]:
    return sorted({name for look in stack.looks for name in look.convergence.failed if name != "depth"})


def _advice(found: StabilityDiagnosis) -> str:
    """What helps: samples against noise, nothing against operators that leave something out."""
    failed = [] if found.stack is None else _failed(found.stack)
    if not failed:
        return ""
    if not set(failed) <= _OF_OPERATORS:
        return "More samples settle what halves and precision ask for."
    return (
        "Units and pairs leave out part of what the layers carry there, which more samples do not mend; "
        "directions, flips and the information of the classes take the direct route and need no operators."
    )


def _missing(found: StabilityDiagnosis) -> list[str]:
    missing = [sentence for sentence in found.left_out if not sentence.startswith((*_CHOSEN, _NO_STEP))]
    if found.network is not None:
        missing += found.network.not_measured
    return [f"Not measured: {sentence.rstrip('.')}." for sentence in missing]


# Tests of convergence that ask about the choice of operators.
_OF_OPERATORS = {"operators", "routes", "bound"}
# What follows from the inputs or settings that were given is no shortfall.
_CHOSEN = ("Inputs of the flip curves: ", "Class laws: all inputs")
