"""Places that show what random inputs hardly show."""

import numpy as np

from hingeline.extraction.depth.telling_samples import telling_samples
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork

NETWORK = PiecewiseLinearNetwork(
    [np.eye(2), np.array([[1.0, 1.0], [-1.0, 1.0]]), np.ones((1, 2))],
    [np.array([0.0, -4.0]), np.array([0.5, 0.5]), np.zeros(1)],
)


def test_places_where_a_seldom_neuron_below_is_on_are_offered() -> None:
    ordinary = np.random.default_rng(3).standard_normal((50, 2))
    both, one = np.array([[1.0, 5.0]]), np.array([[-1.0, 4.5]])
    offered = telling_samples(NETWORK, np.concatenate([ordinary, both, one]), np.sqrt(2))
    assert {tuple(point) for point in offered} == {(1.0, 5.0), (-1.0, 4.5)}


def test_nothing_is_offered_where_random_inputs_show_all() -> None:
    network = PiecewiseLinearNetwork(
        [np.eye(2), np.ones((1, 2)), np.ones((1, 1))], [np.zeros(2), np.zeros(1) - 0.5, np.zeros(1)]
    )
    points = np.random.default_rng(4).standard_normal((50, 2))
    assert not len(telling_samples(network, points, np.sqrt(2)))
