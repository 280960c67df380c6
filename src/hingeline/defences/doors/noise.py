"""Gaussian noise, a new draw for every row answered. Averaging n repeats leaves 1/sqrt(n) of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.core.randomness import Randomness
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.numbers import short
from hingeline.defences.doors.order import need_all_scores
from hingeline.oracles.protocol import Oracle

# Every draw depends on this name; practice servers have used it from the start.
_STEP = "practice noise"


@dataclass(frozen=True)
class Noise(Defence):
    """N(0, deviation^2) added to every number of an answer.

    Raises:
        InvalidInput: A deviation that is not a number above 0.
    """

    deviation: float
    """Standard deviation, in units of the answers."""

    def __post_init__(self) -> None:
        check_deviation(self.deviation)

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"noise:{short(self.deviation)}"

    @property
    def words(self) -> str:
        """For tables."""
        return f"noise {self.deviation:g}"

    @property
    def is_random(self) -> bool:
        """True: asked again, it draws again."""
        return True

    @property
    def follows_scores(self) -> bool:
        """True: scores and luck."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The noisy door; the n-th row answered gets the n-th draw of `seed`, whatever the batches.

        Raises:
            InvalidInput: The door inside answers labels, or its largest logits only.
        """
        need_all_scores(oracle, self.text)
        return _NoisyDoor(oracle, self, seed)


class _NoisyDoor(DefendedOracle):
    """Safe to ask from several threads: each batch gets its draws in one piece."""

    def __init__(self, inner: Oracle, defence: Noise, seed: int) -> None:
        super().__init__(inner, defence.words)
        self._deviation = defence.deviation
        self._generator = Randomness(seed).step(_STEP)
        self._lock = threading.Lock()

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        with self._lock:
            draws = self._generator.standard_normal(answers.shape)
        return answers + self._deviation * draws


def check_deviation(deviation: float) -> None:
    """Refuse what is no standard deviation above 0.

    Raises:
        InvalidInput: It is not.
    """
    if not 0 < deviation < np.inf:
        raise InvalidInput(f"noise must be a number above 0, such as 'noise:1e-3'; got {deviation}")
