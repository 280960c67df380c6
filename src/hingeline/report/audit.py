"""The report on an audit: one page that a security engineer hands to a manager, made from its finding.

It never says that a target withstands anything: what was not found is told as not found, with the reason and
with what to type next. Every number is one of the findings'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hingeline.auditing.policy import JudgedPolicy, Verdict
from hingeline.auditing.record import Audit
from hingeline.core.outcome import Finding
from hingeline.report import audit_account, audit_evidence, audit_findings, audit_words
from hingeline.report.audit_leak import leak_blocks
from hingeline.report.common import tone
from hingeline.report.fragility_words import percent, size
from hingeline.report.model import Block, Report, Section, Tile, Tone
from hingeline.report.numbers import count, duration, plural
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
        yield "Policies", audit_account.policy_blocks(policies)
        yield "What leaked", leak_blocks(audit)
        yield "How one sees it leak", audit_evidence.evidence_blocks(audit)
        yield "What it does not look at", audit_findings.hidden_blocks(audit)
        yield "How small a change flips it", audit_findings.flip_blocks(finding)
        yield "Dangerous directions", audit_findings.direction_blocks(audit)
        yield "What grows from layer to layer", audit_findings.growth_blocks(audit)
        yield "What defences would buy", audit_findings.defence_blocks(audit)
        yield "What could not be established", audit_account.open_ends(finding)
        yield "What was asked, and what it cost", audit_account.account_blocks(finding)
        yield "What the door shows", audit_account.door_blocks(audit)
        yield "In the words of MITRE ATLAS", audit_account.atlas_blocks(audit)
    yield "Do it again", audit_account.reproduction(finding, recipe)


def _tone(finding: Audited, policies: Sequence[JudgedPolicy]) -> tuple[Tone, str]:
    """A broken policy is what a reader must see first; without policies, how the audit ended."""
    if any(one.verdict is Verdict.BROKEN for one in policies):
        return Tone.BAD, "policy broken"
    told, verdict = tone(finding), str(finding.outcome.status)
    if any(one.verdict is Verdict.NOT_JUDGED for one in policies):
        return (Tone.PART if told is Tone.GOOD else told), verdict
    return told, verdict


def _tiles(finding: Audited) -> Iterable[Tile]:
    yield Tile(count(finding.queries), "questions, all counted")
    audit = finding.value
    yield Tile(duration(finding.spending.seconds), _pace(finding))
    if audit is None:
        return
    if audit.usage is not None and audit.usage.accuracy is not None:
        label = f"of {count(len(audit.usage.points))} labels met through the door: is that what you expect?"
        yield Tile(percent(audit.usage.accuracy), label)
    if audit.copy is not None:
        told = [layer.digits for layer in audit.leak.layers if layer.digits is not None]
        if told:
            yield Tile(f"{min(told):.1f}", "of 16 digits: a typical weight of the copy")
    middle = audit.measures.get("fragility.median")
    if middle is not None:
        norm = finding.provenance.settings.get("norm", "l2")
        yield Tile(size(middle), f"a change that flips half of the inputs tried ({norm})")


def _pace(finding: Audited) -> str:
    plan = None if finding.value is None else finding.value.plan
    if plan is None or not finding.queries:
        return "on the clock"
    return f"on the clock, in {plural(plan.requests(finding.queries), 'request')} or more"
