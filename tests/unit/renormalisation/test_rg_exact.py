"""Enumerated stacks obey the identities that define stability matrices and information."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hingeline.core.errors import IllConditioned, InvalidInput
from hingeline.numerics.walsh_hadamard import product_coefficients
from hingeline.renormalisation.operators.operator_set import product_operators, single_units, total
from hingeline.renormalisation.stacks.enumerated import EnumeratedChain
from hingeline.renormalisation.stacks.exact import ExactStack, tied_lifetime
from hingeline.renormalisation.stacks.exact_step import ExactStep
from hingeline.renormalisation.stacks.exact_undirected import ExactUndirected
from hingeline.renormalisation.stacks.stack import StochasticStack, joint_states

CHAINS = [ExactStack, ExactUndirected]
STEP = 1e-5


def stack_of(widths: tuple[int, ...], seed: int, scale: float = 1.2, head: str = "units") -> StochasticStack:
    rng = np.random.default_rng(seed)
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [scale * rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in shapes]
    return StochasticStack(weights, [0.2 * rng.standard_normal(shape[0]) for shape in shapes], head)


def input_of(stack: StochasticStack, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1.0, 1.0], stack.input_dim)


def complete(width: int):
    return product_operators(width, width)


def product_of_stabilities(chain: EnumeratedChain, x: np.ndarray) -> np.ndarray:
    """d g_N / dx, starting from d g_1 / dx = W_1 on single units of the directed stack."""
    stack = chain.stack
    widths = stack.widths
    found = np.zeros((2 ** widths[1] - 1, stack.input_dim))
    found[: widths[1]] = stack.weights[0]
    for layer in range(1, stack.unit_layers):
        found = chain.stability(x, layer, complete(widths[layer]), complete(widths[layer + 1])) @ found
    return found


def test_coefficients_of_products_rebuild_the_function() -> None:
    values = np.random.default_rng(0).standard_normal(16)
    found = product_coefficients(values)
    operators = complete(4).values(joint_states(4))
    assert found[0] == pytest.approx(values.mean())
    assert found[1] == pytest.approx(operators[:, 3] @ values / 16)
    assert found[0b1010] == pytest.approx((joint_states(4)[:, 0] * joint_states(4)[:, 2]) @ values / 16)


def test_couplings_rebuild_the_law() -> None:
    exact = ExactStack(stack_of((4, 3, 4, 2), 1))
    x = input_of(exact.stack, 2)
    logs = complete(4).values(joint_states(4)) @ exact.couplings(x, 2)
    assert np.exp(logs) / np.exp(logs).sum() == pytest.approx(exact.laws(x)[1], abs=1e-14)


def test_first_layer_of_a_directed_stack_has_single_couplings_only() -> None:
    exact = ExactStack(stack_of((4, 3, 3), 1))
    x = input_of(exact.stack, 2)
    found = exact.couplings(x, 1)
    assert found[:3] == pytest.approx(exact.stack.fields(1, x[np.newaxis])[0], abs=1e-13)
    assert np.abs(found[3:]).max() < 1e-13


@pytest.mark.parametrize("kind", CHAINS)
def test_stability_is_the_derivative_of_couplings_by_couplings(kind: type[EnumeratedChain]) -> None:
    chain = kind(stack_of((8, 6, 6, 6, 5, 2), 3))
    x, widths = input_of(chain.stack, 4), chain.stack.widths
    for layer in range(1, 5):
        found = chain.stability(x, layer, complete(widths[layer]), complete(widths[layer + 1]))
        values = complete(widths[layer]).values(joint_states(widths[layer]))
        for operator in (0, 3, widths[layer], len(values) - 2):
            sides = []
            for sign in (1.0, -1.0):
                law = chain.laws(x)[layer - 1] * np.exp(sign * STEP * values[:, operator])
                sides.append(np.log((law / law.sum()) @ chain.kernels[layer - 1]))
            above = complete(widths[layer + 1]).values(joint_states(widths[layer + 1]))
            wanted = above.T @ (sides[0] - sides[1]) / len(above) / (2 * STEP)
            assert np.abs(found[:, operator] - wanted).max() < 1e-8


def test_product_of_stabilities_is_the_derivative_of_output_couplings() -> None:
    exact = ExactStack(stack_of((8, 6, 6, 6, 5, 2), 5))
    x = input_of(exact.stack, 6)
    found = product_of_stabilities(exact, x)
    moves = STEP * np.eye(8)
    wanted = [(exact.couplings(x + m, 5) - exact.couplings(x - m, 5)) / (2 * STEP) for m in moves]
    assert np.abs(found - np.array(wanted).T).max() < 1e-8


def test_information_by_scores_equals_information_by_the_chain() -> None:
    exact = ExactStack(stack_of((8, 6, 6, 6, 5, 2), 5))
    x = input_of(exact.stack, 6)
    slopes = product_of_stabilities(exact, x)
    covariance = exact.moments(x, 4, complete(5), complete(2))[0]
    chained = slopes.T @ covariance @ slopes
    assert np.abs(chained - exact.class_information(x)).max() < 1e-12
    assert np.abs(chained - exact.information(x, 5)).max() < 1e-12


@pytest.mark.parametrize("kind", CHAINS)
@pytest.mark.parametrize("head", ["units", "softmax"])
def test_information_of_classes_is_that_of_their_finite_differences(kind, head: str) -> None:
    chain = kind(stack_of((5, 4, 4, 3), 7, head=head))
    x = input_of(chain.stack, 8)
    moves = STEP * np.eye(5)
    slopes = np.array([(chain.class_law(x + m) - chain.class_law(x - m)) / (2 * STEP) for m in moves])
    wanted = (slopes / chain.class_law(x)) @ slopes.T
    assert chain.class_information(x) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("kind", CHAINS)
@pytest.mark.parametrize("seed", range(5))
def test_information_about_the_input_only_falls_with_depth(kind, seed: int) -> None:
    chain = kind(stack_of((8, 6, 6, 6, 5, 3), 20 + seed, scale=1.6, head="softmax"))
    x = input_of(chain.stack, seed)
    told = [chain.information(x, layer) for layer in range(1, 5)] + [chain.class_information(x)]
    for before, after in itertools.pairwise(told):
        assert np.linalg.eigvalsh(before - after)[0] >= -1e-6 * np.trace(before)


@pytest.mark.parametrize("kind", CHAINS)
@pytest.mark.parametrize("degree", [1, 2, 5])
def test_canonical_correlations_never_exceed_one(kind, degree: int) -> None:
    for seed in range(10):
        chain = kind(stack_of((4, 5, 6, 5), seed, scale=2.0))
        x = input_of(chain.stack, seed)
        for layer in (1, 2):
            widths = chain.stack.widths[layer : layer + 2]
            operators = [product_operators(width, min(degree, width)) for width in widths]
            assert chain.canonical_correlations(x, layer, *operators)[0] <= 1 + 1e-9


def test_whitened_map_and_stability_follow_from_the_moments() -> None:
    exact = ExactStack(stack_of((4, 5, 3), 9))
    x = input_of(exact.stack, 1)
    a, b, c = exact.moments(x, 1, product_operators(5, 2), single_units(3))
    assert exact.stability(x, 1, product_operators(5, 2), single_units(3)) == pytest.approx(
        np.linalg.solve(a, b), abs=1e-10
    )
    roots = [np.linalg.eigh(m) for m in (a, c)]
    left, right = (v @ np.diag(s**-0.5) @ v.T for s, v in roots)
    wanted = left @ b @ right
    assert exact.whitened_map(x, 1, product_operators(5, 2), single_units(3)) == pytest.approx(
        wanted, abs=1e-9
    )


def test_500_complete_layers_have_the_backward_kernels_spectrum_and_no_eigenvalue_above_one() -> None:
    for seed in range(500):
        width = 3 + seed % 3
        exact = ExactStack(stack_of((4, width, width, width), 1000 + seed, scale=0.5 + seed % 4))
        x = input_of(exact.stack, seed)
        stability = exact.stability(x, 2, complete(width), complete(width))
        backward = np.linalg.eigvals(exact.backward_kernel(x, 2))
        found = np.sort(np.abs(np.linalg.eigvals(stability)))[::-1]
        wanted = np.sort(np.abs(backward))[::-1]
        assert found[0] <= 1 + 1e-9
        assert wanted[0] == pytest.approx(1.0, abs=1e-9)
        # the constant, which the operators leave out, has the eigenvalue 1
        assert found[:3] == pytest.approx(wanted[1:4], abs=1e-7)


def test_backward_kernel_gives_the_law_below_again() -> None:
    exact = ExactStack(stack_of((4, 3, 5), 2))
    x = input_of(exact.stack, 3)
    backward = exact.backward_kernel(x, 1)
    assert backward.sum(axis=1) == pytest.approx(np.ones(32))
    assert exact.laws(x)[1] @ backward == pytest.approx(exact.laws(x)[0])


def test_projected_information_grows_with_degree_up_to_the_exact_one() -> None:
    exact = ExactStack(stack_of((8, 6, 6, 6, 5, 2), 11, scale=1.6))
    x = input_of(exact.stack, 12)
    for layer in (2, 3):
        wanted = exact.information(x, layer)
        told = [exact.projected_information(x, layer, product_operators(6, k)) for k in range(1, 7)]
        for less, more in itertools.pairwise(told):
            assert np.linalg.eigvalsh(more - less)[0] >= -1e-12
        assert np.abs(told[-1] - wanted).max() < 1e-12
        assert np.linalg.eigvalsh(told[2])[-1] >= 0.99 * np.linalg.eigvalsh(wanted)[-1]


def test_mixture_law_is_the_mean_of_laws() -> None:
    exact = ExactStack(stack_of((4, 3, 5), 2))
    points = np.random.default_rng(3).standard_normal((3, 4))
    wanted = np.mean([exact.laws(x)[1] for x in points], axis=0)
    assert exact.mixture_laws(points)[1] == pytest.approx(wanted)


def test_a_tied_stack_forgets_at_the_rate_of_its_second_eigenvalue() -> None:
    once = stack_of((6, 6, 6), 13, scale=1.5)
    repeats = 60
    stack = StochasticStack(
        [once.weights[0], *[once.weights[1]] * repeats],
        [once.biases[0], *[once.biases[1]] * repeats],
        "units",
    )
    exact = ExactStack(stack)
    lifetime = tied_lifetime(exact)
    assert lifetime is not None
    x = input_of(stack, 14)
    pairs = zip(exact.laws(x), exact.laws(-x), strict=True)
    distances = [0.5 * np.abs(one - other).sum() for one, other in pairs]
    assert (np.diff(distances) < 0).all()
    late = [n for n, distance in enumerate(distances) if distance > 1e-7][-2:]
    assert distances[late[1]] / distances[late[0]] == pytest.approx(1 - 1 / lifetime, rel=0.05)


def test_steps_that_differ_have_no_tied_lifetime() -> None:
    assert tied_lifetime(ExactStack(stack_of((4, 3, 3, 3), 0))) is None
    assert tied_lifetime(ExactStack(stack_of((4, 3, 2), 0))) is None


def test_undirected_laws_are_sums_over_the_joint_law() -> None:
    stack = stack_of((3, 2, 3, 4), 5, head="softmax")
    x = np.array([0.4, -1.0, 0.2])
    one, two = joint_states(2), joint_states(3)
    energy = (one @ stack.fields(1, x[None])[0])[:, None, None] + np.zeros((4, 8, 4))
    energy += (stack.fields(2, one) @ two.T)[:, :, None]
    energy += (two @ stack.weights[2].T + stack.biases[2])[None]
    joint = np.exp(energy) / np.exp(energy).sum()
    chain = ExactUndirected(stack)
    assert chain.laws(x)[0] == pytest.approx(joint.sum(axis=(1, 2)))
    assert chain.laws(x)[1] == pytest.approx(joint.sum(axis=(0, 2)))
    assert chain.class_law(x) == pytest.approx(joint.sum(axis=(0, 1)))


def test_wide_layers_and_wrong_layers_are_refused_with_words() -> None:
    with pytest.raises(InvalidInput, match="13 units"):
        ExactStack(
            StochasticStack([np.zeros((13, 2)), np.zeros((1, 13))], [np.zeros(13), np.zeros(1)], "units")
        )
    exact = ExactStack(stack_of((4, 3, 2), 0))
    with pytest.raises(InvalidInput, match="steps start at layers 1 to 1"):
        exact.stability(np.zeros(4), 2, single_units(2), single_units(2))
    with pytest.raises(InvalidInput, match="look at 2"):
        exact.stability(np.zeros(4), 1, single_units(2), single_units(2))
    with pytest.raises(InvalidInput, match="mixture_laws"):
        exact.laws(np.zeros((2, 4)))
    with pytest.raises(InvalidInput, match="layers of units are 1 to 2"):
        exact.information(np.zeros(4), 3)


def test_dependent_operators_and_impossible_states_are_named() -> None:
    frozen = StochasticStack(
        [np.zeros((2, 1)), np.zeros((2, 2))], [np.array([900.0, 0.0]), np.zeros(2)], "units"
    )
    exact = ExactStack(frozen)
    with pytest.raises(IllConditioned, match="2 of 4 states"):
        exact.couplings(np.zeros(1), 1)
    with pytest.raises(IllConditioned, match="operators below"):
        exact.whitened_map(np.zeros(1), 1, single_units(2), single_units(2))
    law = np.array([0.0, 1.0])
    with pytest.raises(IllConditioned, match="operators above"):
        ExactStep(law, np.eye(2), law).stability(np.array([[-1.0], [1.0]]), np.array([[-1.0], [1.0]]))
    assert exact.projected_information(np.zeros(1), 1, total(2)).shape == (1, 1)
