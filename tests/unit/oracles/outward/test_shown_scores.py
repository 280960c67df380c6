"""What an attack is shown of each kind of answer decides as the door does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.oracles.outward.scores import Scores, checked_bounds, within_bounds
from hingeline.oracles.outward.tensors import as_rows, row_shape
from hingeline.oracles.protocol import OracleSpec


def spec(**known: Any) -> OracleSpec:
    return OracleSpec("door", 4, **known)


def test_values_are_shown_as_they_come() -> None:
    answers = np.random.default_rng(0).normal(size=(5, 3))
    assert np.array_equal(Scores(spec()).of(answers), answers)


def test_probabilities_are_shown_as_logits_even_where_they_saturate() -> None:
    told = np.array([[0.25, 0.75], [0.0, 1.0]])
    shown = Scores(spec(answers="probabilities")).of(told)
    assert np.isfinite(shown).all() and shown[0] == pytest.approx(np.log([0.25, 0.75]))
    assert shown[1, 1] == 0.0 and shown[1, 0] < -700


@pytest.mark.parametrize(("answers", "middle"), [("logits", 0.0), ("probabilities", 0.5)])
def test_one_value_decides_between_two_classes(answers: Any, middle: float) -> None:
    values = middle + np.array([[-0.2], [0.1], [0.3]])
    assert Scores(spec(answers=answers)).of(values).argmax(axis=1).tolist() == [0, 1, 1]


def test_labels_are_shown_as_a_one_among_zeros() -> None:
    shown = Scores(spec(answers="labels"), classes=4).of(np.array([[2.0], [0.0]]))
    assert shown.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("label", [4.0, -1.0, 0.5])
def test_a_label_beyond_the_classes_is_refused(label: float) -> None:
    with pytest.raises(InvalidInput, match="want whole labels from 0 to 3"):
        Scores(spec(answers="labels"), classes=4).of(np.array([[1.0], [label]]))


@pytest.mark.parametrize(
    ("known", "classes", "words"),
    [
        ({"answers": "labels"}, None, "say how many"),
        ({"answers": "logits"}, 10, "classes is for doors that tell labels"),
        ({}, 1, "at least 2"),
        ({"output_dim": 1}, None, "a label or a score"),
    ],
)
def test_what_is_left_open_is_asked_for_before_any_question(known: Any, classes: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        Scores(spec(**known), classes)


def test_one_number_of_unknown_meaning_and_classes_for_many_numbers_are_refused() -> None:
    with pytest.raises(InvalidInput, match="a label or a score"):
        Scores(spec()).of(np.zeros((2, 1)))
    with pytest.raises(InvalidInput, match="leave classes out"):
        Scores(spec(), classes=3).of(np.zeros((2, 3)))


def test_rounding_beyond_the_bounds_is_put_back_and_more_is_refused() -> None:
    inputs = np.array([[-3e-8, 0.5], [1.0 + 1e-7, 0.2]])
    assert within_bounds(inputs, (0.0, 1.0), "bounds").tolist() == [[0.0, 0.5], [1.0, 0.2]]
    for wrong in (1.001, 255.0, np.nan):
        with pytest.raises(InvalidInput, match="but bounds are 0 to 1"):
            within_bounds(np.array([[0.0, wrong]]), (0.0, 1.0), "bounds")


@pytest.mark.parametrize(
    ("said", "known", "words"),
    [
        (None, None, "say bounds"),
        ((1, 0), None, "the smaller first"),
        ((0, np.inf), None, "finite"),
        ((-1, 1), (0.0, 1.0), "reach outside"),
    ],
)
def test_bounds_that_cannot_hold_are_refused(said: Any, known: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        checked_bounds(said, spec(bounds=known))


def test_bounds_may_be_the_doors_or_narrower() -> None:
    assert checked_bounds(None, spec(bounds=(0.0, 255.0))) == (0.0, 255.0)
    assert checked_bounds((1, 2), spec(bounds=(0.0, 255.0))) == (1.0, 2.0)


def test_images_become_rows_only_in_the_shape_that_was_said() -> None:
    images = np.arange(8.0, dtype=np.float32).reshape(2, 1, 2, 2)
    rows = as_rows(images, row_shape((1, 2, 2), 4), 4)
    assert rows.dtype == np.float64 and rows.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert np.array_equal(as_rows(images, None, 4), rows)
    for shape, wrong in (((1, 2, 2), images.reshape(2, 2, 2, 1)), (None, images.reshape(4, 2))):
        with pytest.raises(InvalidInput, match="inputs have shape"):
            as_rows(wrong, shape, 4)
    with pytest.raises(InvalidInput, match="holds 6 numbers"):
        row_shape((2, 3), 4)
