"""Heads undone, on probabilities whose logits are known."""

from __future__ import annotations

import numpy as np
import pytest

from hingeline.core.errors import QueryFailed
from hingeline.probing.heads import Head, read_head
from hingeline.probing.resolution import Resolution

LOGITS = np.array([[0.0, 1.0, 3.0], [2.0, -1.0, 4.0], [0.5, 0.0, 1.0], [-3.0, 2.0, 2.5]])
SOFTMAX = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
FINE = Resolution("float64", 53)


def test_softmax_is_recognised_and_gives_differences_to_its_largest_output():
    head = read_head(SOFTMAX, FINE, "auto")
    assert (head.kind, head.reference) == ("softmax", 2)
    np.testing.assert_allclose(head.values(SOFTMAX), LOGITS[:, :2] - LOGITS[:, [2]], rtol=0, atol=1e-15)


def test_log_softmax_is_recognised():
    head = read_head(np.log(SOFTMAX), FINE, "auto")
    assert head.kind == "log-softmax"
    np.testing.assert_allclose(head.values(np.log(SOFTMAX)), LOGITS[:, :2] - LOGITS[:, [2]], atol=1e-15)


def test_sigmoid_is_suspected_and_gives_log_odds():
    p = 1 / (1 + np.exp(-LOGITS[:, :1]))
    head = read_head(p, FINE, "auto")
    assert head.kind == "sigmoid"
    np.testing.assert_allclose(head.values(p), LOGITS[:, :1], atol=1e-14)


def test_a_softmax_in_half_precision_still_sums_to_one():
    half = SOFTMAX.astype(np.float16).astype(np.float64)
    assert read_head(half, Resolution("float16", 11), "auto").kind == "softmax"


@pytest.mark.parametrize("answers", [LOGITS, SOFTMAX * 1.01, SOFTMAX - 0.1, np.full((3, 1), 0.5)])
def test_other_answers_are_values_already(answers):
    head = read_head(answers, FINE, "auto")
    assert head.kind in ("none", "sigmoid") and (head.kind == "none" or np.ptp(answers) > 0)


def test_what_the_user_says_counts_more():
    assert read_head(SOFTMAX, FINE, "logits").kind == "none"


def test_small_probabilities_of_a_float_softmax_keep_their_digits():
    gap = 600.0
    p = np.array([[np.exp(-gap), 1.0]])
    head = Head("softmax", reference=1, lowest=FINE.tiny)
    assert head.usable(p).all()
    assert head.values(p)[0, 0] == pytest.approx(-gap, rel=1e-15)
    assert head.rounding(p, FINE)[0] < 1e-13


def test_a_float_sigmoid_is_not_used_where_one_minus_p_has_lost_its_digits():
    z = np.array([[-20.0], [0.0], [10.0], [12.0], [40.0]])
    head = read_head(1 / (1 + np.exp(-z)), FINE, "auto")
    assert head.usable(1 / (1 + np.exp(-z))).tolist() == [True, True, True, False, False]


def test_rounded_probabilities_near_zero_are_not_used():
    four = Resolution("float64", 53, 1e-4)
    head = read_head(np.round(SOFTMAX, 4), four, "auto")
    assert head.usable(np.array([[0.3, 0.3, 0.4], [0.0003, 0.5, 0.4997]])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("kind", "answers"), [("softmax", [[0.0, 1.0]]), ("sigmoid", [[1.0]]), ("sigmoid", [[0.0]])]
)
def test_a_probability_of_exactly_0_or_1_is_refused_with_words(kind, answers):
    with pytest.raises(QueryFailed, match="exactly 0 or 1"):
        Head(kind).values(np.array(answers))


def test_rounding_of_log_odds_follows_the_slope_of_the_logarithm():
    head, step = Head("sigmoid"), Resolution("float64", 53, 1e-3)
    error = head.rounding(np.array([[0.5], [0.01]]), step)
    assert error == pytest.approx([1e-3 / np.sqrt(12) / 0.25, 1e-3 / np.sqrt(12) / 0.0099], rel=1e-3)
