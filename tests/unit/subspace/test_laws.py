"""Where points and moves may be: no law ever leaves its domain."""

import numpy as np
import pytest

from hingeline.probing.domain import Domain
from hingeline.subspace.laws import BoxLaw, DataLaw, FreeLaw

FREE = FreeLaw(12, 3.0)
BALL = FreeLaw(12, 3.0, Domain(radius=4.0))
BOX = BoxLaw(12, Domain(half_width=0.5))
SHIFTED = BoxLaw(16, Domain(half_width=0.5), np.full(16, 0.5))
DATA = DataLaw(np.random.default_rng(0).uniform(-0.4, 0.4, (30, 12)), BOX)
LAWS = {"free": FREE, "ball": BALL, "box": BOX, "shifted box": SHIFTED, "data": DATA}


def inside(law, points):
    if isinstance(law, DataLaw):
        law = law.around
    if isinstance(law, BoxLaw):
        return np.abs(points - law.middle).max() <= law.domain.half_width
    return np.linalg.norm(points, axis=1).max() <= law.domain.radius


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize("draw", ["points", "wide"])
def test_no_point_leaves_the_domain(law, draw):
    assert inside(law, getattr(law, draw)(np.random.default_rng(1), 50))


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_move_as_long_as_the_room_stays_inside(law):
    rng = np.random.default_rng(2)
    points = law.points(rng, 20)
    directions = rng.normal(size=points.shape)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    room = law.room(points, directions)
    assert (room >= 0).all()
    assert inside(law, points + room[:, np.newaxis] * directions)


@pytest.mark.parametrize("law", [BALL, BOX, SHIFTED], ids=["ball", "box", "shifted box"])
def test_points_outside_are_pulled_in(law):
    far = 100 * np.random.default_rng(3).normal(size=(20, law.dim))
    assert inside(law, law.inside(far))


def test_pictures_reach_the_faces_and_points_leave_room_for_steps():
    rng = np.random.default_rng(4)
    assert np.abs(BOX.pictures(rng, 30)).max() > 0.499
    assert np.abs(BOX.points(rng, 30)).max() <= 0.451


def test_a_box_draws_corners_and_blocks_beside_uniform_noise():
    rows = SHIFTED.pictures(np.random.default_rng(5), 30)
    corners = np.abs(np.abs(rows - 0.5) - 0.5).max(axis=1) < 1e-6
    assert corners.sum() == 20


def test_examples_come_once_each():
    drawn = DATA.points(np.random.default_rng(6), 100)
    assert len(drawn) == 30
    assert len(np.unique(drawn, axis=0)) == 30
