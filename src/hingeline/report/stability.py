"""The report on how stable a stack or a network is, made from its finding."""

from __future__ import annotations

from hingeline.core.outcome import Finding
from hingeline.renormalisation.diagnosis import StabilityDiagnosis
from hingeline.report.common import again, price, tone
from hingeline.report.model import Report, Section, Text
from hingeline.report.recipe import Recipe

Stability = Finding[StabilityDiagnosis]


def stability_report(finding: Stability, recipe: Recipe | None = None) -> Report:
    """Everything a reader of `report.html` is told.

    Args:
        finding: What `stability` returned.
        recipe: What the command line was told to do; None if the run did not come from there.
    """
    found = finding.value
    blocks = () if found is None else (*found.figures(), *(Text(words) for words in found.honest))
    return Report(
        title=f"hingeline stability {finding.provenance.target}",
        tone=tone(finding),
        verdict=str(finding.outcome.status),
        headline=finding.outcome.reason,
        summary=finding.outcome.advice,
        tiles=(),
        sections=(
            Section("What was seen", blocks),
            Section("What it cost", tuple(price(finding))),
            Section("Do it again", tuple(again(finding, recipe, "Where the methods come from:"))),
        ),
    )
