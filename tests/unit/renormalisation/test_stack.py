"""A stack samples what its weights say, and tells classes by its head."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.moments import BlockMoments
from hingeline.renormalisation.operators.operator_set import (
    CollectiveOperators,
    product_operators,
    single_units,
    total,
)
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states


def stack_of(widths: tuple[int, ...], seed: int = 0, head: str = "units") -> StochasticStack:
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], head)


def test_joint_states_are_all_states_once() -> None:
    states = joint_states(3)
    assert states.shape == (8, 3)
    assert len({tuple(row) for row in states}) == 8
    assert (states[1] == (-1, -1, 1)).all()


def test_class_law_of_units_is_the_product_of_their_probabilities() -> None:
    stack = stack_of((4, 3, 2))
    h = np.array([[1.0, -1.0, 1.0]])
    means = stack.means(2, h)[0]
    wanted = [np.prod(0.5 * (1 + state * means)) for state in joint_states(2)]
    assert stack.class_law(h)[0] == pytest.approx(wanted, abs=1e-14)
    assert stack.classes == 4


def test_sampled_probabilities_agree_with_enumeration() -> None:
    stack = stack_of((4, 3, 3, 5), head="softmax")
    x = np.array([0.3, -1.0, 0.7, 0.2])
    first = joint_states(3)
    law = np.prod(0.5 * (1 + first * stack.means(1, x[np.newaxis])), axis=1)
    second = np.array([np.prod(0.5 * (1 + joint_states(3) * stack.means(2, h[None])), axis=1) for h in first])
    wanted = law @ second @ stack.class_law(joint_states(3))
    found = stack.class_probabilities(x, 20_000, np.random.default_rng(1))[0]
    assert found == pytest.approx(wanted, abs=0.006)
    assert found.sum() == pytest.approx(1.0)


def test_an_input_meets_the_same_numbers_whatever_stands_beside_it() -> None:
    stack = stack_of((4, 3, 3, 5), head="softmax")
    points = np.random.default_rng(2).standard_normal((7, 4))
    alone = stack.class_probabilities(points[:1], 300, np.random.default_rng(3))
    beside = stack.class_probabilities(points, 300, np.random.default_rng(3), batch=512)
    assert alone[0] == pytest.approx(beside[0], abs=1e-14)


def test_batches_bound_what_is_held_and_add_up() -> None:
    stack = stack_of((4, 3, 2))
    drawn = list(stack.batches(np.zeros(4), 1000, np.random.default_rng(0), batch=300))
    assert [len(states[0]) for states in drawn] == [300, 300, 300, 100]
    assert [level.shape[1] for level in drawn[0]] == [4, 3, 2]
    assert set(np.unique(drawn[0][2])) == {-1.0, 1.0}


@pytest.mark.parametrize(
    ("weights", "biases", "head"),
    [
        ([np.ones((2, 3)), np.ones((2, 3))], [np.zeros(2), np.zeros(2)], "units"),
        ([np.ones((2, 3))], [np.zeros(3)], "units"),
        ([np.ones((2, 3))], [np.zeros(2)], "softmax"),
        ([np.ones((11, 3))], [np.zeros(11)], "units"),
        ([np.full((2, 3), np.nan)], [np.zeros(2)], "units"),
        ([np.ones((2, 3))], [np.zeros(2)], "other"),
    ],
)
def test_stacks_that_cannot_be_are_refused(weights: list, biases: list, head: str) -> None:
    with pytest.raises(InvalidInput):
        StochasticStack(weights, biases, head)  # type: ignore[arg-type]


@pytest.mark.parametrize("operators", [single_units(5), product_operators(5, 3), total(5)])
def test_expected_operators_are_their_means_over_all_states(operators) -> None:
    means = np.random.default_rng(4).uniform(-0.9, 0.9, (2, 5))
    states = joint_states(5)
    values = operators.values(states)
    wanted = np.zeros((len(operators.names),) * 2)
    for row, expected in zip(means, operators.expected(means), strict=True):
        law = np.prod(0.5 * (1 + states * row), axis=1)
        assert law @ values == pytest.approx(expected, abs=1e-13)
        wanted += (values * law[:, None]).T @ values
    assert operators.expected_products(means) == pytest.approx(wanted, abs=1e-12)


def test_deleting_a_block_is_as_if_it_had_never_been_drawn() -> None:
    rng = np.random.default_rng(5)
    up, down = rng.standard_normal((3, 50, 2)), rng.standard_normal((3, 50, 4))
    product = "bmi,bmj->bij"
    moments = BlockMoments(
        np.full(3, 50.0),
        up.sum(axis=1),
        down.sum(axis=1),
        np.einsum(product, up, up),
        np.einsum(product, up, down),
        np.einsum(product, down, down),
    )
    a, b, c = moments.without(1)
    joint = np.cov(np.hstack([up[[0, 2]].reshape(100, 2), down[[0, 2]].reshape(100, 4)]).T, bias=True)
    assert a == pytest.approx(joint[:2, :2], abs=1e-12)
    assert b == pytest.approx(joint[:2, 2:], abs=1e-12)
    assert c == pytest.approx(joint[2:, 2:], abs=1e-12)
    mean, error = moments.jackknife(lambda a, b, c: a[0, 0])
    assert error > 0
    assert mean == pytest.approx(up[..., 0].var())


def test_collective_operators_that_cannot_be_are_refused() -> None:
    with pytest.raises(InvalidInput, match="as many names"):
        CollectiveOperators(np.ones((2, 3)), ("one",))
