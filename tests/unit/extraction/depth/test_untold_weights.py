"""Places where untold weights matter, and weights that keep a neuron off there."""

import numpy as np

from hingeline.extraction.depth.boundary_walk import telling_segments
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.rare_places import rare_places
from hingeline.extraction.depth.untold_off import turned_off
from hingeline.extraction.depth.untold_places import segments_where_untold

BELOW = KnownLayer(np.eye(3), np.array([0.0, 0.0, -2.5]), np.ones(3, dtype=np.bool_))
KNOWN = KnownLayers(3, (BELOW,))
# over relu(x_2 - 2.5), which is seldom on, nothing is told
PARTIAL = PartialNeuron(np.array([0.6, 0.8, 0.0, 0.0]), np.eye(4)[:, [2]], ())


def test_segments_lie_where_the_seldom_neuron_below_is_on() -> None:
    lines = segments_where_untold(KNOWN, [PARTIAL], np.sqrt(3), 3, np.random.default_rng(2))
    assert len(lines) == 3
    for line in lines:
        inner = line.at(np.linspace(line.low, line.high, 20))
        assert (inner[:, 2] > 2.5).mean() > 0.8


def test_a_neuron_that_no_bend_made_has_no_boundary_to_walk_along() -> None:
    nowhere, rng = np.zeros((0, 3)), np.random.default_rng(2)
    assert not telling_segments(KNOWN, PARTIAL, nowhere, scale=1.0, reach=10.0, walkers=4, wanted=2, rng=rng)


def test_a_neuron_is_kept_off_where_it_is_not_told() -> None:
    offered = np.array(
        [[1.0, 0.5, 0.0, 1.0], [-1.0, 0.0, 0.0, 1.0], [-2.0, 0.0, 0.0, 1.0], [3.0, 0.0, 1.0, 1.0]]
    )
    theta = turned_off(PARTIAL, offered)
    np.testing.assert_allclose(offered[:3] @ theta, offered[:3] @ PARTIAL.theta)
    assert offered[3] @ theta <= 1e-9


def test_rare_places_are_more_one_sided_than_random_ones() -> None:
    rng = np.random.default_rng(6)
    points = np.concatenate([rare_places(KNOWN, np.sqrt(3), 9, rng), rng.standard_normal((4000, 3))])
    channels = KNOWN.offered(points)[:, :3]
    share = channels[:, 2] / np.maximum(np.linalg.norm(channels, axis=1), 1e-300)
    assert share[:9].max() > 0.99 and (share[9:] > 0.99).mean() < 0.01


def test_places_where_all_channels_are_off_are_among_them() -> None:
    points = rare_places(KNOWN, np.sqrt(3), 9, np.random.default_rng(6))
    assert (KNOWN.offered(points)[:, :3].max(axis=1) < 1e-2).any()
