"""Projections on balls and planes, against closed forms and a general solver."""

from __future__ import annotations

import numpy as np
import pytest
from attack_scenes import linear_scene
from scipy.optimize import linprog

from hingeline.sensitivity.attacks.geometry import nearest_on_planes, pulled_back, reaches, within
from hingeline.sensitivity.linear import linear_flips
from hingeline.sensitivity.threat import Norm, Threat

NORMS: tuple[Norm, ...] = ("l2", "linf", "l1")


@pytest.mark.parametrize("norm", NORMS)
def test_what_is_projected_lies_in_the_ball_and_what_was_inside_stays(norm: Norm) -> None:
    scene = linear_scene(Threat(norm))
    rng = np.random.default_rng(0)
    radii = rng.uniform(0.1, 3.0, 12)
    moved = within(scene, scene.points + rng.standard_normal(scene.points.shape), radii)
    assert (scene.sizes(moved) <= radii * (1 + 1e-12)).all()
    np.testing.assert_allclose(within(scene, moved, radii), moved, atol=1e-12)


def test_the_l1_projection_is_the_soft_threshold_that_meets_the_radius() -> None:
    scene = linear_scene(Threat("l1"), count=1, d=3)
    moved = within(scene, scene.points + np.array([[3.0, -1.0, 0.5]]), np.array([2.0]))
    np.testing.assert_allclose(moved - scene.points, [[2.0, 0.0, 0.0]], atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_the_nearest_point_of_a_free_plane_is_at_the_linear_distance(norm: Norm) -> None:
    scene = linear_scene(Threat(norm), classes=2)
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    through = scene.points - (flips.leads / (flips.gradients**2).sum(axis=1))[:, None] * flips.gradients
    foot = nearest_on_planes(scene, through, flips.gradients)
    np.testing.assert_allclose(scene.sizes(foot), flips.distances, rtol=1e-9)
    np.testing.assert_allclose(((foot - through) * flips.gradients).sum(axis=1), 0.0, atol=1e-9)


@pytest.mark.parametrize("norm", ["linf", "l1"])
def test_in_a_box_the_nearest_point_is_that_of_linear_programming(norm: Norm) -> None:
    scene = linear_scene(Threat(norm, box=(-1.0, 1.0)), classes=2, count=8, d=6)
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    through = scene.points - (0.4 * flips.leads / (flips.gradients**2).sum(axis=1))[:, None] * flips.gradients
    foot = nearest_on_planes(scene, through, flips.gradients)
    for row in range(8):
        g, x = flips.gradients[row], scene.points[row]
        count = 6 if norm == "l1" else 1
        bound = np.eye(6) if norm == "l1" else np.ones((6, 1))
        solved = linprog(
            np.concatenate([np.zeros(6), np.ones(count)]),
            A_ub=np.block([[np.eye(6), -bound], [-np.eye(6), -bound], [g, np.zeros(count)]]),
            b_ub=np.concatenate([x, -x, [g @ through[row]]]),
            bounds=[(-1, 1)] * 6 + [(0, None)] * count,
        )
        np.testing.assert_allclose(scene.sizes(foot)[row], solved.fun, atol=1e-8)


def test_pulling_back_ends_on_the_boundary_and_on_the_far_side_of_it() -> None:
    scene = linear_scene(Threat())
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    far = scene.points + 2.0 * flips.distances[:, None] * flips.directions
    near = pulled_back(scene, far, 40)
    assert scene.flipped(near).all()
    np.testing.assert_allclose(scene.sizes(near), flips.distances, rtol=1e-9)


def test_rays_reach_four_linear_distances_and_three_typical_ones() -> None:
    scene = linear_scene(Threat())
    flips = linear_flips(scene.model, scene.decision, scene.points, scene.threat)
    typical = np.linalg.norm(scene.points, axis=1) / 3.0
    np.testing.assert_allclose(
        reaches(scene, flips.distances, flips.directions), np.maximum(4 * flips.distances, 3.2 * typical)
    )
    assert (reaches(scene, np.full(12, np.inf), np.zeros_like(scene.points)) == 0.0).all()
