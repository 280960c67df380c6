"""Relevant is said of an operator only with all evidence at hand."""

from __future__ import annotations

import dataclasses
import json
from functools import cache

import numpy as np
import pytest
from rg_enumeration import exact_matrix, random_stack, tower

from hingeline.renormalisation.flow.estimate import estimate_stability
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.flow.relevance import Relevance, Verdict, relevance
from hingeline.renormalisation.flow.stability_matrix import StabilityMatrix
from hingeline.renormalisation.operators.operator_set import (
    CollectiveOperators,
    product_operators,
    total,
)
from hingeline.renormalisation.stacks.stack import StochasticStack


def with_contrast(width: int) -> CollectiveOperators:
    """The total, and a sum that blocks of three do not see."""
    rows = np.stack([np.ones(width), np.tile([1.0, -1.0, 0.0], width // 3)])
    return CollectiveOperators(rows, ("sum of all units", "within blocks"))


@cache
def measured(weight: float, mean: float, grown: bool, declared: bool = True) -> StabilityMatrix:
    operators = with_contrast if grown else total
    return estimate_stability(
        tower(weight, mean),
        np.zeros(1),
        1,
        operators(81),
        operators(27),
        samples=100_000,
        rng=np.random.default_rng(41 + grown),
        identification=Identification("collective") if declared else None,
        permutations=5,
    )


def of_tower(weight: float, mean: float, cosine: float | None = 0.999) -> Relevance:
    return relevance(measured(weight, mean, False), grown=measured(weight, mean, True), chain_cosine=cosine)


def test_tower_has_a_relevant_operator_at_the_boundary() -> None:
    told = of_tower(1.0, 0.0)
    assert told.verdict is Verdict.RELEVANT
    assert told.missing == ()
    assert told.eigenvalue == pytest.approx(1.3175, abs=0.01)


def test_tower_has_an_irrelevant_operator_in_a_class() -> None:
    told = of_tower(1.0, 0.99232, None)
    assert told.verdict is Verdict.IRRELEVANT
    assert told.eigenvalue == pytest.approx(0.365, abs=0.03)


def test_weak_tower_has_no_relevant_operator() -> None:
    told = of_tower(0.3, 0.0)
    assert told.verdict is Verdict.IRRELEVANT
    assert "no relevant operator" in told.words
    assert json.dumps(told.to_dict())


def test_tower_at_its_transition_is_marginal_and_says_how_nearly() -> None:
    told = of_tower(0.4753, 0.0)
    assert told.verdict is Verdict.MARGINAL
    assert "to a precision of 0.0" in told.words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grown": None}, "not measured with more operators"),
        ({"chain_cosine": None}, "not compared with the direct route"),
        ({"chain_cosine": 0.9}, "disagree"),
        ({"grown": measured(1.0, 0.0, False)}, "not of the same layers"),
        ({"grown": measured(1.0, 0.3, True)}, "turns|more than 2"),
    ],
)
def test_whatever_is_missing_is_named(changes: dict, words: str) -> None:
    evidence = {"grown": measured(1.0, 0.0, True), "chain_cosine": 0.999, **changes}
    if words == "turns|more than 2":
        evidence["grown"] = measured(0.3, 0.0, True)
    told = relevance(measured(1.0, 0.0, False), **evidence)
    assert told.verdict is Verdict.NOT_ESTABLISHED
    assert len(told.missing) == 1
    assert any(word in told.words for word in words.split("|"))


def test_without_identification_nothing_is_established() -> None:
    told = relevance(measured(1.0, 0.0, False, False), grown=measured(1.0, 0.0, True), chain_cosine=1.0)
    assert told.verdict is Verdict.NOT_ESTABLISHED
    assert told.eigenvalue is None
    assert "identification" in told.missing[0]


def test_errors_that_are_not_numbers_establish_nothing() -> None:
    found = measured(1.0, 0.0, False)
    spectrum = dataclasses.replace(found.eigenvalues, errors=np.array([np.nan]))
    told = relevance(
        dataclasses.replace(found, spectrum=spectrum), grown=measured(1.0, 0.0, True), chain_cosine=1.0
    )
    assert told.verdict is Verdict.NOT_ESTABLISHED


# found by enumeration of random stacks whose eigenvalue above 1 is due to operators left out
@pytest.mark.parametrize(("seed", "layer", "degree"), [(13, 1, 1), (22, 2, 1), (4, 1, 2)])
def test_eigenvalues_above_one_of_equal_widths_are_put_down_to_truncation(seed, layer, degree) -> None:
    stack = random_stack((4, 4, 4, 4), seed, 4.0)
    x = np.random.default_rng(seed).choice([-1.0, 1.0], 4)
    sets = [product_operators(4, degree), product_operators(4, 4)]
    assert np.abs(np.linalg.eigvals(exact_matrix(stack, x, layer, sets[0], sets[0]))).max() > 1.05
    small, grown = (
        estimate_stability(
            stack,
            x,
            layer,
            each,
            each,
            samples=50_000,
            rng=np.random.default_rng(43),
            identification=Identification("tied units"),
            permutations=3,
        )
        for each in sets
    )
    told = relevance(small, grown=grown, chain_cosine=1.0)
    assert told.verdict is Verdict.NOT_ESTABLISHED
    assert not (grown.eigenvalues.moduli[0] - 3 * grown.eigenvalues.errors[0] > 1) or grown.frozen_below


@pytest.mark.parametrize("rao_blackwell", [True, False])
def test_an_untrained_stack_establishes_nothing(rao_blackwell: bool) -> None:
    untrained = StochasticStack([np.ones((9, 1)), np.zeros((3, 9))], [np.zeros(9), np.zeros(3)], "units")
    found = estimate_stability(
        untrained,
        np.zeros(1),
        1,
        total(9),
        total(3),
        samples=20_000,
        rng=np.random.default_rng(44),
        identification=Identification("collective"),
        rao_blackwell=rao_blackwell,
        permutations=100,
    )
    told = relevance(found, grown=found, chain_cosine=1.0)
    assert told.verdict is Verdict.NOT_ESTABLISHED
    assert "shuffled" in told.words
