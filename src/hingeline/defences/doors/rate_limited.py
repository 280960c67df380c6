"""So many rows per second; what is more is turned away, as HTTP services do with status 429.

A batch larger than a second's worth goes when the bucket is full and leaves a debt (`oracles.rate`). Rows
turned away were not answered and are not paid.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput
from hingeline.defences.doors.defence import Defence, DefendedOracle
from hingeline.defences.doors.numbers import short
from hingeline.defences.doors.refusal import TOO_MANY, TurnedAway
from hingeline.oracles.protocol import Oracle
from hingeline.oracles.rate import TokenBucket


@dataclass(frozen=True)
class RateLimited(Defence):
    """Turns rows away beyond a rate.

    Raises:
        InvalidInput: A rate that is not a number above 0.
    """

    rate: float
    """Rows per second."""
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    """Seconds that only grow; replaced in tests."""

    def __post_init__(self) -> None:
        if not 0 < self.rate < np.inf:
            raise InvalidInput(f"rate must be a number above 0, such as 'rate:50'; got {self.rate}")

    @property
    def text(self) -> str:
        """As it is typed."""
        return f"rate:{short(self.rate)}"

    @property
    def words(self) -> str:
        """For tables."""
        return f"at most {self.rate:g} rows per second"

    @property
    def follows_scores(self) -> bool:
        """True: the answers themselves."""
        return True

    def around(self, oracle: Oracle, *, seed: int = 0) -> Oracle:
        """The door with the limit; `seed` is not used. A client may wait and ask again."""
        return _RateDoor(oracle, self)


class _RateDoor(DefendedOracle):
    def __init__(self, inner: Oracle, defence: RateLimited) -> None:
        super().__init__(inner, defence.words)
        self._words = defence.words
        self._bucket = TokenBucket(defence.rate, clock=defence.clock)

    def query(self, points: FloatArray) -> FloatArray:
        """Answers, if the rate allows.

        Raises:
            TurnedAway: It does not (a QueryFailed of status 429, not sent).
        """
        wait = self._bucket.take(len(points))
        if wait > 0:
            raise TurnedAway(self.inner.spec.name, TOO_MANY, self._words, wait)
        return self.inner.query(points)

    def shown(self, answers: FloatArray, points: FloatArray) -> FloatArray:
        return answers
