from __future__ import annotations

import numpy as np
import pytest

from hingeline.probing.domain import Domain

DOMAINS = [Domain(), Domain(radius=2.0), Domain(half_width=1.0), Domain(radius=2.0, half_width=1.5)]


@pytest.mark.parametrize("domain", DOMAINS)
def test_points_pulled_in_lie_inside_on_the_same_rays(domain: Domain) -> None:
    points = np.random.default_rng(0).standard_normal((200, 5)) * 3
    pulled = domain.pulled_in(points)
    factor = np.linalg.norm(pulled, axis=1) / np.linalg.norm(points, axis=1)
    assert domain.holds(pulled).all()
    assert pulled == pytest.approx(factor[:, np.newaxis] * points)
    assert (factor <= 1).all()
    assert pulled[domain.holds(points / 0.9)] == pytest.approx(points[domain.holds(points / 0.9)])


@pytest.mark.parametrize("domain", DOMAINS[1:])
def test_a_line_ends_at_the_edge(domain: Domain) -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        origin = domain.pulled_in(rng.standard_normal((1, 4)))[0]
        direction = rng.standard_normal(4)
        direction /= np.linalg.norm(direction)
        low, high = domain.along(origin, direction)
        ends = origin + np.array([[low], [high]]) * direction
        assert low < 0 < high
        assert domain.holds(ends * (1 - 1e-9)).all()
        assert domain.excess(ends) == pytest.approx([1.0, 1.0], abs=1e-6)


def test_a_line_along_an_axis_is_cut_by_the_faces_it_meets() -> None:
    assert Domain(half_width=1.0).along(np.zeros(3), np.eye(3)[0]) == pytest.approx((-1.0, 1.0))


@pytest.mark.parametrize("domain", DOMAINS[1:])
def test_steps_shorter_than_the_margin_stay_inside(domain: Domain) -> None:
    rng = np.random.default_rng(2)
    points = domain.pulled_in(rng.standard_normal((100, 3)) * 2)
    steps = rng.standard_normal((100, 3))
    steps *= (domain.margin(points) / np.linalg.norm(steps, axis=1))[:, np.newaxis]
    assert (domain.margin(points) > 0).all()
    assert domain.holds((points + steps) * (1 - 1e-12)).all()


def test_everything_is_inside_a_free_domain() -> None:
    assert Domain().free
    assert Domain().holds(np.full((2, 2), 1e300)).all()
    assert Domain().along(np.zeros(2), np.ones(2)) == (-np.inf, np.inf)
    assert not Domain(radius=1e9).free
