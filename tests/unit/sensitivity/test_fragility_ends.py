"""How a fragility run ends at doors that give little: steps, labels, a budget too small."""

from __future__ import annotations

import numpy as np

import hingeline as hl
from hingeline.core.arrays import FloatArray
from hingeline.core.outcome import Status
from hingeline.oracles.protocol import Oracle
from hingeline.sensitivity.fragility import fragility

NORMALS = np.random.default_rng(71).normal(size=(3, 6))
POINTS = np.random.default_rng(72).normal(size=(4, 6))


def linear_door() -> Oracle:
    return hl.oracle(lambda x: x @ NORMALS.T, input_dim=6)


def stairs(x: FloatArray) -> FloatArray:
    return np.floor(2.0 * x @ NORMALS.T)


def test_a_staircase_door_ends_with_its_verdict_and_says_what_it_left_out() -> None:
    found = fragility(hl.oracle(stairs, input_dim=6), POINTS)
    assert found.value is not None
    assert [verdict.name for verdict in found.value.verdicts][:1] == ["zero gradient"]
    assert found.outcome.status is Status.INCONCLUSIVE
    assert any("no input has a gradient" in sentence for sentence in found.value.left_out)


def test_a_door_that_tells_labels_is_not_said_to_mask_its_gradients() -> None:
    found = fragility(hl.oracle(lambda x: (x @ NORMALS.T).argmax(axis=1), input_dim=6), POINTS)
    assert found.value is not None
    assert found.value.verdicts == ()
    assert np.isfinite(found.value.upper).all()


def test_a_small_budget_still_brings_flips_that_hold() -> None:
    whole = fragility(linear_door(), POINTS)
    found = fragility(linear_door(), POINTS, budget=whole.queries // 4)
    assert found.queries <= whole.queries // 4
    assert found.value is not None
    known = np.isfinite(found.value.upper)
    assert known.any()
    moved = POINTS + found.value.changes
    assert ((moved @ NORMALS.T).argmax(axis=1) != found.value.classes)[known].all()
