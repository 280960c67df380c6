"""One door for several verbs: each row is paid for once, and stages cannot tell that they share it."""

import numpy as np
import pytest
from audited_doors import CountedDoor, layered

from hingeline.auditing.door import SharedDoor
from hingeline.core.errors import BudgetExhausted, QueryFailed
from hingeline.oracles.session import QuerySession
from hingeline.probing.doctor import doctor

ROWS = np.random.default_rng(5).standard_normal((12, 3))


def shared(model=lambda x: x.sum(axis=1, keepdims=True), budget=None, **known):
    counted = CountedDoor(model, 3, **known)
    return counted, SharedDoor(QuerySession(counted, budget=budget))


class Serial:
    """Numbers its answers, so that no two are alike."""

    def __init__(self):
        self.count = 0

    def __call__(self, points):
        self.count += len(points)
        return np.arange(self.count - len(points), self.count, dtype=float)[:, None]


def test_a_row_that_two_stages_want_is_sent_and_counted_once():
    counted, door = shared()
    with door.stage("one"):
        first = door.query(ROWS[:8])
    with door.stage("two"):
        second = door.query(ROWS)
    assert counted.answered == door.spent == 12
    assert np.array_equal(second[:8], first)
    assert np.array_equal(counted.batches[1], ROWS[8:])


def test_the_nth_asking_in_a_stage_gets_the_nth_answer_of_the_audit():
    counted, door = shared(Serial())
    with door.stage("one"):
        once, twice = door.query(ROWS[:1]), door.query(ROWS[:1])
    with door.stage("two"):
        again = [door.query(ROWS[:1]) for _ in range(3)]
    assert [float(a[0, 0]) for a in (once, twice, *again)] == [0, 1, 0, 1, 2]
    assert counted.answered == 3


def test_a_row_twice_in_one_batch_is_two_askings():
    counted, door = shared(Serial())
    with door.stage("one"):
        assert door.query(ROWS[[0, 1, 0]]).ravel().tolist() == [0, 1, 2]
    with door.stage("two"):
        assert door.query(ROWS[[1, 0]]).ravel().tolist() == [1, 0]
        assert door.query(ROWS[[0]]).ravel().tolist() == [2]
    assert counted.answered == 3


def test_new_rows_stay_together_in_the_batch_they_were_asked_in():
    counted, door = shared()
    with door.stage("one"):
        door.query(ROWS[[2, 5]])
    with door.stage("two"):
        door.query(ROWS[[0, 2, 4, 5, 6]])
    assert np.array_equal(counted.batches[-1], ROWS[[0, 4, 6]])


@pytest.mark.parametrize("noise", [0.0, 1e-3])
def test_a_doctor_in_two_stages_sees_the_same_door(noise):
    rng, network = np.random.default_rng(1), layered(3, 5, 2)
    counted, door = shared(lambda x: network(x) + noise * rng.standard_normal((len(x), 2)))
    with door.stage("one"):
        first = doctor(door, seed=4)
    paid = counted.answered
    with door.stage("two"):
        second = doctor(door, seed=4)
    assert counted.answered == paid == first.queries == second.queries
    assert second.value == first.value
    assert (first.value.kind == "stochastic") == (noise > 0)


def test_what_does_not_fit_the_budget_is_not_sent_and_counts_as_not_asked():
    counted, door = shared(budget=6)
    with door.stage("one"):
        door.query(ROWS[:3])
        with pytest.raises(BudgetExhausted):
            door.query(ROWS)
        door.query(ROWS[3:6])
    with door.stage("two"):
        door.query(ROWS[:6])
    assert counted.answered == door.spent == 6
    assert door.remaining == 0


def test_rows_that_met_a_failure_are_first_askings_when_they_are_asked_again():
    counted, door = shared(breaks_after=4, error=QueryFailed("down"))
    with door.stage("one"):
        door.query(ROWS[:4])
        with pytest.raises(QueryFailed):
            door.query(ROWS[2:8])
        counted.breaks_after = None
        door.query(ROWS[4:8])
        assert np.array_equal(door.query(ROWS[:2]), ROWS[:2].sum(axis=1, keepdims=True))
    with door.stage("two"):
        door.query(ROWS[:8])
    assert counted.answered == 4 + 4 + 2  # two were asked again on purpose


def test_rows_that_are_one_float32_are_one_question():
    counted, door = shared(dtype="float32")
    with door.stage("one"):
        door.query(ROWS)
    with door.stage("two"):
        door.query(ROWS.astype(np.float32).astype(float))
    assert counted.answered == len(ROWS)
