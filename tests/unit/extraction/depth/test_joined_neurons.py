"""Two sets of bends become one neuron only where their equations agree with some to spare."""

from __future__ import annotations

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.extraction.depth.joining import joined
from hingeline.extraction.depth.partial_neuron import PartialNeuron


def _seen(coefficients: list[float], untold: list[int], member: int) -> PartialNeuron:
    """The neuron as a region shows it in which the `untold` channels are off."""
    theta: FloatArray = np.array(coefficients)
    theta[untold] = 0.0
    return PartialNeuron(theta / np.linalg.norm(theta), np.eye(len(theta))[:, untold], (member,))


def test_a_neuron_seen_in_two_places_is_put_together_from_both() -> None:
    row = [0.5, -1.0, 2.0, 0.25, -0.5]
    both = joined(_seen(row, [0], 3), _seen(row, [3], 8))
    assert both is not None and both.whole and both.members == (3, 8)
    assert np.allclose(both.theta, np.array(row) / np.linalg.norm(row), atol=1e-12)


def test_opposite_rows_are_one_boundary_and_keep_the_first_ones_side() -> None:
    row = [0.5, -1.0, 2.0, 0.25, -0.5]
    both = joined(_seen(row, [0], 3), _seen([-a for a in row], [3], 8))
    assert both is not None and np.allclose(both.theta * np.linalg.norm(row), row, atol=1e-12)


def test_what_neither_place_told_stays_untold() -> None:
    row = [0.5, -1.0, 2.0, 0.25, -0.5, 1.0]
    both = joined(_seen(row, [0, 1], 3), _seen(row, [1, 3], 8))
    assert both is not None and both.untold.shape[1] == 1
    assert np.allclose(np.abs(both.untold[:, 0]), np.eye(6)[1])


def test_two_neurons_that_share_all_but_one_coefficient_are_not_joined() -> None:
    first, second = [0.5, -1.0, 2.0, 0.25, -0.5], [0.5, -1.0, 2.001, 0.25, -0.5]
    assert joined(_seen(first, [0], 3), _seen(second, [3], 8)) is None


def test_two_places_without_an_equation_to_spare_prove_nothing() -> None:
    row = [0.5, -1.0, 2.0, 0.25, -0.5]
    assert joined(_seen(row, [0, 1], 3), _seen(row, [2, 3], 8)) is None
