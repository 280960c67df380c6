"""Gibbs chains sample the law that enumeration gives, and their errors are honest."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.gibbs_moments import GibbsMoments, gibbs_moments
from hingeline.renormalisation.operators.operator_set import product_operators, single_units
from hingeline.renormalisation.stacks.exact_undirected import ExactUndirected
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states
from hingeline.renormalisation.stacks.undirected import UndirectedStack


def stack_of(widths: tuple[int, ...], seed: int, scale: float = 1.0, head: str = "units") -> StochasticStack:
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [scale * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], head)


def numbered(states: np.ndarray) -> np.ndarray:
    """The place of each state in the order of `joint_states`."""
    return (states > 0) @ (1 << np.arange(states.shape[-1] - 1, -1, -1))


@pytest.mark.parametrize("head", ["units", "softmax"])
def test_chains_visit_states_as_often_as_their_law_says(head: str) -> None:
    stack = stack_of((4, 3, 3, 3), 1, head=head)
    x = np.array([0.5, -1.0, 1.0, 0.0])
    exact = ExactUndirected(stack)
    batches = list(UndirectedStack(stack).gibbs(x, 300, 400, 50, np.random.default_rng(2)))
    for layer, law in enumerate(exact.laws(x), start=1):
        states = np.concatenate([batch[layer] for batch in batches]).reshape(-1, stack.widths[layer])
        found = np.bincount(numbered(states), minlength=len(joint_states(3))) / len(states)
        assert found == pytest.approx(law, abs=0.006)
    if head == "softmax":
        classes = np.concatenate([batch[-1] for batch in batches]).mean(axis=(0, 1))
        assert classes == pytest.approx(exact.class_law(x), abs=0.006)


def test_batches_bound_what_is_held_and_do_not_change_the_chains() -> None:
    undirected, x = UndirectedStack(stack_of((4, 3, 2), 3)), np.zeros(4)
    split = list(undirected.gibbs(x, 5, 10, 2, np.random.default_rng(4), at_once=4))
    whole = list(undirected.gibbs(x, 5, 10, 2, np.random.default_rng(4)))
    assert [len(batch[1]) for batch in split] == [4, 4, 2]
    assert [layer.shape for layer in whole[0]] == [(10, 5, 4), (10, 5, 3), (10, 5, 2)]
    assert (np.concatenate([batch[2] for batch in split]) == whole[0][2]).all()


def measured(chains: int, sweeps: int, burn_in: int, seed: int) -> tuple[GibbsMoments, np.ndarray]:
    """Moments at layer 2 of a stack whose sweeps depend on each other, and errors of all its stabilities."""
    stack = stack_of((6, 6, 6, 6, 4), 5, scale=1.2)
    x = np.random.default_rng(6).choice([-1.0, 1.0], 6)
    below, above = product_operators(6, 2), single_units(6)
    found = gibbs_moments(
        UndirectedStack(stack),
        x,
        2,
        below,
        above,
        chains=chains,
        sweeps=sweeps,
        burn_in=burn_in,
        rng=np.random.default_rng(seed),
    )
    stability, error = found.moments.jackknife(lambda a, b, c: np.linalg.solve(a, b))
    return found, (stability - ExactUndirected(stack).stability(x, 2, below, above)) / error


def test_jackknife_over_chains_covers_enumeration() -> None:
    found, z = measured(200, 1000, 300, 7)
    assert found.moments.blocks == 200
    assert found.moments.samples == 200_000
    assert 0.7 <= np.sqrt((z**2).mean()) <= 1.4


def test_the_error_from_independent_sweeps_is_called_wrong_where_sweeps_depend() -> None:
    found, _ = measured(100, 400, 300, 8)
    assert found.slowest is not None
    assert 2 * found.slowest.tau > 1.5
    assert found.naive_error_wrong
    assert found.naive_error_factor > 1.2
    assert found.burn_in_enough
    assert not measured(100, 400, 20, 8)[0].burn_in_enough
    assert found.summary()["naive_error_wrong"] is True


def test_sweeps_of_unconnected_layers_are_independent() -> None:
    stack = StochasticStack([np.ones((2, 2)), np.zeros((2, 2))], [np.zeros(2)] * 2, "units")
    found = gibbs_moments(
        UndirectedStack(stack),
        np.full(2, 0.2),
        1,
        single_units(2),
        single_units(2),
        chains=100,
        sweeps=300,
        burn_in=20,
        rng=np.random.default_rng(9),
        chains_per_block=4,
    )
    assert found.moments.blocks == 25
    assert not found.naive_error_wrong
    a, b, c = found.moments.whole()
    assert a == pytest.approx(np.eye(2), abs=0.03)
    assert b == pytest.approx(np.zeros((2, 2)), abs=0.03)
    assert c == pytest.approx(np.eye(2) * (1 - np.tanh(0.4) ** 2), abs=0.03)


def test_chains_that_stand_still_give_no_error_worth_the_name() -> None:
    stack = StochasticStack([np.zeros((1, 1)), np.zeros((1, 1))], [np.array([900.0])] * 2, "units")
    found = gibbs_moments(
        UndirectedStack(stack), np.zeros(1), 1, single_units(1), single_units(1), rng=np.random.default_rng(0)
    )
    assert found.slowest is None
    assert found.naive_error_wrong
    assert not found.burn_in_enough


def test_wrong_layers_operators_and_blocks_are_refused() -> None:
    undirected, x, rng = UndirectedStack(stack_of((4, 3, 2), 3)), np.zeros(4), np.random.default_rng(0)
    with pytest.raises(InvalidInput, match="steps start"):
        gibbs_moments(undirected, x, 2, single_units(2), single_units(2), rng=rng)
    with pytest.raises(InvalidInput, match="look at 2 and 2"):
        gibbs_moments(undirected, x, 1, single_units(2), single_units(2), rng=rng)
    with pytest.raises(InvalidInput, match="divisor"):
        gibbs_moments(undirected, x, 1, single_units(3), single_units(2), rng=rng, chains_per_block=3)
    with pytest.raises(InvalidInput, match="one input"):
        list(undirected.gibbs(np.zeros((2, 4)), 10, 10, 0, rng))
