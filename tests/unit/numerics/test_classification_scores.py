"""Calibration, restricted classes and response rates, on cases that can be worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hingeline.core.errors import InvalidInput
from hingeline.numerics.classification_scores import (
    aurra,
    expected_calibration_error,
    restricted_accuracy,
    restricted_probabilities,
    restricted_scores,
    rms_calibration_error,
)


def case_of_250() -> tuple[Any, Any]:
    """100 rows at .3 of which 40 are right, then 150 at .9 of which 60 are: two bins, the last of 150."""
    confidence = np.repeat([0.3, 0.9], [100, 150])
    correct = np.concatenate([np.arange(100) < 40, np.arange(150) < 60])
    return confidence, correct


def published(confidence: Any, correct: Any) -> float:
    """The published loop, written out: bins of 100, the remainder in the last, which is never reached."""
    order = np.argsort(confidence, kind="stable")
    confidence, correct = confidence[order], correct[order]
    edges = [[100 * i, 100 * (i + 1)] for i in range(len(confidence) // 100)]
    edges[-1][1] = len(confidence)
    total = 0.0
    for i in range(len(edges) - 1):
        part = slice(*edges[i])
        total += (
            len(confidence[part]) / len(confidence) * (confidence[part].mean() - correct[part].mean()) ** 2
        )
    return float(np.sqrt(total))


def test_every_bin_counts_by_default() -> None:
    # sqrt(100/250 (.3 - .4)^2 + 150/250 (.9 - .4)^2)
    assert rms_calibration_error(*case_of_250()) == pytest.approx(np.sqrt(0.4 * 0.01 + 0.6 * 0.25))


def test_legacy_leaves_the_most_confident_bin_out() -> None:
    assert rms_calibration_error(*case_of_250(), legacy=True) == pytest.approx(np.sqrt(0.4 * 0.01))


@pytest.mark.parametrize("rows", [100, 199, 200, 250, 731])
def test_legacy_is_the_published_loop(rows: int) -> None:
    rng = np.random.default_rng(rows)
    confidence = rng.random(rows)
    correct = rng.random(rows) < confidence**2
    assert rms_calibration_error(confidence, correct, legacy=True) == pytest.approx(
        published(confidence, correct)
    )


def test_the_last_bin_matters_to_the_default_only() -> None:
    confidence, correct = case_of_250()
    turned = np.where(confidence > 0.5, ~correct, correct)
    assert rms_calibration_error(confidence, turned, legacy=True) == rms_calibration_error(
        confidence, correct, legacy=True
    )
    assert rms_calibration_error(confidence, turned) != pytest.approx(
        rms_calibration_error(confidence, correct)
    )


def test_few_rows_make_one_bin_and_legacy_says_that_it_has_no_answer() -> None:
    assert rms_calibration_error([0.5, 0.7], [True, True]) == pytest.approx(0.4)
    with pytest.raises(InvalidInput, match="fewer than one bin"):
        rms_calibration_error([0.5, 0.7], [True, True], legacy=True)


def test_expected_error_of_two_bins() -> None:
    # (0, .5] holds .2 and .5 (one right of two), (.5, 1] holds .8 and 1 (none right)
    assert expected_calibration_error([0.2, 0.5, 0.8, 1.0], [1, 0, 0, 0], bins=2) == pytest.approx(
        (abs(0.7 - 1) + 1.8) / 4
    )


@pytest.mark.parametrize(("right", "rows"), [(1, 7), (30, 100), (163, 250), (250, 250), (0, 9)])
def test_aurra_of_a_perfect_ranking_has_a_closed_form(right: int, rows: int) -> None:
    p = right / rows
    closed = p * (1 + sum(1 / k for k in range(right + 1, rows + 1)))
    shuffled = np.random.default_rng(rows).permutation(rows)
    assert aurra(-shuffled.astype(float), shuffled < right) == pytest.approx(closed, abs=1e-12)


def test_aurra_of_ties_is_the_mean_over_their_orders() -> None:
    # three tied rows, one right: it comes first, second or third
    each = [(1 + 1 / 2 + 1 / 3) / 3, (0 + 1 / 2 + 1 / 3) / 3, (0 + 0 + 1 / 3) / 3]
    assert aurra([0.5, 0.5, 0.5], [0, 1, 0]) == pytest.approx(np.mean(each))
    assert aurra(np.full(40, 0.3), np.arange(40) < 13) == pytest.approx(13 / 40)


def test_classes_that_are_left_out_take_no_part() -> None:
    logits = np.array([[1.0, 9.0, 0.0], [0.0, 9.0, np.log(3.0)]])
    np.testing.assert_allclose(restricted_probabilities(logits, [2, 0])[1], [0.75, 0.25])
    confidence, correct = restricted_scores(logits, [0, 0], [2, 0])
    np.testing.assert_allclose(confidence, [1 / (1 + np.exp(-1.0)), 0.75])
    assert correct.tolist() == [True, False]
    assert restricted_accuracy(logits, [0, 0], [2, 0]) == 0.5
    assert restricted_accuracy(logits, [0, 0], [0, 1, 2]) == 0.0


@given(st.integers(0, 2**32 - 1), st.integers(1, 320), st.integers(1, 12))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_score_depends_on_the_order_of_rows(seed: int, rows: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    confidence, correct = rng.integers(0, levels + 1, rows) / levels, rng.random(rows) < 0.6
    order = rng.permutation(rows)
    for score in (rms_calibration_error, expected_calibration_error, aurra):
        assert score(confidence[order], correct[order]) == pytest.approx(
            score(confidence, correct), abs=1e-12
        )
    assert expected_calibration_error(confidence, correct) <= 1
    # only the order of confidence matters to response rates
    assert aurra(np.exp(3 * confidence), correct) == pytest.approx(aurra(confidence, correct))


@pytest.mark.parametrize(
    ("confidence", "correct"),
    [
        ([], []),
        ([0.5], [1, 0]),
        ([np.nan], [1]),
        ([1.2], [1]),
        ([0.5], [0.5]),
        (["a"], [1]),
        ([[0.5]], [[1]]),
    ],
)
def test_rows_that_do_not_fit_are_refused(confidence: Any, correct: Any) -> None:
    for score in (rms_calibration_error, expected_calibration_error):
        with pytest.raises(InvalidInput):
            score(confidence, correct)


@pytest.mark.parametrize("classes", [[], [0, 0], [3], [-1], [0.5]])
def test_classes_that_are_none_are_refused(classes: Any) -> None:
    with pytest.raises(InvalidInput, match="classes"):
        restricted_probabilities(np.zeros((2, 3)), classes)


@pytest.mark.parametrize("labels", [[2, 0], [0], [[0, 1]]])
def test_labels_outside_the_classes_are_refused(labels: Any) -> None:
    with pytest.raises(InvalidInput, match="label"):
        restricted_accuracy(np.zeros((2, 3)), labels, [0, 1])


def test_empty_bins_are_refused() -> None:
    with pytest.raises(InvalidInput):
        rms_calibration_error([0.5], [1], bin_rows=0)
    with pytest.raises(InvalidInput):
        expected_calibration_error([0.5], [1], bins=0)
    with pytest.raises(InvalidInput):
        restricted_probabilities([[np.nan]], [0])
