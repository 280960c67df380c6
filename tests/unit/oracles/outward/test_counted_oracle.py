"""A door as a function that counts, stops at its budget and goes on from its journal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hingeline.core.errors import BudgetExhausted, InvalidInput, MissingExtra, OutsideDomain
from hingeline.oracles.journal_care import journal_stats
from hingeline.oracles.journal_reader import JournalReader
from hingeline.oracles.opening import oracle
from hingeline.oracles.outward.auto_attack_model import for_autoattack
from hingeline.oracles.outward.counted import as_counted, counted
from hingeline.oracles.outward.foolbox_model import for_foolbox
from hingeline.oracles.session import QuerySession

WEIGHTS = np.random.default_rng(3).normal(size=(3, 4))
ROWS = np.random.default_rng(4).normal(size=(6, 4))


class Door:
    """A linear map that notes how many rows really arrived."""

    def __init__(self) -> None:
        self.arrived = 0

    def __call__(self, rows: Any) -> Any:
        self.arrived += len(rows)
        return rows @ WEIGHTS.T


def opened(door: Any, **known: Any) -> Any:
    return oracle(door, input_dim=4, name="door", **known)


def test_every_row_is_counted_once_and_images_are_the_same_rows() -> None:
    seen = Door()
    door = counted(opened(seen))
    answers = door(ROWS)
    assert np.array_equal(answers, ROWS @ WEIGHTS.T)
    assert np.array_equal(door(ROWS.reshape(6, 1, 2, 2)), answers)
    assert (door.queries, seen.arrived, door.replayed, door.remaining) == (6, 6, 0, None)


def test_what_it_hands_over_may_be_written_to() -> None:
    door = counted(opened(Door()))
    door(ROWS)[:] = -np.inf  # AutoAttack does this to its logits
    assert np.array_equal(door(ROWS), ROWS @ WEIGHTS.T)


def test_fresh_asks_again_and_counts_again() -> None:
    seen = Door()
    door = counted(opened(seen), fresh=True)
    door(ROWS)
    door(ROWS)
    assert (door.queries, seen.arrived) == (12, 12)


def test_a_request_beyond_the_budget_is_not_sent_and_the_message_says_that_nothing_is_on_disk() -> None:
    seen = Door()
    door = counted(opened(seen), budget=8)
    door(ROWS)
    with pytest.raises(BudgetExhausted, match=r"budget of 8.*end with this program.*journal=") as stopped:
        door(ROWS + 1)
    assert (stopped.value.spent, stopped.value.wanted, seen.arrived, door.remaining) == (6, 6, 6, 2)


def test_a_stopped_loop_goes_on_from_its_journal_without_asking_again(tmp_path: Path) -> None:
    seen, path = Door(), tmp_path / "answers.sqlite"
    with counted(opened(seen), budget=8, journal=path) as door:
        door(ROWS)
        with pytest.raises(BudgetExhausted, match=r"answers\.sqlite.*same seed and a larger budget"):
            door(ROWS + 1)
    with counted(opened(seen), budget=12, journal=path) as door:
        assert np.array_equal(door(ROWS), ROWS @ WEIGHTS.T)
        door(ROWS + 1)
        assert (door.queries, door.replayed, door.remaining) == (12, 6, 0)
    with JournalReader.read(path) as journal:
        assert journal_stats(journal).rows_sent == seen.arrived == 12


def test_wavering_answers_are_replayed_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "answers.sqlite"
    door_of = opened(lambda rows: rng.normal(size=(len(rows), 2)))
    with counted(door_of, journal=path, fresh=True) as door:
        first, second = door(ROWS), door(ROWS)
    with counted(door_of, journal=path, fresh=True) as door:
        assert np.array_equal(door(ROWS), first) and np.array_equal(door(ROWS), second)
        assert door.replayed == door.queries == 12
    assert not np.array_equal(first, second)


def test_a_journal_that_fits_another_door_is_let_go_of_again(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    with counted(opened(Door()), journal=path) as door:
        door(ROWS)
    with pytest.raises(InvalidInput, match="holds answers of"):
        counted(oracle(Door(), input_dim=4, name="another"), journal=path)
    with counted(opened(Door()), journal=path) as door:
        assert door(ROWS).shape == (6, 3)


def test_the_doors_own_bounds_hold() -> None:
    door = counted(opened(Door(), bounds=(0.0, 1.0)))
    with pytest.raises(OutsideDomain, match="bounds are"):
        door(ROWS + 5)
    assert door.queries == 0


def test_phases_have_limits_of_their_own() -> None:
    door = counted(opened(Door()), budget=100)
    with door.session.phase("boundary", limit=5), pytest.raises(BudgetExhausted, match="phase 'boundary'"):
        door(ROWS)


def test_what_is_no_door_is_refused_in_words() -> None:
    wrong: Any = "model.onnx"
    with pytest.raises(InvalidInput, match=r"got str\. Open one: hl\.counted\(hl\.oracle"):
        counted(wrong)


def test_sessions_and_counted_doors_are_taken_as_they_are() -> None:
    session = QuerySession(opened(Door()), budget=7)
    door = as_counted(session)
    assert door.session is session and as_counted(door) is door
    assert as_counted(opened(Door())).remaining is None


@pytest.mark.parametrize("inputs", [np.zeros((2, 3)), np.zeros((2, 1, 3, 3)), [["a"] * 4], [[np.nan] * 4]])
def test_inputs_that_are_no_rows_of_the_door_are_refused(inputs: Any) -> None:
    with pytest.raises(InvalidInput):
        counted(opened(Door()))(inputs)


def test_without_their_library_the_adapters_name_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("foolbox", "torch"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r'pip install "hingeline\[foolbox\]"'):
        for_foolbox(opened(Door()), bounds=(0, 1))
    with pytest.raises(MissingExtra, match=r'pip install "hingeline\[autoattack\]"'):
        for_autoattack(opened(Door()))
