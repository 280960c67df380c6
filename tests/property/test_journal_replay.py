"""With a journal, without one, or cut short and resumed: what is asked and answered is the same."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hingeline.core.errors import BudgetExhausted
from hingeline.oracles.journal import Journal
from hingeline.oracles.journal_care import journal_stats, verify_journal
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.session import QuerySession

ASKING = st.tuples(st.lists(st.integers(0, 12), min_size=1, max_size=9), st.booleans())
PLAN = st.lists(ASKING, min_size=1, max_size=6)


class Counting:
    """Answers each row with how often it was asked before; dies at one call."""

    spec = OracleSpec("counting", 1, dtype="float32")

    def __init__(self, dies_at=None):
        self.times, self.rows, self.calls, self.dies_at = {}, 0, 0, dies_at

    def query(self, points):
        self.calls += 1
        self.rows += len(points)
        if self.calls == self.dies_at:
            raise KeyboardInterrupt
        return np.array([[self._time(float(row[0]))] for row in points])

    def _time(self, number):
        self.times[number] = self.times.get(number, 0) + 1
        return number + 100.0 * self.times[number]


def carried_out(session, plan):
    """All answers, and whether the budget ended the plan."""
    answers = []
    try:
        for numbers, fresh in plan:
            answers += session.ask(np.array(numbers, dtype=float)[:, np.newaxis], fresh=fresh)[:, 0].tolist()
    except BudgetExhausted:
        return answers, True
    return answers, False


@settings(derandomize=True, deadline=None, max_examples=25)
@given(plan=PLAN, batch=st.integers(1, 5), budget=st.none() | st.integers(1, 20), cut=st.integers(1, 6))
def test_a_journal_changes_nothing_and_a_cut_costs_one_batch(plan, batch, budget, cut):
    plain = Counting()
    session = QuerySession(plain, budget=budget, batch_size=batch)
    expected = carried_out(session, plan)
    assert session.spent == plain.rows <= (budget or plain.rows)

    door = Counting(dies_at=cut)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        for _ in range(2):
            with Journal.open(path) as journal:
                resumed = QuerySession(door, budget=budget, batch_size=batch, journal=journal)
                try:
                    found = carried_out(resumed, plan)
                except KeyboardInterrupt:
                    continue
        with Journal.read(path) as journal:
            stats = journal_stats(journal)
            assert verify_journal(journal).ok
    assert found == expected
    assert resumed.spent == session.spent == stats.rows_answered
    assert door.rows == stats.rows_sent == session.spent + stats.rows_repeated
    assert stats.rows_repeated <= batch
    assert resumed.spending.queries_by_phase == session.spending.queries_by_phase
