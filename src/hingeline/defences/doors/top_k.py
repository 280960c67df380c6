"""Only the k largest scores are shown; of equal ones the first.

Probabilities outside become 0. Logits outside become the k-th largest, which tells nothing more and leaves
the decision as it is; where that would tie with the largest (k = 1, or equal scores at the top) they lie
clearly below it, since an argmax takes the first of equals. Cost: one sort of every row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.order import need_scores
from hingeline.oracles.protocol import Oracle


@dataclass(frozen=True)
class TopK(Defence):
    """Shows the `count` largest scores.

    Raises:
        InvalidInput: Fewer than one.
    """

    count: int
    """Scores shown."""

    def __post_init__(self) -> None:
        count: Any = self.count
        if not isinstance(count, int | np.integer) or count < 1:
            raise InvalidInput(f"top-k shows 1 score or more, such as 'top-k:3'; got {self.count}")

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"top-k:{self.count}"

    @property
    def words(self) -> str:
        """For tables."""
        return f"{self.count} largest scores only"

    @property
    def follows_scores(self) -> bool:
        """True: the largest scores."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door that shows so many scores; `seed` is not used.

        Raises:
            InvalidInput: The door inside answers labels, or fewer scores.
        """
        need_scores(oracle, self.text)
        width = oracle.spec.output_dim
        if width is not None and self.count > width:
            raise InvalidInput(f"{oracle.spec.name} has {width} scores, so there are no {self.count} largest")
        return _TopKDoor(oracle, self)


class _TopKDoor(DefendedOracle):
    def __init__(self, inner: Oracle, defence: TopK) -> None:
        super().__init__(inner, defence.words)
        self._count = defence.count
        self.hides_logits = inner.spec.answers != "probabilities"

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        if self._count >= answers.shape[1]:
            return answers
        order = np.argsort(-answers, axis=1, kind="stable")
        hidden = np.ones(answers.shape, dtype=np.bool_)
        np.put_along_axis(hidden, order[:, : self._count], False, axis=1)
        if not self.hides_logits:
            return np.where(hidden, 0.0, answers)
        last = np.take_along_axis(answers, order[:, self._count - 1 : self._count], axis=1)
        tied = last == answers.max(axis=1, keepdims=True)
        # The share keeps the step visible where 1 is less than the spacing of such numbers.
        below = np.maximum(last - 1.0 - np.abs(last) / 64.0, -np.finfo(np.float64).max)
        return np.where(hidden, np.where(tied, below, last), answers)
