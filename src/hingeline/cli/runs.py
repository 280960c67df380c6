"""What each verb does with a recipe, so that new runs and resumed ones are the same.

Preparing comes before anything is asked: it reads the files that the recipe names and refuses what cannot be
meant. The run itself asks, through the journal, and makes the report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hingeline.absolute_value.recover import recover_absolute_value
from hingeline.cli.exits import Exit, status_code
from hingeline.core.events import EventSink
from hingeline.core.outcome import Finding
from hingeline.extraction.extract import extract
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.probing.doctor import doctor
from hingeline.report.building import build_report
from hingeline.report.examination import examination_report
from hingeline.report.extraction import extraction_report
from hingeline.report.model import Report
from hingeline.report.recipe import Recipe


@dataclass(frozen=True)
class Ran:
    """What a verb brought."""

    finding: Finding[Any]
    report: Report
    code: Exit
    """How the program ends."""
    arrays: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """Files of arrays for the run folder."""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Files of text for it."""


Run = Callable[[Journal, EventSink], Ran]
"""Asks, and tells what came of it."""
Prepare = Callable[[Oracle, Recipe], Run]
"""Reads what the recipe names; raises in words before anything is asked."""


def extract_run(oracle: Oracle, recipe: Recipe) -> Run:
    """`extract` as the recipe tells it."""
    if recipe.settings.get("absolute_value"):
        return _absolute_value_run(oracle, recipe)

    def run(journal: Journal, on_event: EventSink) -> Ran:
        finding = extract(
            oracle,
            budget=recipe.budget,
            seed=recipe.seed,
            settings=recipe.settings,
            journal=journal,
            on_event=on_event,
        )
        return Ran(finding, extraction_report(finding, recipe), status_code(finding.outcome.status))

    return run


def _absolute_value_run(oracle: Oracle, recipe: Recipe) -> Run:
    def run(journal: Journal, on_event: EventSink) -> Ran:
        finding = recover_absolute_value(
            oracle, budget=recipe.budget, seed=recipe.seed, journal=journal, on_event=on_event
        )
        return Ran(finding, build_report(finding), status_code(finding.outcome.status))

    return run


def doctor_run(oracle: Oracle, recipe: Recipe) -> Run:
    """`doctor` as the recipe tells it."""

    def run(journal: Journal, on_event: EventSink) -> Ran:
        finding = doctor(
            oracle,
            seed=recipe.seed,
            budget=recipe.budget,
            scale=recipe.settings.get("scale"),
            journal=journal,
            on_event=on_event,
        )
        return Ran(finding, examination_report(finding, recipe), status_code(finding.outcome.status))

    return run
