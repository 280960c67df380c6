"""Bounds on the output gap of two networks over a box: known truths, refusals, words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from samples import random_network, scrambled

from hingeline.core.errors import InvalidInput
from hingeline.networks.certificate import certify_gap
from hingeline.networks.loading import save_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def network(weights: Any, biases: Any) -> PiecewiseLinearNetwork:
    return PiecewiseLinearNetwork([np.array(w, dtype=float) for w in weights], biases)


ONE = network([[[1.0]], [[2.0]]], [[0.0], [1.0]])


def near(given: PiecewiseLinearNetwork, size: float, seed: int = 7) -> PiecewiseLinearNetwork:
    rng = np.random.default_rng(seed)
    return PiecewiseLinearNetwork(
        [w + size * rng.standard_normal(w.shape) for w in given.weights],
        [b + size * rng.standard_normal(b.shape) for b in given.biases],
    )


@pytest.mark.parametrize(
    ("other", "gap"),
    [
        (ONE, 0.0),
        (network([[[1.0]], [[2.0]]], [[0.0], [1.5]]), 0.5),  # the last bias
        (network([[[1.0]], [[2.5]]], [[0.0], [1.0]]), 1.5),  # 0.5 relu(x), at x = 3
        (network([[[1.25]], [[2.0]]], [[0.0], [1.0]]), 1.5),  # 2 (relu(1.25 x) - relu(x)), at x = 3
        (network([[[1.0]], [[2.0]]], [[0.25], [1.0]]), 0.5),  # on: 2 * 0.25
        (network([[[4.0]], [[0.5]]], [[0.0], [1.0]]), 0.0),  # the same in another scale
    ],
)
def test_the_gap_of_one_neuron_is_found_exactly(other: PiecewiseLinearNetwork, gap: float) -> None:
    found = certify_gap(ONE, other, -2, 3)
    assert found.certified
    assert found.exact[0] == pytest.approx(gap, rel=1e-6, abs=1e-300)
    assert gap <= found.bound <= gap * (1 + 1e-6) + 1e-13
    assert found.sampled is not None and found.sampled <= found.bound


def test_a_neuron_that_is_off_on_the_box_needs_no_partner_and_adds_nothing() -> None:
    more = network([[[1.0], [1.0]], [[2.0, 5.0]]], [[0.0, -10.0], [1.0]])
    assert certify_gap(ONE, more, -2, 9.99).exact.max() == 0
    refused = certify_gap(ONE, more, -2, 12)
    assert not refused.certified and refused.bound == np.inf
    assert refused.reason == "layer 1: 1 neuron of b has no partner"


def test_neurons_that_are_on_everywhere_may_be_pooled() -> None:
    # b has one sum where a has two neurons, both always on for |x| <= 1
    a = network([[[1.0, 2.0], [3.0, -1.0], [1.0, 1.0]], [[1.0, 1.0, 1.0]]], [[5.0, 5.0, 0.25], [0.0]])
    b = network([[[1.0, 1.0], [4.0, 1.0]], [[1.0, 1.0]]], [[0.25, 10.0], [0.0]])
    assert certify_gap(a, b, -1, 1).bound < 1e-12
    assert not certify_gap(a, b, -3, 3).certified


def test_a_neuron_on_at_the_other_side_is_understood() -> None:
    # relu(z) = z + relu(-z), z carried by a neuron that is always on
    a = network([[[1.0, 1.0]], [[1.0]]], [[0.5], [0.0]])
    b = network([[[-2.0, -2.0], [1.0, 1.0]], [[0.5, 1.0]]], [[-1.0, 9.0], [-8.5]])
    assert certify_gap(a, b, -1, 1).bound < 1e-12


def test_exact_copies_count_together() -> None:
    a = network([[[1.0], [3.0], [-1.0]], [[1.0, 2.0, 1.0]]], [[0.5, 1.5, 0.25], [0.0]])
    b = network([[[1.0], [-1.0]], [[7.0, 1.0]]], [[0.5, 0.25], [0.0]])
    for one, other in ((a, b), (b, a)):
        assert certify_gap(one, other, -1, 1).bound < 1e-12


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("sizes", [(64, 32, 10), (30, 20, 20, 3)])
def test_copies_in_other_order_and_scale_differ_by_rounding(sizes: tuple[int, ...], seed: int) -> None:
    given = random_network(*sizes, seed=seed)
    found = certify_gap(given, scrambled(given, seed=seed), 0, 1)
    scale = np.abs(given(np.ones((1, sizes[0])))).max()
    assert found.certified and found.exact.max() < 1e-11 * scale and found.bound < 1e-9 * scale


@pytest.mark.parametrize("size", [1e-10, 1e-6, 1e-2])
def test_the_bound_of_a_64_32_10_network_shrinks_with_the_difference(size: float) -> None:
    given = random_network(64, 32, 10, seed=21)
    found = certify_gap(given, scrambled(near(given, size)), 0, 1)
    assert found.sampled is not None and found.sampled < found.bound < 20 * found.sampled


def test_splitting_tightens() -> None:
    given = random_network(2, 12, 12, 1, seed=31)
    other = near(given, 1e-5)
    whole, split = certify_gap(given, other, -1, 1, splits=1), certify_gap(given, other, -1, 1)
    assert (whole.pieces, split.pieces) == (1, 64)
    assert split.sampled is not None and split.sampled < split.bound < 0.6 * whole.bound


def test_what_does_not_fit_together_is_not_certified_with_the_reason() -> None:
    reasons = {
        "inputs of a: 3, of b: 2": random_network(2, 4, 2),
        "outputs of a: 2, of b: 1": random_network(3, 4, 1),
        "hidden layers of a: 1, of b: 2": random_network(3, 4, 4, 2),
    }
    for reason, other in reasons.items():
        found = certify_gap(random_network(3, 4, 2), other, -1, 1)
        assert not found.certified and found.reason == reason
        assert found.summary().startswith(f"not certified, because {reason}")


def test_bounds_that_overflow_are_not_certified() -> None:
    huge = network([[[1e200]], [[1.0]], [[1e200]]], [[0.0], [0.0], [0.0]])
    found = certify_gap(huge, huge, -1, 1)
    assert not found.certified and "overflow" in found.reason


def test_a_missing_neuron_is_never_certified() -> None:
    given = random_network(6, 8, 8, 2, seed=41)
    fewer = PiecewiseLinearNetwork(
        [given.weights[0], given.weights[1][:-1], given.weights[2][:, :-1]],
        [given.biases[0], given.biases[1][:-1], given.biases[2]],
    )
    assert certify_gap(given, fewer, -1, 1).reason == "layer 2: 1 neuron of a has no partner"
    assert certify_gap(fewer, given, -1, 1).reason == "layer 2: 1 neuron of b has no partner"


def test_the_sentence_and_the_json_say_the_same(tmp_path: Path) -> None:
    save_network(ONE, tmp_path / "a.npz")
    found = certify_gap(tmp_path / "a.npz", ([[[1.0]], [[2.0]]], [[0.0], [1.5]]), [-2.0], [3.0])
    assert found.summary() == (
        "output gap at most 5.1e-1 for every input in [-2, 3]^1 (largest seen 5.0e-1 at 1,000 random inputs)"
    )
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["bound"] == found.bound and told["summary"] == found.summary()
    assert told["box"] == {"low": -2.0, "high": 3.0, "dimensions": 1}


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1, -1, "want the least value first"),
        (-1, [1, 1, 1], "must be a finite number or 1 of them"),
        (-1, np.inf, "NaN or infinite"),
        ("low", 1, "must be numbers"),
    ],
)
def test_a_box_that_is_none_is_refused(low: Any, high: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        certify_gap(ONE, ONE, low, high)


@pytest.mark.parametrize("wrong", [{"splits": 0}, {"points": 0}])
def test_counts_are_at_least_one(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput, match="at least 1"):
        certify_gap(ONE, ONE, -1, 1, **wrong)
