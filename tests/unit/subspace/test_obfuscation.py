"""The constructions: what is seen stays, what is not is replaced, and no coordinate leaves the box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_spans import random_basis

from hingeline.subspace.box_projection import project_into_box
from hingeline.subspace.obfuscation import (
    change_bound,
    clipped_moves,
    correlations,
    in_span_noise,
    null_noise,
    reads_as,
    seen_part,
    to_eight_bits,
    unseen_part,
)

BASIS = random_basis(30, 7)
RNG = np.random.default_rng(1)
X = RNG.uniform(size=(5, 30))
UNIT = (0.0, 1.0)


def test_seen_and_unseen_parts_add_up_and_are_orthogonal():
    seen, rest = seen_part(BASIS, X), unseen_part(BASIS, X)
    np.testing.assert_allclose(seen + rest, X, atol=1e-15)
    np.testing.assert_allclose(rest @ BASIS, 0, atol=1e-15)


@pytest.mark.parametrize("sigma", [1e-6, 1.0, 1e6])
def test_null_noise_is_not_seen_and_as_large_as_asked(sigma):
    moved = null_noise(BASIS, np.zeros((2000, 30)), sigma, np.random.default_rng(0))
    assert np.abs(moved @ BASIS).max() < 1e-14 * sigma
    # (I - P) z has 23 of 30 dimensions
    assert np.sqrt(np.mean(moved**2)) == pytest.approx(sigma * np.sqrt(23 / 30), rel=0.02)


def test_what_reads_as_a_picture_differs_from_it_only_in_the_seen_part():
    picture = RNG.standard_normal((5, 30))
    made = reads_as(BASIS, X, picture)
    np.testing.assert_allclose(made @ BASIS, X @ BASIS, atol=1e-14)
    np.testing.assert_allclose(unseen_part(BASIS, made - picture), 0, atol=1e-14)


def test_the_control_lies_in_the_span_and_has_the_wanted_length():
    moves = in_span_noise(BASIS, np.array([0.0, 1.0, 50.0]), np.random.default_rng(0))
    np.testing.assert_allclose(np.linalg.norm(moves, axis=1), [0, 1, 50])
    np.testing.assert_allclose(unseen_part(BASIS, moves), 0, atol=1e-13)


def test_a_clipped_control_is_as_long_as_wanted_or_reaches_its_corner():
    moves = in_span_noise(BASIS, np.full(5, 1.0), np.random.default_rng(0))
    wanted = np.array([0.0, 0.5, 1.0, 2.0, 100.0])
    made = clipped_moves(X, moves, wanted, UNIT)
    assert made.min() >= 0 and made.max() <= 1
    np.testing.assert_allclose(np.linalg.norm(made - X, axis=1)[:4], wanted[:4], atol=1e-12)
    np.testing.assert_array_equal(made[4], np.where(moves[4] > 0, 1.0, 0.0))


def test_one_equation_gives_the_known_nearest_point():
    # the mean must stay 1/2: the picture is shifted by one multiplier until it does
    basis = np.full((4, 1), 0.5)
    found = project_into_box(basis, np.full((1, 4), 0.5), np.array([[2.0, 0.4, 0.2, 0.1]]), UNIT)
    np.testing.assert_allclose(found.points, [[1.0, 0.5, 0.3, 0.2]], atol=1e-14)
    assert found.converged.all() and found.residuals[0] < 1e-14


BOXED = {
    "uniform": (784, 80, "uniform", "uniform"),
    "mostly black": (784, 80, "black", "uniform"),
    "corners": (784, 80, "corners", "corners"),
    "almost nothing free": (120, 110, "uniform", "uniform"),
    "corners with almost nothing free": (120, 110, "corners", "uniform"),
    "a picture mostly outside": (200, 30, "uniform", "far"),
}


def drawn(law, rng, count, dim):
    raw = rng.uniform(size=(count, dim))
    laws = {"uniform": raw, "black": np.maximum(raw - 0.7, 0), "corners": np.rint(raw), "far": 100 * raw - 50}
    return laws[law]


@pytest.mark.parametrize("name", BOXED)
def test_boxed_inputs_keep_the_seen_part_and_the_box(name):
    dim, rank, law, picture = BOXED[name]
    rng = np.random.default_rng(3)
    x, pictures = drawn(law, rng, 20, dim), np.clip(drawn(picture, rng, 20, dim), 0, 1)
    basis = random_basis(dim, rank)
    found = project_into_box(basis, x, pictures, UNIT)
    assert found.converged.all() and found.residuals.max() <= 1e-12
    assert found.points.min() >= 0 and found.points.max() <= 1
    assert (np.linalg.norm(found.points - pictures, axis=1) <= np.linalg.norm(x - pictures, axis=1)).all()
    # optimality: no feasible point lies on the picture's side, (c - y).(x - y) <= 0
    assert np.sum((pictures - found.points) * (x - found.points), axis=1).max() < 1e-9


def test_a_black_image_seen_by_its_brightness_has_nothing_to_hide_behind():
    basis = np.linalg.qr(np.column_stack([np.ones(40), random_basis(40, 3)]))[0]
    found = project_into_box(basis, np.zeros((2, 40)), np.full((2, 40), 0.5), UNIT)
    assert found.residuals.max() <= 1e-12
    np.testing.assert_allclose(found.points, 0, atol=1e-10)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 25), st.floats(-3, 3), st.floats(1e-3, 1e3), st.data())
def test_whatever_the_box_a_boxed_input_is_in_it_and_looks_the_same(seed, dim, low, width, data):
    rank = data.draw(st.integers(1, dim - 1))
    rng, box = np.random.default_rng(seed), (low, low + width)
    basis = random_basis(dim, rank, seed)
    x = rng.uniform(*box, (3, dim))
    x = np.where(rng.uniform(size=x.shape) < 0.3, box[0], x)
    found = project_into_box(basis, x, low + width * rng.standard_normal((3, dim)), box)
    assert found.points.min() >= box[0] and found.points.max() <= box[1]
    assert np.abs((found.points - x) @ basis).max() <= 1e-11 * max(width, abs(low))


@pytest.mark.parametrize("box", [(0.0, 1.0), (-1.0, 3.0)])
def test_eight_bits_are_256_levels_and_stay_in_the_box(box):
    points = np.random.default_rng(0).uniform(*box, (4, 50))
    rounded = to_eight_bits(points, box)
    levels = (rounded - box[0]) / (box[1] - box[0]) * 255
    np.testing.assert_allclose(levels, np.rint(levels), atol=1e-10)
    assert np.abs(rounded - points).max() <= (box[1] - box[0]) / 510 * (1 + 1e-12)
    np.testing.assert_array_equal(to_eight_bits(np.array([box]), box), [box])


def test_the_levels_of_the_unit_box_are_the_numbers_that_images_hold():
    levels = np.arange(256) / 255
    np.testing.assert_array_equal(to_eight_bits(levels[np.newaxis], UNIT), levels[np.newaxis])


def test_a_tilted_span_lets_through_no_more_than_the_bound():
    tilt, slope = 1e-3, 2.0
    seen = np.array([[np.cos(tilt)], [np.sin(tilt)], [0.0]])  # f depends on the first coordinate only
    moves = unseen_part(seen, np.random.default_rng(0).standard_normal((50, 3)))
    bounds = change_bound(slope, np.linalg.norm(moves, axis=1), tilt)
    assert (np.abs(slope * moves[:, 0]) <= bounds * (1 + 1e-12)).all()


def test_correlation_is_pearsons_and_zero_for_a_blank_image():
    a = RNG.standard_normal((3, 40))
    np.testing.assert_allclose(correlations(a, -2 * a + 1), -1)
    np.testing.assert_array_equal(correlations(a, np.ones_like(a)), 0)
