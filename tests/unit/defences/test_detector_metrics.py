"""Areas and rates of a ROC: by hand, by definition with ties, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from hingeline.core.errors import InvalidInput
from hingeline.defences.detector.metrics import auroc, rate_at


@pytest.mark.parametrize(
    ("clean", "attacked", "area"),
    [
        ([0.0, 1.0], [2.0, 3.0], 1.0),
        ([2.0, 3.0], [0.0], 0.0),
        ([1.0, 1.0], [1.0], 0.5),
        ([0, 1, 2], [1, 3], (1.5 + 3) / 6),
    ],
)
def test_areas_are_those_of_counted_pairs(clean: list[float], attacked: list[float], area: float) -> None:
    assert auroc(np.array(clean, float), np.array(attacked, float)) == pytest.approx(area)


@pytest.mark.parametrize("steps", [3, 10, 10_000])
def test_ties_are_counted_as_scikit_learn_counts_them(steps: int) -> None:
    rng = np.random.default_rng(steps)
    clean, attacked = rng.integers(0, steps, 200) * 1.0, rng.integers(1, steps + 2, 150) * 1.0
    side, scores = np.repeat([0, 1], [200, 150]), np.concatenate([clean, attacked])
    assert auroc(clean, attacked) == pytest.approx(roc_auc_score(side, scores))
    false, true, _ = roc_curve(side, scores, drop_intermediate=False)
    for rate in (0.0, 0.01, 0.05, 0.5, 1.0):
        assert rate_at(clean, attacked, rate) == pytest.approx(true[false <= rate + 1e-9].max())


def test_a_rate_is_kept_where_clean_scores_tie() -> None:
    assert rate_at(np.ones(100), np.ones(10), 0.05) == 0.0
    assert rate_at(np.arange(100.0), np.array([94.5, 95.5]), 0.05) == 1.0
    assert rate_at(np.arange(100.0), np.array([93.5, 94.5]), 0.05) == 0.5


@pytest.mark.parametrize(("clean", "attacked"), [([], [1.0]), ([np.nan], [1.0])])
def test_sides_without_scores_have_no_roc(clean: list[float], attacked: list[float]) -> None:
    with pytest.raises(InvalidInput):
        auroc(np.array(clean), np.array(attacked))
