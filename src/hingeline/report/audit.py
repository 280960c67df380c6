"""The report on an audit: one page that a security engineer hands to a manager, made from its finding.

It never says that a target withstands anything: what was not found is told as not found, with the reason and
with what to type next. Every number is one of the findings'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hingeline.auditing.policy import JudgedPolicy, Verdict
from hingeline.auditing.record import Audit, Source
from hingeline.core.outcome import Finding
from hingeline.report import (
    audit_account,
    audit_evidence,
    audit_findings,
    audit_flips,
    audit_stages,
    audit_words,
)
from hingeline.report.audit_flip_words import flip_words
from hingeline.report.audit_leak import leak_blocks
from hingeline.report.common import tone
from hingeline.report.fragility_words import percent, size
from hingeline.report.model import Block, Report, Section, Tile, Tone
from hingeline.report.numbers import count, duration
from hingeline.report.recipe import Recipe

Audited = Finding[Audit]

Parts = Iterable[tuple[str, Iterable[Block]]]


def audit_report(
    finding: Audited, recipe: Recipe | None = None, policies: Sequence[JudgedPolicy] = ()
) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `audit` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
        policies: What `--fail-on` asked about, judged.
    """
    sections = (Section(title, tuple(blocks)) for title, blocks in _sections(finding, recipe, policies))
    told, verdict = _tone(finding, policies)
    return Report(
        title=f"hingeline audit {finding.provenance.target}",
        tone=told,
        verdict=verdict,
        headline=audit_words.headline(finding),
        summary=audit_words.summary(finding),
        tiles=tuple(_tiles(finding)),
        sections=tuple(section for section in sections if section.blocks),
        footer=(
            f"Made by hingeline {finding.provenance.versions.get('hingeline', '')}. The same run as data: "
            "result.json; figures and their data: figures/; every question and answer: journal.sqlite."
        ),
    )


def _sections(finding: Audited, recipe: Recipe | None, policies: Sequence[JudgedPolicy]) -> Parts:
    audit = finding.value
    if audit is not None:
        yield "Policies", audit_stages.policy_blocks(policies)
        yield "What leaked", leak_blocks(audit)
        yield "Question by question", audit_evidence.evidence_blocks(audit)
        yield "What it does not look at", audit_findings.hidden_blocks(audit)
        yield "How small a change flips it", audit_flips.flip_blocks(finding)
        yield "Dangerous directions", audit_flips.direction_blocks(audit)
        yield "What grows from layer to layer", audit_findings.growth_blocks(audit)
        yield "What defences would buy", audit_findings.defence_blocks(audit)
        yield "What could not be established", audit_stages.open_ends(finding)
        yield "What was asked, and what it cost", audit_account.account_blocks(finding)
        yield "What the door shows", audit_account.door_blocks(audit)
        yield "In the words of MITRE ATLAS", audit_account.atlas_blocks(audit)
    yield "Do it again", audit_account.reproduction(finding, recipe)


def _tone(finding: Audited, policies: Sequence[JudgedPolicy]) -> tuple[Tone, str]:
    """Bad news for the owner first; good only where policies said what is good, and all were kept."""
    audit, told = finding.value, tone(finding)
    if any(one.verdict is Verdict.BROKEN for one in policies):
        return Tone.BAD, "policy broken"
    if audit is not None and audit.copy is not None:
        stage = audit.stage("extraction")
        return Tone.BAD, "copied" if stage is None or not stage.doubt else "copy in doubt"
    if told is Tone.BAD:
        return told, str(finding.outcome.status)
    if audit is not None and any(layer.known for layer in audit.leak.layers):
        return Tone.PART, "partly copied"
    if told is Tone.GOOD and policies and all(one.verdict is Verdict.KEPT for one in policies):
        return Tone.GOOD, "policies kept"
    return Tone.PART, str(finding.outcome.status)


def _tiles(finding: Audited) -> Iterable[Tile]:
    yield Tile(count(finding.queries), "questions, all counted")
    audit = finding.value
    yield Tile(duration(finding.spending.seconds), "on the clock")
    if audit is None:
        return
    if audit.usage is not None and audit.usage.accuracy is not None:
        label = f"of {count(len(audit.usage.points))} labels met through the door: is that what you expect?"
        yield Tile(percent(audit.usage.accuracy), label)
    if audit.copy is not None:
        told = [layer.digits for layer in audit.leak.layers if layer.digits is not None]
        if told:
            yield Tile(f"{min(told):.1f}", "of 16 digits: a typical hidden weight of the copy")
    middle = audit.measures.get("fragility.median")
    if middle is not None and flip_words(audit.stage("fragility")):
        yield Tile(size(middle), f"a change that flips half of the inputs tried ({_how(finding)})")


def _how(finding: Audited) -> str:
    """The norm of a change, and the copy where the door did not confirm what was found on it."""
    norm = str(finding.provenance.settings.get("norm", "l2"))
    stage = None if finding.value is None else finding.value.stage("fragility")
    if stage is None or stage.source is Source.DOOR:
        return norm
    confirmed = stage.facts.get("tried") and stage.facts.get("held") == stage.facts.get("tried")
    return norm if confirmed else f"{norm}, on the copy"
