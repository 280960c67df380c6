"""Filtering a pool, on models whose answers are written down, and on trained ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hingeline as hl
from hingeline.core.errors import InvalidInput
from hingeline.defences.filtration.filtering import filter_hard
from hingeline.defences.filtration.model_answers import ask_model
from hingeline.defences.filtration.rebuilding import rebuild
from hingeline.defences.training.classifier import TrainingSettings, accuracy, train_classifier
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.networks.storage import save_safetensors
from hingeline.sensitivity.models.network_model import NetworkModel

X = np.eye(6)
Y = np.array([0, 1, 2, 0, 1, 2])


def answering(classes: list[int], sure: float = 0.95) -> Any:
    """A function that gives row i of `X` class `classes[i]` with probability `sure`, of three."""
    table = np.full((6, 3), (1 - sure) / 2)
    table[np.arange(6), classes] = sure
    return lambda rows: table[rows.argmax(axis=1)]


FIRST, SECOND = answering([0, 2, 0, 0, 1, 1]), answering([0, 2, 2, 1, 1, 0], 0.7)
"""Wrong at rows 1, 2, 5, and at 1, 3, 5."""


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Any, list[PiecewiseLinearNetwork]]:
    """Three overlapping clouds, and three networks trained on few points of them."""
    rng = np.random.default_rng(29)
    y = rng.integers(0, 3, 700)
    x = rng.standard_normal((700, 5)) + 1.6 * np.eye(5)[y]
    settings = TrainingSettings((16,), epochs=30, rate=1e-2)
    networks = [train_classifier(x[:100], y[:100], settings=settings, seed=seed) for seed in range(3)]
    return x[100:], y[100:], networks


@pytest.mark.parametrize(
    ("agree", "rows"), [("all", [1, 5]), ("any", [1, 2, 3, 5]), (1, [1, 2, 3, 5]), (2, [1, 5])]
)
def test_rows_that_enough_references_get_wrong_are_kept(agree: Any, rows: list[int]) -> None:
    filtered = filter_hard(X, Y, [FIRST, SECOND], agree=agree)
    assert filtered.rows.tolist() == rows
    np.testing.assert_array_equal(filtered.x, X[rows])
    assert filtered.y.tolist() == Y[rows].tolist()
    assert [reference.hard for reference in filtered.manifest.references] == [3, 3]
    assert filtered.manifest.queries == 12


def test_confidence_can_be_asked_for() -> None:
    assert filter_hard(X, Y, [FIRST, SECOND], agree="any", min_conf=0.9).rows.tolist() == [1, 2, 5]


def test_rows_of_no_class_are_kept_where_models_are_sure() -> None:
    sure = lambda rows: np.stack([rows[:, 0], -rows[:, 0]], axis=1)  # noqa: E731
    x = np.array([[0.0], [1.0], [2.0], [-3.0]])
    filtered = filter_hard(x, None, [sure], mode="ood_confident")
    # softmax of (t, -t) is above .9 from t = ln(9) / 2 = 1.0986 on
    assert filtered.rows.tolist() == [2, 3]
    assert filtered.manifest.min_conf == 0.9 and filtered.y.tolist() == [-1, -1]


def test_the_references_score_nothing_on_what_they_filtered(trained: Any) -> None:
    x, y, networks = trained
    filtered = filter_hard(x, y, networks)
    assert 10 < len(filtered) < 300
    for network in networks:
        assert accuracy(network, filtered.x, filtered.y) == 0.0
        assert accuracy(network, x, y) > 0.6


def test_a_copy_with_permuted_hidden_units_scores_nothing_either(trained: Any) -> None:
    x, y, networks = trained
    filtered = filter_hard(x, y, networks[:1])
    (w0, w1), (b0, b1) = networks[0].weights, networks[0].biases
    order = np.random.default_rng(2).permutation(len(b0))
    copy = PiecewiseLinearNetwork([w0[order], w1[:, order]], [b0[order], b1])
    assert accuracy(copy, filtered.x, filtered.y) == 0.0
    with pytest.raises(InvalidInput, match=r"reference 1 .* by weights .* a rewritten copy"):
        rebuild(filtered.manifest, x, y, [copy])


def test_a_rebuild_gives_the_identical_set(trained: Any) -> None:
    x, y, networks = trained
    references = {"a": networks[0], "b": networks[1].__call__, "c": NetworkModel(networks[2])}
    filtered = filter_hard(x, y, references, agree=2, min_conf=0.5)
    again = rebuild(filtered.manifest, x, y, list(references.values()), batch_rows=77)
    np.testing.assert_array_equal(again.rows, filtered.rows)
    np.testing.assert_array_equal(again.x, filtered.x)
    np.testing.assert_array_equal(again.y, filtered.y)
    assert again.manifest == filtered.manifest
    assert [r.identified for r in filtered.manifest.references] == ["by weights", "by answers", "by weights"]


def test_a_rebuild_says_what_differs(trained: Any) -> None:
    x, y, networks = trained
    filtered = filter_hard(x, y, networks)
    moved, other = x.copy(), y.copy()
    moved[3, 1] += 1e-12
    other[7] = (other[7] + 1) % 3
    for arguments, words in (
        ((moved, other, networks), "inputs differ .* labels differ"),
        ((x[:-1], y[:-1], networks), "had 600 rows of 5 numbers, now 599 of 5"),
        ((x[::-1], y, networks), "another order"),
        ((x, y, networks[:2]), "has 3 references, here are 2"),
        ((x, y, [networks[1], networks[0], networks[2]]), "reference 1 .*; reference 2 "),
    ):
        with pytest.raises(InvalidInput, match=words):
            rebuild(filtered.manifest, *arguments)


def test_a_function_that_answers_otherwise_is_noticed() -> None:
    filtered = filter_hard(X, Y, [FIRST])
    with pytest.raises(InvalidInput, match="hash by answers was"):
        rebuild(filtered.manifest, X, Y, [SECOND])
    # the last digits may change with the batch
    assert len(rebuild(filtered.manifest, X, Y, [lambda rows: FIRST(rows) * (1 + 3e-16)])) == 3


def test_the_kept_rows_do_not_depend_on_where_rows_lie(trained: Any) -> None:
    x, y, networks = trained
    order = np.random.default_rng(4).permutation(len(x))
    there = filter_hard(x, y, networks).rows
    moved = filter_hard(x[order], y[order], networks).rows
    assert sorted(order[moved].tolist()) == there.tolist()


def test_more_references_or_votes_keep_fewer_rows(trained: Any) -> None:
    x, y, networks = trained
    kept = [set(filter_hard(x, y, networks, agree=votes).rows.tolist()) for votes in (1, 2, 3)]
    assert kept[0] > kept[1] > kept[2]
    assert set(filter_hard(x, y, networks[:2]).rows.tolist()) > kept[2]


def test_whatever_the_library_opens_can_filter(trained: Any, tmp_path: Any) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    x, y, networks = trained
    save_safetensors(networks[0], tmp_path / "a.safetensors")
    references = [
        tmp_path / "a.safetensors",
        hl.oracle(networks[1]),
        LogisticRegression().fit(x[:200], y[:200]),
        SVC().fit(x[:200], y[:200]),
    ]
    filtered = filter_hard(x, y, references)
    assert [r.identified for r in filtered.manifest.references] == ["by file", *["by answers"] * 3]
    wrong = [network(x).argmax(axis=1) != y for network in networks[:2]]
    assert wrong[0][filtered.rows].all() and wrong[1][filtered.rows].all()
    # its own decisions, which are not always those of its largest score
    assert (references[3].predict(filtered.x) != filtered.y).all()
    assert [r.queries for r in filtered.manifest.references] == [600, 600, 1200, 1200]
    assert len(rebuild(filtered.manifest, x, y, references)) == len(filtered)


def test_every_row_is_asked_once_and_in_batches() -> None:
    sizes: list[int] = []

    def counted(rows: Any) -> Any:
        sizes.append(len(rows))
        return FIRST(rows)

    filtered = filter_hard(X, Y, [counted], batch_rows=4)
    assert sizes == [4, 2] and filtered.manifest.queries == 6


def test_labels_alone_suffice_to_filter_but_tell_no_confidence() -> None:
    door = hl.oracle(lambda rows: FIRST(rows).argmax(axis=1), input_dim=6, answers="labels")
    assert filter_hard(X, Y, [door]).rows.tolist() == [1, 2, 5]
    with pytest.raises(InvalidInput, match="labels only"):
        filter_hard(X, Y, [door], min_conf=0.5)
    with pytest.raises(InvalidInput, match="labels or scores"):
        filter_hard(X, Y, [lambda rows: FIRST(rows).argmax(axis=1)])


def test_one_output_decides_by_its_side() -> None:
    logit = ask_model(lambda rows: rows[:, 0] * 2.0 - 0.5, np.array([[1.0], [0.0]]))
    assert (logit.decided.tolist(), logit.class_count) == ([1, 0], 2)
    np.testing.assert_allclose(logit.confidence, 1 / (1 + np.exp([-1.5, -0.5])))
    door = hl.oracle(lambda rows: rows[:, 0], input_dim=1, answers="probabilities")
    chance = ask_model(door, np.array([[0.3], [0.8]]))
    assert chance.decided.tolist() == [0, 1]
    np.testing.assert_allclose(chance.confidence, [0.7, 0.8])
    np.testing.assert_allclose(chance.leads(np.array([1, 1])), [-0.2, 0.3])


@pytest.mark.parametrize(
    ("x", "y", "references", "options", "words"),
    [
        (np.full((6, 6), np.nan), Y, [FIRST], {}, "finite"),
        (X, Y[:5], [FIRST], {}, "one label for each of 6 rows"),
        (X, Y + 0.5, [FIRST], {}, "whole numbers"),
        (X, Y - 1, [FIRST], {}, "whole numbers from 0 up"),
        (X, Y + 1, [FIRST], {}, "a label of 3, but .* knows 3 classes"),
        (X, None, [FIRST], {}, "wants labels"),
        (X, Y, [], {}, "at least one reference"),
        (X, Y, FIRST, {}, "goes into a list"),
        (X, Y, [3], {}, "cannot be asked"),
        (X, Y, [FIRST], {"agree": 2}, "from 1 to 1"),
        (X, Y, [FIRST], {"agree": "most"}, "from 1 to 1"),
        (X, Y, [FIRST], {"agree": True}, "from 1 to 1"),
        (X, Y, [FIRST], {"mode": "hard"}, "mode must be one of"),
        (X, Y, [FIRST], {"min_conf": 1.5}, "from 0 to 1"),
        (X, Y, [FIRST], {"min_conf": 0.99}, "no row is kept: 1 of 1 .*0.* of 6"),
        (X, Y, [answering(Y.tolist())], {}, "no row is kept"),
        (X[0], Y[:1], [FIRST], {}, "rows of numbers"),
        (np.zeros((0, 6)), [], [FIRST], {}, "rows of numbers"),
        ([["a"]], [0], [FIRST], {}, "must be numbers"),
    ],
)
def test_what_cannot_be_meant_is_refused(x: Any, y: Any, references: Any, options: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        filter_hard(x, y, references, **options)


def test_a_network_of_other_inputs_is_refused(trained: Any) -> None:
    with pytest.raises(InvalidInput, match="takes 5 numbers per row, not 6"):
        filter_hard(X, Y, [trained[2][0]])
