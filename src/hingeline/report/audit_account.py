"""What an audit rests on: stages and price, what the door shows, where it is filed, how to do it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from hingeline.auditing.plan import AuditPlan
from hingeline.auditing.record import Audit, Source, Stage
from hingeline.auditing.settings import AuditSettings
from hingeline.core.outcome import Finding, Status
from hingeline.report.audit_stages import STAGES
from hingeline.report.common import again
from hingeline.report.examination import facts, possible_claims
from hingeline.report.model import Block, Table, Text
from hingeline.report.numbers import count, duration, plural
from hingeline.report.recipe import Recipe

_CREDIT = "The methods of this audit come from:"
_ASKED = {Source.DOOR: "the door", Source.COPY: "the copy"}
_COUNTED = (
    "Every input sent to the door is one question; checks and failed attempts are counted too. What was "
    "worked out on the copy cost questions only where it was then tried at the door."
)
_ALWAYS_TOLD = ("budget", "norm")


def account_blocks(finding: Finding[Audit]) -> Iterable[Block]:
    """Every stage with whom it asked, how often and how it ended; the plan beside what was paid."""
    audit = finding.value
    if audit is None:
        return
    columns = ("part", "asked", "questions", "ended", "time")
    yield Table(columns, tuple(_row(stage) for stage in audit.stages), _COUNTED)
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
    """Where this belongs in MITRE ATLAS; extraction only where something was extracted."""
    if audit.card is None or audit.card.answers == "unknown":
        return
    rows = [("AML.T0040", "inference API access", "all of this was found by asking the door")]
    known, rebuilt = sum(layer.known for layer in audit.leak.layers), audit.finding("extraction")
    if audit.copy is not None and rebuilt is not None:
        whole = rebuilt.outcome.status is Status.COMPLETE
        why = "the model was extracted" if whole else "a model that answers alike was extracted"
    else:
        sure = known and not audit.edges_among_neurons
        why = f"weights of {plural(known, 'neuron')} were extracted" if sure else ""
    if why:
        rows.append(("AML.T0024", "exfiltration via the inference API", why))
    yield Table(("id", "technique", "why it applies"), tuple(rows))


def reproduction(finding: Finding[Audit], recipe: Recipe | None) -> Iterable[Block]:
    """What to type, the circumstances, and the sources of the methods used."""
    told = _beside_defaults(finding.provenance.settings)
    kept = replace(finding, provenance=replace(finding.provenance, settings=told))
    yield from again(kept, recipe, _CREDIT, call=_call(finding))


def _beside_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen; all that was left as usual would be two pages of numbers."""
    usual = AuditSettings().told()
    return {
        name: value
        for name, value in settings.items()
        if value is not None and (name in _ALWAYS_TOLD or name not in usual or value != usual[name])
    }


def _call(finding: Finding[Audit]) -> str:
    """The call in Python; door, inputs and labels are the reader's own."""
    made, usual = finding.provenance, AuditSettings().told()
    chosen = {name: value for name, value in made.settings.items() if name in usual and value != usual[name]}
    said = ["oracle", *(["x"] if made.settings.get("given_inputs") else [])]
    said += ["y"] if made.settings.get("labels") else []
    said += [f"budget={made.settings['budget']}"] if made.settings.get("budget") is not None else []
    said += [f"seed={made.seed}", *([f"settings={chosen}"] if chosen else [])]
    return f"hl.audit({', '.join(said)})"


def _row(stage: Stage) -> tuple[str, ...]:
    name = STAGES.get(stage.name, stage.name)
    if stage.left_out:
        return (name, "nobody", count(stage.queries), "budget spent" if stage.starved else "left out", "")
    ended = "done" if stage.finding is None else str(stage.finding.outcome.status)
    return (name, _ASKED[stage.source], count(stage.queries), ended, duration(stage.seconds))


def _priced(plan: AuditPlan, finding: Finding[Audit]) -> str:
    """Expected beside paid: questions, requests, money."""
    asked = finding.queries
    most = "with no limit" if plan.most is None else f"{count(plan.most)} at most"
    told = (
        f"Before anything but the doctor was paid, the plan said {count(plan.least)} questions or more, "
        f"{most}; {count(asked)} were paid, which is at least {plural(plan.requests(asked), 'request')}."
    )
    cost, limit = plan.cost(asked), "" if plan.budget is None else f" The budget was {count(plan.budget)}."
    if cost is None:
        return f"{told}{limit}"
    return f"{told}{limit} At {plan.cost_per_1000:g} {plan.currency} for 1,000: {cost:.2f} {plan.currency}."
