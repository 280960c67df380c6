"""The report on a recovered span, made from its finding.

Of the evidence it reads `doctor` (the card), `growth` (questions and directions, each time the span grew) and
`undecided` (sentences). What is absent is not claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from hingeline.core.outcome import Finding
from hingeline.report import span_figures, span_words
from hingeline.report.common import again, door, price, tone
from hingeline.report.model import Block, Claim, Report, Section, Table, Text, Tile, Tone
from hingeline.report.numbers import count, duration, plural, small
from hingeline.report.obfuscation import Hidden, obfuscation_blocks, obfuscation_headline
from hingeline.report.recipe import Recipe
from hingeline.subspace.recovered import DomainSpan, RecoveredSpan

_FUNCTIONAL = (
    "This is the span of what the answers depend on. Directions that the weights span beyond it leave no "
    "trace in the answers, and nothing is said about them."
)
_CREDIT = "Where the question comes from:"
_NESTED = (
    "One span for each set of inputs that was examined, from the narrowest to the widest: what is seen in "
    "one is also seen in the next."
)
_EXAMPLES_ONLY = (
    "The span of the examples comes from the slopes at these examples: it promises nothing for long moves "
    "away from them."
)

# Words for the phases of the verb that do not explain themselves.
_STEPS = {
    "doctor": "what the door gives away",
    "data": "at the examples",
    "box": "among inputs in the box",
    "free": "among all inputs",
    "again": "asked again",
}

Span = Finding[RecoveredSpan]


def span_report(finding: Span, recipe: Recipe | None = None, hidden: Hidden | None = None) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `span` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
        hidden: What `obfuscate` returned for this span; None if it was not asked.
    """
    return Report(
        title=f"hingeline span {finding.provenance.target}",
        tone=_tone(finding),
        verdict=str(finding.outcome.status),
        headline=span_words.headline(finding),
        summary=_summary(finding, hidden),
        tiles=tuple(_tiles(finding)),
        sections=tuple(section for section in _sections(finding, recipe, hidden) if section.blocks),
        footer=_footer(finding),
    )


def _sections(finding: Span, recipe: Recipe | None, hidden: Hidden | None) -> Iterable[Section]:
    span = finding.value
    if span is not None:
        yield Section("What it looks at", tuple(_seen(span)))
        if hidden is not None:
            yield Section("Inputs it cannot tell apart", tuple(obfuscation_blocks(hidden)))
        yield Section("How sure is the number?", tuple(_sure(span)))
        yield Section("What matters most", tuple(_active(span)))
    yield Section("What it cost", tuple(_cost(finding, hidden)))
    yield Section("What the answers give away", tuple(door(finding.evidence)))
    yield Section("What could not be established", tuple(_open_ends(finding)))
    yield Section("Do it again", tuple(again(finding, recipe, _CREDIT)))


def _tone(finding: Span) -> Tone:
    """An ambiguous rank is inconclusive, and still tells something."""
    told = tone(finding)
    known = finding.value is not None and finding.value.rank > 0
    return Tone.PART if told is Tone.BAD and known else told


def _summary(finding: Span, hidden: Hidden | None) -> str:
    span, outcome = finding.value, finding.outcome
    free = span is not None and outcome.ok and span.where == "free" and span.null_dim > 0
    meaning = "Change any input in those directions, by any amount: the answer stays." if free else ""
    shown = "" if hidden is None or hidden.value is None else obfuscation_headline(hidden.value)
    return " ".join(part for part in (meaning, shown, outcome.reason, outcome.advice) if part)


def _tiles(finding: Span) -> Iterable[Tile]:
    span = finding.value
    if span is not None and span.rank:
        yield from _rank_tiles(span)
    yield Tile(count(finding.queries), "questions, all counted")
    fewest, _ = span_words.floor(finding)
    if fewest:
        yield Tile(f"{finding.queries / fewest:.2f}", f"times the fewest possible ({count(fewest)})")
    if span is not None and span.rank and math.isfinite(span.angle):
        yield Tile(small(span.angle), "error, in radians")
    yield Tile(duration(finding.spending.seconds), "on the clock")


