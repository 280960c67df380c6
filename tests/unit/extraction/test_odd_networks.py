"""Rows that agree almost, and points that were asked twice: no step may divide by nothing."""

from __future__ import annotations

import numpy as np

from hingeline.extraction.facets import make_foot
from hingeline.extraction.recorded import Recorded
from hingeline.extraction.remainder import nearest_fitting
from hingeline.extraction.unsigned import Planes, UnsignedNeuron


def test_points_asked_twice_are_not_the_ends_of_a_segment() -> None:
    points = np.array([[1.0, 2.0], [1.0, 2.0], [4.0, 2.0]])
    recorded = Recorded(points, np.zeros((3, 1)), np.ones(3), np.ones(3))
    found = nearest_fitting(recorded, np.array([True, False, False]))
    assert found is not None
    assert np.array_equal(found[1], points[2])
    assert nearest_fitting(recorded.select(np.array([True, True, False])), np.array([True, False])) is None


def test_no_foot_between_hyperplanes_that_agree() -> None:
    apart = [make_foot(neuron_over(shift), [], 0, np.zeros(2), 1.0) for shift in (0.0, 1e-3)]
    assert apart[0] is None
    assert apart[1] is not None
    assert apart[1].room > 0.0


def neuron_over(shift: float) -> UnsignedNeuron:
    """A neuron whose boundary crosses two parallel hyperplanes that far apart."""
    planes = Planes(np.array([[1.0, 0.0], [1.0, shift]]), np.array([0.0, shift]))
    theta = np.array([0.0, 0.0, 0.0, 1.0, 0.0])
    known, home = np.zeros(2, dtype=np.bool_), np.ones(2)
    return UnsignedNeuron(planes, theta, known, home, np.zeros((1, 5)), np.ones(1), np.zeros(2))
