"""What an audit rests on: policies, what is not known, stages and price, the door, how to do it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hingeline.auditing.measures import MEASURES
from hingeline.auditing.plan import AuditPlan
from hingeline.auditing.policy import JudgedPolicy, Verdict
from hingeline.auditing.record import Audit, Source, Stage
from hingeline.core.outcome import Finding
from hingeline.report.common import again
from hingeline.report.examination import facts, possible_claims
from hingeline.report.model import Block, Claim, Command, Table, Text
from hingeline.report.numbers import count, duration, plural
from hingeline.report.recipe import Recipe

_CREDIT = "The methods of this audit come from:"
_HOLDS = {Verdict.KEPT: True, Verdict.BROKEN: False, Verdict.NOT_JUDGED: None}
STAGES = {
    "door": "examine the door",
    "inputs": "ask the given inputs",
    "extraction": "rebuild the network",
    "line": "picture one line",
    "span": "what it looks at",
    "fragility": "smallest flips",
    "stability": "growth by layer",
    "defences": "judge defences",
}
"""Stages in words."""
_ASKED = {Source.DOOR: "the door", Source.COPY: "the copy"}


def policy_blocks(policies: Sequence[JudgedPolicy]) -> Iterable[Block]:
    """Each policy with what was measured."""
    for one in policies:
        seen = "the audit could not establish it" if one.seen is None else f"it is {one.seen:g}"
        measure = MEASURES[one.policy.measure].words
        yield Claim(f"{one.policy.text}: {one.verdict}", _HOLDS[one.verdict], f"{measure}; {seen}")


def open_ends(finding: Finding[Audit]) -> Iterable[Block]:
    """What the audit cannot say, why, and what to type next."""
    audit = finding.value
    if audit is None:
        return
    for name, why in audit.not_established:
        yield Claim(f"{STAGES.get(name, name).capitalize()}: not established", None, why)
    rebuilt = audit.finding("extraction")
    undecided: Any = () if rebuilt is None else rebuilt.evidence.get("undecided", ())
    for sentence in undecided if isinstance(undecided, list | tuple) else (undecided,):
        if sentence:
            yield Claim(str(sentence), None)


def account_blocks(finding: Finding[Audit]) -> Iterable[Block]:
    """Every stage with whom it asked, how often and how it ended; the plan beside what was paid."""
    audit = finding.value
    if audit is None:
        return
    rows = tuple(_row(stage) for stage in audit.stages)
    columns = ("part", "asked", "questions", "ended", "time")
    yield Table(
        columns, rows, "Every input sent is one question; checks and failed attempts are counted too."
    )
    if audit.plan is not None:
        yield Text(_priced(audit.plan, finding))


def door_blocks(audit: Audit) -> Iterable[Block]:
    """The doctor's card."""
    if audit.card is None:
        return
    yield Table((), facts(audit.card))
    yield from possible_claims(audit.card)
    yield from (Text(note) for note in audit.card.notes)


def atlas_blocks(audit: Audit) -> Iterable[Block]:
    """Where this belongs in MITRE ATLAS, as far as it applies."""
    if audit.card is None or audit.card.answers == "unknown":
        return
    rows = [
        ("AML.T0040", "inference API access", "the door answered every question that this audit rests on")
    ]
    known = sum(layer.known for layer in audit.leak.layers)
    if audit.copy is not None:
        rows.append(("AML.T0024", "exfiltration via the inference API", "the model was extracted"))
    elif known:
        rows.append(
            ("AML.T0024", "exfiltration via the inference API", f"{plural(known, 'neuron')} were extracted")
        )
    yield Table(("id", "what it is", "why it applies"), tuple(rows))


def reproduction(finding: Finding[Audit], recipe: Recipe | None) -> Iterable[Block]:
    """What to type, all circumstances, and the sources of the methods used."""
    made = finding.provenance
    given = ", x" if made.settings.get("given_inputs") else ""
    given += ", y" if made.settings.get("labels") else ""
    yield from again(finding, recipe, _CREDIT, call=f"hl.audit(oracle{given}, seed={made.seed})")
    yield Command(("hingeline cite DIR",))


def _row(stage: Stage) -> tuple[str, ...]:
    name = STAGES.get(stage.name, stage.name)
    if stage.left_out:
        return (name, "nobody", "0", "budget spent" if stage.starved else "left out", "")
    ended = "done" if stage.finding is None else str(stage.finding.outcome.status)
    return (name, _ASKED[stage.source], count(stage.queries), ended, duration(stage.seconds))


def _priced(plan: AuditPlan, finding: Finding[Audit]) -> str:
    most = "no limit" if plan.most is None else f"at most {count(plan.most)}"
    told = (
        f"Before paying, the plan said {count(plan.least)} questions or more, {most}; "
        f"{count(finding.queries)} were paid."
    )
    cost = plan.cost(finding.queries)
    return (
        told
        if cost is None
        else f"{told} At {plan.cost_per_1000:g} {plan.currency} for 1,000: {cost:.2f} {plan.currency}."
    )
