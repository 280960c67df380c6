"""The shrinking complement on spans written down by hand."""

import numpy as np
import pytest

from hingeline.subspace.complement import Complement, without


def grown(dim, directions, errors=None, sizes=None):
    complement = Complement(dim, np.random.default_rng(0))
    errors = errors or [1e-12] * len(directions)
    sizes = sizes or [1.0] * len(directions)
    for direction, error, size in zip(directions, errors, sizes, strict=True):
        outside = direction - complement.found @ (complement.found.T @ direction)
        complement.append(outside, size, error)
    return complement


@pytest.mark.parametrize("rank", [1, 3, 7])
def test_found_and_rest_stay_one_orthonormal_basis(rank):
    complement = grown(8, np.random.default_rng(1).normal(size=(rank, 8)))
    every = np.hstack([complement.found, complement.rest])
    assert np.abs(every.T @ every - np.eye(8)).max() < 1e-13


def test_the_found_span_is_that_of_the_directions():
    directions = np.random.default_rng(2).normal(size=(3, 8))
    complement = grown(8, directions)
    inside = directions.T - complement.found @ (complement.found.T @ directions.T)
    assert np.abs(inside).max() < 1e-13


def test_directions_drawn_lie_outside_the_span():
    complement = grown(8, np.eye(8)[:3])
    drawn = complement.directions(np.random.default_rng(0), 20)
    assert np.abs(drawn[:, :3]).max() < 1e-14
    assert np.allclose(np.linalg.norm(drawn, axis=1), 1)


def test_a_weak_direction_is_the_less_precise_one():
    complement = grown(8, np.eye(8)[:2], errors=[1e-12, 1e-12], sizes=[1.0, 1e-6])
    assert complement.errors[1] == pytest.approx(1e-6)
    assert complement.tilt == pytest.approx(1e-6)


def test_everything_found_leaves_nothing():
    complement = grown(4, np.eye(4))
    assert complement.full
    assert complement.rest.shape == (4, 0)


def test_taking_directions_out_of_a_basis_keeps_the_others():
    left = without(np.eye(5), np.eye(5)[:, 1:3])
    assert np.abs(left[1:3]).max() < 1e-15
    assert np.abs(left.T @ left - np.eye(3)).max() < 1e-14


def test_refining_turns_a_tilted_direction_back():
    # true direction e0; found tilted by 1e-4 towards e5, and said to be that imprecise
    tilted = np.eye(8)[0] + 1e-4 * np.eye(8)[5]
    complement = grown(8, [tilted], errors=[1e-4])
    gradient = 3.0 * np.eye(8)[0]
    parts = (gradient @ complement.found)[np.newaxis]
    outside = (gradient - complement.found @ parts[0])[np.newaxis]
    complement.refine(parts, outside, noise=1e-12)
    assert np.abs(complement.found[1:, 0]).max() < 1e-7
    assert complement.tilt < 1e-8
    every = np.hstack([complement.found, complement.rest])
    assert np.abs(every.T @ every - np.eye(8)).max() < 1e-13


def test_refining_leaves_a_precise_direction_where_it_is():
    complement = grown(8, [np.eye(8)[0]], errors=[1e-15])
    complement.refine(np.array([[3.0]]), 1e-6 * np.eye(8)[[5]], noise=1e-6)
    assert np.abs(complement.found[1:, 0]).max() < 1e-12
