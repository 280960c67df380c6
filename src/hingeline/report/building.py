"""The right report for a finding, by its verb, and the page saved in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hingeline.core.outcome import Finding
from hingeline.networks.files import write_atomically
from hingeline.report.audit import audit_report
from hingeline.report.common import tone
from hingeline.report.defend import defend_report
from hingeline.report.examination import examination_report
from hingeline.report.extraction import extraction_report
from hingeline.report.fragility import fragility_report
from hingeline.report.html import html_text
from hingeline.report.model import Report, Section, Table, Tile
from hingeline.report.numbers import count, duration, small
from hingeline.report.obfuscation import obfuscation_report
from hingeline.report.span import span_report
from hingeline.report.stability import stability_report

_BUILDERS: dict[str, Callable[[Finding[Any]], Report]] = {
    "audit": audit_report,
    "extract": extraction_report,
    "doctor": examination_report,
    "span": span_report,
    "obfuscate": obfuscation_report,
    "fragility": fragility_report,
    "stability": stability_report,
    "defend": defend_report,
}


def build_report(finding: Finding[Any]) -> Report:
    """The report on what any verb returned."""
    builder = _BUILDERS.get(finding.provenance.verb)
    return _plain_report(finding) if builder is None else builder(finding)


def save_report(finding: Finding[Any], path: str | Path) -> Path:
    """Write the report on `finding` as one HTML file that opens anywhere; returns its path.

    Raises:
        InvalidInput: The file cannot be written.
    """
    page = html_text(build_report(finding))
    write_atomically(path, lambda partial: partial.write_text(page, encoding="utf-8"))
    return Path(path)


def _plain_report(finding: Finding[Any]) -> Report:
    """Outcome, price and evidence of a verb that has no report of its own."""
    made = finding.provenance
    rows = tuple((key.replace("_", " "), text) for key, text in _flat(finding.evidence).items())
    return Report(
        title=f"hingeline {made.verb} {made.target}",
        tone=tone(finding),
        verdict=str(finding.outcome.status),
        headline=finding.outcome.reason,
        summary=finding.outcome.advice,
        tiles=(
            Tile(count(finding.queries), "questions, all counted"),
            Tile(duration(finding.spending.seconds), "on the clock"),
        ),
        sections=(Section("What was seen", (Table((), rows),)),) if rows else (),
        footer=f"Made by hingeline {made.versions.get('hingeline', '')}, seed {made.seed}.",
    )


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Nested evidence as one list of names and texts."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{above}{key}: ")
        elif value is not None:
            flat[f"{above}{key}"] = small(value) if isinstance(value, float) else str(value)
    return flat
