"""Fragility in words: the headline, what the norms mean, what each verdict means and what to do about it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from hingeline.core.outcome import Finding, Status
from hingeline.numerics.statistics import median
from hingeline.report.model import Claim, Table
from hingeline.report.numbers import count, plural, small
from hingeline.sensitivity.measures.verdicts import Verdict
from hingeline.sensitivity.profile import FragilityProfile
from hingeline.sensitivity.threat import Norm, Threat

NORMS: dict[Norm, str] = {
    "l2": "l2 is the length of a change: the root of the sum of its squares over all input numbers",
    "linf": "linf is the largest change of any single input number",
    "l1": "l1 is the sum of the changes of all input numbers, whatever their sign",
}
"""How the size of a change is measured, for those who have not met it."""

# What makes distances found with gradients worthless comes before all else that is said.
_GRAVE = {
    "wavering": "This target gives one input now one class, now another, so that sizes are partly chance",
    "dead": "A layer of this network is off at every input: what follows says nothing about withstanding "
    "changes",
    "constant": "This network gives every input the same answer: what follows says nothing about "
    "withstanding changes",
    "zero gradient": "The gradient is zero at every input, so attacks that follow it are blind here",
    "saturated or masked": "Gradients mislead at this network",
}
_BLIND = ("zero gradient", "saturated or masked")

_MEANING = {
    "wavering": (
        "The target answers at random, by design or by fault; a flip may be luck, and a missed one too.",
        "Fix its randomness, or ask each input many times and judge by how often it flips.",
    ),
    "dead": (
        "A whole layer never switches on; the answer does not depend on the input.",
        "Check input scaling and the weights of that layer before anything else.",
    ),
    "constant": (
        "The outputs are the same for all inputs.",
        "Check that the right inputs and the right output reach the network.",
    ),
    "zero gradient": (
        "Rounding, steps or a threshold hide the slope. That an attack fails shows nothing.",
        "Judge by the attacks that only ask for answers, or by the proved bounds; attack the network before "
        "the rounding.",
    ),
    "saturated or masked": (
        "Gradients vanish or point the wrong way, so that attacks which follow them miss smaller changes.",
        "Judge by attacks without gradients and by proved bounds; attack the outputs before the last "
        "squashing.",
    ),
    "bias-dominated": (
        "Most of the answer is decided before the input is seen.",
        "Centre and scale the inputs; look at the share of each class in the training data.",
    ),
    "depth-collapsed": (
        "Different inputs look alike to the last layers: few changes flip anything, and few inputs differ.",
        "A large distance is no strength here. Fewer layers, skip connections, or train longer.",
    ),
    "bottlenecked": (
        "Few directions of the input come through; the gradient may turn on the way to a flip.",
        "Look at 'Is one step enough?' before one-step attacks are trusted; proved bounds do not depend on "
        "it.",
    ),
    "linear regime": (
        "Up to the flip the network is nearly a straight line: one gradient step tells the distance.",
        "Quick one-step checks are enough to compare versions of this network.",
    ),
}
# What is told beside a verdict's words, which hold the other figures already; never as "safety", which a
# reader would take for a promise.
_FIGURES = {
    "linear regime": {"safety": "flip distances that the straight line reaches"},
    "bottlenecked": {"validity_formula": "switched neurons, summed over layers, for random weights"},
    "saturated or masked": {"without_gradient": "share of inputs with zero gradient"},
}

_COMPARED = 60  # inputs whose distances give the scale where it was not measured


def headline(finding: Finding[FragilityProfile]) -> str:
    """One sentence that a manager can repeat; what makes the numbers doubtful comes first."""
    profile = finding.value
    if profile is None:
        asked = plural(finding.queries, "question")
        return f"The budget ended after {asked}, before every input was asked once: nothing is known."
    broken = broken_bounds(profile)
    if broken:
        return f"The bounds contradict each other at {plural(broken, 'input')}: none of this may be used."
    verdict, told = gravest(profile), _flips(profile, finding.outcome.status is Status.BUDGET_SPENT)
    if verdict is None:
        return f"{told}."
    if proved_without_gradients(profile, verdict):
        return f"{_GRAVE[verdict.name]}; proofs need none: {told[0].lower()}{told[1:]}."
    if verdict.name in _BLIND:
        return f"{_GRAVE[verdict.name]}, and what they did not find tells nothing. {told}."
    return f"{_GRAVE[verdict.name]}."


def summary(finding: Finding[FragilityProfile]) -> str:
    """What the headline means, and what to do next."""
    profile, outcome = finding.value, finding.outcome
    if profile is None:
        return f"{outcome.reason} {outcome.advice}"
    parts = [f"{NORMS[profile.norm]}."]
    open_ends = int((~profile.proved).sum())
    if never_flips(profile):
        parts.append(
            "What may change has no say in the class at these inputs: that is no strength. Are the inputs, "
            "the limits and the threshold those that you meant?"
        )
    elif not np.isfinite(profile.upper).any():
        pass
    elif any(verdict.name == "wavering" for verdict in profile.verdicts):
        parts.append("A flip was answered at that size, perhaps by chance; smaller ones may be, too.")
    elif not profile.proved.any():
        parts.append("These are upper bounds: a change of that size was found, smaller ones may do too.")
    elif open_ends:
        parts.append(
            f"For {plural(int(profile.proved.sum()), 'input')} it is proved that nothing smaller flips; for "
            f"the other {count(open_ends)} a smaller change may exist."
        )
    else:
        parts.append("For every input it is proved that nothing smaller flips.")
    if outcome.status is Status.BUDGET_SPENT:
        parts.append("The budget cut short what was measured.")
    return " ".join([*parts, outcome.advice]).strip()


def gravest(profile: FragilityProfile) -> Verdict | None:
    """The verdict that makes distances doubtful; None if there is none."""
    return next((verdict for verdict in profile.verdicts if verdict.name in _GRAVE), None)


def proved_without_gradients(profile: FragilityProfile, verdict: Verdict) -> bool:
    """Whether all sizes are proved although gradients tell nothing: the proofs use none."""
    return verdict.name in _BLIND and bool(profile.proved.all())


def never_flips(profile: FragilityProfile) -> bool:
    """Whether it is proved of every input that nothing within the limits flips it."""
    return bool(np.all(profile.without_flip))


def broken_bounds(profile: FragilityProfile) -> int:
    """Inputs at which a change flips that was proved not to: an error of ours, never to be hidden."""
    if profile.distance is not None:
        return int(profile.distance.bound_broken.sum())
    return int(np.sum(profile.lower > profile.upper * (1 + 1e-9)))


def verdict_claims(profile: FragilityProfile) -> Iterable[Claim]:
    """Every verdict with its figures, the gravest first."""
    for verdict in profile.verdicts:
        holds = False if verdict.name in _GRAVE else True if verdict.name == "linear regime" else None
        words = f"{verdict.name[0].upper()}{verdict.name[1:]}. {verdict.words}"
        yield Claim(words, holds, _figures(verdict))


def verdict_table(profile: FragilityProfile) -> Table:
    """What each verdict means to its owner."""
    known = [v.name for v in profile.verdicts if v.name in _MEANING]
    return Table(("verdict", "what it means", "what to do"), tuple((name, *_MEANING[name]) for name in known))


def size(value: float) -> str:
    """A size of a change as people read it; infinity means that none is known."""
    return small(value) if math.isfinite(value) else "none known"


def percent(share: float) -> str:
    """A share as people read it: 1.2 %."""
    return f"{small(100 * share)} %"


def data_distance(profile: FragilityProfile) -> float:
    """Median distance between two inputs, in the norm of the changes; NaN for one input."""
    if profile.distance is not None:
        return float(profile.distance.data_distance)
    rows = profile.points[:_COMPARED]
    first, second = np.triu_indices(len(rows), 1)
    return median(Threat(profile.norm).size(rows[first] - rows[second])) if len(first) else math.nan


def _flips(profile: FragilityProfile, ended: bool) -> str:
    """The median over all inputs, those without a flip counted as largest."""
    middle, number, proved = median(profile.upper), len(profile.upper), int(profile.proved.sum())
    if never_flips(profile):
        # a class that nothing changes tells of a network that does not look, not of one that is strong
        return (
            f"No change within the limits flips {_all_of(number)}; that is proved, and it means that "
            "the class does not depend on what may change"
        )
    if proved == number and np.isinf(profile.upper).all():
        far = small(float(profile.lower.min()))
        return (
            f"No change smaller than {far} flips {_all_of(number)}; that is proved, and no farther was looked"
        )
    if ended and not np.isfinite(profile.upper).any():
        whom = "the input was" if number == 1 else f"the {count(number)} inputs were"
        return f"The search ended before {whom} attacked in full: no flip is known, and that says nothing"
    if not math.isfinite(middle):
        subject = "The input has" if number == 1 else f"Half of the {count(number)} inputs or more have"
        return f"{subject} no known flip; that is no proof that none exists"
    subject = "The input changes" if number == 1 else f"Half of the {count(number)} inputs change"
    amount = f"{subject} class at a change of {small(middle)}{_or_less(number)} ({profile.norm})"
    apart = data_distance(profile)
    if apart > 0 and math.isfinite(apart):
        amount += f", {percent(middle / apart)} of the distance between two inputs"
    return f"{amount}; {_proved(proved, number)}"


def _or_less(number: int) -> str:
    return "" if number == 1 else " or less"


def _proved(proved: int, number: int) -> str:
    if not proved:
        return "smaller changes may do"
    if proved == number:
        return "proved" if number == 1 else f"proved for all {count(number)}"
    return f"proved for {count(proved)}"


def _all_of(number: int) -> str:
    return "the input" if number == 1 else f"any of the {count(number)} inputs"


def _figures(verdict: Verdict) -> str:
    """The numbers that a verdict rests on and that its words leave out."""
    known = _FIGURES.get(verdict.name, {})
    told = ((words, verdict.figures.get(name)) for name, words in known.items())
    return "; ".join(f"{words}: {small(float(value))}" for words, value in told if value is not None)
