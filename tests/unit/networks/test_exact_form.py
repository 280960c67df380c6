"""Networks of kinked activations are ReLU networks; others are not taken for such."""

from __future__ import annotations

import numpy as np
import pytest

import hingeline as hl
from hingeline.networks.exact_form import exact_form
from hingeline.networks.loading import as_network


@pytest.mark.parametrize("sizes", [(5, 3), (5, 7, 2), (6, 9, 8, 3), (4, 5, 5, 5, 1)])
@pytest.mark.parametrize("activation", ["relu", "abs", "leaky relu"])
def test_the_exact_form_computes_the_same(activation: str, sizes: tuple[int, ...]) -> None:
    network = hl.random_network(sizes, seed=3, activation=activation, initialisation="torch")
    points = np.random.default_rng(1).standard_normal((50, sizes[0]))
    exact = exact_form(network)
    assert exact is not None
    np.testing.assert_allclose(exact(points), network(points), atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "sign", "square", "staircase"])
def test_a_network_of_other_neurons_is_not_taken_for_one_of_relus(activation: str) -> None:
    network = hl.random_network((5, 7, 2), activation=activation)
    assert exact_form(network) is None
    with pytest.raises(hl.InvalidInput, match="not made of ReLU neurons"):
        as_network(network)


def test_any_network_can_be_asked_through_a_door() -> None:
    network = hl.random_network((5, 7, 2), activation="tanh")
    points = np.random.default_rng(1).standard_normal((3, 5))
    np.testing.assert_array_equal(hl.oracle(network).query(points), network(points))
