"""An audit in words: the sentence that a manager repeats, and the two that go with it.

The headline tells the gravest thing that is true: a copy of the whole network, then a part of it, then what
an outsider learns without any weights. What was not found is never told as safety.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hingeline.auditing.record import Audit, Source, Stage
from hingeline.core.arrays import IntArray
from hingeline.core.outcome import Finding, Status
from hingeline.evaluation.defending.grid import DefenceGrid
from hingeline.numerics.statistics import median
from hingeline.report.extraction import sizes
from hingeline.report.fragility_words import never_flips, percent
from hingeline.report.numbers import count, plural, small
from hingeline.subspace.recovered import RecoveredSpan

_KINDS = {
    "smooth": "The network behind this door is smooth, and the methods tried here cannot tell its weights",
    "stochastic": "This door answers at random, and no weights could be told from it",
    "staircase": "This door rounds its answers too coarsely for the methods tried here to tell its weights",
}


def headline(finding: Finding[Audit]) -> str:
    """One sentence that a manager can repeat; it claims no more than the findings."""
    audit = finding.value
    if audit is None or audit.card is None:
        return finding.outcome.reason
    if audit.card.kind == "constant":
        asked = plural(finding.queries, "question")
        return f"All {asked} got the same answer: nothing about the network can be told from this door."
    if len(audit.stages) < 2:
        return finding.outcome.reason
    if audit.copy is not None:
        return f"{_copied(audit, float(finding.provenance.settings.get('threshold', 0.0)))}."
    known = sum(layer.known for layer in audit.leak.layers)
    if known:
        return f"{_partly(audit, known)}."
    return f"{_nothing_rebuilt(audit)}; {_learned(audit)}."


def summary(finding: Finding[Audit]) -> str:
    """What else was found, and how the audit ended."""
    audit, outcome = finding.value, finding.outcome
    if audit is None or len(audit.stages) < 2:
        return outcome.advice
    told: list[str] = []
    if audit.card is not None and audit.card.kind != "constant":
        rebuilt = audit.copy is not None or any(layer.known for layer in audit.leak.layers)
        told += [
            *([_flips(audit)] if rebuilt else []),
            *([_looks(audit)] if rebuilt else []),
            _defended(audit),
        ]
    parts = [f"{part[0].upper()}{part[1:]}." for part in told if part]
    if outcome.status is not Status.COMPLETE:
        parts += [outcome.reason, outcome.advice]
    return " ".join(part for part in parts if part)


def sizes_of(audit: Audit) -> tuple[int, ...]:
    """Widths of the copy from input to output, in neurons of the target."""
    finding, copy = audit.finding("extraction"), audit.copy
    if copy is None:
        return ()
    told = copy.sizes if finding is None or finding.value is None else sizes(finding.evidence, finding.value)
    return (*told[:-1], copy.output_dim)


def agreement(audit: Audit, threshold: float = 0.0) -> tuple[int, int] | None:
    """Of the given inputs, how many get the same class from copy and door; None without either.

    Args:
        audit: The audit.
        threshold: Where the class changes, if the door gives one number.
    """
    if audit.copy is None or audit.usage is None:
        return None
    own = _classes(audit.copy(audit.usage.points), threshold)
    return int((own == audit.usage.classes).sum()), len(own)


def flip_words(stage: Stage | None) -> str:
    """How small changes flip inputs, with whom it was tried on; empty where nothing is known."""
    profile: Any = None if stage is None or stage.finding is None else stage.finding.value
    if stage is None or profile is None:
        return ""
    number, flips, middle = len(profile.upper), int(np.isfinite(profile.upper).sum()), median(profile.upper)
    if not flips:
        return f"no change within the limits flips any of {plural(number, 'input')}" * never_flips(profile)
    if math.isfinite(middle) and number > 1:
        amount = f"a change of {small(middle)} or less ({profile.norm})"
        told = f"half of {count(number)} inputs change class at {amount}"
    else:
        told = f"changes were found that flip {count(flips)} of {plural(number, 'input')} ({profile.norm})"
    return f"{told}{_tried(stage)}"


def _tried(stage: Stage) -> str:
    """Whether flips of the copy are flips of the door."""
    if stage.source is Source.DOOR:
        return ""
    tried, held = stage.facts.get("tried", 0), stage.facts.get("held", 0)
    if not tried:
        return "; that was computed on the copy and not tried at the door"
    return f"; computed on the copy, {count(held)} of {count(tried)} of these changes flip the door itself"


def _copied(audit: Audit, threshold: float) -> str:
    asked = plural(audit.leak.queries, "question")
    network = "-".join(map(str, sizes_of(audit)))
    finding = audit.finding("extraction")
    whole = finding is not None and finding.outcome.status is Status.COMPLETE
    rebuilt = f"the whole {network} network" if whole else f"a {network} network that answers alike"
    told = f"With {asked} an outsider rebuilt {rebuilt}"
    same = agreement(audit, threshold)
    if same is None:
        return told
    return f"{told}; the copy gives the same class on {count(same[0])} of {plural(same[1], 'input')} of yours"


def _partly(audit: Audit, known: int) -> str:
    asked = plural(audit.leak.queries, "question")
    first = audit.leak.layers[0]
    where = "" if first.known == known else f", {count(first.known)} of them in the first layer"
    ended = audit.stage("extraction")
    when = " before the budget ended" if ended is not None and ended.starved else ""
    return (
        f"With {asked} an outsider learned the weights of {plural(known, 'hidden neuron')}{where}{when}; the "
        "network as a whole was not rebuilt"
    )


def _nothing_rebuilt(audit: Audit) -> str:
    card, stage = audit.card, audit.stage("extraction")
    if card is not None and card.answers == "labels":
        return "This door shows labels only, and no weights could be told from it"
    if card is not None and card.straight is False:
        return _KINDS["smooth"]
    if stage is not None and stage.starved:
        return "No weights were found before the budget ended"
    if stage is None:
        return "Whether the weights can be rebuilt was not asked"
    return _KINDS.get("" if card is None else card.kind, "No weights could be told from this door")


def _learned(audit: Audit) -> str:
    """What an outsider has without weights."""
    stages = [stage for stage in (audit.stage("span"), audit.stage("fragility")) if stage is not None]
    told = [part for part in (_looks(audit), flip_words(audit.stage("fragility"))) if part]
    if not told:
        return "nothing else was established either"
    asked = plural(sum(stage.queries for stage in stages), "question")
    return f"but with {asked} an outsider found that {', and that '.join(told)}"


def _looks(audit: Audit) -> str:
    """What the network looks at, where that is less than everything and certain."""
    finding = audit.finding("span")
    span: RecoveredSpan | None = None if finding is None else finding.value
    if span is None or not span.rank or not span.null_dim or span.standing != "exact" or span.where == "data":
        return ""
    return f"it looks at only {count(span.rank)} of {plural(span.input_dim, 'input direction')}"


def _flips(audit: Audit) -> str:
    return flip_words(audit.stage("fragility"))


def _defended(audit: Audit) -> str:
    finding = audit.finding("defences")
    grid: DefenceGrid | None = None if finding is None else finding.value
    if grid is None or len(grid.rows) < 2:
        return ""
    best = grid.knee
    if best is None or best.leaked is None:
        tried = plural(len(grid.rows) - 1, "defence")
        return f"none of the {tried} tried on the copy stood out against our attacks"
    return (
        f"tried on the copy, the defence that pays best ({best.words}) left our attacks "
        f"{percent(best.leaked)} of the neurons or input directions and changed "
        f"{percent(best.utility.changed)} of the decisions"
    )


def _classes(outputs: Any, threshold: float) -> IntArray:
    if outputs.shape[1] > 1:
        return outputs.argmax(axis=1).astype(np.int64)
    return (outputs[:, 0] > threshold).astype(np.int64)
