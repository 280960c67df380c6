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
    "open to a better one. Where ours cannot read the answers at all ('?'), nothing is known of the leak but "
    "what a learned copy shows.",
    "The knee weighs what our attacks find against utility lost. It says nothing about learned copies or "
    "about changed inputs, which stand in columns of their own.",
    "Radius, inputs and budget are those of this run; with others the order of the defences may change.",
    "Utility is told for the inputs given. Confidence lost, what leaked and the knee are our measures.",
    "Rate limits and monitors cost attackers time and not information; a grid of queries does not show them.",
)
_NOTICED = 0.02
"""Share of inputs by which a defence has to beat the undefended model before it is named for it."""


def headline(finding: Finding[DefenceGrid]) -> str:
    """One or two sentences: what leaks undefended, and what the knee leaves to our attacks."""
    grid = finding.value
    if grid is None:
        return finding.outcome.reason
    parts = [*_leaks(grid)] or [*_stands(grid)]
    return f"{'. '.join(parts)}." if parts else finding.outcome.reason


def summary(finding: Finding[DefenceGrid]) -> str:
    """Who stands, what can still be learned, what all this stands on, and what to do next."""
    grid = finding.value
    if grid is None:
        return finding.outcome.advice
    leaks = [*_leaks(grid)]
    parts = [*(_stands(grid) if leaks else ()), *_learned(grid)]
    told = [f"{part}." for part in parts] + [finding.outcome.reason, finding.outcome.advice]
    return " ".join(part for part in told if part)


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


def told_span(row: DefenceRow) -> str:
    """Input directions that a search found, of those there are."""
    if row.span is None or not row.span.attempted:
        return "" if row.span is None else "?"
    rank = f"{row.span.rank:.0f}"
    return rank if row.span.true_rank is None else f"{rank}/{row.span.true_rank}"


def between(ends: tuple[float, float] | None) -> str:
    """Two shares as a range: 31 to 71 %; empty for none."""
    if ends is None:
        return ""
    low, high = percent(ends[0]), percent(ends[1])
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def _leaks(grid: DefenceGrid) -> Iterable[str]:
    plain = grid.row(UNDEFENDED)
    if plain.leak is not None and plain.leak.attempted:
        neurons = " neurons" if plain.leak.neurons is not None else ""
        asked = plural(int(plain.leak.queries), "question")
        yield f"Undefended, {told_leak(plain.leak)}{neurons} leak in {asked}"
    best = grid.knee
    if best is not None and best.leaked is not None:
        copy = None if best.leak is None else best.leak.learned_agreement
        learned = (
            "" if copy is None else f"; a learned copy still takes over {percent(copy)} of its decisions"
        )
        yield f"At the knee, {best.text}, our attacks find {percent(best.leaked)} {_of_what(best)}{learned}"
    elif plain.leaked is not None:
        yield "No defence stands out against our attacks"


def _of_what(row: DefenceRow) -> str:
    """What a share of the leak is a share of."""
    counted = [
        words for words, part in (("neurons", row.leak), ("input directions", row.span)) if part is not None
    ]
    return f"of {' or '.join(counted)}" if counted else ""


def _learned(grid: DefenceGrid) -> Iterable[str]:
    learned = [row.leak.learned_agreement for row in grid.rows if row.leak is not None]
    known = [share for share in learned if share is not None]
    if known:
        yield (
            f"A copy learned from decisions alone takes over {between((min(known), max(known)))} of them "
            "behind the doors where it was tried"
        )


def _stands(grid: DefenceGrid) -> Iterable[str]:
    plain = grid.row(UNDEFENDED).robustness
    stated = [
        (row.robustness.mean("adaptive"), row.text)
        for row in grid.rows
        if row.text != UNDEFENDED and row.robustness is not None and row.robustness.stated
    ]
    if plain is None or not plain.stated or not stated:
        return
    (best, name), bare = max(stated), plain.mean("adaptive")
    most = (
        f"{percent(best)} behind {name}" if best > bare + _NOTICED else f"{percent(best)} behind any defence"
    )
    yield (
        f"Changed by up to {small(grid.radius)} by an attacker who knows the defence, {percent(bare)} of the "
        f"inputs stand undefended and at most {most}"
    )
