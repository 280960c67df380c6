"""Attacks on families whose best answer is known, and what they may never do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.family.expectation import (
    FamilyAttackSettings,
    adaptive_attack,
    attack_family,
)
from hingeline.defences.family.family import ModelFamily
from hingeline.defences.family.losses import LOSSES
from hingeline.networks.feed_forward import random_network
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.sensitivity.threat import Threat

L2 = Threat("l2")
QUICK = FamilyAttackSettings(steps=25, restarts=2)


def walls(*chances: float) -> ModelFamily:
    """Member j gives class 0 where coordinate j is positive: from (1, ..., 1) each is 1 away."""
    count = len(chances)
    members = [
        PiecewiseLinearNetwork([np.outer([1.0, 0.0], np.eye(count)[j])], [np.zeros(2)]) for j in range(count)
    ]
    return ModelFamily(members, chances)


def some(seed: int = 0, count: int = 40) -> tuple[ModelFamily, FloatArray, np.ndarray]:
    """Random networks of three classes, random inputs, and the first member's decisions."""
    family = ModelFamily([random_network((6, 24, 3), seed=10 * seed + s) for s in range(3)])
    x = np.random.default_rng(seed).uniform(0, 1, (count, 6))
    return family, x, family.member_logits(x)[0].argmax(axis=1)


@pytest.mark.parametrize(
    ("radius", "expected", "reached", "every"),
    [(0.9, 1.0, False, False), (1.2, 0.3, True, False), (1.5, 0.0, True, True)],
)
def test_two_walls_fall_one_or_both_as_geometry_says(
    radius: float, expected: float, reached: bool, every: bool
) -> None:
    # one wall is 1 away, both at once sqrt(2); the likelier member is worth more
    found = attack_family(
        walls(0.7, 0.3), np.ones((1, 2)), np.zeros(1, dtype=np.int64), L2, radius, np.random.default_rng(0)
    )
    assert found.expected_accuracy == pytest.approx(expected)
    assert (bool(found.any_fooled[0]), bool(found.all_fooled[0])) == (reached, every)


def test_each_member_falls_alone_where_they_cannot_fall_together() -> None:
    found = attack_family(
        walls(1, 1, 1), np.ones((1, 3)), np.zeros(1, dtype=np.int64), L2, 1.1, np.random.default_rng(0)
    )
    assert found.reached.all() and not found.all_fooled[0]
    assert np.array_equal(found.own_right[:, :, 0], ~np.eye(3, dtype=bool))


@pytest.mark.parametrize("norm", ["l2", "linf", "l1"])
def test_candidates_stay_within_the_radius_and_the_box(norm: str) -> None:
    family, x, y = some()
    threat = Threat(norm, box=(0.0, 1.0))  # type: ignore[arg-type]
    found = attack_family(family, x, y, threat, 0.3, np.random.default_rng(1), settings=QUICK)
    for points in (found.points, *found.own_points):
        assert threat.size(points - x).max() <= 0.3 + 1e-12
        assert points.min() >= 0 and points.max() <= 1
    assert np.array_equal(found.right, family.right(found.points, y))


def test_coordinates_that_may_not_change_stay() -> None:
    family, x, y = some()
    threat = Threat("linf", free=np.array([True] * 3 + [False] * 3))
    found = attack_family(family, x, y, threat, 0.5, np.random.default_rng(1), settings=QUICK)
    assert np.array_equal(found.points[:, 3:], x[:, 3:])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_larger_radii_and_more_attacks_never_help_the_defender_at_any_input(seed: int) -> None:
    (family, x, y), known, before = some(seed), [], np.ones(40)
    for radius in (0.05, 0.1, 0.2, 0.4):
        for losses in (("mean probability",), tuple(LOSSES)):
            settings = replace(QUICK, steps=8, losses=losses)
            found = attack_family(
                family,
                x,
                y,
                Threat("linf"),
                radius,
                np.random.default_rng(seed),
                settings=settings,
                known=known,
            )
            assert (found.expected_right <= before + 1e-12).all()
            known, before = [found.points], found.expected_right


def test_the_adaptive_attack_gives_the_same_candidates_in_batches_of_any_size() -> None:
    family, x, y = some()
    # no random starts: what one input gets does not depend on its neighbours
    settings = replace(QUICK, one_by_one=False)
    whole, parts = (
        adaptive_attack(family, replace(settings, rows=rows))(
            family.members[0], x, y, Threat("linf"), 0.2, np.random.default_rng(0)
        )
        for rows in (1000, 7)
    )
    assert family.expected_accuracy(whole, y) == pytest.approx(family.expected_accuracy(parts, y), abs=0.05)


def test_an_input_that_is_answered_wrongly_counts_as_fooled_without_a_change() -> None:
    found = attack_family(
        walls(1.0), -np.ones((1, 1)), np.zeros(1, dtype=np.int64), L2, 0.1, np.random.default_rng(0)
    )
    assert found.all_fooled[0] and found.expected_accuracy == 0


def test_known_candidates_that_nobody_could_send_are_refused() -> None:
    family, x, y = some()
    with pytest.raises(InvalidInput, match="known candidates"):
        attack_family(family, x, y, L2, 0.1, np.random.default_rng(0), known=[x + 1.0])


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"restarts": 0}, {"losses": ()}, {"losses": ("no such",)}, {"draws": -1}]
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        FamilyAttackSettings(**wrong)  # type: ignore[arg-type]


def test_a_sampled_attack_is_still_judged_by_the_sum() -> None:
    family, x, y = some()
    found = attack_family(
        family, x, y, Threat("linf"), 0.2, np.random.default_rng(0), settings=replace(QUICK, draws=20)
    )
    assert np.allclose(found.expected_right, family.expected_right(found.points, y))
