"""What a stopped attack leaves behind: the nearest flips among the questions in its journal.

Idea: when the budget ends, an attack of another library raises and its own best inputs are gone with it. But
every question and its answer is in the journal, and a question whose answer is another class is a flip, for
whichever input it was asked. So of each input the nearest such question is kept, exactly as it was answered.

Cost: one batch of the journal in memory at a time; n times m distances for n inputs and m recorded rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray, as_points, frozen
from hingeline.core.errors import InvalidInput
from hingeline.oracles.journal_reader import JournalReader
from hingeline.oracles.outward.scores import Scores

_ORDERS: dict[str, float] = {"l2": 2, "linf": np.inf, "l1": 1}
_NUMBERS_AT_ONCE = 2**21


@dataclass(frozen=True, eq=False)
class KeptFlips:
    """The nearest recorded question of another class, for each input."""

    points: FloatArray
    """Questions as they were sent, shape "n d"; NaN where there is none."""
    distances: FloatArray
    """From the input, in the norm asked for, shape "n"; infinite where there is none, 0 where the input
    itself was answered with another class."""
    rows: int
    """Recorded rows looked at."""


def kept_flips(
    journal: str | Path | JournalReader,
    inputs: Any,
    labels: Any,
    *,
    norm: Literal["l2", "linf", "l1"] = "l2",
    classes: int | None = None,
) -> KeptFlips:
    """For each input, the nearest question in a journal that was answered with a class other than its label.

    Nothing is asked. A flip that is not there was not asked; that says nothing of whether there is one.

    Args:
        journal: The file, also while it is being written, or an open journal.
        inputs: Where the attack began: rows "n d" or images "n ...", in input units of the door.
        labels: Their classes, shape "n".
        norm: How distance is measured.
        classes: How many labels there are, where the door told labels.

    Raises:
        InvalidInput: No journal there, one without answers, inputs or labels of another shape, another norm.
        FormatError: The journal is damaged.
    """
    if norm not in _ORDERS:
        raise InvalidInput(f"norm must be one of {', '.join(_ORDERS)}; got {norm!r}")
    if not isinstance(journal, JournalReader):
        with JournalReader.read(journal) as reader:
            return kept_flips(reader, inputs, labels, norm=norm, classes=classes)
    spec = journal.spec
    if spec is None:
        raise InvalidInput(f"the journal {journal.path} has not recorded a run; nothing is kept in it")
    starts = as_points(np.reshape(inputs, (len(inputs), -1)), spec.input_dim)
    search = _Search(starts, _as_labels(labels, len(starts)), _ORDERS[norm])
    scores = Scores(spec, classes)
    for number in journal.batch_numbers("answered"):
        batch = journal.batch(number)
        assert batch.answers is not None
        search.look_at(batch.rows.astype(np.float64), scores.of(batch.answers).argmax(axis=1))
    return KeptFlips(frozen(search.points), frozen(search.distances), search.rows)


class _Search:
    """The nearest question of another class so far, for each start."""

    def __init__(self, starts: FloatArray, labels: IntArray, order: float) -> None:
        self._starts, self._labels, self._order = starts, labels, order
        self.points = np.full(starts.shape, np.nan)
        self.distances = np.full(len(starts), np.inf)
        self.rows = 0

    def look_at(self, rows: FloatArray, told: IntArray) -> None:
        """Take in more questions, "m d", and the classes that they were answered with."""
        self.rows += len(rows)
        step = max(1, _NUMBERS_AT_ONCE // max(1, self._starts.size))
        for first in range(0, len(rows), step):
            self._look_at_some(rows[first : first + step], told[first : first + step])

    def _look_at_some(self, rows: FloatArray, told: IntArray) -> None:
        apart = np.linalg.norm(self._starts[:, np.newaxis] - rows, ord=self._order, axis=2)
        apart[self._labels[:, np.newaxis] == told] = np.inf
        best = apart.argmin(axis=1)
        found = np.take_along_axis(apart, best[:, np.newaxis], axis=1)[:, 0]
        nearer = found < self.distances
        self.points[nearer], self.distances[nearer] = rows[best[nearer]], found[nearer]


def _as_labels(labels: Any, count: int) -> IntArray:
    array = np.asarray(labels)
    if array.shape != (count,) or array.dtype.kind not in "iu":
        raise InvalidInput(
            f"want one whole number for each of {count} inputs as its label; got {array.dtype} {array.shape}"
        )
    return array.astype(np.int64)
