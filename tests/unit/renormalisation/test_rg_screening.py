"""Pairs that matter are found among those that do not, and sums that tell classes apart."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.renormalisation.operators.screening import (
    class_difference_operators,
    principal_operators,
    screened_pairs,
)


def test_the_pair_behind_a_score_is_kept_and_noise_mostly_is_not() -> None:
    rng = np.random.default_rng(61)
    batches = []
    for _ in range(4):
        states = rng.choice([-1.0, 1.0], (2000, 20))
        score = 0.2 * states[:, [3]] * states[:, [7]] + rng.standard_normal((2000, 1))
        batches.append((states, score))
    found = screened_pairs(batches)
    assert found.subsets[:20] == tuple((i,) for i in range(20))
    assert found.subsets[20] == (3, 7)
    assert len(found.subsets) < 20 + 6
    assert len(screened_pairs(batches, sigmas=0.0, most=5).subsets) == 25


def test_screening_does_not_depend_on_how_samples_are_batched() -> None:
    rng = np.random.default_rng(62)
    states, scores = rng.choice([-1.0, 1.0], (900, 8)), rng.standard_normal((900, 2))
    whole = screened_pairs([(states, scores)], sigmas=1.0)
    parts = screened_pairs([(states[:300], scores[:300]), (states[300:], scores[300:])], sigmas=1.0)
    assert whole.subsets == parts.subsets


def test_class_differences_point_where_the_classes_lie() -> None:
    rng = np.random.default_rng(63)
    labels = rng.integers(0, 2, 4000)
    states = rng.choice([-1.0, 1.0], (4000, 6))
    states[:, 2] = np.where(rng.random(4000) < 0.9, 2.0 * labels - 1, states[:, 2])
    found = class_difference_operators([(states, np.eye(2)[labels])])
    assert found.names == ("class 0 against all", "class 1 against all")
    assert np.abs(found.matrix[:, 2]) == pytest.approx([1.0, 1.0], abs=0.01)


def test_principal_operators_find_units_that_move_together() -> None:
    rng = np.random.default_rng(64)
    common = rng.choice([-1.0, 1.0], (3000, 1))
    states = np.hstack([np.tile(common, 4), rng.choice([-1.0, 1.0], (3000, 3))])
    found = principal_operators(states, 2)
    assert np.abs(found.matrix[0, :4]) == pytest.approx(np.full(4, 0.5), abs=0.02)
    with pytest.raises(InvalidInput, match="fewer than 5 directions"):
        principal_operators(states, 5)


def test_nothing_to_screen_is_refused() -> None:
    with pytest.raises(InvalidInput):
        screened_pairs([])
    with pytest.raises(InvalidInput):
        class_difference_operators([])
    with pytest.raises(InvalidInput):
        class_difference_operators([(np.ones((4, 2)), np.full((4, 2), 0.5))])
