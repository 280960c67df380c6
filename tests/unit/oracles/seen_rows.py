"""A door that keeps its own account of what it was asked, apart from the session's."""

from __future__ import annotations

import numpy as np

from hingeline.oracles.protocol import OracleSpec


class SeenRows:
    """Answers (sum of the row, first number) and remembers every row."""

    def __init__(self, input_dim=2, **known):
        self.spec = OracleSpec(**{"name": "seen", "input_dim": input_dim} | known)
        self.batches = []

    @property
    def rows(self):
        return sum(len(batch) for batch in self.batches)

    def query(self, points):
        self.batches.append(np.array(points))
        return self.answer(points)

    def answer(self, points):
        return np.column_stack([points.sum(axis=1), points[:, 0]])


class Noisy(SeenRows):
    """Never says the same twice: answers how many rows it had been asked before each."""

    def answer(self, points):
        before = self.rows - len(points)
        return np.arange(before, self.rows, dtype=float)[:, np.newaxis]


class WithIds(SeenRows):
    """Takes request ids."""

    def __init__(self, **known):
        super().__init__(**known)
        self.ids = []

    def query_with_id(self, points, request_id):
        self.ids.append(request_id)
        return self.query(points)


class Failing(SeenRows):
    """Gives `bad` in place of answers (or raises it) while `bad` is set."""

    bad = None

    def answer(self, points):
        if isinstance(self.bad, BaseException):
            raise self.bad
        return super().answer(points) if self.bad is None else self.bad
