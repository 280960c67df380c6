"""What known layers save on a line."""

import numpy as np
import pytest
from practice_benches import he_network

import hingeline as hl
from hingeline.evaluation.score import score
from hingeline.extraction.depth.known_layers import KnownLayer, KnownLayers
from hingeline.extraction.depth.partial_neuron import PartialNeuron
from hingeline.extraction.depth.untold_places import MATTERS, points_where_untold
from hingeline.extraction.hyperplanes import Hyperplanes

SURE = np.ones(2, dtype=np.bool_)
PLANE = KnownLayers(2, (KnownLayer(np.eye(2), np.array([0.0, 1.0]), SURE),))


def test_room_is_the_distance_from_the_nearest_hyperplane() -> None:
    points = np.array([[3.0, 1.0], [0.5, 2.0], [-2.0, 4.0]])
    planes = Hyperplanes(np.eye(2), np.array([0.0, 1.0]), np.ones((2, 1)), np.ones(2), np.zeros((2, 2)))
    np.testing.assert_allclose(planes.room(points), [2.0, 0.5, 2.0])


def test_untold_weights_matter_at_the_points_asked_for_them() -> None:
    untold = np.array([[0.0], [1.0], [0.0]])
    neuron = PartialNeuron(np.array([0.6, 0.0, 0.8]), untold, ())
    points = points_where_untold(PLANE, [neuron], 2**0.5, 9, np.random.default_rng(3))
    offered = PLANE.offered(points)
    assert len(points) == 9
    assert (offered[:, 1] > MATTERS * np.linalg.norm(offered, axis=1)).all()


@pytest.mark.parametrize("seed", [740])
def test_a_published_shape_with_three_hidden_layers_takes_few_questions(seed: int) -> None:
    network = he_network(40, 20, 10, 10, 1, seed=seed, biases=0.3)
    finding = hl.extract(hl.oracle(network), seed=seed, budget=13 * network.parameter_count)
    assert finding.outcome.ok and not score(finding, network).wrongly_ok
    assert hl.diff(finding.value, network).max_parameter_error < 1e-10
