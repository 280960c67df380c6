"""Sampled moments of neighbouring layers agree with enumeration, block by block."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from rg_enumeration import exact_moments, random_stack

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.sampled_moments import every_layer_moments, layer_moments
from hingeline.renormalisation.operators.operator_set import (
    CallableOperators,
    product_operators,
    single_units,
    total,
)
from hingeline.renormalisation.operators.product_moments import overlaps

STACK = random_stack((5, 4, 4, 3), 11)
POINTS = np.random.default_rng(12).standard_normal((3, 5))


def generator(seed: int = 13) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("rao_blackwell", [True, False])
@pytest.mark.parametrize("points", [POINTS[0], POINTS])
@pytest.mark.parametrize(
    ("below", "above"),
    [(single_units(4), single_units(4)), (product_operators(4, 2), product_operators(4, 4))],
)
def test_moments_agree_with_enumeration(points, below, above, rao_blackwell: bool) -> None:
    moments = layer_moments(
        STACK, points, 1, below, above, samples=20_000, rng=generator(), rao_blackwell=rao_blackwell
    )
    for found, wanted in zip(moments.whole(), exact_moments(STACK, points, 1, below, above), strict=True):
        assert found == pytest.approx(wanted, abs=5 / np.sqrt(20_000))


def test_conditional_moments_of_sums_agree_with_enumeration() -> None:
    sums = total(4)
    moments = layer_moments(STACK, POINTS, 1, sums, sums, samples=40_000, rng=generator())
    for found, wanted in zip(moments.whole(), exact_moments(STACK, POINTS, 1, sums, sums), strict=True):
        assert found == pytest.approx(wanted, rel=0.05)


def test_every_block_sees_every_input_equally_often() -> None:
    # an input decides the first unit of the first layer, so block sums tell how often each was seen
    stack = random_stack((1, 2, 2), 0)
    weights = [np.array([[40.0], [0.0]]), stack.weights[1]]
    decided = type(stack)(weights, [np.zeros(2), np.zeros(2)], "units")
    points = np.array([[1.0], [1.0], [-1.0]])
    moments = layer_moments(
        decided, points, 1, single_units(2), single_units(2), samples=100, rng=generator(), blocks=10, batch=7
    )
    assert moments.counts == pytest.approx(np.full(10, 12))
    assert np.ptp(moments.below[:, 0]) == pytest.approx(0.0, abs=1e-12)


def test_moments_of_all_layers_come_from_the_same_samples() -> None:
    sets = [single_units(4), product_operators(4, 2), single_units(3)]
    lower, upper = every_layer_moments(
        STACK, POINTS[0], sets, samples=4000, rng=generator(), rao_blackwell=False
    )
    # what is above in one pair is below in the next, about the same centre
    assert lower.above_above == pytest.approx(upper.below_below, abs=1e-9)
    alone = layer_moments(
        STACK, POINTS[0], 2, sets[1], sets[2], samples=4000, rng=generator(), rao_blackwell=False
    )
    assert upper.whole()[1] == pytest.approx(alone.whole()[1], abs=1e-12)


def test_functions_without_known_means_are_sampled() -> None:
    given = CallableOperators(4, ("first", "pair"), lambda h: np.stack([h[:, 0], h[:, 1] * h[:, 2]], axis=1))
    moments = layer_moments(STACK, POINTS[0], 1, given, given, samples=20_000, rng=generator())
    for found, wanted in zip(moments.whole(), exact_moments(STACK, POINTS[0], 1, given, given), strict=True):
        assert found == pytest.approx(wanted, abs=5 / np.sqrt(20_000))


def test_overlaps_are_all_pairs_with_a_common_unit() -> None:
    subsets = product_operators(5, 3).subsets
    found = overlaps(subsets)
    wanted = {
        (a, b): tuple(sorted(set(subsets[a]) ^ set(subsets[b])))
        for a, b in itertools.combinations_with_replacement(range(len(subsets)), 2)
        if set(subsets[a]) & set(subsets[b])
    }
    told = {
        (int(a), int(b)): found.remainders[r]
        for a, b, r in zip(found.first, found.second, found.remainder, strict=True)
    }
    assert told == wanted


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer": 0}, "layer 1"),
        ({"layer": 3}, "layer 1"),
        ({"below": single_units(3)}, "look at 3"),
        ({"samples": 0}, "samples"),
        ({"blocks": 1}, "2 blocks"),
    ],
)
def test_moments_that_cannot_be_are_refused(changes: dict, words: str) -> None:
    wanted = {"layer": 1, "below": single_units(4), "above": single_units(4), "samples": 100, "blocks": 40}
    with pytest.raises(InvalidInput, match=words):
        layer_moments(STACK, POINTS[0], **{**wanted, **changes}, rng=generator())
