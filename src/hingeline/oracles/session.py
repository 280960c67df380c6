"""The one way to ask: counts rows, enforces the budget, tells what happens."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray, as_points
from hingeline.core.errors import BudgetExhausted, InvalidInput, OutsideDomain, QueryFailed
from hingeline.core.events import (
    BudgetLow,
    Event,
    EventSink,
    PhaseEnded,
    PhaseStarted,
    QueriesAnswered,
    ignore,
)
from hingeline.core.outcome import Spending
from hingeline.oracles.protocol import Oracle


@dataclass
class _Scope:
    """A phase that is open: its name, its limit, what it has used."""

    name: str
    limit: int | None
    spent: int = 0


class QuerySession:
    """Holds an oracle, a budget and an event sink; all queries of a verb go through it.

    Args:
        oracle: The door.
        budget: Most rows that may be asked; None for no limit.
        on_event: Where events go.
        batch_size: Most rows handed to the oracle in one call (its own `max_batch` may be smaller).
    """

    def __init__(
        self,
        oracle: Oracle,
        *,
        budget: int | None = None,
        on_event: EventSink = ignore,
        batch_size: int = 8192,
    ) -> None:
        if budget is not None and budget < 1:
            raise InvalidInput(f"budget must be at least 1 query; got {budget}")
        self.oracle = oracle
        self.budget = budget
        self._emit = on_event
        self._batch = min(batch_size, oracle.spec.max_batch or batch_size)
        self._scopes = [_Scope("run", budget)]
        self._queries: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._started = time.perf_counter()
        self._warned = False

    @property
    def input_dim(self) -> int:
        """Numbers in one query row."""
        return self.oracle.spec.input_dim

    @property
    def spent(self) -> int:
        """Rows asked so far."""
        return self._scopes[0].spent

    @property
    def remaining(self) -> int | None:
        """Rows left under the tightest open limit; None if there is none."""
        left = [s.limit - s.spent for s in self._scopes if s.limit is not None]
        return min(left) if left else None

    @property
    def spending(self) -> Spending:
        """What was used so far."""
        return Spending(
            self.spent, time.perf_counter() - self._started, dict(self._queries), dict(self._seconds)
        )

    def emit(self, event: Event) -> None:
        """Tell the sink."""
        self._emit(event)

    @contextmanager
    def phase(self, name: str, limit: int | None = None) -> Generator[None]:
        """Name what is asked inside, optionally with its own limit; phases nest."""
        scope = _Scope(name, limit)
        self._scopes.append(scope)
        path, began = self._path(), time.perf_counter()
        self.emit(PhaseStarted(path, limit))
        try:
            yield
        finally:
            self._scopes.pop()
            seconds = time.perf_counter() - began
            self._seconds[path] = self._seconds.get(path, 0.0) + seconds
            self.emit(PhaseEnded(path, scope.spent, seconds))

    def ask(self, points: Any) -> FloatArray:
        """Answers at `points`, "n d" to "n k"; every row is counted.

        Raises:
            InvalidInput: Points of wrong shape or not finite.
            OutsideDomain: A point outside the oracle's bounds.
            BudgetExhausted: The rows do not fit the budget; none of them was sent.
            QueryFailed: No usable answer (wrong shape, NaN, the door is closed).
        """
        rows = as_points(points, self.input_dim)
        self._check_bounds(rows)
        self._reserve(len(rows))
        answers = [self._ask_batch(rows[i : i + self._batch]) for i in range(0, len(rows), self._batch)]
        return np.concatenate(answers) if answers else np.zeros((0, self.oracle.spec.output_dim or 1))

    def _ask_batch(self, rows: FloatArray) -> FloatArray:
        answers = _checked(self.oracle.query(rows), len(rows), self.oracle.spec.name)
        self._count(len(rows))
        return answers

    def _reserve(self, rows: int) -> None:
        for scope in self._scopes:
            if scope.limit is not None and scope.spent + rows > scope.limit:
                raise BudgetExhausted(limit=scope.limit, spent=scope.spent, wanted=rows, phase=scope.name)

    def _count(self, rows: int) -> None:
        for scope in self._scopes:
            scope.spent += rows
        path = self._path()
        self._queries[path] = self._queries.get(path, 0) + rows
        self.emit(QueriesAnswered(rows, self.spent, self.budget, path))
        if self.budget is not None and not self._warned and self.spent > 0.9 * self.budget:
            self._warned = True
            self.emit(BudgetLow(self.spent, self.budget))

    def _check_bounds(self, rows: FloatArray) -> None:
        bounds = self.oracle.spec.bounds
        if bounds is not None and rows.size and (rows.min() < bounds[0] or rows.max() > bounds[1]):
            raise OutsideDomain(
                f"a query reaches [{rows.min():.6g}, {rows.max():.6g}]; this oracle's bounds are {bounds}"
            )

    def _path(self) -> str:
        return "/".join(s.name for s in self._scopes[1:]) or "run"


def _checked(answers: FloatArray, rows: int, name: str) -> FloatArray:
    if answers.ndim != 2 or answers.shape[0] != rows or answers.shape[1] == 0:
        raise QueryFailed(
            f"{name} answered {rows} rows with an array of shape {answers.shape}; want ({rows}, k)", sent=True
        )
    if not np.isfinite(answers).all():
        bad = int((~np.isfinite(answers).all(axis=1)).sum())
        raise QueryFailed(f"{name} answered NaN or infinity in {bad} of {rows} rows", sent=True)
    return answers
