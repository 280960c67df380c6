from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.oracles.local import CallableOracle
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession
from hingeline.subspace.label_beside import Precision, Slopes, Unusable
from hingeline.subspace.label_boundary import Crossings, blur, narrowed, segments
from hingeline.subspace.label_candidates import pays
from hingeline.subspace.label_door import LabelDoor
from hingeline.subspace.label_normals import flat_slopes
from hingeline.subspace.label_offsets import Lines, confirmed, find_offsets
from hingeline.subspace.label_tilt import Tilt
from hingeline.subspace.laws import FreeLaw


def door_of(function: Any, dim: int) -> LabelDoor:
    session = QuerySession(CallableOracle(lambda x: function(x).astype(float), OracleSpec("labels", dim)))
    return LabelDoor(session, FreeLaw(dim, float(np.sqrt(dim))))


def planted_lines(offsets: FloatArray) -> tuple[LabelDoor, Lines]:
    """Lines along the second axis; the label of the i-th changes at its offset."""
    door = door_of(lambda x: x[:, 1] > offsets[np.rint(x[:, 0]).astype(int)], 2)
    base = np.stack([np.arange(len(offsets)), np.zeros(len(offsets))], axis=1)
    zero = np.zeros(len(offsets), dtype=np.int64)
    return door, Lines(base, np.array([[0.0, 1.0]]), zero, zero + 1)


@pytest.mark.parametrize(("guess", "more"), [(0.3, 3.0), (1.0, 0.0), (3.0, 1.2)])
def test_offsets_cost_the_bits_they_carry(guess: float, more: float) -> None:
    planted = np.random.default_rng(0).standard_normal(2000)
    door, lines = planted_lines(planted)
    cell = 2.0**-20
    found = find_offsets(door, lines, np.full(2000, guess), np.full(2000, cell))
    assert found.known.all()
    assert np.abs(found.at - planted).max() <= cell / 2
    # log2(sqrt(2 pi e) / cell), half a bit for intervals shorter than asked, the price of a wrong guess
    assert door.session.spent / 2000 < np.log2(4.13 / cell) + 0.6 + more


def test_an_offset_far_beyond_its_spread_is_still_found() -> None:
    door, lines = planted_lines(np.array([200.0, -150.0, 0.0]))
    found = find_offsets(door, lines, np.ones(3), np.full(3, 1e-6))
    assert found.at == pytest.approx([200.0, -150.0, 0.0], abs=1e-6)


def test_a_line_without_a_change_is_not_known() -> None:
    door, lines = planted_lines(np.array([1e9, -1e9, 0.5]))
    assert list(find_offsets(door, lines, np.ones(3), np.full(3, 1e-3)).known) == [False, False, True]


def test_a_search_led_astray_is_not_confirmed() -> None:
    door, lines = planted_lines(np.array([0.5, 0.5]))
    assert list(confirmed(door, lines, np.array([0.5, 0.7]), np.full(2, 1e-3))) == [True, False]


def test_segments_join_different_labels_and_use_each_point_once() -> None:
    points = np.random.default_rng(0).standard_normal((9, 3))
    labels = np.array([0, 0, 0, 1, 1, 2, 0, 1, 2])
    found = segments(points, labels, 9, np.random.default_rng(1))
    assert len(found) == 4
    assert (found.inside != found.outside).all()


def test_a_crossing_is_narrowed_to_the_last_bits() -> None:
    door = door_of(lambda x: x @ np.ones(5) > 1.0, 5)
    points = np.random.default_rng(0).standard_normal((20, 5))
    found = narrowed(door, segments(points, door.labels(points), 9, np.random.default_rng(1)), 0.0)
    assert np.abs(found.points.sum(axis=1) - 1.0).max() < 1e-14
    assert 0 < blur(door, found, 0) < 1e-14


def crossing_at(door: LabelDoor, start: FloatArray, end: FloatArray) -> Crossings:
    points = np.stack([start, end])
    return narrowed(door, segments(points, door.labels(points), 1, np.random.default_rng(0)), 0.0)


@pytest.mark.parametrize(("edge", "spoiled"), [(1e9, False), (2e-4, True)])
def test_columns_that_leave_a_flat_piece_are_measured_again(edge: float, spoiled: bool) -> None:
    rng = np.random.default_rng(3)
    normal, other = rng.standard_normal((2, 60)) / np.sqrt(60)
    # the boundary turns where other.x exceeds the edge
    door = door_of(lambda x: x @ normal + 0.5 * np.maximum(x @ other - edge, 0.0) > 0, 60)
    across = normal / np.linalg.norm(normal)
    crossing = crossing_at(door, -across, across)
    rest = np.linalg.qr(rng.standard_normal((60, 60)))[0]
    found = flat_slopes(door, crossing, rest, Precision(1e-3, 1.3e-4, 1e-13, 1e-15), rng)
    assert isinstance(found, Slopes)
    turned = -(rest @ found.values)
    sign = np.sign(turned @ across) * (1 if crossing.across[0] @ across > 0 else -1)
    assert sign * turned / np.linalg.norm(turned) == pytest.approx(sign**2 * crossing.across[0], abs=1e-8)
    assert not found.contradictions


def test_labels_at_random_give_no_slopes() -> None:
    rng = np.random.default_rng(0)
    door = door_of(lambda x: (x[:, 0] > 0) ^ (rng.random(len(x)) < 0.2), 20)
    crossing = crossing_at(door_of(lambda x: x[:, 0] > 0, 20), -np.ones(20), np.ones(20))
    found = flat_slopes(door, crossing, np.eye(20), Precision(1e-3, 1e-3, 1e-12, 1e-15), rng)
    assert isinstance(found, Unusable)


def test_the_tilt_of_two_directions_is_what_noise_makes_of_them() -> None:
    tilt = Tilt()
    assert tilt.append(np.zeros(0), 1.0, 1e-6) == pytest.approx(1e-6)
    # the second is measured through 0.8 of the first: error (noise - 0.8 e) / 0.6
    assert tilt.append(np.array([0.8]), 0.6, 1e-6) == pytest.approx(np.hypot(1e-6, 0.8e-6) / 0.6)
    noise = 1e-6 * np.random.default_rng(0).standard_normal((2, 200_000))
    errors = np.stack([noise[0], (noise[1] - 0.8 * noise[0]) / 0.6])
    largest = np.sqrt(np.linalg.eigvalsh(np.cov(errors))[-1])
    assert tilt.largest == pytest.approx(largest, rel=0.01)
    assert tilt.leak(np.array([0.6, 0.8])) == pytest.approx(np.std(errors.T @ [0.6, 0.8]), rel=0.01)


def test_probes_of_the_tilt_tell_its_leak() -> None:
    tilt, rng = Tilt(), np.random.default_rng(0)
    for parts, size in ((np.zeros(0), 1.0), (np.array([0.9]), 0.3), (np.array([0.2, 0.1]), 0.9)):
        tilt.append(parts, size, 1e-6)
    parts = np.array([0.1, 0.7, 0.3])
    seen = np.sqrt(np.mean((tilt.probes(rng, 20_000) @ parts) ** 2)) * tilt.total
    assert seen == pytest.approx(tilt.leak(parts), rel=0.3)


def test_more_candidates_pay_only_while_errors_are_amplified() -> None:
    assert not pays(np.array([0.02]), 10, 700, 90.0)
    assert pays(np.array([1.0]), 79, 700, 90.0)
    assert not pays(np.full(40, 1.0), 79, 700, 90.0)
    assert not pays(np.array([np.inf]), 10, 700, 90.0)