def _rank_tiles(span: RecoveredSpan) -> Iterable[Tile]:
    least = {"exact": "", "partial": "at least "}.get(span.standing, "about ")
    yield Tile(f"{least}{count(span.rank)}", f"of {plural(span.input_dim, 'direction')} it sees")
    if span.standing == "exact" and span.null_dim:
        yield Tile(count(span.null_dim), "it cannot see")


def _seen(span: RecoveredSpan) -> Iterable[Block]:
    if span.domains:
        columns = ("among", "it looks at", "it cannot see", "tries that showed no more", "questions so far")
        rows = tuple(_domain_row(domain, span.input_dim) for domain in span.domains)
        yield Table(columns, rows, _NESTED if len(rows) > 1 else "")
    if len(span.domains) > 1:
        yield span_words.domains(span)
    if any(domain.where == "data" for domain in span.domains):
        yield Text(_EXAMPLES_ONLY)
    yield from _present(span_figures.leverage(span))


def _domain_row(domain: DomainSpan, input_dim: int) -> tuple[str, ...]:
    moves = count(domain.unseen.moves) if domain.unseen.moves else "none tried"
    seen = (span_words.WHERE[domain.where], count(domain.rank), count(input_dim - domain.rank))
    return (*seen, moves, count(domain.queries))


def _sure(span: RecoveredSpan) -> Iterable[Block]:
    yield Text(f"Found by the method '{span.method}': {span.why.rstrip('.')}.")
    yield from span_words.votes(span)
    yield span_words.confidence(span.unseen)
    yield from _present(span_figures.strengths(span))


def _active(span: RecoveredSpan) -> Iterable[Block]:
    if span.active is None:
        return
    yield Text(
        f"The {plural(span.rank, 'direction')} say what can matter; they do not matter alike. Over "
        f"{plural(span.active.points, 'fresh input')} the answer moves as if along "
        f"{small(span.active.participation)} directions of equal weight (participation ratio)."
    )
    yield from _present(span_figures.active_images(span))
    yield from _present(span_figures.eigenvalues(span))


def _cost(finding: Span, hidden: Hidden | None) -> Iterable[Block]:
    span = finding.value
    fewest, why = span_words.floor(finding)
    if span is not None and fewest:
        yield Text(
            f"{plural(finding.queries, 'question')} asked. So many numbers need at least {count(fewest)}, "
            f"{why}; the method was expected to take {count(span.forecast)}."
        )
    if span is not None:
        yield from _present(span_figures.growth(_growth(finding), fewest))
    yield from price(finding, _STEPS)
    if hidden is not None:
        yield Text(f"Making and checking the obfuscated inputs took {count(hidden.queries)} more.")


def _growth(finding: Span) -> list[tuple[int, int]]:
    return [(int(asked), int(found)) for asked, found in finding.evidence.get("growth", ())]


def _open_ends(finding: Span) -> Iterable[Block]:
    span = finding.value
    if span is None:
        return
    yield Text(_FUNCTIONAL)
    if span.standing == "partial":
        yield Claim("Whether there are more directions than these", None)
    elif span.standing == "ambiguous":
        yield Claim(_doubt(span), None)
    if finding.provenance.settings.get("active_points") and span.active is None:
        yield Claim("What matters most was asked for, and was not measured", None)
    if not span.basis.shape[1] and span.rank:
        yield Claim("Which directions they are was not asked, only how many", None)
    elif span.rank and not math.isfinite(span.angle):
        yield Claim("How far the directions are off was not estimated", None)
    undecided: Any = finding.evidence.get("undecided", ())
    for sentence in undecided if isinstance(undecided, list | tuple) else (undecided,):
        yield Claim(str(sentence), None)
    yield from (Text(note) for note in span.notes)


def _doubt(span: RecoveredSpan) -> str:
    ranks = ", ".join(map(count, span.votes.candidates))
    return (
        f"Which of {ranks} is the rank" if len(span.votes.candidates) > 1 else f"Whether the rank is {ranks}"
    )


def _footer(finding: Span) -> str:
    return (
        f"Made by hingeline {finding.provenance.versions.get('hingeline', '')}. The same run as data: "
        "result.json; the directions: span.npz; every question and answer: journal.sqlite."
    )


def _present(figure: Block | None) -> tuple[Block, ...]:
    return () if figure is None else (figure,)
