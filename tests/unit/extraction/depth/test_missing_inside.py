"""Neurons of any hidden layer from answers that a network does not explain."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.missing_inside import Asked, with_missing
from hingeline.extraction.depth.rank_one import rank_one
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def _network(rng: np.random.Generator, outputs: int) -> PiecewiseLinearNetwork:
    sizes = (5, 5, 5, 5, outputs)
    weights = [rng.standard_normal((after, before)) for before, after in pairwise(sizes)]
    return PiecewiseLinearNetwork(weights, [0.3 * rng.standard_normal(len(one)) for one in weights])


def _seldom(network: PiecewiseLinearNetwork, layer: int, points: FloatArray) -> PiecewiseLinearNetwork:
    """The network with the first neuron of a layer on at one input in fifty."""
    biases = [one.copy() for one in network.biases]
    values = points
    for weights, bias in zip(network.weights[: layer - 1], biases, strict=False):
        values = np.maximum(values @ weights.T + bias, 0.0)
    biases[layer - 1][0] = -np.quantile(values @ network.weights[layer - 1][0], 0.98)
    return PiecewiseLinearNetwork(list(network.weights), biases)


def _without(network: PiecewiseLinearNetwork, layer: int) -> PiecewiseLinearNetwork:
    weights, biases = list(network.weights), list(network.biases)
    weights[layer - 1], biases[layer - 1] = weights[layer - 1][1:], biases[layer - 1][1:]
    weights[layer] = weights[layer][:, 1:]
    return PiecewiseLinearNetwork(weights, biases)


@pytest.mark.parametrize(("layer", "outputs"), [(2, 1), (2, 3), (3, 1)])
def test_a_missing_neuron_is_made_in_the_layer_where_it_is_missing(layer: int, outputs: int) -> None:
    rng = np.random.default_rng(3)
    points = rng.standard_normal((2000, 5))
    truth = _seldom(_network(rng, outputs), layer, points)
    start = _without(truth, layer)
    asked = Asked(points, truth(points))
    filled, _ = with_missing(start, asked, truth, 1.0, rng, tries=10)
    assert [len(one) for one in filled.biases] == [len(one) for one in truth.biases]
    fresh = Asked(more := rng.standard_normal((4000, 5)), truth(more))
    assert fresh.strange(filled, 1.0).sum() < 0.25 * fresh.strange(start, 1.0).sum()


def test_a_network_that_lacks_nothing_stays_as_it_is() -> None:
    rng = np.random.default_rng(4)
    truth = _network(rng, 1)
    points = rng.standard_normal((100, 5))
    assert with_missing(truth, Asked(points, truth(points)), truth, 1.0, rng)[0] is truth


def test_factors_are_told_though_a_minority_is_something_elses() -> None:
    rng = np.random.default_rng(5)
    left, right = rng.standard_normal((200, 3)), rng.standard_normal((200, 4))
    w, v = rng.standard_normal(3), rng.standard_normal(4)
    target = (left @ w) * (right @ v)
    target[:30] += rng.standard_normal(30)
    made = rank_one(left, right, target)
    assert made is not None
    np.testing.assert_allclose(np.outer(made.left, made.right), np.outer(w, v), atol=1e-8)
    assert rank_one(left[:15], right[:15], target[:15]) is None
