"""AUROC, AUPR and FPR95 against pairs counted one by one and against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from hingeline.core.errors import InvalidInput
from hingeline.numerics.detection_scores import aupr, auroc, detection_scores, fpr_at_tpr


@given(st.integers(0, 2**32 - 1), st.integers(2, 120), st.integers(1, 15))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_areas_are_those_of_counted_pairs_and_of_a_known_program(seed: int, rows: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, levels, rows).astype(float), rng.random(rows) < 0.4
    positive[:2] = True, False
    above = scores[positive][:, None] - scores[~positive]
    assert auroc(scores, positive) == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean())
    assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    assert aupr(scores, positive) == pytest.approx(average_precision_score(positive, scores))
    assert auroc(-scores, positive) == pytest.approx(1 - auroc(scores, positive))
    order = rng.permutation(rows)
    assert detection_scores(scores[order], positive[order]) == detection_scores(np.exp(scores), positive)


def test_a_score_that_knows_nothing_has_the_base_rate() -> None:
    found = detection_scores(np.zeros(50), np.arange(50) < 8)
    assert (found.auroc, found.aupr, found.base_rate, found.fpr95) == (0.5, 0.16, 0.16, 1.0)
    assert (found.positives, found.negatives) == (8, 42)


def test_a_perfect_score_flags_no_negative() -> None:
    found = detection_scores([3.0, 2.0, np.inf, 1.0, -np.inf], [1, 1, 1, 0, 0])
    assert (found.auroc, found.aupr, found.fpr95) == (1.0, 1.0, 0.0)


def test_the_false_rate_is_told_where_at_least_the_share_is_found() -> None:
    # 20 positives: 19 of them are .95; a negative lies between the 19th and the 20th
    scores = np.concatenate([np.arange(20, 0, -1.0), [1.5, 0.5]])
    positive = np.arange(22) < 20
    assert fpr_at_tpr(scores, positive) == 0.0
    assert fpr_at_tpr(scores, positive, 0.96) == 0.5
    assert fpr_at_tpr(scores, positive, 1.0) == 0.5


@pytest.mark.parametrize(
    ("scores", "positive"),
    [([1.0], [1, 0]), ([1.0, 2.0], [1, 1]), ([np.nan, 1.0], [1, 0]), ([1.0, 2.0], [0.5, 1]), ([], [])],
)
def test_rows_that_tell_nothing_are_refused(scores: Any, positive: Any) -> None:
    with pytest.raises(InvalidInput):
        detection_scores(scores, positive)


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="share"):
        fpr_at_tpr([1.0, 2.0], [0, 1], 0.0)
