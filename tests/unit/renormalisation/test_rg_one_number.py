"""An input of one number has one direction, and routes that agree on it are no evidence."""

from __future__ import annotations

import numpy as np

import hingeline as hl
from hingeline.renormalisation.flow.relevance import Verdict


def tower_of(numbers: int) -> hl.StochasticStack:
    """Layers 27-9-3-1 of units that see disjoint blocks of three, and all inputs alike."""
    weights = [np.full((27, numbers), 0.3 / numbers)]
    weights += [np.kron(np.eye(w), np.ones((1, 3))) for w in (9, 3, 1)]
    return hl.StochasticStack(weights, [np.zeros(len(w)) for w in weights], "units")


def reasons(numbers: int) -> tuple[list[str], set[Verdict]]:
    found = hl.stability(
        tower_of(numbers),
        np.zeros((1, numbers)),
        seed=11,
        samples=20_000,
        identification="collective",
        permutations=3,
        sizes=(0.1,),
        random_directions=2,
    )
    assert found.value is not None and found.value.stack is not None
    said = [one for flow in found.value.stack.flows for one in flow.relevance]
    return [reason for one in said for reason in one.missing], {one.verdict for one in said}


def test_routes_that_agree_by_construction_make_nothing_relevant() -> None:
    missing, verdicts = reasons(1)
    assert any("was not compared with the direct route" in reason for reason in missing)
    assert Verdict.RELEVANT not in verdicts


def test_with_two_numbers_the_routes_are_compared() -> None:
    missing, _ = reasons(2)
    assert not any("was not compared with the direct route" in reason for reason in missing)
