"""Neurons that stand in a network as both halves get the side that the linear parts tell."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hingeline.extraction.depth.twin_sides import Halves, one_sided
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork


def _in_halves(network: PiecewiseLinearNetwork, layer: int, turned: list[bool]) -> PiecewiseLinearNetwork:
    """The same function with every neuron of a layer as relu(z) and relu(-z), some z turned."""
    weights, biases = list(network.weights), list(network.biases)
    sign = np.where(turned, -1.0, 1.0)
    rows, constants = weights[layer - 1] * sign[:, np.newaxis], biases[layer - 1] * sign
    weights[layer - 1], biases[layer - 1] = (
        np.concatenate([rows, -rows]),
        np.concatenate([constants, -constants]),
    )
    above = weights[layer]
    weights[layer] = np.concatenate([above * (sign > 0), above * (sign < 0)], axis=1)
    return PiecewiseLinearNetwork(weights, biases)


@pytest.mark.parametrize(("layer", "outputs"), [(2, 1), (3, 1), (3, 2)])
def test_sides_are_those_with_which_linear_parts_cancel(layer: int, outputs: int) -> None:
    rng = np.random.default_rng(layer)
    sizes = [6, 6, 5, 5, outputs]
    truth = PiecewiseLinearNetwork(
        [rng.standard_normal((after, before)) for before, after in pairwise(sizes)],
        [0.3 * rng.standard_normal(after) for after in sizes[1:]],
    )
    points = rng.standard_normal((500, 6))
    twice = _in_halves(truth, layer, [True, False, True, False, False])
    assert Halves.of(twice, layer).paired == 5
    once = one_sided(twice, points)
    assert once.hidden_widths == truth.hidden_widths
    np.testing.assert_allclose(once(points), truth(points), atol=1e-10)


def test_halves_stay_where_the_linear_part_is_not_made_of_sides() -> None:
    rng = np.random.default_rng(9)
    weights = [rng.standard_normal((4, 5)), rng.standard_normal((1, 4))]
    twice = PiecewiseLinearNetwork(
        [np.concatenate([weights[0], -weights[0]]), rng.standard_normal((1, 8))], [np.zeros(8), np.zeros(1)]
    )
    assert one_sided(twice, rng.standard_normal((100, 5))) is twice
