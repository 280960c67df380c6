"""What a manager repeats of a grid of defences; praise stands on what was tried, and says what was not."""

from __future__ import annotations

from collections.abc import Iterable

from hingeline.core.outcome import Finding
from hingeline.evaluation.defending.choosing import UNDEFENDED
from hingeline.evaluation.defending.grid import DefenceGrid, DefenceRow
from hingeline.evaluation.defending.leak import Leak
from hingeline.report.fragility_words import percent
from hingeline.report.numbers import count, plural, small

NOT_SAID = (
    "That our attacks failed does not say that none can succeed: a defence that stops one attack is still "
    "open to a better one. Where ours cannot read the answers at all, nothing is known of the leak but what "
    "a learned copy shows.",
    "Radius, inputs and budget are those of this run; with others the order of the defences may change.",
    "Utility is told for the inputs given. Confidence lost, what leaked and the knee are our measures.",
    "Rate limits and monitors cost attackers time and not information; a grid of queries does not show them.",
)


def headline(finding: Finding[DefenceGrid]) -> str:
    """One sentence: what leaks undefended, what the knee buys, and who stands."""
    grid = finding.value
    if grid is None:
        return finding.outcome.reason
    parts = [*_leaks(grid), *_stands(grid)]
    return ". ".join(part for part in parts if part) + "." if parts else finding.outcome.reason


def summary(finding: Finding[DefenceGrid]) -> str:
    """What the headline stands on, and what to do next."""
    grid = finding.value
    if grid is None:
        return finding.outcome.advice
    parts = [finding.outcome.reason]
    learned = [row.leak.learned_agreement for row in grid.rows if row.leak is not None]
    known = [share for share in learned if share is not None]
    if known:
        parts.append(
            f"A copy learned from labels alone takes over {_between(min(known), max(known))} of the "
            "decisions, whatever stands in front: exact recovery can be stopped, imitation hardly."
        )
    if finding.outcome.advice:
        parts.append(finding.outcome.advice)
    return " ".join(parts)


def told_leak(leak: Leak) -> str:
    """What an extraction brought."""
    if not leak.attempted:
        return "?"
    if leak.neurons is None:
        return f"{leak.complete}/{len(leak.runs)} copies"
    return f"{count(leak.neurons)}/{leak.neurons_in_all}"


def told_range(leak: Leak) -> str:
    """Fewest and most neurons of the seeds; empty if they are the same or not known."""
    ends = leak.neurons_range
    if ends is None or not leak.attempted or ends[0] == ends[1]:
        return ""
    return f" ({count(ends[0])} to {count(ends[1])})"


def told_standing(row: DefenceRow, name: str) -> str:
    """A share of inputs that stand; a reason to say none where a check of the attack failed."""
    if row.robustness is None:
        return ""
    return percent(row.robustness.mean(name)) if row.robustness.stated else "not stated"


def _leaks(grid: DefenceGrid) -> Iterable[str]:
    plain = grid.row(UNDEFENDED)
    if plain.leak is not None and plain.leak.attempted:
        neurons = " neurons" if plain.leak.neurons is not None else ""
        asked = plural(int(plain.leak.queries), "question")
        yield f"Undefended, {told_leak(plain.leak)}{neurons} leak in {asked}"
    best = grid.knee
    if best is not None and best.leaked is not None:
        yield (
            f"{best.words[:1].upper()}{best.words[1:]} buys most for least: {percent(best.leaked)} leak "
            f"to our attacks, {percent(best.utility.changed)} of decisions changed, "
            f"{small(best.utility.confidence_lost)} of confidence lost"
        )
    elif plain.leaked is not None:
        yield "No defence stands out"


def _stands(grid: DefenceGrid) -> Iterable[str]:
    plain = grid.row(UNDEFENDED).robustness
    shares = [
        row.robustness.mean("adaptive")
        for row in grid.rows
        if row.text != UNDEFENDED and row.robustness is not None and row.robustness.stated
    ]
    if plain is None or not plain.stated or not shares:
        return
    yield (
        f"Against changes of {small(grid.radius)} by an attacker who knows the defence, "
        f"{percent(plain.mean('adaptive'))} of the inputs stand undefended and "
        f"{_between(min(shares), max(shares))} defended"
    )


def _between(low: float, high: float) -> str:
    return percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"
