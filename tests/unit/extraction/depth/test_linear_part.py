"""What the linear part of the answers tells of a neuron that is on nearly everywhere."""

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.linear_part import completed, turned
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


def test_what_another_neuron_left_out_adds_is_not_taken_for_its_own() -> None:
    rng = np.random.default_rng(4)
    thetas = rng.standard_normal((2, 7))
    untold = [np.eye(7)[:, [1]], np.eye(7)[:, [3]]]
    rest = [theta - (theta @ span)[0] * span[:, 0] for theta, span in zip(thetas, untold, strict=True)]
    partials = [PartialNeuron(r / np.linalg.norm(r), span, ()) for r, span in zip(rest, untold, strict=True)]
    linear = (0.9 * thetas[0] + 0.05 * thetas[1])[:, np.newaxis]
    made = completed(np.zeros((0, 7)), np.zeros((0, 1)), linear, partials)
    for index, theta in enumerate(thetas):
        np.testing.assert_allclose(made[index].theta, theta / np.linalg.norm(theta), atol=1e-9)


def test_rows_known_to_few_digits_are_turned_too() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((7, 9))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    jumps, bits = rng.standard_normal((7, 1)), np.array([1, 0, 1, 1, 0, 0, 1.0])
    untold = np.eye(9)[:, [4]]
    neurons = [PartialNeuron(row, np.zeros((9, 0)), ()) for row in rows]
    blank = rows[0] * (np.arange(9) != 4)
    neurons[0] = PartialNeuron(blank / np.linalg.norm(blank), untold, ())
    jumps[0] *= np.linalg.norm(blank)
    # slopes that make the same linear part over the other channels, of rows with errors
    known = [one.theta + 1e-8 * rng.standard_normal(9) for one in neurons]
    noisy = [PartialNeuron(theta, one.untold, ()) for theta, one in zip(known, neurons, strict=True)]
    np.testing.assert_array_equal(turned(noisy, jumps, -jumps * bits[:, np.newaxis], np.full(7, 1e-8)), bits)
    assert turned(noisy, jumps, 0.4 * jumps, np.full(7, 1e-8)) is None
