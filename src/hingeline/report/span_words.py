"""A recovered span in words: the headline, what decided the rank, what may have been missed."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hingeline.core.outcome import Finding, Status
from hingeline.report.model import Claim
from hingeline.report.numbers import count, plural, small
from hingeline.subspace.recovered import RecoveredSpan, Unseen, Where

WHERE: dict[Where, str] = {"free": "all inputs", "box": "inputs in the box", "data": "the examples"}
"""Names of the domains."""
# A basis known to a millionth lets through a millionth of a change: less than any picture file can hold.
_SHARP = 1e-6


def headline(finding: Finding[RecoveredSpan]) -> str:
    """One sentence that a manager can repeat."""
    span, asked = finding.value, plural(finding.queries, "question")
    if span is None:
        return _without_span(finding, asked)
    if not span.rank:
        return _constant(span, asked)
    match span.standing:
        case "ambiguous":
            return _ambiguous(span)
        case "partial":
            spent = finding.outcome.status is Status.BUDGET_SPENT
            seen = f"{count(span.rank)} of {_directions(span.input_dim)} seen"
            ended = "when the budget ended" if spent else "so far"
            return f"{_scope(span)} looks at {seen} {ended}; there may be more."
        case _:
            return _exact(span)


def votes(span: RecoveredSpan) -> Iterable[Claim]:
    """The independent decisions on the rank, each held against the rank that is reported."""
    cast, rank = span.votes, span.rank
    if not rank:
        return
    yield Claim(
        f"Stronger than noise could be: {_directions(cast.edge)}",
        cast.edge == rank,
        f"noise alone reaches {small(cast.noise_edge)}",
    )
    yield Claim(f"Largest gap in strength: after {_directions(cast.gap)}", cast.gap == rank, _gap(span))
    if cast.remeasured is None:
        yield Claim("The directions were not asked again at fresh points", None)
    else:
        words = f"Answered again at fresh points: {_directions(cast.remeasured)}"
        yield Claim(words, cast.remeasured == rank)


def confidence(unseen: Unseen) -> Claim:
    """What was not seen, how surely, under which law."""
    if unseen.nothing_left:
        return Claim("No direction is left that could have been missed", True)
    if unseen.probability >= 1:
        tried = f"{plural(unseen.moves, 'try', 'tries')} since the last that showed something; {unseen.law}"
        return Claim("That nothing was missed is not shown", None, tried if unseen.moves else unseen.law)
    return Claim(
        f"{plural(unseen.moves, 'try', 'tries')} outside the span showed nothing more",
        True,
        f"with {percent(unseen.confidence)} confidence at most {percent(unseen.probability)} of such tries "
        f"would show something that was missed; {unseen.law}",
    )


def floor(finding: Finding[RecoveredSpan]) -> tuple[int, str]:
    """The fewest queries that can tell so many numbers, and why; 0 where there is no such number.

    A value tells a number; a label tells log2(classes) bits, and the numbers of a span to an angle e have
    about k (d - k) log2(1/e) of them.
    """
    span, card = finding.value, finding.evidence.get("doctor", {})
    if span is None or not span.basis.shape[1]:
        return 0, ""
    if card.get("answers") != "labels":
        return span.floor, "by a count of equations"
    if not 0 < span.angle < 1:
        return 0, ""
    bits = span.rank * span.null_dim * math.log2(1 / span.angle)
    classes = max(len(card.get("classes", ())), 2)
    return math.ceil(bits / math.log2(classes)), "to this precision, by the bits that labels carry"


def domains(span: RecoveredSpan) -> Claim:
    """The ranks over all domains in one line, from the narrowest to the widest."""
    ranks = ", ".join(f"{count(domain.rank)} among {WHERE[domain.where]}" for domain in span.domains)
    return Claim(f"Directions it sees: {ranks}", True if span.standing == "exact" else None)


def percent(share: float) -> str:
    """A share as people read it: 95%, 0.12%."""
    return f"{small(100 * share)}%"


def _without_span(finding: Finding[RecoveredSpan], asked: str) -> str:
    match finding.outcome.status:
        case Status.REFUSED:
            return f"What this target looks at cannot be found: {finding.outcome.reason}"
        case Status.BUDGET_SPENT:
            return f"The budget ended after {asked}, before anything was found."
        case _:
            return f"After {asked} there is no conclusion."


def _constant(span: RecoveredSpan, asked: str) -> str:
    """Nothing was found: that is news only if enough was tried."""
    if not span.unseen.moves:
        return f"After {asked} nothing is known for certain of what this target looks at."
    scope = _scope(span)
    return f"As far as seen, {scope[0].lower()}{scope[1:]} gives the same answer to every input."


def _ambiguous(span: RecoveredSpan) -> str:
    total = _directions(span.input_dim)
    *others, last = map(count, span.votes.candidates or (span.rank,))
    if not others:
        return f"{_scope(span)} seems to look at {last} of {total}; that is not certain."
    either = f"{', '.join(others)} or {last}"
    return f"{_scope(span)} looks at {either} of {total}; its answers do not decide between these."


def _exact(span: RecoveredSpan) -> str:
    scope, total = _scope(span), _directions(span.input_dim)
    if not span.null_dim:
        return f"{scope} looks at all {total}: nothing can be changed behind its back."
    seen = f"{scope} looks at {count(span.rank)} of {total}"
    if not span.basis.shape[1]:
        return f"{seen}; which ones, was not asked."
    other = f"the other {count(span.null_dim)}" if span.null_dim > 1 else "the other one"
    effect = "has no effect at all" if span.angle <= _SHARP else "has no effect that its answers show"
    return f"{seen}; what happens in {other} {effect}."


def _scope(span: RecoveredSpan) -> str:
    """The subject of the headline; a span of less than all inputs says so first."""
    places = {"free": "The network", "box": "Within its box of inputs, the network"}
    return places.get(span.where, "At the examples given, the network")


def _gap(span: RecoveredSpan) -> str:
    ratio = span.votes.gap_ratio
    if not math.isfinite(ratio):
        return "nothing at all below it"
    if ratio < 1:
        return "the weakest that is kept is weaker than what was rejected, or than noise may be"
    return f"the weakest kept is {small(ratio)} times as strong as the strongest rejected"


def _directions(number: int) -> str:
    return plural(number, "direction")
