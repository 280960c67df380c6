"""Names and signs of hidden units change nothing that a diagnosis may report."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.operators.operator_set import product_operators, single_units
from hingeline.renormalisation.stacks.exact import ExactStack
from hingeline.renormalisation.stacks.exact_undirected import ExactUndirected
from hingeline.renormalisation.stacks.gauge import relabelled
from hingeline.renormalisation.stacks.stack import StochasticStack

quick = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from([ExactStack, ExactUndirected])


def stack_of(seed: int, head: str) -> StochasticStack:
    rng = np.random.default_rng(seed)
    widths = (5, *rng.integers(2, 6, 3), 3)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [1.2 * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], head)


def renamed(stack: StochasticStack, layer: int, seed: int) -> StochasticStack:
    rng = np.random.default_rng(seed)
    width = stack.widths[layer]
    return relabelled(stack, layer, rng.permutation(width), rng.choice([-1.0, 1.0], width))


@quick
@given(seeds, st.integers(1, 3), kinds, st.sampled_from(["units", "softmax"]))
def test_renaming_and_flipping_units_leaves_classes_and_information(
    seed: int, layer: int, kind, head
) -> None:
    stack = stack_of(seed, head)
    x = np.random.default_rng(seed).standard_normal(5)
    one, other = kind(stack), kind(renamed(stack, layer, seed))
    assert np.abs(one.class_law(x) - other.class_law(x)).max() < 1e-12
    assert np.abs(one.class_information(x) - other.class_information(x)).max() < 1e-10
    for n in range(1, 4):
        assert np.abs(one.information(x, n) - other.information(x, n)).max() < 1e-10


@quick
@given(seeds, st.integers(1, 3), kinds, st.integers(1, 2))
def test_renaming_and_flipping_units_leaves_canonical_correlations(seed, layer, kind, degree) -> None:
    stack = stack_of(seed, "softmax")
    x = np.random.default_rng(seed).standard_normal(5)
    one, other = kind(stack), kind(renamed(stack, layer, seed))
    for n in (1, 2):
        operators = [product_operators(width, degree) for width in stack.widths[n : n + 2]]
        found = [chain.canonical_correlations(x, n, *operators) for chain in (one, other)]
        assert np.abs(found[0] - found[1]).max() < 1e-10


@quick
@given(seeds, kinds)
def test_eigenvalues_between_hidden_layers_do_depend_on_names(seed: int, kind) -> None:
    rng = np.random.default_rng(seed)
    shapes = [(4, 5), (4, 4), (4, 4)]
    stack = StochasticStack([rng.standard_normal(s) for s in shapes], [np.zeros(4)] * 3, "units")
    found = []
    for network in (stack, relabelled(stack, 2, [1, 2, 3, 0], [1.0, -1.0, 1.0, 1.0])):
        stability = kind(network).stability(np.full(5, 0.1), 1, single_units(4), single_units(4))
        found.append(np.abs(np.linalg.eigvals(stability)).max())
    assert abs(found[0] - found[1]) > 1e-6


def test_what_is_no_renaming_is_refused() -> None:
    stack = stack_of(0, "units")
    width = stack.widths[1]
    with pytest.raises(InvalidInput, match="hidden layers are 1 to 3"):
        relabelled(stack, 4, range(3), np.ones(3))
    with pytest.raises(InvalidInput, match="permutation"):
        relabelled(stack, 1, [0] * width, np.ones(width))
    with pytest.raises(InvalidInput, match="signs"):
        relabelled(stack, 1, range(width), np.full(width, 2.0))
