"""What a filtered pool says about models that took no part: figures by hand, intervals by counting."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.defences.filtration.filtering import filter_hard
from hingeline.defences.filtration.manifest import Review
from hingeline.defences.filtration.transfer import transfer
from hingeline.defences.filtration.transfer_figures import Rate, transfer_interval, transfer_of
from hingeline.report.figures import svg_text

ROWS = 24
X = np.eye(ROWS)
Y = np.arange(ROWS) % 3


def wrong_at(*rows: int, lead: float = 1.0) -> Any:
    """A model that is wrong at these rows; where it is right its lead grows with the row."""
    right = np.ones(ROWS, dtype=bool)
    right[list(rows)] = False
    table = np.zeros((ROWS, 3))
    table[np.arange(ROWS), np.where(right, Y, (Y + 1) % 3)] = lead + np.arange(ROWS)
    return lambda points: table[points.argmax(axis=1)]


def test_figures_are_those_of_counting() -> None:
    filtered = filter_hard(X, Y, [wrong_at(0, 1, 2, 3)])
    unseen = {"half": wrong_at(0, 1, 10, 11), "none": wrong_at()}
    # the unrelated model is wrong at 3, where the lead is negative, and least sure at 0 1 2
    report = transfer(filtered, X, Y, unseen, unrelated=wrong_at(3))
    half, none = report.accuracies
    assert (half.pool, half.filtered) == (Rate(20, 24), Rate(2, 4))
    assert half.transfer == pytest.approx((20 / 24 - 0.5) / (20 / 24))
    assert none.transfer == 0.0
    assert half.random_hard == Rate(2, 4) and report.baseline_overlap == 1.0
    assert report.queries == 3 * ROWS
    assert half.transfer_interval[0] < half.transfer < half.transfer_interval[1]


def test_the_baseline_takes_the_smallest_leads() -> None:
    filtered = filter_hard(X, Y, [wrong_at(20, 21)])
    report = transfer(filtered, X, Y, [wrong_at(1, 23)], unrelated=wrong_at(22, 23))
    assert report.accuracies[0].random_hard == Rate(1, 2)
    assert report.baseline_overlap == 0.0


def test_cross_fitting_filters_with_one_half_and_judges_with_the_other() -> None:
    references = [wrong_at(0, 1, 2), wrong_at(0, 1, 3), wrong_at(0, 4)]
    filtered = filter_hard(X, Y, references)
    fitted = transfer(filtered, X, Y, [wrong_at()], references=references).cross_fit
    assert fitted is not None and fitted.every_split and fitted.empty == 0
    # half of three is one, and each of the others is wrong at some of what it keeps
    assert [(split.filtered_by, split.kept) for split in fitted.splits] == [((0,), 3), ((1,), 3), ((2,), 2)]
    assert fitted.splits[0].rates == (Rate(1, 3), Rate(2, 3))
    assert fitted.transfers(0) == pytest.approx([1 - (1 / 3) / (21 / 24), 1 - (1 / 2) / (21 / 24)])
    told = fitted.to_dict()["references"][0]
    assert told["least"] <= told["transfer"] <= told["most"] and len(told["intervals"]) == 2


def test_votes_count_in_proportion_in_a_half() -> None:
    references = [wrong_at(0, row) for row in (1, 1, 2, 2)]
    for agree, kept in (("any", [2, 3, 3, 3, 3, 2]), ("all", [2, 1, 1, 1, 1, 2])):
        filtered = filter_hard(X, Y, references, agree=agree)
        fitted = transfer(filtered, X, Y, [wrong_at()], references=references).cross_fit
        assert fitted is not None and [split.kept for split in fitted.splits] == kept


def test_splits_that_keep_nothing_are_told() -> None:
    apart = [wrong_at(0), wrong_at(1), wrong_at(0, 1), wrong_at(0, 1, 2)]
    filtered = filter_hard(X, Y, apart, agree=3)
    report = transfer(filtered, X, Y, [wrong_at()], references=apart)
    assert report.cross_fit is not None and report.cross_fit.empty == 1
    assert any("1 of 6 cross-fitting splits kept no row" in words for words in report.warnings)


def test_random_splits_are_those_of_the_seed() -> None:
    references = [wrong_at(0, row) for row in range(1, 9)]
    filtered = filter_hard(X, Y, references)
    once, again, other = (
        transfer(filtered, X, Y, [wrong_at()], references=references, splits=5, seed=seed).cross_fit
        for seed in (1, 1, 2)
    )
    assert once == again != other
    assert once is not None and not once.every_split and len({s.filtered_by for s in once.splits}) == 5


def test_rejected_rows_are_left_out() -> None:
    filtered = filter_hard(X, Y, [wrong_at(0, 1, 2, 3)])
    judged = filtered.apply_review([Review(0, "reject", "Ada"), Review(1, "accept", "Ada")])
    report = transfer(judged, X, Y, [wrong_at(0, 1)], unrelated=wrong_at())
    assert report.accuracies[0].filtered == Rate(2, 3)
    assert report.accuracies[0].pool == Rate(22, 23)
    assert (report.pool_rows, report.kept_rows, report.rejected_rows) == (23, 3, 1)
    # rows 0 to 3 have the smallest leads, and row 0 is out
    assert report.accuracies[0].random_hard == Rate(2, 3)
    with pytest.raises(InvalidInput, match="rejected every row"):
        transfer(judged.apply_review(Review(r, "reject", "Ada") for r in range(4)), X, Y, [wrong_at()])


def test_a_report_says_what_it_does_not_know() -> None:
    reference = wrong_at(0, 1)
    filtered = filter_hard(X, Y, {"ours": reference})
    words = " ".join(transfer(filtered, X, Y, {"same": wrong_at(0, 1)}).warnings)
    assert "Only 2 rows are left" in words and "not looked at by a person" in words
    assert "same decides every row as reference ours does; it is not unseen" in words
    assert "size-matched baseline is missing" in words
    words = " ".join(transfer(filtered, X, Y, [wrong_at(4)], unrelated=wrong_at(4)).warnings)
    assert "among the unseen models" in words


def test_detection_is_told_before_and_after_with_its_base_rate() -> None:
    # one input t with logits (t, -t): confidence grows with |t|
    def model(rows: Any) -> Any:
        return np.concatenate([rows, -rows], axis=1)

    rng = np.random.default_rng(17)
    outside, inside = rng.standard_normal((300, 1)), 3 * rng.standard_normal((400, 1))
    filtered = filter_hard(outside, None, [model], mode="ood_confident")
    report = transfer(filtered, outside, None, {"same": model}, unrelated=model, inside=inside)
    (found,) = report.detections
    assert found.pool.base_rate == pytest.approx(300 / 700)
    assert found.filtered.base_rate == pytest.approx(len(filtered) / (400 + len(filtered)))
    assert found.filtered.auroc < found.pool.auroc
    assert found.filtered.fpr95 >= found.pool.fpr95
    # the surest rows of the same model are the same rows
    assert found.random_hard == found.filtered and report.baseline_overlap == 1.0
    assert report.queries == 300 + 400 + 300
    for figure in report.figures():
        assert "<svg" in svg_text(figure)
    json.dumps(report.to_dict(), allow_nan=False)


def test_everything_is_ready_for_json_and_figures() -> None:
    references = [wrong_at(0, 1), wrong_at(0, 2)]
    filtered = filter_hard(X, Y, references)
    hopeless = wrong_at(*range(ROWS))
    report = transfer(filtered, X, Y, {"hopeless": hopeless, "good": wrong_at(5)}, references=references)
    told = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert told["models"][0]["transfer"] is None and "sqrt(0.95)" in told["interval_of_transfer"]
    assert json.dumps(report.summary(), allow_nan=False)
    assert all("<svg" in svg_text(figure) for figure in report.figures())


def test_the_interval_holds_the_truth_often_enough() -> None:
    rng = np.random.default_rng(23)
    for kept, of_kept, of_others in ((20, 0.05, 0.97), (150, 0.4, 0.9), (60, 0.8, 0.85)):
        rows = 1000
        truth = 1 - rows * of_kept / (kept * of_kept + (rows - kept) * of_others)
        held = 0
        for _ in range(2000):
            right = rng.binomial(kept, of_kept), rng.binomial(rows - kept, of_others)
            low, high = transfer_interval(Rate(sum(right), rows), Rate(right[0], kept))
            held += low <= truth <= high
        # at least .95 less three standard errors of 2000 trials
        assert held / 2000 >= 0.935


def test_intervals_at_the_ends() -> None:
    low, high = transfer_interval(Rate(90, 100), Rate(0, 10))
    assert 0 < low < high == 1.0
    assert transfer_interval(Rate(9, 10), Rate(9, 10)) == (0.0, 0.0)
    assert np.isnan(transfer_of(Rate(0, 10), Rate(0, 2)))
    low, high = transfer_interval(Rate(0, 10), Rate(0, 2))
    assert low < 0 < high <= 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"x": X[::-1]}, "not the pool that was filtered: .*inputs differ"),
        ({"y": (Y + 1) % 3}, "labels differ"),
        ({"unseen": []}, "at least one unseen"),
        ({"references": [wrong_at(0)]}, "has 2 references, here are 1"),
        ({"references": [wrong_at(0, 2), wrong_at(0, 1)]}, "not the references that filtered"),
        ({"inside": X}, "no use in mode"),
        ({"unseen": [lambda rows: rows[:, :2]]}, "knows 2 classes"),
        ({"splits": 0, "references": [wrong_at(0, 1), wrong_at(0, 2)]}, "at least one split"),
    ],
)
def test_what_does_not_fit_is_refused(options: Any, words: str) -> None:
    filtered = filter_hard(X, Y, [wrong_at(0, 1), wrong_at(0, 2)])
    given = {"x": X, "y": Y, "unseen": [wrong_at()]} | options
    with pytest.raises(InvalidInput, match=words):
        transfer(filtered, **given)


def test_one_reference_cannot_be_cross_fitted() -> None:
    filtered = filter_hard(X, Y, [wrong_at(0)])
    with pytest.raises(InvalidInput, match="Give two or more"):
        transfer(filtered, X, Y, [wrong_at()], references=[wrong_at(0)])


def test_detection_wants_inside_rows_and_no_cross_fitting() -> None:
    filtered = filter_hard(X, None, [wrong_at()], mode="ood_confident")
    with pytest.raises(InvalidInput, match="inside=x_inside"):
        transfer(filtered, X, None, [wrong_at()])
    with pytest.raises(InvalidInput, match="leave references out"):
        transfer(filtered, X, None, [wrong_at()], inside=X, references=[wrong_at()])
