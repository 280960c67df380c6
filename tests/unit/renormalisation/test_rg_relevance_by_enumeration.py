"""Verdicts on leading operators never contradict what enumeration of all states says."""

from __future__ import annotations

import numpy as np
import pytest
from rg_enumeration import exact_matrix

from hingeline.renormalisation.flow.estimate import estimate_stability
from hingeline.renormalisation.flow.identification import Identification
from hingeline.renormalisation.flow.relevance import Verdict, relevance
from hingeline.renormalisation.layer_operators import grown_operators
from hingeline.renormalisation.operators.operator_set import CollectiveOperators, OperatorSet
from hingeline.renormalisation.stacks.stack import StochasticStack

COLLECTIVE = Identification("collective")


def decreasing(seed: int, widths: tuple[int, ...], scale: float) -> StochasticStack:
    rng = np.random.default_rng(seed)
    pairs = list(zip(widths[1:], widths, strict=False))
    weights = [scale * rng.standard_normal(pair) / np.sqrt(pair[1]) for pair in pairs]
    return StochasticStack(weights, [0.1 * rng.standard_normal(len(w)) for w in weights], "units")


def sums(seed: int, width: int, count: int) -> CollectiveOperators:
    rows = np.random.default_rng(seed).standard_normal((count, width))
    return CollectiveOperators(rows, [f"sum {i}" for i in range(count)])


def top_exact(stack: StochasticStack, x: np.ndarray, below: OperatorSet, above: OperatorSet) -> float:
    return float(np.abs(np.linalg.eigvals(exact_matrix(stack, x, 1, below, above))).max())


def test_as_many_sums_as_functions_of_two_units_are_not_complete() -> None:
    stack, x = decreasing(60, (3, 6, 2), 1.0), np.ones(3)
    found = estimate_stability(
        stack,
        x,
        1,
        sums(1, 6, 3),
        sums(2, 2, 3),
        samples=20_000,
        rng=np.random.default_rng(61),
        identification=COLLECTIVE,
        permutations=20,
    )
    assert len(found.names_above) == 3 == 2**2 - 1
    told = relevance(found, chain_cosine=1.0)
    assert told.verdict is Verdict.NOT_ESTABLISHED
    assert "not measured with more operators" in told.words


@pytest.mark.parametrize(
    ("seed", "scale"), [(210, 1.5), (238, 1.5), (217, 3.0), (223, 3.0), (301, 1.5), (302, 3.0)]
)
def test_operators_are_not_called_irrelevant_where_more_of_them_hold_a_growing_one(seed, scale) -> None:
    # sums and their cubes nearly coincide, and a ridge hides what grows; or a cube hardly varies
    stack, x = decreasing(seed, (2, 6, 3), scale), np.ones(2)
    few = (sums(seed, 6, 2), sums(seed + 1, 3, 2))
    many = grown_operators(stack, few, (), ())
    small, grown = (
        estimate_stability(
            stack,
            x,
            1,
            *both,
            samples=10_000,
            rng=np.random.default_rng(seed),
            identification=COLLECTIVE,
            permutations=20,
        )
        for both in (few, many)
    )
    told = relevance(small, grown=grown, chain_cosine=1.0)
    truth = [top_exact(stack, x, *few), top_exact(stack, x, *many)]
    assert told.verdict is not Verdict.IRRELEVANT or max(truth) < 1
    assert told.verdict is not Verdict.RELEVANT or truth[0] > 1
