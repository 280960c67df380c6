"""What a defended door's answers say: a class, or that it will not answer, and how sure the door is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from hingeline.core.arrays import FloatArray, IntArray
from hingeline.oracles.protocol import Answers, Oracle


@dataclass(frozen=True)
class Reading:
    """How answers are read.

    Attributes:
        classes: Classes of the model; a larger class number means that the door would not answer.
        answers: What the answers are; "auto" is taken for logits.
    """

    classes: int
    answers: Answers = "auto"

    @classmethod
    def of(cls, oracle: Oracle, classes: int) -> Reading:
        """How a door is read."""
        return cls(classes, oracle.spec.answers)

    def decided(self, answers: FloatArray) -> IntArray:
        """Classes, or `classes` where the door abstained: "n k" to "n"."""
        if self.answers == "labels":
            return answers[:, 0].astype(np.int64)
        if answers.shape[1] == 1:
            return (answers[:, 0] > self._threshold).astype(np.int64)
        return answers.argmax(axis=1).astype(np.int64)

    def confidences(self, answers: FloatArray) -> FloatArray:
        """Probability that the door gives the class it decides for: "n"; 1 for a bare label."""
        if self.answers == "labels":
            return np.ones(len(answers))
        if answers.shape[1] == 1:
            one = answers[:, 0] if self.answers == "probabilities" else expit(answers[:, 0])
            return np.maximum(one, 1.0 - one)
        if self.answers == "probabilities":
            return np.clip(answers.max(axis=1), 0.0, 1.0)
        return softmax(answers, axis=1).max(axis=1)

    def margins(self, answers: FloatArray, classes: IntArray) -> FloatArray:
        """By how much each input stands, as far as the answers tell: "n k" and "n" to "n"; below 0: fooled.

        Of labels 1 or -1, of which no slope can be taken.
        """
        if self.answers == "labels":
            stands = (answers[:, 0] == classes) | (answers[:, 0] == self.classes)
            return np.where(stands, 1.0, -1.0)
        if answers.shape[1] == 1:
            return np.where(classes == 1, 1.0, -1.0) * (answers[:, 0] - self._threshold)
        rows, own = np.arange(len(answers)), answers[:, : self.classes]
        others = own.copy()
        others[rows, classes] = -np.inf
        leads = own[rows, classes] - others.max(axis=1)
        if answers.shape[1] == self.classes:
            return leads
        # whoever is turned away has fooled nobody
        return np.maximum(leads, answers[:, -1] - own.max(axis=1))

    @property
    def _threshold(self) -> float:
        return 0.5 if self.answers == "probabilities" else 0.0
