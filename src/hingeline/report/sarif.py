"""An audit as SARIF 2.1.0, for code scanning: broken policies are errors, findings warnings and notes.

Nothing in the file differs from run to run but what was found: fingerprints are made of the rule, the file
and the subject, not of numbers, so that an alert stays the same alert while its numbers move.

Source: SARIF 2.1.0 (OASIS, 2020), and what GitHub's code scanning reads of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from hingeline.auditing.policy import JudgedPolicy, Verdict
from hingeline.auditing.record import Audit, Source
from hingeline.core.outcome import Finding, Status
from hingeline.core.version import __version__
from hingeline.report import sarif_rules as rules
from hingeline.report.extraction import sizes
from hingeline.report.machine import json_ready
from hingeline.report.numbers import count, plural, small
from hingeline.report.sarif_rules import RULES, Rule

SCHEMA_URI = "https://json.schemastore.org/sarif-2.1.0.json"
_EXIT = {Status.PARTIAL: 5, Status.INCONCLUSIVE: 5, Status.BUDGET_SPENT: 4, Status.REFUSED: 3}
Said = tuple[Rule, str, str]
"""Rule, what it is about (for the fingerprint), and the message."""


def sarif_text(finding: Finding[Audit], policies: Sequence[JudgedPolicy], artifact: str) -> str:
    """The SARIF file of an audit.

    Args:
        finding: What `audit` returned.
        policies: The policies, judged.
        artifact: The file that results point at, relative to the repository: the model's, its `target.toml`,
            or the run's `run.toml`. Of an absolute path only the name is told.
    """
    place = _relative(artifact)
    said = [*_policies(policies), *_findings(finding)]
    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": f"hingeline-audit/{place}/"},
        "invocations": [_invocation(finding, policies)],
        "artifacts": [{"location": {"uri": place}}],
        "results": [_result(*one, place) for one in said],
        "columnKind": "unicodeCodePoints",
        "properties": _properties(finding),
    }
    log = {"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]}
    return json.dumps(json_ready(log), indent=1, allow_nan=False) + "\n"


def _relative(artifact: str) -> str:
    """As a relative URI: no drive, no root, no way up, and no place outside of the repository."""
    windows = "\\" in artifact or PureWindowsPath(artifact).drive
    path = PurePosixPath(PureWindowsPath(artifact).as_posix() if windows else artifact)
    outside = path.is_absolute() or ".." in path.parts or ":" in path.parts[0]
    return quote(path.name if outside else str(path))


def _driver() -> dict[str, Any]:
    return {
        "name": "hingeline",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [rule.to_dict() for rule in RULES],
    }


def _policies(policies: Sequence[JudgedPolicy]) -> Iterator[Said]:
    for one in policies:
        if one.verdict is Verdict.BROKEN:
            yield rules.BROKEN, one.policy.text, f"The policy {one.policy.text} is broken: {_seen(one)}."
        elif one.verdict is Verdict.NOT_JUDGED:
            yield (
                rules.NOT_JUDGED,
                one.policy.text,
                f"The policy {one.policy.text} is not judged: {_seen(one)}.",
            )


def _seen(one: JudgedPolicy) -> str:
    if one.seen is None:
        return f"{one.policy.measure} could not be established"
    return f"{one.policy.measure} is {one.seen_words}"


def _findings(finding: Finding[Audit]) -> Iterator[Said]:
    audit = finding.value
    if audit is None:
        yield rules.OPEN, "audit", finding.outcome.reason
        return
    yield from _leaks(audit)
    yield from _misled(audit)
    if audit.measures.get("door.values") == 1 and audit.card is not None:
        yield rules.VALUES, "door", f"The answers are more than labels: {audit.card.headline}."
    for stage, why in audit.not_established:
        yield rules.OPEN, stage, f"{stage}: {why}"


def _leaks(audit: Audit) -> Iterator[Said]:
    leak = audit.leak
    known = sum(layer.known for layer in leak.layers)
    asked = f"with {plural(leak.queries, 'question')}"
    if audit.copy is not None and not leak.complete:
        text = f"A network that answers as the model does was rebuilt and verified {asked}."
        yield rules.COPIED, "model", text
    elif audit.copy is not None:
        rebuilt = plural(_parameters(audit), "weight and bias", "weights and biases")
        text = f"A copy of the model was rebuilt and verified {asked}: {rebuilt}{_exact(audit)}."
        yield rules.COPIED, "model", text
    elif known:
        doubt = "it is not verified that a layer is whole"
        if audit.edges_among_neurons:
            doubt = "some may be edges at which inputs are clipped, and no neurons"
        text = f"{plural(known, 'hidden neuron')} measured {asked}{_exact(audit)}; {doubt}."
        yield rules.LAYERS, "layers", text


def _parameters(audit: Audit) -> int:
    """Weights and biases of the target that the door told: its own neurons, and of probabilities one less."""
    finding = audit.finding("extraction")
    if finding is None or finding.value is None:
        return 0
    return sum((into + 1) * out for into, out in pairwise(sizes(finding.evidence, finding.value)))


def _exact(audit: Audit) -> str:
    """Digits of a typical weight, in the layer where they are fewest; of a digit begun nothing is claimed."""
    told = [layer.digits for layer in audit.leak.layers if layer.digits is not None]
    return f", to {plural(int(min(told)), 'digit')}" if told and min(told) >= 1 else ""


def _misled(audit: Audit) -> Iterator[Said]:
    rank, kept = audit.measures.get("span.rank"), audit.measures.get("span.hidden")
    if kept and rank is not None:
        directions = f"{count(rank)} of {plural(_width(audit), 'input direction')}"
        text = f"The answers depend on {directions}; {kept:.0%} of the obfuscated inputs kept their class."
        yield rules.HIDDEN, "span", text
    median, found = audit.measures.get("fragility.median"), audit.finding("fragility")
    profile = None if found is None else found.value
    if median is not None and profile is not None:
        proved = "proved" if bool(profile.proved.all()) else "found by search"
        if (stage := audit.stage("fragility")) is not None and stage.source is Source.COPY:
            proved += " on the copy"
        number = len(profile.points)
        tried = f"Half of {count(number)} inputs flip" if number > 1 else "The one input tried flips"
        text = f"{tried} at a change of {small(median)} or less ({profile.norm}, {proved})."
        yield rules.FLIPS, "fragility", text


def _width(audit: Audit) -> int:
    return 0 if audit.card is None else audit.card.input_dim


def _result(rule: Rule, subject: str, message: str, place: str) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join((rule.identifier, place, subject)).encode()).hexdigest()[:32]
    # a model has no lines, but code scanning shows nothing without one
    where = {"artifactLocation": {"uri": place, "index": 0}, "region": {"startLine": 1}}
    return {
        "ruleId": rule.identifier,
        "ruleIndex": RULES.index(rule),
        "level": rule.level,
        "message": {"text": message},
        "locations": [{"physicalLocation": where}],
        # the first is the only one that GitHub reads
        "partialFingerprints": {"primaryLocationLineHash": f"{digest}:1", "hingeline/v1": digest},
    }


def _invocation(finding: Finding[Audit], policies: Sequence[JudgedPolicy]) -> dict[str, Any]:
    """How the audit ended; it succeeded if it came to its end, whether or not a policy is broken."""
    code = _exit_code(finding.outcome.status, policies)
    told = {"executionSuccessful": code in (0, 1), "exitCode": code}
    if finding.outcome.ok:
        return told
    note = {"level": "warning", "message": {"text": str(finding.outcome)}}
    return told | {"toolExecutionNotifications": [note]}


def _exit_code(status: Status, policies: Sequence[JudgedPolicy]) -> int:
    """That of the command line: a broken policy first, and what was not judged has not been passed."""
    verdicts = {one.verdict for one in policies}
    if Verdict.BROKEN in verdicts:
        return 1
    return _EXIT.get(status, 5 if Verdict.NOT_JUDGED in verdicts else 0)


def _properties(finding: Finding[Audit]) -> dict[str, Any]:
    measures = {} if finding.value is None else dict(finding.value.measures)
    told = {
        "outcome": str(finding.outcome.status),
        "queries": finding.queries,
        "seed": finding.provenance.seed,
    }
    return told | {"measures": measures}
