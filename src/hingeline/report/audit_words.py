"""An audit in words: the sentence that a manager repeats, and the few that go with it.

The headline tells the gravest thing that is true: a copy of the whole network, then a part of it, then what
an outsider learns without any weights. What was not found is never told as safety.
"""

from __future__ import annotations

from collections.abc import Iterable

from hingeline.auditing.record import Audit, Stage
from hingeline.core.outcome import Finding, Status
from hingeline.evaluation.defending.grid import DefenceGrid, DefenceRow
from hingeline.report.audit_copy import agreement, copy_shape
from hingeline.report.audit_flip_words import flip_words
from hingeline.report.fragility_words import percent
from hingeline.report.numbers import count, plural
from hingeline.subspace.recovered import RecoveredSpan

_LABELS = "This door shows labels only, and no weights could be told from it"
_SMOOTH = "The network behind this door is smooth, and the methods tried here cannot tell its weights"
_KINDS = {
    "stochastic": "This door answers at random, and no weights could be told from it",
    "staircase": "This door rounds its answers, and no weights could be told from it",
}


def headline(finding: Finding[Audit]) -> str:
    """One sentence that a manager can repeat; it claims no more than the findings."""
    audit = finding.value
    if audit is None or audit.card is None:
        return finding.outcome.reason
    if audit.card.kind == "constant":
        probes = plural(audit.card.queries, "probe")
        return f"All {probes} of this door got the same answer: nothing about the network could be told."
    if len(audit.stages) < 2:
        spent = finding.outcome.status is Status.BUDGET_SPENT
        early = f"The budget ended after {plural(finding.queries, 'question')}, while the door was examined."
        return early if spent else finding.outcome.reason
    if audit.copy is not None:
        return f"{_copied(audit, float(finding.provenance.settings.get('threshold', 0.0)))}."
    if any(layer.known for layer in audit.leak.layers):
        return f"{_partly(audit)}."
    return f"{_nothing_rebuilt(audit)}; {_learned(audit)}."


def summary(finding: Finding[Audit]) -> str:
    """What else was found, and how the audit ended."""
    audit, outcome = finding.value, finding.outcome
    if audit is None or len(audit.stages) < 2 or (audit.card is not None and audit.card.kind == "constant"):
        return outcome.advice
    told = _besides(audit) if audit.copy is not None or any(x.known for x in audit.leak.layers) else ()
    parts = [f"{part[0].upper()}{part[1:]}." for part in told if part]
    if outcome.status is not Status.COMPLETE:
        parts += [outcome.reason, outcome.advice]
    return " ".join(part for part in parts if part)


def defence_words(grid: DefenceGrid) -> str:
    """What each defence left to extraction, the same ones together; empty where that was not measured."""
    read = [(row, row.leak) for row in grid.rows[1:] if row.leak is not None and row.leak.attempted]
    whole = [row.words for row, leak in read if leak.share == 1.0]
    told = [f"{' and '.join(whole)} did not stop our extraction"] if whole else []
    for row, leak in read:
        if leak.share < 1:
            what = "of the neurons" if leak.neurons is not None else "of the copies tried"
            told.append(f"{row.words} left {percent(leak.share)} {what}")
    told += [_unread(row) for row in grid.rows[1:] if row.leak is not None and not row.leak.attempted]
    return f"with a defence in front of the copy: {'; '.join(told)}" if told else ""


def _unread(row: DefenceRow) -> str:
    """What is known of a defence whose answers our extraction cannot read."""
    learned = None if row.leak is None else row.leak.learned_agreement
    yet = (
        "" if learned is None else f", yet a copy trained on the decisions repeats {percent(learned)} of them"
    )
    return f"{row.words} cannot be read by our extraction{yet}"


def _besides(audit: Audit) -> Iterable[str]:
    """What goes with a copy, or with a part of one."""
    yield flip_words(audit.stage("fragility"))
    yield _looks(audit)
    finding = audit.finding("defences")
    # the copy gives values: what a defence of probabilities buys was not judged
    if finding is not None and finding.value is not None and gives_values(audit):
        yield defence_words(finding.value)


