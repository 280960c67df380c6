"""Relevant directions of a stack: canonical correlations, and eigenvalues where operators were declared."""

from __future__ import annotations

import re
from collections.abc import Iterable

from hingeline.renormalisation.flow.relevance import Verdict
from hingeline.renormalisation.stack_findings import Flow, StackFindings, correlations
from hingeline.report import stability_figures
from hingeline.report.model import Block, Claim, Table, Text
from hingeline.report.numbers import count
from hingeline.report.stability_words import NOT_DECLARED, verdict_words

_OPERATORS = {
    "single units": "its units, one by one",
    "pairs": "its units, and pairs of them that carry a signal",
    "class means": "differences between classes, as weighted sums of units",
    "total": "the sum of all units",
}
_DECLARED = {"collective": "sums of units", "tied units": "units of the same number"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
_MOST_REASONS = 8
_MOST_NAMED = 3


def relevant(found: StackFindings) -> Iterable[Block]:
    """Canonical correlations beside chance; eigenvalues and verdicts only under a declaration."""
    flows = [flow for flow in found.flows if flow.matrices]
    if not flows:
        return
    yield Text(
        "Canonical correlations say what a layer still knows of the one below: 1 is all, 0 is nothing; they "
        "are the same however units are numbered. Last row: what 95 % of shuffled samples stay below, which "
        f"is chance. Measured of each layer: {_OPERATORS[found.operators]}."
    )
    yield correlations(tuple(flows))
    if found.identification is None:
        yield Text(
            f"{NOT_DECLARED} Declare one with identification='collective' (sums of units that mean the same "
            "in every layer) or 'tied units' (equal layers)."
        )
    else:
        yield Text(
            f"Declared: {_DECLARED[found.identification]} are the same in neighbouring layers. Under that "
            "convention, and no other, the largest eigenvalue of a step says whether differences grow."
        )
    heat = stability_figures.eigenvalues(tuple(flows))
    yield from [] if heat is None else [heat]
    yield _flow_table(flows, found.identification is not None)
    yield from _verdicts(flows)
    yield from _missing(flows)


def _flow_table(flows: list[Flow], declared: bool) -> Table:
    rows: list[tuple[str, ...]] = []
    for flow in flows:
        for matrix, said in zip(flow.matrices, flow.relevance, strict=True):
            found, errors = matrix.canonical_correlations, matrix.canonical_errors
            correlation = f"{found[0]:.3f} +- {errors[0]:.3f}" if len(found) else "all frozen"
            told = (flow.words, kept(f"{matrix.layer} to {matrix.layer + 1}"), correlation)
            size = "" if said.eigenvalue is None else f"{said.eigenvalue:.3f}"
            size += "" if not size or said.error is None else f" +- {said.error:.3f}"
            verdict = kept(str(said.verdict))
            more = (size, verdict) if declared else (verdict,)
            rows.append((*told, f"{matrix.null_quantile:.3f}", *more))
    columns = ("upward from", "step", "largest correlation", "shuffled")
    more = ("largest |lambda|", "verdict") if declared else ("relevant?",)
    samples = flows[0].matrices[0].samples
    return Table(
        (*columns, *more),
        tuple(rows),
        f"{count(samples)} samples for each step; a row of one input is its own average, a class the average "
        "over its inputs.",
    )


def kept(words: str) -> str:
    """On one line, however narrow the column."""
    return words.replace(" ", "\u00a0")


def _verdicts(flows: list[Flow]) -> Iterable[Claim]:
    """Every verdict once, with whom it was given to and from where to where."""
    steps: dict[tuple[Verdict, tuple[str, ...]], list[str]] = {}
    for place, matrix in enumerate(flows[0].matrices):
        for verdict in Verdict:
            named = tuple(flow.words for flow in flows if flow.relevance[place].verdict is verdict)
            if named:
                steps.setdefault((verdict, named), []).append(f"{matrix.layer} to {matrix.layer + 1}")
    for (verdict, named), where in steps.items():
        yield Claim(
            f"{str(verdict).capitalize()} from layer {', '.join(where)}: {_named(named, len(flows))}",
            None if verdict is Verdict.NOT_ESTABLISHED else True,
            verdict_words(verdict),
        )


def _named(named: tuple[str, ...], every: int) -> str:
    """Whom a verdict was given to, by name where they are few."""
    if len(named) == every:
        return "every class and input looked at"
    if len(named) <= _MOST_NAMED:
        return ", ".join(named)
    return f"{count(len(named))} of the {count(every)} classes and inputs looked at"


def _missing(flows: list[Flow]) -> Iterable[Block]:
    """Conditions that did not hold, each told once with an example."""
    seen: dict[str, list[str]] = {}
    for flow in flows:
        for said in flow.relevance:
            for reason in said.missing:
                seen.setdefault(_NUMBER.sub("#", reason), []).append(reason)
    if not seen:
        return
    ordered = sorted(seen.values(), key=len, reverse=True)
    yield Table(
        ("what is missing for a verdict", "how often"),
        tuple((reasons[0], count(len(reasons))) for reasons in ordered[:_MOST_REASONS]),
        "Where numbers differ, those of the first case.",
    )
