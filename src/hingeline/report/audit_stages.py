"""Stages of an audit in words; what could not be established, why, and what to type next; policies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hingeline.auditing.measures import MEASURES
from hingeline.auditing.policy import JudgedPolicy, Verdict
from hingeline.auditing.record import Audit, Stage
from hingeline.auditing.settings import PARTS
from hingeline.core.outcome import Finding
from hingeline.report.model import Block, Claim, Text
from hingeline.report.open_ends import open_ends as evidence_open_ends

STAGES = {
    "door": "examine the door",
    "inputs": "ask the given inputs",
    "extraction": "rebuild the network",
    "line": "picture one line",
    "span": "find what it looks at",
    "fragility": "find the smallest flips",
    "stability": "follow steps through the layers",
    "defences": "judge defences",
}
"""What each stage does."""
_UNKNOWN = {
    "door": "What the door reveals",
    "inputs": "Which classes your inputs get",
    "extraction": "The weights",
    "line": "A picture of one line",
    "span": "What it looks at",
    "fragility": "How small a change flips it",
    "stability": "What grows from layer to layer",
    "defences": "What defences would buy",
}
_WITH_THE_FILE = {
    "stability": "Who has the file of a ReLU network needs no copy: hingeline stability FILE --data INPUTS",
    "defences": "Who has the file of a ReLU network needs no copy: hingeline defend FILE --data INPUTS",
}
_NOT_ASKED = "It was not asked for: --parts names what is."
_MORE_BUDGET = "Give more with --budget; nothing asked is lost."
_HOLDS = {Verdict.KEPT: True, Verdict.BROKEN: False, Verdict.NOT_JUDGED: None}
_HONEST = (
    "What was tried here and failed is not shown to be impossible: a better attack may get further. Nothing "
    "is said of inputs that were not given, of changes measured in another norm, or of changes that are "
    "large but look natural."
)


def policy_blocks(policies: Sequence[JudgedPolicy]) -> Iterable[Block]:
    """Each policy with what was measured."""
    for one in policies:
        seen = "the audit could not establish it" if one.seen is None else f"it is {one.seen_words}"
        measure = MEASURES[one.policy.measure].words
        yield Claim(f"{one.policy.text}: {one.verdict}", _HOLDS[one.verdict], f"{measure}; {seen}")


def open_ends(finding: Finding[Audit]) -> Iterable[Block]:
    """What the audit cannot say, why, and what to type next."""
    audit = finding.value
    if audit is None:
        return
    for name, why in audit.not_established:
        advice = _advice(audit, audit.stage(name))
        yield Claim(_UNKNOWN.get(name, name), None, f"{why} {advice}".strip())
    if len(audit.stages) > 1:
        asked_for = {stage.name for stage in audit.stages}
        yield from (Claim(_UNKNOWN[part], None, _NOT_ASKED) for part in PARTS if part not in asked_for)
    rebuilt = audit.finding("extraction")
    if rebuilt is not None:
        yield from evidence_open_ends(rebuilt.evidence)
    yield Text(_HONEST)


def _advice(audit: Audit, stage: Stage | None) -> str:
    """What to type next, where the reason does not say so already."""
    if stage is None or not stage.left_out:
        return ""
    if stage.starved:
        return _MORE_BUDGET
    rebuilt = audit.stage("extraction")
    # without inputs more weights would not help, and the reason names --data
    if stage.name not in _WITH_THE_FILE or "--data" in stage.left_out or audit.copy is not None:
        return ""
    if rebuilt is not None and rebuilt.starved:
        return f"{_MORE_BUDGET} {_WITH_THE_FILE[stage.name]}"
    return _WITH_THE_FILE[stage.name]
