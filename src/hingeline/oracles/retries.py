"""What may be sent again after trouble, and when: the one question is whether the target may have answered.

| what happened | may have been paid | what we do |
| --- | --- | --- |
| no connection | no | again, waiting longer each time, until `patience` runs out |
| 429, 503 | no, it was turned away | again after Retry-After, until `longest_wait` runs out |
| 500 | no, an error is not an answer | again, `error_attempts` times in all |
| lost after sending, no answer in time, 502, 504 | yes | once more if the target is `idempotent`, else stop |
| any other status | no | stop, and show what the target said |

Cost: nothing but waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

# A target that says "Retry-After: 0" again and again is not hammered.
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0

# A server that is not there at the first contact is more likely a typing error than a restart; one that is
# there and loads its model may need a moment.
_FIRST_PATIENCE = 2.0
_FIRST_WAIT = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """When to send again; times in seconds."""

    patience: float = 300.0
    """Most time spent waiting for a connection, per request."""
    longest_wait: float = 300.0
    """Most time spent waiting because the target said it is busy, per request."""
    error_attempts: int = 3
    """How often a request is sent in all if it is answered with status 500."""
    idempotent: bool = False
    """The target answers a repeated request id without charging again; then doubt allows one repeat."""
    first_pause: float = 0.5
    """First waiting time where the target names none; doubles each time."""
    sleep: Callable[[float], None] = time.sleep
    """How to wait; replaced in tests."""

    def for_first_contact(self) -> RetryPolicy:
        """For questions about the model: free to repeat, and not worth a long wait."""
        patience = min(self.patience, _FIRST_PATIENCE)
        return replace(
            self, idempotent=True, patience=patience, longest_wait=min(self.longest_wait, _FIRST_WAIT)
        )


class Trouble(Enum):
    """What can come instead of an answer; the table at the head of this module."""

    UNREACHABLE = "could not connect"
    BUSY = "the target is busy"
    ERROR = "the target failed"
    DOUBT = "the answer may be lost"
    REFUSED = "the target refused"


@dataclass(frozen=True)
class Mishap:
    """One attempt that brought no answer."""

    trouble: Trouble
    text: str
    status: int | None = None
    retry_after: float | None = None


class Attempts:
    """What one request has been through; one ladder of pauses per kind of trouble."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._count = dict.fromkeys(Trouble, 0)
        self._waited = dict.fromkeys(Trouble, 0.0)

    def pause_after(self, mishap: Mishap) -> float | None:
        """Seconds to wait before sending again; None if it must not be sent again."""
        trouble = mishap.trouble
        self._count[trouble] += 1
        pause = self._next_pause(mishap)
        if not self._may_repeat(trouble, pause):
            return None
        self._waited[trouble] += pause
        return pause

    @property
    def reached_target(self) -> bool:
        """True if some attempt may have been answered, or was answered by an error."""
        return self._count[Trouble.DOUBT] + self._count[Trouble.ERROR] > 0

    def summary(self, trouble: Trouble) -> str:
        """How often it was tried; empty if once."""
        count, waited = self._count[trouble], self._waited[trouble]
        return f"Tried {count} times over {waited:.3g} s" if count > 1 else ""

    def _next_pause(self, mishap: Mishap) -> float:
        if mishap.retry_after is not None and mishap.trouble is Trouble.BUSY:
            return max(_SHORTEST_PAUSE, mishap.retry_after)
        doublings = min(self._count[mishap.trouble] - 1, 16)
        return max(_SHORTEST_PAUSE, min(_LONGEST_PAUSE, self._policy.first_pause * 2.0**doublings))

    def _may_repeat(self, trouble: Trouble, pause: float) -> bool:
        spent = self._waited[trouble] + pause
        match trouble:
            case Trouble.UNREACHABLE:
                return spent <= self._policy.patience
            case Trouble.BUSY:
                return spent <= self._policy.longest_wait
            case Trouble.ERROR:
                return self._count[trouble] < self._policy.error_attempts
            case Trouble.DOUBT:
                return self._policy.idempotent and self._count[trouble] == 1
            case Trouble.REFUSED:
                return False


def trouble_of(status: int) -> Trouble:
    """What a status other than 2xx means for sending again."""
    if status in (429, 503):
        return Trouble.BUSY
    # A gateway that lost its upstream, or lost patience with it, cannot say whether the model was asked.
    if status in (502, 504):
        return Trouble.DOUBT
    return Trouble.ERROR if status == 500 else Trouble.REFUSED


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds named by Retry-After, as a number or a date; None if absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())
