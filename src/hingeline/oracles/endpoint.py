"""What every HTTP door agrees on with its host: how fast, how much at once, how patient, under whose name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hingeline.core.errors import InvalidInput
from hingeline.core.events import EventSink
from hingeline.oracles.courier import Courier
from hingeline.oracles.credentials import credentials_from_environment
from hingeline.oracles.rate import TokenBucket
from hingeline.oracles.retries import RetryPolicy
from hingeline.oracles.transport import HttpTransport, Transport, checked_host, is_loopback

# Polite without asking: a person's pace, five requests a second.
DEFAULT_REQUESTS_PER_SECOND = 5.0

# About 20 bytes a number in JSON: keeps a request under 1 MiB, nginx's default limit.
_NUMBERS_PER_REQUEST = 48_000
_LARGEST_BATCH = 1024

# On loopback a refused connection means that the server has ended; elsewhere it may be a cable.
_LOOPBACK_PATIENCE = 5.0


def open_courier(
    url: str,
    name: str,
    *,
    timeout: float,
    rate: float | None,
    token_env: str | None,
    headers_env: Mapping[str, str] | None,
    idempotent: bool,
    policy: RetryPolicy | None,
    transport: Transport | None,
    on_event: EventSink,
) -> Courier:
    """A courier to the host of `url` with the defaults that suit loopback or elsewhere.

    Raises:
        InvalidInput: A bad address, rate or timeout, or an environment variable that is not set.
    """
    local = is_loopback(checked_host(url))
    credentials = credentials_from_environment(token_env, headers_env)
    default = RetryPolicy(patience=_LOOPBACK_PATIENCE) if local else RetryPolicy()
    chosen = default if policy is None else policy
    return Courier(
        name,
        transport or HttpTransport(timeout=timeout, direct=local),
        credentials=credentials,
        policy=replace(chosen, idempotent=idempotent or chosen.idempotent),
        bucket=_bucket(rate, local),
        count_rows=rate is not None,
        on_event=on_event,
    )


def rows_per_request(input_dim: int, max_batch: int | None, rate: float | None) -> int:
    """Most rows in one request: as the caller says, else few enough; never over a second's rate."""
    size = max_batch or min(_LARGEST_BATCH, max(1, _NUMBERS_PER_REQUEST // input_dim))
    return size if rate is None else min(size, max(1, int(rate)))


def check_max_batch(max_batch: int | None) -> None:
    """Refuse an impossible batch before anything is asked.

    Raises:
        InvalidInput: It is below 1.
    """
    if max_batch is not None and max_batch < 1:
        raise InvalidInput(f"max_batch must be at least 1; got {max_batch}")


def _bucket(rate: float | None, local: bool) -> TokenBucket | None:
    if rate is not None:
        return TokenBucket(rate)
    return None if local else TokenBucket(DEFAULT_REQUESTS_PER_SECOND)
