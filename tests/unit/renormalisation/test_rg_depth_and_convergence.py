"""Information by layer, scaling with depth, and the six tests of convergence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rg_enumeration import layer_laws, layer_scores, small_stack

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.flow.moments import jackknife_error
from hingeline.renormalisation.flow.scaling import depth_scaling
from hingeline.renormalisation.information.convergence import convergence
from hingeline.renormalisation.information.depth import depth_profile
from hingeline.renormalisation.information.products import accumulated_product
from hingeline.renormalisation.information.upward_moments import upward_moments
from hingeline.renormalisation.operators.operator_set import product_operators, single_units
from hingeline.renormalisation.stacks.stack import StochasticStack


def tower(w: float) -> StochasticStack:
    sizes = (81, 27, 9, 3, 1)
    steps = [np.eye(81), *(w * np.kron(np.eye(size), np.ones((1, 3))) for size in sizes[1:])]
    return StochasticStack(steps, [np.zeros(len(step)) for step in steps], head="units")


@pytest.mark.parametrize("w", [0.3, 1.0])
def test_information_per_unit_of_the_tower_grows_by_its_eigenvalue_at_every_layer(w: float) -> None:
    factor = 0.75 * (np.tanh(3 * w) + np.tanh(w))
    moments = upward_moments(tower(w), np.zeros(81), samples=40_000, rng=np.random.default_rng(71))
    profile = depth_profile(moments, np.ones(81))
    gains, replicates = profile.log_gains()
    found = depth_scaling(gains, replicates)
    assert found.verdict == "scaling"
    assert abs(found.slope - np.log(factor)) < 3 * found.error
    assert (np.abs(gains - np.log(factor)) < 3.5 * jackknife_error(replicates)).all()
    assert (np.diff(profile.along) < 3 * profile.along_errors[1:]).all()
    assert json.dumps(profile.to_dict())


def test_layers_of_a_small_stack_hold_what_enumeration_says() -> None:
    stack = small_stack((8, 6, 6, 6, 5, 2), 1.6, 3)
    x = np.random.default_rng(0).choice([-1.0, 1.0], 8)
    complete = [product_operators(w, w) for w in (6, 6, 5)]
    moments = upward_moments(
        stack, x, samples=40_000, rng=np.random.default_rng(72), operators=complete, blocks=20
    )
    profile = depth_profile(moments, np.ones(8))
    scores, laws = layer_scores(stack, x), layer_laws(stack, x)
    traces = [np.trace((s.T * law) @ s) for s, law in zip(scores, laws, strict=True)]
    assert profile.traces[0] == pytest.approx(traces[0], abs=1e-12)
    assert (np.abs(profile.traces - traces)[1:] < 4 * profile.trace_errors[1:]).all()
    assert profile.layers == ("layer 1", "layer 2", "layer 3", "layer 4", "classes")


def test_a_product_by_qr_has_the_volume_and_sizes_of_the_product() -> None:
    rng = np.random.default_rng(74)
    factors = [rng.standard_normal((5, 5)) for _ in range(6)]
    product = np.linalg.multi_dot(factors[::-1])
    found = accumulated_product(factors)
    assert found.cumulated[-1].sum() == pytest.approx(np.log(abs(np.linalg.det(product))))
    shrinking = accumulated_product([np.diag([2.0, 0.5])] * 400)
    assert shrinking.exponents == pytest.approx(np.log([2.0, 0.5]))
    assert accumulated_product(
        [rng.standard_normal((3, 5)), rng.standard_normal((4, 3))]
    ).exponents.shape == (3,)
    with pytest.raises(InvalidInput, match="lie below it"):
        accumulated_product([np.eye(3), np.eye(2)])


def test_six_tests_are_told_in_words() -> None:
    stack = small_stack((20, 16, 12, 10, 4), 2.0, 75, "softmax")
    x = np.random.default_rng(76).choice([-1.0, 1.0], 20)
    found = convergence(stack, x, samples=4000, rng=np.random.default_rng(77))
    assert [test.name for test in found.tests] == [
        "operators",
        "routes",
        "bound",
        "depth",
        "halves",
        "precision",
    ]
    assert found.grown.cosine > 0.95
    assert found.tests[3].passed is None
    assert all(test.words in found.words for test in found.tests)
    assert json.loads(json.dumps(found.to_dict()))["single"]["samples"] == 4000
    assert len(found.figures()) == 2


def test_without_a_second_layer_the_tests_that_cannot_be_made_are_not_decided() -> None:
    stack = small_stack((6, 5, 3), 1.0, 78, "softmax")
    found = convergence(stack, np.ones(6), samples=2000, rng=np.random.default_rng(79))
    assert [test.passed for test in found.tests[:4]] == [None] * 4
    assert found.bound is None
    assert found.scaling is None
    assert set(found.failed) <= {"halves", "precision"}


def test_sums_are_narrowed_to_first_operators_alone() -> None:
    stack = small_stack((6, 5, 4, 3), 1.0, 80, "softmax")
    few, many = [single_units(4)], [product_operators(4, 2)]
    point, samples = np.ones(6), 400
    wide = upward_moments(stack, point, samples=samples, rng=np.random.default_rng(1), operators=many)
    narrow = upward_moments(stack, point, samples=samples, rng=np.random.default_rng(1), operators=few)
    found = wide.narrowed(few).layer(2, wide.all_blocks)
    assert found.own == pytest.approx(narrow.layer(2, narrow.all_blocks).own, abs=1e-12)
    assert wide.narrowed(few).classes(wide.all_blocks).below == pytest.approx(
        narrow.classes(narrow.all_blocks).below, abs=1e-12
    )
    with pytest.raises(InvalidInput, match="first operators"):
        narrow.narrowed(many)
    with pytest.raises(InvalidInput, match="direction of 6"):
        depth_profile(narrow, np.zeros(6))


def test_noise_alone_does_not_converge() -> None:
    # one input number: all directions agree, and differences drown in their errors
    stack = StochasticStack(
        [[[0.5], [0.3], [-0.4]], 0.1 * np.ones((3, 3)), 0.05 * np.ones((2, 3)), [[0.1, -0.1], [0.0, 0.1]]],
        [np.zeros(3), np.zeros(3), np.zeros(2), np.zeros(2)],
    )
    for seed in range(3):
        found = convergence(stack, np.ones(1), samples=2000, rng=np.random.default_rng(90 + seed))
        assert not found.converged
        assert "precision" in found.failed


def test_a_unit_that_never_flipped_may_carry_what_was_not_seen() -> None:
    stack = StochasticStack([[[3.0, 3.0], [0.0, 0.2]], np.eye(2)], [[4.0, 0.0], np.zeros(2)])
    x = np.ones(2)
    found = convergence(stack, x, samples=4000, rng=np.random.default_rng(93))
    assert found.converged
    deeper = StochasticStack([[[9.0, 9.0], [0.0, 0.0001]], np.eye(2)], [[-12.0, 0.0], np.zeros(2)])
    found = convergence(deeper, x, samples=4000, rng=np.random.default_rng(94))
    assert found.failed == ("precision",)
    assert "hardly flip" in found.words


def test_where_nothing_comes_through_nothing_converges() -> None:
    stack = StochasticStack([np.ones((3, 2)), np.zeros((3, 3)), np.eye(3)], [np.zeros(3)] * 3)
    stuck = StochasticStack([np.ones((3, 2)), np.zeros((3, 3)), np.eye(3)], [np.full(3, 400.0)] * 3)
    for one in (stack, stuck):
        found = convergence(one, np.ones(2), samples=400, rng=np.random.default_rng(95))
        assert not found.converged
        assert json.loads(json.dumps(found.to_dict()))
