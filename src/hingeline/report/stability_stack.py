"""What only stacks have: classes as laws, relevant directions, amplification by layer, convergence."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np

from hingeline.core.arrays import IntArray
from hingeline.renormalisation.flow.class_law_results import ClassLaws
from hingeline.renormalisation.flow.relevance import Verdict
from hingeline.renormalisation.stack_findings import CloseLook, Flow, StackFindings, correlations
from hingeline.report import stability_figures
from hingeline.report.fragility_words import percent
from hingeline.report.model import Block, Claim, Table, Text
from hingeline.report.numbers import count, plural, small
from hingeline.report.stability_words import NOT_DECLARED, verdict_words

_TESTS = {
    "operators": "more operators change nothing",
    "routes": "two routes agree",
    "bound": "the bound no longer grows",
    "halves": "two halves of the samples agree",
}
_FAILED = {
    "operators": "more operators change the result",
    "routes": "the two routes disagree",
    "bound": "the bound still grows with more operators",
    "halves": "two halves of the samples disagree",
}
_MARKS = {True: "passed", False: "failed", None: "not decided"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
_ROUNDING = 1e-9  # errors below this share of the value: layer 1 is exact
_MOST_REASONS = 8
_MOST_NAMED = 3


def classes(laws: ClassLaws | None) -> Iterable[Block]:
    """Classes as laws: how sure, how far apart, and for how many layers."""
    if laws is None:
        return
    yield Text(
        "In a stack of noisy layers a class is a law: the spread of states that its inputs lead to. How far "
        "the laws of two classes lie apart says how well a layer can still tell them."
    )
    yield stability_figures.class_curves(laws)
    yield Text(_lifetimes(laws))
    yield Table(
        ("class", "accuracy", "entropy, nats", "nearest class, last layer", "frozen units by layer"),
        tuple(_class_row(laws, place) for place in range(len(laws.labels))),
        f"Stochastic results, conditional on {count(laws.samples)} samples for each class and "
        f"{count(laws.samples_each)} for each input. Frozen: units that hardly ever flip within the class. "
        f"Distances are {_exactness(laws)}.",
    )
    heat = stability_figures.class_distances(laws)
    yield from [] if heat is None else [heat]
    yield Text(
        f"Undecided: {percent(laws.undecided)} of the inputs lie within two standard errors of the boundary "
        "between their two leading classes."
    )


def _exactness(laws: ClassLaws) -> str:
    exact = laws.exact_layers
    if all(exact):
        return "exact, by listing all states"
    if not any(exact):
        return "lower bounds, from the best linear rule on samples not used to find it"
    told = ", ".join(str(n + 1) for n, one in enumerate(exact) if one)
    return f"exact in layer {told}, elsewhere lower bounds from the best linear rule"


def _lifetimes(laws: ClassLaws) -> str:
    lives = np.array([life.layers for life in laws.lifetimes])
    finite = lives[np.isfinite(lives)]
    parts: list[str] = []
    if len(finite):
        short, long = small(float(finite.min())), small(float(finite.max()))
        spread = f"{short} layers" if short == long else f"{short} to {long} layers"
        parts.append(f"Distances fall by a factor e within {spread}, fitted to this stack's few layers")
    if np.isinf(lives).any():
        parts.append(f"no decay with depth was seen for {plural(int(np.isinf(lives).sum()), 'pair')}")
    if np.isnan(lives).any():
        parts.append(f"too few layers tell for {plural(int(np.isnan(lives).sum()), 'pair')}")
    told = "; ".join(parts)
    sentence = f"Lifetime of classes. {told[:1].upper()}{told[1:]}."
    if laws.tied_lifetime is not None:
        sentence += f" All steps are equal here: the chain forgets within {small(laws.tied_lifetime)} layers."
    return sentence


def _class_row(laws: ClassLaws, place: int) -> tuple[str, ...]:
    label = laws.labels[place]
    near = [
        (line[-1].value, a if b == label else b, line[-1].low)
        for (a, b), line in zip(laws.pairs, laws.distances, strict=True)
        if label in (a, b)
    ]
    value, other, low = min(near)
    bound = "" if laws.exact_layers[-1] else f" (95 %: at least {small(max(0.0, low))})"
    frozen = ", ".join(str(int(n)) for n in laws.frozen[:, place])
    return (
        str(label),
        percent(float(laws.accuracies[place])),
        small(float(laws.entropies[place])),
        f"{other}: {small(max(0.0, float(value)))}{bound}",
        frozen,
    )


def relevant(found: StackFindings) -> Iterable[Block]:
    """Canonical correlations beside chance; eigenvalues and verdicts only under a declaration."""
    flows = [flow for flow in found.flows if flow.matrices]
    if not flows:
        return
    yield Text(
        "Canonical correlations say what a layer still knows of the one below: 1 is all, 0 is nothing; they "
        "are the same however units are numbered. Last row: what 95 % of shuffled samples stay below, which "
        f"is chance. Measured of each layer: {found.operators}."
    )
    yield correlations(tuple(flows))
    if found.identification is None:
        yield Text(
            f"{NOT_DECLARED} Declare one with identification='collective' (sums of units that mean the same "
            "in every layer) or 'tied units' (equal layers)."
        )
    else:
        yield Text(
            f"Declared the same in neighbouring layers: {found.identification}. Under that convention, and "
            "no other, the largest eigenvalue of a step says whether differences grow per unit."
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
            told = (flow.words, f"{matrix.layer} to {matrix.layer + 1}", correlation)
            size = "" if said.eigenvalue is None else f"{said.eigenvalue:.3f}"
            size += "" if not size or said.error is None else f" +- {said.error:.3f}"
            more = (size, str(said.verdict)) if declared else (str(said.verdict),)
            rows.append((*told, f"{matrix.null_quantile:.3f}", *more))
    columns = ("samples upward from", "step", "largest correlation", "shuffled")
    more = ("largest |lambda|", "verdict") if declared else ("relevant?",)
    samples = flows[0].matrices[0].samples
    return Table(
        (*columns, *more),
        tuple(rows),
        f"{count(samples)} samples for each step; a row of one input is its own average, a class the average "
        "over its inputs.",
    )


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


def amplification(looks: tuple[CloseLook, ...], rows: IntArray) -> Iterable[Block]:
    """Information by layer along the direction beside random ones, gains, and the verdict on depth."""
    if not looks:
        return
    yield Text(
        "In noisy layers information about the input only falls from layer to layer. What makes a direction "
        "sensitive is that it falls less than along random ones, or that what is left for each unit grows."
    )
    yield stability_figures.by_layer(looks, rows)
    layers = looks[0].convergence.profile.layers
    yield Table(
        ("input", "direction", *layers),
        tuple(line for look in _ordered(looks, rows) for line in _profile_rows(look)),
        "Information held, per squared input unit, with standard errors; last lines of each: how many times "
        "that of a random direction.",
    )
    if any(look.convergence.scaling for look in looks):
        yield Table(
            ("input", "log-gain per layer", "verdict", "why"),
            tuple(_scaling_row(look) for look in _ordered(looks, rows)),
            "Gains of information for each unit, as lengths. Scaling: every layer multiplies by one factor "
            "that is not 1. Undecided is no verdict either way.",
        )


def _ordered(looks: tuple[CloseLook, ...], rows: IntArray) -> list[CloseLook]:
    by_row = {look.row: look for look in looks}
    return [by_row[int(row)] for row in rows]


def _profile_rows(look: CloseLook) -> list[tuple[str, ...]]:
    profile, row = look.convergence.profile, f"row\u00a0{look.row}"
    dims = len(profile.direction)
    along = [_with_error(v, e) for v, e in zip(profile.along, profile.along_errors, strict=True)]
    chance = [_with_error(v, e) for v, e in zip(profile.random, profile.trace_errors / dims, strict=True)]
    times = [
        small(float(a / r)) if r > 0 and a > 0 else ""
        for a, r in zip(profile.along, profile.random, strict=True)
    ]
    return [(row, "most sensitive", *along), ("", "random, mean", *chance), ("", "times random", *times)]


def _with_error(value: float, error: float) -> str:
    exact = not error > _ROUNDING * abs(value)
    return small(float(value)) if exact else f"{small(float(value))} +- {small(float(error))}"


def _scaling_row(look: CloseLook) -> tuple[str, ...]:
    scaling = look.convergence.scaling
    if scaling is None or not math.isfinite(scaling.slope):
        words = "one layer: no step" if scaling is None else scaling.words
        return (f"row\u00a0{look.row}", "", "undecided", words)
    slope = f"{scaling.slope:.3f}"
    slope += f" +- {scaling.error:.3f}" if math.isfinite(scaling.error) else ""
    # the slope stands in its own column
    why = f"{plural(scaling.layers, 'step')} between layers: {scaling.words.split(': ', 1)[-1]}"
    return (f"row\u00a0{look.row}", slope, scaling.verdict, why)


def convergence(looks: tuple[CloseLook, ...], rows: IntArray) -> Iterable[Block]:
    """Whether the estimates of each close look hold together, test by test."""
    if not looks:
        return
    for look in _ordered(looks, rows):
        told = [test for test in look.convergence.tests if test.name in _TESTS]
        failed = [_FAILED[test.name] for test in told if test.passed is False]
        whose = f"Row {look.row}: the estimates of its direction and information"
        if failed:
            yield Claim(f"{whose} do not hold together", False, "; ".join(failed))
        elif all(test.passed is None for test in told):
            yield Claim(f"{whose} could not be tested", None)
        else:
            yield Claim(f"{whose} hold together", True)
    yield Table(
        ("input", "test", "outcome", "what was seen"),
        tuple(
            (f"row\u00a0{look.row}", _TESTS[test.name], _MARKS[test.passed], test.words)
            for look in _ordered(looks, rows)
            for test in look.convergence.tests
            if test.name in _TESTS
        ),
    )
