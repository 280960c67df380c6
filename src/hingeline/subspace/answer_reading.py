"""Raw answers as labels and values, read off the answers themselves where no doctor has been.

A label is the largest of several outputs, the side of zero (of one half, for a probability) of a single one,
or the answer itself where the door gives labels. A value is a logit or a log-ratio; a row whose
probabilities are saturated or cut off by rounding has none.

Cost: no queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.oracles.protocol import Answers
from hingeline.probing.heads import Head, read_head
from hingeline.probing.resolution import read_resolution

ValueKind = Literal["logits", "log-ratios", "none"]


@dataclass(frozen=True)
class AnswerReading:
    """How answers are read."""

    gives_labels: bool
    """Answers are labels, or one-hot rows of them."""
    head: Head
    """How answers become values."""

    @property
    def value_kind(self) -> ValueKind:
        """What `values` are."""
        if self.gives_labels:
            return "none"
        return "logits" if self.head.kind == "none" else "log-ratios"

    def labels(self, answers: FloatArray) -> IntArray:
        """The class of each row, "n k" to "n"."""
        if answers.shape[1] > 1:
            return answers.argmax(axis=1).astype(np.int64)
        if self.gives_labels:
            return np.rint(answers[:, 0]).astype(np.int64)
        return (answers[:, 0] > (0.5 if self.head.kind == "sigmoid" else 0.0)).astype(np.int64)

    def changes(self, before: FloatArray, after: FloatArray) -> FloatArray:
        """Largest change of a value in each row, "n k", "n k" to "n"; nan where a value cannot be read."""
        change = np.full(len(before), np.nan)
        if self.gives_labels:
            return change
        good = self.head.usable(before) & self.head.usable(after)
        if good.any():
            moved = self.head.values(after[good]) - self.head.values(before[good])
            change[good] = np.abs(moved).max(axis=1)
        return change

    def variation(self, answers: FloatArray) -> float:
        """How much the value that varies most does so over the rows; nan without two readable rows."""
        good = np.zeros(len(answers), np.bool_) if self.gives_labels else self.head.usable(answers)
        return float(np.ptp(self.head.values(answers[good]), axis=0).max()) if good.sum() > 1 else np.nan


def read_answers(answers: FloatArray, said: Answers, card: Mapping[str, Any] | None = None) -> AnswerReading:
    """How to read `answers`.

    Args:
        answers: All that were received, shape "n k".
        said: What the user says they are.
        card: What the doctor wrote, as in the evidence of a verb that asked it; None if none was asked.
    """
    if card is not None:
        return AnswerReading(card["answers"] == "labels", Head(**card["head"]))
    if said == "labels" or (said == "auto" and _are_labels(answers)):
        return AnswerReading(True, Head())
    return AnswerReading(False, read_head(answers, read_resolution(answers), said))


def _are_labels(answers: FloatArray) -> bool:
    """Whole numbers from -1 upwards, or rows of zeros and ones that name one class each."""
    if not np.all(answers == np.rint(answers)):
        return False
    if answers.shape[1] == 1:
        return bool(answers.min() >= -1)
    return bool(np.all((answers == 0) | (answers == 1)) and np.all(answers.sum(axis=1) == 1))
