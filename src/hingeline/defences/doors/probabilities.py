"""Probabilities in place of logits: softmax, or the logistic function of one logit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.order import need_all_scores, need_logits
from hingeline.oracles.protocol import Oracle


@dataclass(frozen=True)
class Probabilities(Defence):
    """exp(z_i) / sum_j exp(z_j); for one output 1 / (1 + exp(-z))."""

    pair: bool = False
    """For one output, answer the probabilities of both classes, 0 and 1."""

    @property
    def text(self) -> str:
        """As it is typed."""
        return "softmax-pair" if self.pair else "softmax"

    @property
    def words(self) -> str:
        """For tables."""
        return "probabilities"

    @property
    def follows_scores(self) -> bool:
        """True: a function of all scores."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door that answers probabilities; `seed` is not used.

        Raises:
            InvalidInput: The door inside answers labels or probabilities, or its largest logits only.
        """
        need_logits(oracle, self.text)
        need_all_scores(oracle, self.text)
        return _ProbabilityDoor(oracle, self)


class _ProbabilityDoor(DefendedOracle):
    def __init__(self, inner: Oracle, defence: Probabilities) -> None:
        width = 2 if defence.pair and inner.spec.output_dim == 1 else inner.spec.output_dim
        super().__init__(inner, defence.words, answers="probabilities", output_dim=width)
        self._pair = defence.pair

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        if answers.shape[1] != 1:
            return softmax(answers)
        both = softmax(np.hstack([np.zeros_like(answers), answers]))
        return both if self._pair else both[:, 1:]


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities of every row, "n k" to "n k"; finite for any finite logits."""
    # logits at both ends of the numbers are infinitely far apart, which is a probability of 0
    with np.errstate(over="ignore"):
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
