"""The real HTTP transport against raw sockets that behave badly."""

from __future__ import annotations

import gzip
import logging
import re
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.oracles import transport as transport_module
from hingeline.oracles.transport import USER_AGENT, HttpTransport, Request, checked_host, is_loopback

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@contextmanager
def server(behave: Callable[[socket.socket, bytes], None]) -> Generator[tuple[str, list[bytes]]]:
    """Listens, reads one request per connection and hands the connection to `behave`."""
    seen: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                seen.append(_request(connection))
                behave(connection, seen[-1])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/", seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _request(connection: socket.socket) -> bytes:
    """Head and body of one request; what came, if the client leaves earlier."""
    data = b""
    while part := connection.recv(65536):
        data += part
        head, found, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        if found and len(body) >= int(length[1] if length else 0):
            break
    return data


@contextmanager
def client(timeout: float = 5.0) -> Generator[HttpTransport]:
    opened = HttpTransport(timeout=timeout, direct=True)
    try:
        yield opened
    finally:
        opened.close()


def test_an_answer_comes_back_whole_and_we_say_who_we_are() -> None:
    with server(lambda c, _: c.sendall(OK)) as (url, seen), client() as http:
        response = http.send(Request("POST", url, {"X-Say": "yes"}, b"body"))
    assert (response.status, response.body, response.headers["content-length"]) == (200, b"hi", "2")
    assert f"User-Agent: {USER_AGENT}".encode() in seen[0]
    assert b"X-Say: yes" in seen[0] and seen[0].endswith(b"body")


def test_a_closed_port_was_not_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with client() as http, pytest.raises(QueryFailed, match="could not connect") as caught:
        http.send(Request("GET", f"http://127.0.0.1:{port}/"))
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("behave", "message"),
    [
        (lambda c, _: None, "connection was lost"),
        (lambda c, _: c.sendall(OK[:-1]), "connection was lost"),
        (lambda c, _: c.sendall(b"what is HTTP?\r\n\r\n"), "connection was lost"),
        (lambda c, _: threading.Event().wait(0.6), "no answer within 0.3 s"),
        (
            lambda c, _: c.sendall(OK.replace(b"Length: 2", b"Length: 2\r\nContent-Encoding: gzip")),
            "compression",
        ),
    ],
)
def test_what_fails_after_sending_may_have_been_answered(
    behave: Callable[[socket.socket, bytes], None], message: str
) -> None:
    with server(behave) as (url, _), client(0.3) as http, pytest.raises(QueryFailed, match=message) as caught:
        http.send(Request("POST", url, body=b"x"))
    assert caught.value.sent


def test_an_answer_that_trickles_for_ever_is_given_up() -> None:
    stop = threading.Event()

    def trickle(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not stop.wait(0.02):
            try:
                connection.sendall(b".")
            except OSError:
                return

    with server(trickle) as (url, _), client(0.3) as http:
        with pytest.raises(QueryFailed, match="did not end within"):
            http.send(Request("GET", url))
        stop.set()


def test_an_answer_too_large_to_be_one_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "LARGEST_ANSWER", 1000)
    bomb = gzip.compress(b"0" * 10_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    with (
        server(lambda c, _: c.sendall(head + bomb)) as (url, _),
        client() as http,
        pytest.raises(QueryFailed, match="larger than 1,000 bytes"),
    ):
        http.send(Request("GET", url))


def test_a_redirect_is_handed_back_and_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with server(lambda c, _: c.sendall(moved)) as (url, seen), client() as http:
        assert http.send(Request("GET", url, {"Authorization": "x"})).status == 302
    assert len(seen) == 1


def test_after_an_error_the_next_request_takes_a_new_connection() -> None:
    error = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"

    def answer_one_and_hang_up(connection: socket.socket, request: bytes) -> None:
        connection.sendall(error)
        # Whatever is sent on this connection now is lost.
        threading.Event().wait(0.2)

    with server(answer_one_and_hang_up) as (url, seen), client() as http:
        assert [http.send(Request("POST", url, body=b"x")).status for _ in range(3)] == [500] * 3
    assert len(seen) == 3


def test_no_secret_reaches_the_logs_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), server(lambda c, _: c.sendall(OK)) as (url, seen), client() as http:
        http.send(Request("POST", url, {"Authorization": "Bearer hush-hush"}, b"{}"))
    assert b"hush-hush" in seen[0]
    assert caplog.text and "hush" not in caplog.text


def test_a_header_that_is_not_http_is_refused_without_showing_it() -> None:
    with (
        server(lambda c, _: c.sendall(OK)) as (url, seen),
        client() as http,
        pytest.raises(QueryFailed, match="not valid HTTP") as caught,
    ):
        http.send(Request("GET", url, {"X-Key": "hush\nhush"}))
    assert "hush" not in str(caught.value) and not caught.value.sent and not any(seen)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("192.168.0.1", False),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    "url", ["", "host:80/x", "file:///etc/passwd", "http://", "http://a:99999/", "http://[::1/"]
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="address"):
        checked_host(url)
