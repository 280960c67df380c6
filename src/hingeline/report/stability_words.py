"""What a manager repeats of a stability run: how near the boundary is, and what one bad step does.

No eigenvalue is made into praise or blame. The headline stands on the class boundary and on flips that were
asked for, beside random steps and the same question asked again.
"""

from __future__ import annotations

import math

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Finding, Status
from hingeline.numerics.statistics import median
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.renormalisation.flow.relevance import Verdict
from hingeline.renormalisation.stack_findings import StackFindings
from hingeline.renormalisation.wording import told_from_asking_again, told_place
from hingeline.report.fragility_words import percent
from hingeline.report.numbers import count, plural, small
from hingeline.sensitivity.fisher.flip_curve import FlipCurves

NOT_DECLARED = (
    "No eigenvalue is told: nobody declared which operators of neighbouring layers are the same, and without "
    "that it depends on how units are numbered."
)
_COMPARED = 60  # inputs whose distances give the scale


def headline(finding: Finding[StabilityDiagnosis]) -> str:
    """One sentence that a manager can repeat; where flips are chance, that and nothing else."""
    found = finding.value
    if found is None or finding.outcome.status is Status.INCONCLUSIVE:
        return finding.outcome.reason
    return f"{_boundary(found)}{_step(found)}."


def summary(finding: Finding[StabilityDiagnosis]) -> str:
    """What the headline means, and what to do next."""
    found, outcome = finding.value, finding.outcome
    if found is None or outcome.status is Status.INCONCLUSIVE:
        return outcome.advice
    parts = [
        "This is what the slopes at these inputs tell, followed for one step and then asked: attacks of many "
        "steps may need less, and nothing is proved."
    ]
    if found.stack is not None:
        parts.append(_looks(found.stack))
    if outcome.status is Status.PARTIAL:
        parts.append(f"What does not hold together or is missing is named below. {outcome.advice}")
    if found.stack is not None:
        parts.append(_verdicts(found.stack))
    return " ".join(part for part in parts if part)


def data_distance(points: FloatArray) -> float:
    """Median l2 distance between two inputs; NaN for one input."""
    rows = points[:_COMPARED]
    first, second = np.triu_indices(len(rows), 1)
    return median(np.linalg.norm(rows[first] - rows[second], axis=1)) if len(first) else math.nan


def whom(number: int) -> str:
    """The inputs, or the one."""
    return "the input" if number == 1 else f"the {count(number)} inputs"


def ratio_words(curves: FlipCurves, place: int) -> str:
    """How many times as often as random steps, with what is sure of it; never a division by nothing."""
    ratio, low = float(curves.ratio[place]), float(curves.ratio_low[place])
    if math.isnan(ratio):
        return "neither flips"
    sure = f"at least {small(low)}" if math.isfinite(low) and low > 0 else "no bound"
    return f"{small(ratio)} ({sure})" if math.isfinite(ratio) else f"random flips none ({sure})"


def _boundary(found: StabilityDiagnosis) -> str:
    number, middle = len(found.points), found.median_distance
    if not found.trusted.any():
        return f"The linearised class boundary of {whom(number)} is not known"
    if found.unknown:
        known = f"Where it is known ({count(number - found.unknown)} of {count(number)} inputs), half"
        if not math.isfinite(middle):
            return f"{known} or more have no linearised class boundary"
        return f"{known} have their linearised class boundary within {small(middle)} (l2)"
    if not math.isfinite(middle):
        one = "The input has no linearised class boundary"
        return one if number == 1 else f"Half of {whom(number)} or more have no linearised class boundary"
    if number == 1:
        return f"The linearised class boundary of the input is {small(middle)} away (l2)"
    told = f"Half of {whom(number)} have their linearised class boundary within {small(middle)} (l2)"
    apart = data_distance(found.points)
    if apart > 0 and math.isfinite(apart):
        told += f", {percent(middle / apart)} of the distance between two inputs"
    return told


def _step(found: StabilityDiagnosis) -> str:
    curves = found.curves
    if curves is None:
        return ""
    if not curves["fisher"].shares.any():
        return (
            f"; no step up to {small(float(curves.sizes[-1]))} along the most sensitive direction changed a "
            "class, which proves nothing"
        )
    place = told_place(curves)
    if not told_from_asking_again(curves, place):
        return "; steps along the most sensitive direction flip no more than asking again unchanged may do"
    share, chance = float(curves["fisher"].shares[place]), float(curves["random"].shares[place])
    size = small(float(curves.sizes[place]))
    if len(found.curve_rows) == 1:
        does = "changes its class" if share else "does not change its class"
        return (
            f"; a step of {size} along its most sensitive direction {does}, random steps as long do in "
            f"{percent(chance)} of the tries{_again(curves)}"
        )
    tried = len(found.curve_rows)
    of = "" if tried == len(found.points) else f" (of {count(tried)} tried)"
    return (
        f"; a step of {size} along the most sensitive direction changes the class of {percent(share)}{of}, a "
        f"random one of {percent(chance)}{_again(curves)}{_apart(curves, place)}"
    )


def _apart(curves: FlipCurves, place: int) -> str:
    """That shares cannot be told apart, where intervals say so."""
    return "" if float(curves.ratio_low[place]) > 1 else "; these inputs do not tell the two apart"


def _again(curves: FlipCurves) -> str:
    """What no step at all does, where that is not nothing; the direction is tried both ways, so twice."""
    if not curves.wavers:
        return ""
    return f", asking twice without a step of {percent(float(curves.control_of_two.shares[0]))}"


def _looks(stack: StackFindings) -> str:
    if not stack.looks:
        return ""
    good, every = len(stack.looks) - len(stack.unconverged), len(stack.looks)
    if every == 1:
        hold = "hold" if good else "do not hold"
        return f"One input was looked at closely: its estimates {hold} together."
    told = f"{count(every)} inputs were looked at closely"
    return f"{told}: at {'all' if good == every else good or 'none'} of them all estimates hold together."


def _verdicts(stack: StackFindings) -> str:
    if not any(flow.relevance for flow in stack.flows):
        return ""
    if stack.identification is None:
        return NOT_DECLARED
    said = stack.verdicts()
    told = ", ".join(f"{kind} at {number}" for kind, number in said.items() if number)
    every = plural(sum(said.values()), "step")
    return f"Differences from layer to layer, under the identification declared: {told} of {every} looked at."


def verdict_words(verdict: Verdict) -> str:
    """What a verdict on the leading operator means."""
    return {
        Verdict.RELEVANT: "differences along it grow from layer to layer, to first order, per unit",
        Verdict.IRRELEVANT: "differences die from layer to layer, along this operator and all of the set",
        Verdict.MARGINAL: "they neither grow nor die, to the precision told",
        Verdict.NOT_ESTABLISHED: "evidence is missing or speaks against it; nothing may be concluded",
    }[verdict]
