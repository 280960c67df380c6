"""The nearest flips among the questions of a journal, against a search by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput
from hingeline.oracles.journal import Journal
from hingeline.oracles.opening import oracle
from hingeline.oracles.outward import kept
from hingeline.oracles.outward.counted import counted
from hingeline.oracles.outward.kept import kept_flips

RNG = np.random.default_rng(8)
WEIGHTS = RNG.normal(size=(3, 4))
STARTS, ASKED = RNG.normal(size=(5, 4)), RNG.normal(size=(200, 4))


def values(rows: Any) -> Any:
    return rows @ WEIGHTS.T


CLASSES = values(STARTS).argmax(axis=1)


def recorded(path: Path, *batches: Any, function: Any = values, **known: Any) -> Path:
    with counted(oracle(function, input_dim=4, **known), journal=path) as door:
        for rows in batches:
            door(rows)
    return path


@pytest.mark.parametrize(("norm", "order"), [("l2", 2), ("linf", np.inf), ("l1", 1)])
def test_each_input_keeps_the_nearest_question_of_another_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, norm: Any, order: float
) -> None:
    monkeypatch.setattr(kept, "_NUMBERS_AT_ONCE", 140)  # seven rows at a time
    found = kept_flips(recorded(tmp_path / "j.sqlite", ASKED[:120], ASKED[120:]), STARTS, CLASSES, norm=norm)
    told = values(ASKED).argmax(axis=1)
    for i, start in enumerate(STARTS):
        others = ASKED[told != CLASSES[i]]
        sizes = np.linalg.norm(others - start, ord=order, axis=1)
        assert found.distances[i] == pytest.approx(sizes.min(), rel=1e-14)
        assert np.array_equal(found.points[i], others[sizes.argmin()])
    assert found.rows == 200


def test_where_nothing_flipped_nothing_is_claimed(tmp_path: Path) -> None:
    found = kept_flips(recorded(tmp_path / "j.sqlite", STARTS[:1]), STARTS[:1], CLASSES[:1])
    assert np.isinf(found.distances).all() and np.isnan(found.points).all()


def test_an_input_answered_wrongly_is_its_own_flip(tmp_path: Path) -> None:
    found = kept_flips(recorded(tmp_path / "j.sqlite", STARTS), STARTS, (CLASSES + 1) % 3)
    assert found.distances.tolist() == [0.0] * 5


def test_labels_do_as_well_as_values(tmp_path: Path) -> None:
    by_values = kept_flips(recorded(tmp_path / "v.sqlite", ASKED), STARTS.reshape(5, 1, 2, 2), CLASSES)
    told = recorded(
        tmp_path / "l.sqlite", ASKED, function=lambda x: values(x).argmax(axis=1), answers="labels"
    )
    assert np.array_equal(kept_flips(told, STARTS, CLASSES, classes=3).points, by_values.points)


def test_what_cannot_be_searched_is_refused_in_words(tmp_path: Path) -> None:
    path = recorded(tmp_path / "j.sqlite", ASKED)
    wrong: Any = "l0"
    with pytest.raises(InvalidInput, match="norm must be one of"):
        kept_flips(path, STARTS, CLASSES, norm=wrong)
    with pytest.raises(InvalidInput, match="one whole number for each of 5 inputs"):
        kept_flips(path, STARTS, CLASSES[:4])
    with Journal.open(tmp_path / "new.sqlite") as journal, pytest.raises(InvalidInput, match="not recorded"):
        kept_flips(journal, STARTS, CLASSES)
