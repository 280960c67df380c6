"""The projected bound never falls as operators are added, stays below the truth, and reaches it."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from rg_enumeration import kernels, layer_laws, layer_scores, small_stack

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.information.learned_bound import learned_bound
from hingeline.renormalisation.information.projected import nested_root, projected_information
from hingeline.renormalisation.information.upward_moments import upward_moments
from hingeline.renormalisation.operators.learned import RandomFeatureRidge, learned_operators
from hingeline.renormalisation.operators.operator_set import product_operators
from hingeline.renormalisation.stacks.stack import joint_states

WIDTHS = (8, 6, 6, 6, 5, 2)
STACK = small_stack(WIDTHS, 1.6, 3)
POINT = np.random.default_rng(0).choice([-1.0, 1.0], 8)


def exact_information(layer: int) -> np.ndarray:
    scores = layer_scores(STACK, POINT)[layer - 1]
    return (scores.T * layer_laws(STACK, POINT)[layer - 1]) @ scores


@pytest.mark.parametrize(
    ("layer", "wanted"),
    [
        (2, (0.9599, 0.9766, 0.9826, 0.9831)),
        (3, (0.7517, 0.7935, 0.7988, 0.8023)),  # by another program, to 4 digits
        (4, (0.5488, 0.5671, 0.5773, 0.5786)),
    ],
)
def test_the_bound_grows_with_the_degree_and_reaches_the_truth(layer: int, wanted: tuple[float, ...]) -> None:
    law, scores = layer_laws(STACK, POINT)[layer - 1], layer_scores(STACK, POINT)[layer - 1]
    width = WIDTHS[layer]
    values = product_operators(width, width).values(joint_states(width))
    centred = values - law @ values
    root = nested_root((centred.T * law) @ centred, (centred.T * law) @ scores)
    counts = [len(product_operators(width, degree).subsets) for degree in range(1, width + 1)]
    tops = [np.linalg.norm(root[:count], 2) ** 2 for count in counts]
    truth = np.linalg.eigvalsh(exact_information(layer))[-1]
    assert (np.diff(tops) >= 0).all()
    assert tops[2] > 0.99 * truth
    assert tops[-1] == pytest.approx(truth, rel=1e-10)
    assert [*tops[:3], tops[-1]] == pytest.approx(wanted, abs=1e-4)


def test_information_falls_from_layer_to_layer() -> None:
    found = [exact_information(n) for n in range(1, len(kernels(STACK)) + 2)]
    for below, above in itertools.pairwise(found):
        assert np.linalg.eigvalsh(below - above)[0] > -1e-6 * np.trace(below)


def test_sampled_bounds_never_fall_and_hold_out_of_sample() -> None:
    operators = [product_operators(6, 3), product_operators(6, 3), product_operators(5, 3)]
    moments = upward_moments(STACK, POINT, samples=20_000, rng=np.random.default_rng(52), operators=operators)
    found = projected_information(moments, 3, (6, 21, 41))
    truth = np.linalg.eigvalsh(exact_information(3))
    assert (np.diff(found.eigenvalues) >= 0).all()
    assert (np.diff(found.traces) >= 0).all()
    assert (found.held_out < truth[-1] + 3 * found.held_out_errors).all()
    assert (found.held_out_traces < truth.sum() + 3 * found.held_out_trace_errors).all()
    assert found.held_out[-1] > 0.9 * truth[-1]
    assert found.counts == (6, 21, 41)
    assert json.dumps(found.to_dict())
    assert len(found.figure().curves) == 2


def test_out_of_sample_bounds_hold_where_samples_are_few() -> None:
    truth = np.trace(exact_information(4))
    operators = [product_operators(6, 1), product_operators(6, 1), product_operators(5, 5)]
    traces = []
    for seed in range(20):
        moments = upward_moments(
            STACK, POINT, samples=400, rng=np.random.default_rng(seed), operators=operators, blocks=4
        )
        found = projected_information(moments, 4)
        traces.append((found.traces[0], found.held_out_traces[0]))
    inside, outside = np.array(traces).T
    assert inside.mean() > truth
    assert outside.mean() < truth + 2 * outside.std() / np.sqrt(20)


def test_a_learned_function_bounds_the_information_and_comes_near_it() -> None:
    truth = np.linalg.eigvalsh(exact_information(2))
    found = learned_bound(STACK, POINT, 2, samples=40_000, rng=np.random.default_rng(53))
    assert found.eigenvalue < truth[-1] + 3 * found.error
    assert found.trace < truth.sum() + 3 * found.trace_error
    assert found.trace > 0.9 * truth.sum() - 3 * found.trace_error
    assert found.explained == pytest.approx(found.trace / np.trace(exact_information(1)))


def test_a_useless_regressor_gives_a_useless_bound_and_no_wrong_one() -> None:
    class Useless:
        def fit(self, states: np.ndarray, targets: np.ndarray) -> None:
            self.count = targets.shape[1]

        def predict(self, states: np.ndarray) -> np.ndarray:
            return np.random.default_rng(0).standard_normal((len(states), self.count))

    found = learned_bound(STACK, POINT, 2, samples=4000, rng=np.random.default_rng(54), regressor=Useless())
    assert found.trace < 0


def test_a_ridge_learns_a_product_of_units_and_serves_as_operators() -> None:
    rng = np.random.default_rng(55)
    states = rng.choice([-1.0, 1.0], (3000, 5))
    targets = states[:, [0]] * states[:, [1]] + 0.5 * rng.standard_normal((3000, 1))
    ridge = RandomFeatureRidge(rng).fit(states, targets)
    truth = joint_states(5)[:, 0] * joint_states(5)[:, 1]
    operators = learned_operators(ridge, 5, 1)
    assert np.corrcoef(operators.values(joint_states(5))[:, 0], truth)[0, 1] > 0.97
    with pytest.raises(InvalidInput, match="call fit"):
        RandomFeatureRidge(rng).predict(states)


def test_what_cannot_be_projected_is_refused() -> None:
    moments = upward_moments(STACK, POINT, samples=100, rng=np.random.default_rng(0), blocks=4)
    for layer, counts in ((1, None), (5, None), (2, (3, 2)), (2, (7,)), (2, ())):
        with pytest.raises(InvalidInput):
            projected_information(moments, layer, counts)
    with pytest.raises(InvalidInput, match="layers of units"):
        learned_bound(STACK, POINT, 6, samples=100, rng=np.random.default_rng(0))
