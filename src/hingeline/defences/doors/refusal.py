"""How a defended door says that it will not answer."""

from __future__ import annotations

from hingeline.core.errors import QueryFailed

TOO_MANY = 429
FORBIDDEN = 403


class TurnedAway(QueryFailed):
    """The door did not answer on purpose; what a session gets elsewhere when a service does so.

    The rows were not answered and are not paid: `sent` is False.

    Attributes:
        reason: What the service says.
        retry_after: Seconds until it would answer; None if it does not say.
    """

    def __init__(self, name: str, status: int, reason: str, retry_after: float | None = None) -> None:
        wait = "" if retry_after is None else f" (it asks to wait {retry_after:.6g} s)"
        super().__init__(f"{name}: HTTP {status}: {reason}{wait}", status=status, sent=False)
        self.reason = reason
        self.retry_after = retry_after
