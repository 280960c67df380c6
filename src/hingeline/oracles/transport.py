"""How one HTTP request leaves and its answer comes back; the seam that tests and users may replace.

The one thing a caller needs to know of a failure is whether the target may have answered: `QueryFailed.sent`
says so. Redirects are not followed (a token must not travel to another host), loopback never goes through a
proxy, and an answer is read up to a size and a time, not for ever.
"""

from __future__ import annotations

import ipaddress
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

import httpx2

from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.core.version import __version__

USER_AGENT = f"hingeline/{__version__} (audits what a model's answers give away)"

# A connection that takes longer than this to open is as good as none.
CONNECT_SECONDS = 10.0

# Servers hang up idle connections after 2 s (gunicorn), 5 s (uvicorn) or more. A request that crosses with
# that may or may not have been read, so a connection is not used again after this long.
_IDLE_SECONDS = 1.0

# Answers of a batch are a few megabytes; more than this is not an answer.
LARGEST_ANSWER = 256 * 2**20

# Failures before the first byte of the request could reach the target.
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)


@dataclass(frozen=True)
class Request:
    """One HTTP request; its printed form shows neither address nor headers, which may hold secrets."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Names in lower case."""
    body: bytes = field(default=b"", repr=False)


class Transport(Protocol):
    """Sends a request and brings the answer."""

    def send(self, request: Request) -> Response:
        """The answer, whatever its status.

        Raises:
            QueryFailed: None came; `sent` is False only if the target cannot have seen the request.
        """
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class HttpTransport:
    """The real one, on httpx2.

    Args:
        timeout: Most seconds from sending to the end of the answer.
        direct: Ignore proxy settings of the environment.
    """

    def __init__(self, *, timeout: float, direct: bool) -> None:
        if not 0 < timeout < float("inf"):
            raise InvalidInput(f"timeout must be a number of seconds above 0; got {timeout}")
        self._timeout = timeout
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)),
            limits=httpx2.Limits(keepalive_expiry=_IDLE_SECONDS),
            trust_env=not direct,
            follow_redirects=False,
        )
        # Oracles are values to their users, who do not close them.
        self._finalizer = weakref.finalize(self, self._client.close)

    def send(self, request: Request) -> Response:
        """The answer, whatever its status.

        Raises:
            QueryFailed: No answer, or none that ends; see `Transport.send`.
        """
        try:
            return self._exchange(request)
        except _NOT_SENT as error:
            raise QueryFailed(f"could not connect ({_reason(error)})", sent=False) from None
        except httpx2.TimeoutException:
            raise QueryFailed(f"no answer within {self._timeout:g} s", sent=True) from None
        except httpx2.TransportError as error:
            raise QueryFailed(f"the connection was lost ({_reason(error)})", sent=True) from None
        except httpx2.DecodingError:
            raise QueryFailed("the answer's compression is broken", sent=True) from None
        except httpx2.InvalidURL:
            raise InvalidInput("that is not a web address; want http://HOST/...") from None

    def _exchange(self, request: Request) -> Response:
        deadline = time.monotonic() + self._timeout
        headers = {"User-Agent": USER_AGENT, **request.headers}
        parts: list[bytes] = []
        size = 0
        with self._client.stream(
            request.method, request.url, headers=headers, content=request.body or None
        ) as answer:
            for part in answer.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise QueryFailed(f"the answer is larger than {LARGEST_ANSWER:,} bytes", sent=True)
                if time.monotonic() > deadline:
                    raise QueryFailed(f"the answer did not end within {self._timeout:g} s", sent=True)
            if answer.is_error and "network_stream" in answer.extensions:
                # Servers often hang up after an error without saying so; what is sent again needs a new line.
                answer.extensions["network_stream"].close()
            lowered = {name.lower(): value for name, value in answer.headers.items()}
            return Response(answer.status_code, lowered, b"".join(parts))

    def close(self) -> None:
        """Give back connections."""
        self._finalizer()


def checked_host(url: str) -> str:
    """The host of a usable http(s) address.

    Raises:
        InvalidInput: Not http(s), no host, a bad port, or a password inside.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidInput(f"that is not a web address: {error}") from None
    if "@" in parts.netloc:
        raise InvalidInput(
            "the address holds a user name or password; put it in an environment variable and name that: "
            "headers_env={'Authorization': 'VARIABLE'}"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidInput(f"want an address like http://HOST:PORT/...; got {parts.scheme or 'no scheme'!r}")
    return host


def is_loopback(host: str) -> bool:
    """True if `host` names this machine by a loopback name or address."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(error: Exception) -> str:
    # httpx2 quotes an illegal header with its value; the kind of error is enough there.
    if isinstance(error, httpx2.LocalProtocolError):
        return "the request is not valid HTTP"
    return str(error) or type(error).__name__
