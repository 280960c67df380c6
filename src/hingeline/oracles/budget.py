"""What may be asked and what was: nested limits, rows and seconds by phase."""

from __future__ import annotations

import time
from dataclasses import dataclass
from numbers import Real

from hingeline.core.errors import BudgetExhausted, InvalidInput
from hingeline.core.outcome import Spending


@dataclass
class _Scope:
    """A phase that is open: its name, its limit, what it has used."""

    name: str
    limit: int | None
    began: float
    spent: int = 0


class Budget:
    """Limits that nest like the phases they belong to, and the count of rows.

    Args:
        limit: Most rows of the whole run; None for no limit.
    """

    def __init__(self, limit: int | None = None) -> None:
        if limit is not None and not (isinstance(limit, Real) and limit >= 1 and float(limit).is_integer()):
            raise InvalidInput(f"budget must be at least 1 query, a whole number; got {limit!r}")
        self.limit = limit
        self._scopes = [_Scope("run", limit, time.perf_counter())]
        self._queries: dict[str, int] = {}
        self._seconds: dict[str, float] = {}

    @property
    def spent(self) -> int:
        """Rows counted so far."""
        return self._scopes[0].spent

    @property
    def remaining(self) -> int | None:
        """Rows left under the tightest open limit; None if there is none."""
        left = [s.limit - s.spent for s in self._scopes if s.limit is not None]
        return min(left) if left else None

    @property
    def phase(self) -> str:
        """The open phases, joined by '/'."""
        return "/".join(s.name for s in self._scopes[1:]) or "run"

    @property
    def spending(self) -> Spending:
        """What was used so far."""
        seconds = time.perf_counter() - self._scopes[0].began
        return Spending(self.spent, seconds, dict(self._queries), dict(self._seconds))

    def open_phase(self, name: str, limit: int | None) -> None:
        """Count what follows under `name` too."""
        self._scopes.append(_Scope(name, limit, time.perf_counter()))

    def close_phase(self) -> tuple[int, float]:
        """Leave the innermost phase: its rows and its seconds."""
        path, scope = self.phase, self._scopes.pop()
        seconds = time.perf_counter() - scope.began
        self._seconds[path] = self._seconds.get(path, 0.0) + seconds
        return scope.spent, seconds

    def reserve(self, rows: int) -> None:
        """Make sure that `rows` more fit every open limit.

        Raises:
            BudgetExhausted: They do not.
        """
        for scope in self._scopes:
            if scope.limit is not None and scope.spent + rows > scope.limit:
                raise BudgetExhausted(limit=scope.limit, spent=scope.spent, wanted=rows, phase=scope.name)

    def count(self, rows: int) -> None:
        """Add `rows` to every open phase."""
        for scope in self._scopes:
            scope.spent += rows
        self._queries[self.phase] = self._queries.get(self.phase, 0) + rows
