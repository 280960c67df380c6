"""Points of a box at which neurons are on that seldom are."""

import numpy as np
import pytest
from practice_benches import he_network

from hingeline.extraction.box_points import one_sided_points
from hingeline.probing.domain import Domain

BOX = Domain(half_width=1.0)


@pytest.mark.parametrize("seed", range(8))
def test_a_neuron_above_that_is_on_in_few_corners_is_on_at_one_of_them(seed: int) -> None:
    network, rng = he_network(12, 8, 1, seed=seed), np.random.default_rng(seed)
    corners = np.sign(rng.standard_normal((20_000, 12)))
    on = np.maximum(network.pre_activations(corners)[0], 0)
    weights = rng.standard_normal(8)
    bias = -np.quantile(on @ weights, 0.995)
    points = one_sided_points(network, BOX, np.random.default_rng(1))
    there = np.maximum(network.pre_activations(points)[0], 0) @ weights + bias > 0
    assert BOX.holds(points).all()
    assert there.any()


def test_without_a_box_or_hidden_layers_there_are_none() -> None:
    network = he_network(5, 4, 1)
    assert not len(one_sided_points(network, Domain(), np.random.default_rng(0)))
    assert not len(one_sided_points(network, Domain(radius=3.0), np.random.default_rng(0)))
    assert not len(one_sided_points(he_network(5, 2), BOX, np.random.default_rng(0)))
