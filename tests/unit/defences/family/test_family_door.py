"""A family at a door: its members answer, and the attack that knows them comes along."""

from __future__ import annotations

import numpy as np

from hingeline.defences.family.door import family_defence
from hingeline.defences.family.expectation import FamilyAttackSettings
from hingeline.defences.family.family import ModelFamily
from hingeline.networks.feed_forward import random_network
from hingeline.networks.loading import as_network
from hingeline.oracles.local import network_oracle
from hingeline.sensitivity.threat import Threat

FAMILY = ModelFamily([random_network((4, 12, 3), seed=s) for s in (1, 2)], [3.0, 1.0])
X = np.random.default_rng(0).uniform(0, 1, (400, 4))


def test_members_answer_as_often_as_they_are_likely() -> None:
    inside = network_oracle(as_network(random_network((4, 12, 3), seed=9)))
    answers = family_defence(FAMILY).around(inside, seed=3).query(X)
    first, second = ((answers == logits).all(axis=1) for logits in FAMILY.member_logits(X))
    assert (first | second).all()
    # five standard errors of 400 draws
    assert abs(first.mean() - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 400)


def test_the_attack_that_it_brings_lowers_the_expected_accuracy() -> None:
    y = FAMILY.member_logits(X)[0].argmax(axis=1)
    (attack,) = family_defence(FAMILY, settings=FamilyAttackSettings(steps=10)).attacks()
    found = attack(FAMILY.members[0], X, y, Threat("linf"), 0.2, np.random.default_rng(0))
    assert FAMILY.expected_accuracy(found, y) < FAMILY.expected_accuracy(X, y) - 0.1


def test_a_client_who_keeps_the_unlikely_member_meets_an_attack_made_for_it() -> None:
    y, radius = FAMILY.member_logits(X)[1].argmax(axis=1), 0.2
    first, *alone = family_defence(FAMILY, draw="once", settings=FamilyAttackSettings(steps=15)).attacks()
    assert len(alone) == len(FAMILY)
    shared, own = (
        FAMILY.right(attack(FAMILY.members[0], X, y, Threat("linf"), radius, np.random.default_rng(0)), y)[1]
        for attack in (first, alone[1])
    )
    # what fools the likely member best often leaves the other one alone
    assert own.mean() < shared.mean()
