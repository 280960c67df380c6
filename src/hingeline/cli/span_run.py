"""What `span` does with a recipe: the span, and then, if asked, inputs that the network cannot tell apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hingeline.cli.exits import Exit, status_code
from hingeline.cli.progress import counted_on
from hingeline.cli.runs import Ran, Run
from hingeline.cli.span_wishes import SpanWishes
from hingeline.core.events import AnswersReplayed, Event, EventSink, QueriesAnswered
from hingeline.core.outcome import Finding, Spending, Status
from hingeline.oracles.journal import Journal
from hingeline.oracles.protocol import Oracle
from hingeline.report.recipe import Recipe
from hingeline.report.span import span_report
from hingeline.subspace.obfuscate import obfuscate
from hingeline.subspace.obfuscated import Obfuscation
from hingeline.subspace.recovered import RecoveredSpan
from hingeline.subspace.span import span
from hingeline.subspace.workbench import DirectionsFound


def span_run(oracle: Oracle, recipe: Recipe) -> Run:
    """`span` as the recipe tells it.

    Raises:
        InvalidInput: A file does not fit the target, or a setting cannot be meant.
        FormatError: A file cannot be read.
    """
    wishes = SpanWishes.read(recipe, oracle.spec)

    def run(journal: Journal, on_event: EventSink) -> Ran:
        growth = _Growth(on_event)
        found = span(
            oracle,
            data=wishes.data,
            box=wishes.box,
            budget=recipe.budget,
            seed=recipe.seed,
            settings=wishes.settings,
            journal=journal,
            on_event=growth,
        )
        found = replace(found, evidence={"growth": growth.pairs, **found.evidence})
        if wishes.originals is None:
            return _told(found, None, recipe)
        hidden = _hidden(oracle, found, wishes, recipe, journal, on_event)
        if isinstance(hidden, str):
            undecided = [*found.evidence.get("undecided", ()), hidden]
            return _told(replace(found, evidence={**found.evidence, "undecided": undecided}), None, recipe)
        return _told(found, hidden, recipe)

    return run


class _Growth:
    """Notes how many questions each direction took, from the events that pass."""

    def __init__(self, sink: EventSink) -> None:
        self.pairs: list[tuple[int, int]] = []
        self._sink = sink
        self._spent = 0

    def __call__(self, event: Event) -> None:
        """Take in one event and hand it on."""
        if isinstance(event, QueriesAnswered | AnswersReplayed):
            self._spent = event.spent
        if isinstance(event, DirectionsFound):
            self.pairs.append((self._spent, event.found))
        self._sink(event)


def _hidden(
    oracle: Oracle,
    found: Finding[RecoveredSpan],
    wishes: SpanWishes,
    recipe: Recipe,
    journal: Journal,
    on_event: EventSink,
) -> Finding[Obfuscation] | str:
    """The obfuscated inputs, or why there are none."""
    left = None if recipe.budget is None else recipe.budget - found.queries
    value = found.value
    if value is None or not value.basis.shape[1]:
        return "Inputs were not obfuscated: there is no span to hide them behind"
    if found.outcome.status is Status.BUDGET_SPENT or left == 0:
        return "Inputs were not obfuscated: the budget was spent before"
    return obfuscate(
        oracle,
        found,
        wishes.originals,
        target=wishes.target,
        box=wishes.box,
        sigma=wishes.sigma,
        eight_bit=wishes.is_of_bytes(oracle.spec.bounds),
        budget=left,
        seed=recipe.seed,
        journal=journal,
        on_event=counted_on(on_event, found.queries, recipe.budget),
    )


def _told(found: Finding[RecoveredSpan], hidden: Finding[Obfuscation] | None, recipe: Recipe) -> Ran:
    """What is said and kept of both."""
    report = span_report(found, recipe, hidden)
    arrays = {"span.npz": span_arrays(found.value)} if found.value is not None else {}
    code = status_code(found.outcome.status)
    if hidden is None:
        return Ran(found, report, code, arrays)
    if hidden.value is not None:
        arrays["obfuscation.npz"] = obfuscation_arrays(hidden.value)
    # The span is what was asked for first: its code goes before that of the obfuscation.
    code = status_code(hidden.outcome.status) if code is Exit.DONE else code
    return Ran(_joined(found, hidden), report, code, arrays)


def _joined(found: Finding[RecoveredSpan], hidden: Finding[Obfuscation]) -> Finding[RecoveredSpan]:
    """One finding with the price of both."""
    told = {
        "outcome": {"status": str(hidden.outcome.status), "reason": hidden.outcome.reason},
        "queries": hidden.queries,
        **hidden.evidence,
    }
    return replace(
        found,
        evidence={**found.evidence, "obfuscation": told},
        spending=_sum(found.spending, hidden.spending),
    )


def _sum(a: Spending, b: Spending) -> Spending:
    return Spending(
        a.queries + b.queries,
        a.seconds + b.seconds,
        {**a.queries_by_phase, **b.queries_by_phase},
        {**a.seconds_by_phase, **b.seconds_by_phase},
    )


def span_arrays(value: RecoveredSpan) -> dict[str, Any]:
    """What span.npz holds."""
    arrays: dict[str, Any] = {
        "basis": value.basis,
        "strengths": value.strengths,
        "rank": value.rank,
        "angle": value.angle,
    }
    arrays |= {f"basis_{domain.where}": domain.basis for domain in value.domains}
    if value.active is not None:
        arrays |= {
            "active_eigenvalues": value.active.eigenvalues,
            "active_directions": value.active.directions,
        }
    return arrays


def obfuscation_arrays(value: Obfuscation) -> dict[str, Any]:
    """What obfuscation.npz holds."""
    names = ("original", "seen", "unseen", "obfuscated", "labels", "obfuscated_labels", "changes")
    return {name: getattr(value, name) for name in names}
