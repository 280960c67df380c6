"""The chain equals the direct route where operators are complete, and is measured against it where not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rg_enumeration import (
    class_law,
    information,
    kernels,
    layer_laws,
    slopes_by_difference,
    small_stack,
)
from sklearn.datasets import load_digits

from hingeline.core.errors import InvalidInput
from hingeline.evaluation.demo_data import digits_stack
from hingeline.renormalisation.information.chain import carried_score, chain_information
from hingeline.renormalisation.information.regression import regress, whitened
from hingeline.renormalisation.operators.operator_set import (
    CallableOperators,
    product_operators,
    single_units,
)
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states

WIDTHS = (8, 6, 6, 6, 5, 2)


def exact_covariances(
    stack: StochasticStack, x: np.ndarray, degree: int
) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """A_n and B_n of all layers up to the top one, and A of the top, by enumeration."""
    laws = layer_laws(stack, x)
    below = (joint_states(stack.widths[1]) - stack.means(1, x[None])) @ stack.weights[0]
    found, own = [], np.zeros((0, 0))
    for n, kernel in enumerate(kernels(stack), start=2):
        width = stack.widths[n]
        values = product_operators(width, min(degree, width)).values(joint_states(width))
        values = values - laws[n - 1] @ values
        own = (values.T * laws[n - 1]) @ values
        found.append((own, (kernel.T @ (laws[n - 2][:, None] * below)).T @ values))
        below = values
    return [(a, b.T) for a, b in found], own


def test_complete_operators_give_the_direct_route_to_rounding() -> None:
    stack = small_stack(WIDTHS, 1.6, 3)
    x = np.random.default_rng(31).choice([-1.0, 1.0], 8)
    covariances, top = exact_covariances(stack, x, 6)
    carried = carried_score(covariances, coordinates=8)[-1]
    chain = carried.T @ top @ carried
    laws, joint = layer_laws(stack, x), np.eye(64)
    for kernel in kernels(stack):
        joint = joint @ kernel
    score = (joint_states(6) - stack.means(1, x[None])) @ stack.weights[0]
    slopes = (laws[0][:, None] * joint).T @ score
    assert chain == pytest.approx(information(slopes, laws[-1]), abs=1e-12)
    assert slopes == pytest.approx(slopes_by_difference(stack, x), abs=1e-9)


def test_sampled_complete_operators_agree_with_the_direct_route_of_the_same_samples() -> None:
    stack = small_stack((6, 4, 3, 3, 2), 1.2, 41)
    x = np.random.default_rng(32).choice([-1.0, 1.0], 6)
    complete = [product_operators(3, 3), product_operators(3, 3)]
    found = chain_information(
        stack, x, samples=40_000, rng=np.random.default_rng(33), operators=complete, ridge=0.0
    )
    assert found.cosine > 0.999
    assert abs(found.ratio - 1) < 3 * found.ratio_error
    values = np.linalg.eigvalsh(information(slopes_by_difference(stack, x), class_law(stack, x)))
    for route in (found.chain, found.direct):
        assert abs(route.corrected[0] - values[-1]) < 3 * route.errors[0]


def test_single_units_give_the_direction_of_a_wide_stack() -> None:
    stack = small_stack((30, 24, 16, 12, 10), 2.0, 42, "softmax")
    x = np.random.default_rng(34).choice([-1.0, 1.0], 30)
    found = chain_information(stack, x, samples=4000, rng=np.random.default_rng(35))
    assert found.cosine > 0.97
    assert found.frozen == (0, 0)
    assert 0.7 < found.ratio < 1.1


def test_two_classes_have_the_log_odds_gradient_as_direction_of_either_route() -> None:
    stack = small_stack((12, 9, 8, 6, 2), 1.5, 43, "softmax")
    x = np.random.default_rng(36).standard_normal(12)
    found = chain_information(stack, x, samples=4000, rng=np.random.default_rng(37))
    for route in (found.chain, found.direct):
        gradient = route.log_odds_gradient(0, 1)
        assert abs(route.top @ gradient) / np.linalg.norm(gradient) > 1 - 1e-8


def test_operators_without_known_means_are_sampled_and_do_as_well() -> None:
    stack = small_stack((8, 7, 6, 5, 3), 1.5, 47, "softmax")
    given = [CallableOperators(w, tuple(f"f{i}" for i in range(w)), lambda h: h) for w in (6, 5)]
    found, known = (
        chain_information(
            stack, np.ones(8), samples=20_000, rng=np.random.default_rng(48), operators=operators
        )
        for operators in (given, None)
    )
    assert found.operators == (("given functions", 6), ("given functions", 5))
    assert abs(found.chain.top @ known.chain.top) > 0.99
    # the classes' law given the units is closed form, and values are the same samples
    assert found.direct.eigenvalues == pytest.approx(known.direct.eigenvalues)


def test_a_unit_that_never_flips_is_frozen_and_does_no_harm() -> None:
    stack = small_stack((6, 5, 4, 3), 1.0, 44, "softmax")
    biases = [*stack.biases[:1], stack.biases[1] + np.array([0, 20.0, 0, 0]), stack.biases[2]]
    stiff = StochasticStack(stack.weights, biases)
    found = chain_information(stiff, np.ones(6), samples=4000, rng=np.random.default_rng(38))
    assert found.frozen == (1,)
    assert np.isfinite(found.chain.errors).all()
    assert found.cosine > 0.99


def test_units_that_coincide_do_not_stop_a_regression() -> None:
    own = np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 1.0]])
    found = regress(own, np.array([[1.0], [1.0], [0.2]]), samples=None)
    assert own @ found == pytest.approx(np.array([[1.0], [1.0], [0.2]]), abs=1e-6)
    explained = (whitened(own, np.array([[1.0], [1.0], [0.2]]), samples=None) ** 2).sum()
    assert explained == pytest.approx(1.0, abs=1e-6)


def test_a_stack_without_a_second_layer_is_its_own_chain() -> None:
    stack = small_stack((5, 4, 3), 1.0, 45, "softmax")
    found = chain_information(stack, np.ones(5), samples=2000, rng=np.random.default_rng(39))
    assert found.cosine == pytest.approx(1.0, abs=1e-12)
    assert found.ratio == pytest.approx(1.0, abs=1e-12)
    assert json.loads(json.dumps(found.to_dict()))["operators"] == []


def test_operators_of_other_layers_and_too_many_of_them_are_refused() -> None:
    stack = small_stack((6, 5, 4, 3), 1.0, 46, "softmax")
    with pytest.raises(InvalidInput, match="operators are wanted for layers 2 to 2"):
        chain_information(
            stack, np.ones(6), samples=400, rng=np.random.default_rng(0), operators=[single_units(5)]
        )
    wide = small_stack((6, 5, 60, 3), 1.0, 46, "softmax")
    pairs = [product_operators(60, 2)]
    with pytest.raises(InvalidInput, match="screened pairs"):
        chain_information(wide, np.ones(6), samples=400, rng=np.random.default_rng(0), operators=pairs)


def test_on_trained_digits_single_units_give_the_direction_and_pairs_the_eigenvalue() -> None:
    stack = digits_stack()
    points = load_digits().data[:8] / 16.0
    found = [
        chain_information(stack, x, samples=4000, rng=np.random.default_rng(300 + i))
        for i, x in enumerate(points)
    ]
    # single inputs may fall below where units alone do not carry the score
    assert np.median([one.cosine for one in found]) > 0.97
    pairs = [product_operators(32, 2)]
    hard = min(range(8), key=lambda i: found[i].ratio)
    grown = chain_information(
        stack, points[hard], samples=20_000, rng=np.random.default_rng(49), operators=pairs, blocks=8
    )
    assert grown.cosine > 0.98
    assert abs(grown.ratio - 1) < abs(found[hard].ratio - 1)
