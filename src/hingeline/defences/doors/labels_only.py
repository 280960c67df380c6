"""The winning class and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.order import need_scores
from hingeline.oracles.protocol import Answers, Oracle


@dataclass(frozen=True)
class LabelsOnly(Defence):
    """Index of the largest score, the first of equals; for one output 1 where it is positive."""

    @property
    def text(self) -> str:
        """As it is typed."""
        return "labels"

    @property
    def words(self) -> str:
        """For tables."""
        return "labels only"

    @property
    def follows_scores(self) -> bool:
        """True: the largest score's place."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door that answers labels; `seed` is not used. One probability counts above 1/2.

        Raises:
            InvalidInput: The door inside answers labels already.
        """
        need_scores(oracle, self.text)
        return LabelDoor(oracle, self.words)


class LabelDoor(DefendedOracle):
    """A door that answers labels, "n 1", and knows how many classes there are."""

    def __init__(self, inner: Oracle, words: str) -> None:
        super().__init__(inner, words, answers="labels", output_dim=1)
        width = inner.spec.output_dim
        self.classes = 2 if width == 1 else width
        """Classes of the door inside; None where it does not say."""

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        """The winning class of every row."""
        return labels(answers, self.inner.spec.answers)


def labels(scores: FloatArray, answers: Answers) -> FloatArray:
    """The winning class of every row, "n k" to "n 1", float64."""
    if scores.shape[1] == 1:
        return (scores > (0.5 if answers == "probabilities" else 0.0)).astype(np.float64)
    return np.argmax(scores, axis=1).astype(np.float64)[:, np.newaxis]
