"""A token bucket: so many units per second, a second's worth at once.

A batch larger than the bucket goes when the bucket is full and leaves a debt that the next one waits for, so
the average stays at the rate whatever the batch size. Cost: constant time and memory per request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hingeline.core.errors import InvalidInput


class TokenBucket:
    """Limits how much is sent per second; safe to share between threads.

    Args:
        rate: Units per second (rows or requests); above 0.
        capacity: Most units saved up while idle; one second's worth (at least 1) if not given.
        clock: Seconds that only grow; replaced in tests.
        sleep: Waits so many seconds; replaced in tests.

    Raises:
        InvalidInput: The rate is not above 0.
    """

    def __init__(
        self,
        rate: float,
        *,
        capacity: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < rate < float("inf"):
            raise InvalidInput(f"rate must be a number above 0, per second; got {rate}")
        self.rate = rate
        self.capacity = max(1.0, rate) if capacity is None else capacity
        self._clock = clock
        self._sleep = sleep
        self._tokens = self.capacity
        self._seen = clock()
        self._lock = threading.Lock()

    def take(self, amount: float) -> float:
        """Take `amount` if it is there.

        Returns:
            0 if it was taken; else nothing was taken, and it will be there in so many seconds.
        """
        with self._lock:
            now = self._clock()
            self._tokens = min(self.capacity, self._tokens + (now - self._seen) * self.rate)
            self._seen = now
            wanted = min(amount, self.capacity)
            if self._tokens >= wanted:
                self._tokens -= amount
                return 0.0
            return (wanted - self._tokens) / self.rate

    def wait(self, amount: float) -> float:
        """Take `amount`, sleeping until it is there; gives the seconds slept."""
        slept = 0.0
        while (delay := self.take(amount)) > 0:
            # A hair more, so that rounding in the clock does not cost another round.
            self._sleep(delay + 1e-4)
            slept += delay
        return slept
