"""What a stage that ran out of its share is given when the others are done, and what it says of its share."""

from __future__ import annotations

import numpy as np

import hingeline as hl
from hingeline.core.arrays import FloatArray

RNG = np.random.default_rng(31)
W0, B0, W1, B1 = (RNG.standard_normal(shape) for shape in ((5, 12), 5, (3, 5), 3))
X = RNG.standard_normal((6, 12))


class Labels:
    """A network that shows its decisions only, and counts the rows it is asked."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, points: FloatArray) -> FloatArray:
        self.rows += len(points)
        values = np.maximum(points @ W0.T + B0, 0) @ W1.T + B1
        return values.argmax(axis=1)[:, np.newaxis].astype(np.float64)


def audited(budget: int, **settings: object) -> tuple[hl.Finding[hl.Audit], Labels]:
    door = Labels()
    oracle = hl.oracle(door, input_dim=12, answers="labels")
    return hl.audit(oracle, X, budget=budget, settings={"asked_flips": 1, **settings}), door


def test_a_span_that_ran_out_goes_on_with_what_the_others_left() -> None:
    finding, door = audited(9000)
    assert finding.value is not None
    span, flips = finding.value.stage("span"), finding.value.stage("fragility")
    assert span is not None and flips is not None
    alone = hl.span(hl.oracle(Labels(), input_dim=12, answers="labels"), budget=9000)
    assert span.queries > (9000 - 42) // 2
    assert door.rows == finding.queries <= 9000
    assert sum(stage.queries for stage in finding.value.stages) == finding.queries
    assert span.finding is not None
    assert span.finding.value.rank == alone.value.rank  # type: ignore[union-attr]


def test_a_spent_share_is_told_in_the_words_of_the_audit() -> None:
    finding, _ = audited(600, parts=("span",))
    assert finding.value is not None
    span = finding.value.finding("span")
    assert span is not None
    assert span.outcome.status is hl.Status.BUDGET_SPENT
    assert "Its share of the budget" in span.outcome.reason
    assert "phase 'run'" not in str(span.outcome)