def gives_values(audit: Audit) -> bool:
    """Whether the door gives the network's own values, as its copy does."""
    return audit.card is not None and audit.card.answers == "logits"


def _copied(audit: Audit, threshold: float) -> str:
    finding = audit.finding("extraction")
    whole = finding is not None and finding.outcome.status is Status.COMPLETE
    # an equivalent form has a shape of its own, which is not the target's
    rebuilt = "a network that answers alike"
    if whole:
        rebuilt = f"the whole {'-'.join(map(str, copy_shape(audit)))} network"
    told = f"With {plural(audit.leak.queries, 'question')} an outsider rebuilt {rebuilt}"
    same, stage = agreement(audit, threshold), audit.stage("extraction")
    if same is None:
        return told
    if stage is not None and stage.doubt:
        # fresh questions confirmed it, and the given inputs do not
        told = f"With {plural(audit.leak.queries, 'question')} an outsider rebuilt a network that is in doubt"
    return f"{told}; the copy gives the same class on {count(same[0])} of your {plural(same[1], 'input')}"


def _partly(audit: Audit) -> str:
    """Only the first layer stands on its own feet while nothing is verified."""
    known, first = sum(layer.known for layer in audit.leak.layers), audit.leak.layers[0].known
    stage = audit.stage("extraction")
    when = " before the budget ended" if stage is not None and stage.starved else ""
    deeper = (
        f", and {count(known - first)} that seem to lie deeper{',' * bool(when)}" if known > first else ""
    )
    where = "" if audit.leak.layers[0].layer > 1 or not first else " of the first hidden layer"
    if audit.edges_among_neurons:
        asked, bends = plural(audit.leak.queries, "question"), plural(known, "bend")
        return (
            f"With {asked} an outsider measured {bends}{when}, which may be neurons or edges at which inputs "
            "are clipped; a copy of the whole network was not made"
        )
    return (
        f"With {plural(audit.leak.queries, 'question')} an outsider measured the weights of "
        f"{plural(first if where else known, 'neuron')}{where}{deeper if where else ''}{when}; a copy of the "
        "whole network was not made"
    )


def _nothing_rebuilt(audit: Audit) -> str:
    card, stage = audit.card, audit.stage("extraction")
    if card is not None and card.answers == "labels":
        return _LABELS
    if card is not None and card.straight is False:
        return _SMOOTH
    if stage is None:
        return "Whether the weights can be rebuilt was not asked"
    if stage.starved:
        found = "confirmed" if audit.progress else "found"
        return f"No weights were {found} before the budget ended"
    return _KINDS.get("" if card is None else card.kind, "No weights could be told from this door")


def _learned(audit: Audit) -> str:
    """What an outsider has without weights, and what just that cost."""
    found: list[tuple[str, Stage]] = []
    for name, words in (
        ("span", _looks(audit)),
        ("fragility", flip_words(audit.stage("fragility"), short=True)),
    ):
        stage = audit.stage(name)
        if words and stage is not None:
            found.append((words, stage))
    if not found:
        shown = any(audit.finding(name) is not None for name in ("span", "fragility"))
        return "what else was asked is told below" if shown else "nothing else was established either"
    asked = plural(sum(stage.queries for _, stage in found), "question")
    return f"but with {asked} an outsider found that {', and that '.join(words for words, _ in found)}"


def _looks(audit: Audit) -> str:
    """What the network looks at, where that is less than everything and certain."""
    finding = audit.finding("span")
    span: RecoveredSpan | None = None if finding is None else finding.value
    if span is None or not span.rank or not span.null_dim or span.standing != "exact" or span.where == "data":
        return ""
    within = "within the range of inputs " if span.where == "box" else ""
    directions = plural(span.input_dim, "input direction")
    return f"{within}the network looks at only {count(span.rank)} of {directions}"
