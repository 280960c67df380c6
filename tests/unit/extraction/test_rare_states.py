"""Places at which neurons of any layer are in a rare state, or on together though they rarely are."""

from __future__ import annotations

import numpy as np

from hingeline.extraction.rare_points import rare_states
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

SCALE = 6**0.5


def seldom_in_the_third_layer() -> PiecewiseLinearNetwork:
    """A 6-6-4-4-1 network whose last hidden neuron is on at few random inputs."""
    rng = np.random.default_rng(3)
    widths = [(6, 6), (4, 6), (4, 4), (1, 4)]
    weights = [rng.standard_normal(shape) * (2 / shape[1]) ** 0.5 for shape in widths]
    weights[2][3] = [1.0, -0.5, -0.5, 1.0]
    biases = [np.zeros(6), np.full(4, 0.3), np.array([0.0, 0.0, 0.0, -1.26]), np.zeros(1)]
    return PiecewiseLinearNetwork(weights, biases)


def test_a_neuron_of_the_third_layer_that_is_seldom_on_is_on_at_some_of_the_places() -> None:
    network, rng = seldom_in_the_third_layer(), np.random.default_rng(0)
    pool = rng.standard_normal((3000, 6))
    assert 0 < (network.pre_activations(pool)[2][:, 3] > 0).mean() < 0.03
    on = [
        (network.pre_activations(state)[2][:, 3] > 0).all()
        for state in rare_states(network, pool, SCALE, rng)
    ]
    assert any(on)
