"""What the linear part of the answers tells of a neuron that is on nearly everywhere."""

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.linear_part import completed
from hingeline.extraction.depth.partial_neuron import PartialNeuron

ROWS = np.array([[0.6, 0.8, 0.0, 0.0], [0.0, 0.6, 0.8, 0.0]])
WHOLE = np.array([0.5, -0.5, 0.5, 0.5])


def partial() -> PartialNeuron:
    told = WHOLE * np.array([1.0, 1.0, 0.0, 1.0])
    return PartialNeuron(told / np.linalg.norm(told), np.eye(4)[:, [2]], ())


@pytest.mark.parametrize("jumps", [[[2.0], [-1.5]], [[2.0, 0.3], [-1.5, 1.0]]])
def test_the_untold_weight_comes_from_the_linear_part(jumps: list[list[float]]) -> None:
    u: FloatArray = np.array(jumps)
    own = np.full(u.shape[1], 0.9)
    # the first neuron is turned the wrong way: relu(-z) = relu(z) - z
    linear = -np.outer(ROWS[0], u[0]) + np.outer(WHOLE, own)
    made = completed(ROWS, u, linear, [partial()])
    np.testing.assert_allclose(made[0].theta, WHOLE, atol=1e-12)
    assert not made[0].untold.shape[1]


def test_the_outputs_may_have_a_constant_of_their_own() -> None:
    linear = -np.outer(ROWS[0], [2.0]) + 0.9 * WHOLE[:, np.newaxis]
    linear[-1] += 0.37
    made = completed(ROWS, np.array([[2.0], [-1.5]]), linear, [partial()])
    np.testing.assert_allclose(made[0].theta, WHOLE, atol=1e-12)


def test_a_linear_part_that_no_sides_make_tells_nothing() -> None:
    linear = -0.4 * np.outer(ROWS[0], [2.0]) + WHOLE[:, np.newaxis]
    assert not completed(ROWS, np.array([[2.0], [-1.5]]), linear, [partial()])


def test_two_neurons_with_the_same_untold_weight_are_not_told_apart() -> None:
    other = PartialNeuron(np.array([0.8, 0.0, 0.0, 0.6]), np.eye(4)[:, [2]], ())
    rows, jumps = np.zeros((0, 4)), np.zeros((0, 1))
    assert not completed(rows, jumps, WHOLE[:, np.newaxis] + other.theta[:, np.newaxis], [partial(), other])
