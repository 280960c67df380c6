"""Carry one request to an endpoint and bring back its answer, without ever paying twice in silence.

A repeated request is the same bytes with the same request id, so a target that knows the id can tell.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from hingeline.core.errors import QueryFailed
from hingeline.core.events import EventSink, Note, ignore
from hingeline.oracles.complaints import advice_for, excerpt
from hingeline.oracles.credentials import Credentials
from hingeline.oracles.rate import TokenBucket
from hingeline.oracles.retries import Attempts, Mishap, RetryPolicy, Trouble, retry_after, trouble_of
from hingeline.oracles.transport import Request, Response, Transport

_logger = logging.getLogger("hingeline.oracles")

_RESUME = (
    "The rows may have been answered and the answer lost; they were not sent again. What arrived before is "
    "kept: `hingeline resume DIR` goes on and asks these rows. If the target recognises repeated request "
    "ids, say idempotent=True"
)


@dataclass(frozen=True)
class Traffic:
    """What went over the wire so far; rows are counted by the session, this is the telephone bill."""

    requests: int = 0
    """Requests sent, repeated ones and metadata included."""
    repeats: int = 0
    """Requests sent again after trouble."""
    rows: int = 0
    """Rows in all requests sent, filler rows of fixed batches and repeats included."""
    bytes_sent: int = 0
    """Bodies only."""
    seconds_waited: float = 0.0
    """Time spent on the rate limit and on pauses."""


class Courier:
    """Sends requests at the agreed rate and decides what may be sent again.

    Args:
        name: How messages call the target; holds no secret.
        transport: What really sends.
        credentials: Secret headers, added to every request.
        policy: When to send again.
        bucket: The rate limit; None for none.
        count_rows: The bucket's unit: rows if True, requests if False.
        on_event: Where sentences about waiting go.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        *,
        credentials: Credentials,
        policy: RetryPolicy,
        bucket: TokenBucket | None = None,
        count_rows: bool = False,
        on_event: EventSink = ignore,
    ) -> None:
        self._name = name
        self._transport = transport
        self._credentials = credentials
        self._policy = policy
        self._bucket = bucket
        self._count_rows = count_rows
        self._emit = on_event
        self._traffic = Traffic()

    @property
    def traffic(self) -> Traffic:
        """What went over the wire so far."""
        return self._traffic

    def deliver(self, request: Request, rows: int) -> Response:
        """Send a request until it is answered with a 2xx status, as far as the policy allows.

        Args:
            request: What to send; the secret headers are added here.
            rows: Rows in it; 0 for a question about the model.

        Raises:
            QueryFailed: No answer; `sent` is True if the rows may have been answered.
        """
        request = replace(request, headers={**request.headers, **self._credentials.headers})
        attempts = Attempts(self._policy if rows else self._policy.for_first_contact())
        while True:
            outcome = self._attempt(request, rows)
            if isinstance(outcome, Response):
                return outcome
            pause = attempts.pause_after(outcome)
            if pause is None:
                raise self._last_word(outcome, attempts, rows)
            self._tell_and_wait(outcome, pause)
            self._traffic = replace(self._traffic, repeats=self._traffic.repeats + 1)

    def complain(self, problem: str, response: Response) -> QueryFailed:
        """The error for an answer that cannot be used, with the start of its body, secrets removed."""
        shown = excerpt(response.body, self._credentials)
        said = f". It begins: {shown}" if shown else ""
        text = self._credentials.redact(f"{self._name}: {problem}")
        return QueryFailed(text + said, status=response.status, sent=True)

    def close(self) -> None:
        """Give back connections."""
        self._transport.close()

    def _attempt(self, request: Request, rows: int) -> Response | Mishap:
        waited = self._bucket.wait(rows if self._count_rows else 1) if self._bucket else 0.0
        seen = self._traffic
        self._traffic = replace(
            seen,
            requests=seen.requests + 1,
            rows=seen.rows + rows,
            bytes_sent=seen.bytes_sent + len(request.body),
            seconds_waited=seen.seconds_waited + waited,
        )
        try:
            response = self._transport.send(request)
        except QueryFailed as failure:
            trouble = Trouble.DOUBT if failure.sent else Trouble.UNREACHABLE
            return Mishap(trouble, self._credentials.redact(str(failure)))
        return response if 200 <= response.status < 300 else self._mishap(response)

    def _mishap(self, response: Response) -> Mishap:
        said = excerpt(response.body, self._credentials)
        text = f"HTTP {response.status}" + (f": {said}" if said else "")
        if 300 <= response.status < 400:
            text += f" (moved to {self._credentials.redact(response.headers.get('location', 'nowhere'))})"
        asked = retry_after(response.headers)
        if asked is not None:
            text += f" (it asks to wait {asked:.6g} s)"
        return Mishap(trouble_of(response.status), text, response.status, asked)

    def _last_word(self, mishap: Mishap, attempts: Attempts, rows: int) -> QueryFailed:
        parts = [f"{self._name}: {mishap.text.rstrip('.')}", attempts.summary(mishap.trouble)]
        doubt = rows > 0 and attempts.reached_target
        parts.append(_RESUME if mishap.trouble is Trouble.DOUBT and rows else advice_for(mishap.status))
        return QueryFailed(". ".join(p for p in parts if p), status=mishap.status, sent=doubt)

    def _tell_and_wait(self, mishap: Mishap, pause: float) -> None:
        sentence = f"{self._name}: {mishap.text}; again in {pause:.3g} s"
        _logger.info(sentence)
        self._emit(Note(sentence))
        self._policy.sleep(pause)
        waited = self._traffic.seconds_waited + pause
        self._traffic = replace(self._traffic, seconds_waited=waited)
