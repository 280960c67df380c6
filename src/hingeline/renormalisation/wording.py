"""How a stability run ended, in words: never that a target withstands attacks."""

from __future__ import annotations

import numpy as np

from hingeline.core.outcome import Outcome, Status
from hingeline.numerics.statistics import median
from hingeline.renormalisation.diagnosis import StabilityDiagnosis

_NO_STEP = "Flow: the stack has one layer"
"""Of such a stack everything was measured that there is."""
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
        return Outcome(
            Status.PARTIAL, f"{_told(found)} {' '.join(doubts)}", "More samples settle most of these."
        )
    return Outcome(Status.COMPLETE, _told(found))


def _told(found: StabilityDiagnosis) -> str:
    """What is known, in a sentence."""
    middle = median(found.fisher.linear_distances)
    told = (
        f"Half of the inputs have a linearised boundary within {middle:.4g} (l2)."
        if np.isfinite(middle)
        else "Half of the inputs or more have no linearised boundary."
    )
    if found.curves is None:
        return told
    ratios = found.curves.ratio_low
    where = int(np.nanargmax(np.where(np.isfinite(ratios), ratios, -np.inf)))
    if not np.isfinite(ratios[where]):
        return told
    size = found.curves.sizes[where]
    share, chance = found.curves["fisher"].shares[where], found.curves["random"].shares[where]
    wavering = found.curves.control_of_two.shares[0]
    # the direction asks twice, for both signs: what that gets for nothing
    itself = f"; asked twice unchanged, {wavering:.1%} of them flip by themselves" if wavering > 0 else ""
    return (
        f"{told} A step of {size:.3g} along the most sensitive direction flips {share:.0%} of them, a random "
        f"one {chance:.1%}{itself}."
    )


def _unconverged(found: StabilityDiagnosis) -> list[str]:
    if found.stack is None or not found.stack.unconverged:
        return []
    rows = ", ".join(map(str, found.stack.unconverged))
    tests = sorted(
        {name for look in found.stack.looks for name in look.convergence.failed if name != "depth"}
    )
    return [f"Estimates do not hold together at row {rows} ({', '.join(tests)})."]


def _missing(found: StabilityDiagnosis) -> list[str]:
    missing = [sentence for sentence in found.left_out if not sentence.startswith((*_CHOSEN, _NO_STEP))]
    if found.network is not None:
        missing += found.network.not_measured
    return [f"Not measured: {sentence.rstrip('.')}." for sentence in missing]


# What follows from the inputs or settings that were given is no shortfall.
_CHOSEN = ("Inputs of the flip curves: ", "Class laws: all inputs")
