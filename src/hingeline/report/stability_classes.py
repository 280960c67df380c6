"""The classes of a stack as laws: how sure they are, how far apart, and for how many layers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hingeline.renormalisation.flow.class_law_results import ClassLaws
from hingeline.report import stability_figures
from hingeline.report.fragility_words import percent
from hingeline.report.model import Block, Table, Text
from hingeline.report.numbers import count, plural, small


def classes(laws: ClassLaws | None, labelled: bool) -> Iterable[Block]:
    """Classes as laws: how sure, how far apart, and for how many layers; accuracy where labels are known."""
    if laws is None:
        return
    yield Text(
        "In a stack of noisy layers a class is a law: the spread of states that its inputs lead to. How far "
        "the laws of two classes lie apart says how well a layer can still tell them."
    )
    yield stability_figures.class_curves(laws)
    yield Text(_lifetimes(laws))
    yield Table(
        (
            "class",
            *(["accuracy"] if labelled else []),
            "entropy, nats",
            "nearest class, last layer",
            "frozen units by layer",
        ),
        tuple(_class_row(laws, place, labelled) for place in range(len(laws.labels))),
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
        parts.append(f"no steady decay could be fitted for {plural(int(np.isinf(lives).sum()), 'pair')}")
    if np.isnan(lives).any():
        parts.append(f"too few layers tell for {plural(int(np.isnan(lives).sum()), 'pair')}")
    told = "; ".join(parts)
    sentence = f"Lifetime of classes. {told[:1].upper()}{told[1:]}."
    if laws.tied_lifetime is not None:
        sentence += f" All steps are equal here: the chain forgets within {small(laws.tied_lifetime)} layers."
    return sentence


def _class_row(laws: ClassLaws, place: int, labelled: bool) -> tuple[str, ...]:
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
        *([percent(float(laws.accuracies[place]))] if labelled else []),
        small(float(laws.entropies[place])),
        f"{other}: {small(max(0.0, float(value)))}{bound}",
        frozen,
    )
