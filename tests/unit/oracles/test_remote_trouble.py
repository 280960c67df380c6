"""What the door does when a request goes wrong: what is sent again, what stops, what is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scripted_transport import POINTS, Reply, answer, opened, patient, reply

from hingeline.core.errors import QueryFailed
from hingeline.core.events import Event, Note
from hingeline.oracles.session import QuerySession
from hingeline.oracles.transport import Response

GOOD = answer([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
REFUSED = QueryFailed("could not connect (refused)", sent=False)
LOST = QueryFailed("the connection was lost", sent=True)
LATE = QueryFailed("no answer within 30 s", sent=True)


def failing(status: int, **headers: str) -> Response:
    return reply({"error": "out of order"}, status, **headers)


@pytest.mark.parametrize(
    ("troubles", "pauses"),
    [
        ([failing(429, retry_after="2")], [2]),
        ([failing(429, retry_after="2"), failing(429, retry_after="7")], [2, 7]),
        ([failing(429)], [0.5]),
        ([failing(503, retry_after="1")], [1]),
        ([failing(503), failing(503), failing(503)], [0.5, 1, 2]),
        ([failing(500), failing(500)], [0.5, 1]),
        ([REFUSED, REFUSED], [0.5, 1]),
        ([failing(500), failing(503, retry_after="4"), REFUSED], [0.5, 4, 0.5]),
    ],
)
def test_what_cannot_have_been_answered_is_sent_again_unchanged(
    troubles: list[Reply], pauses: list[float]
) -> None:
    slept: list[float] = []
    oracle, transport = opened(*troubles, GOOD, policy=patient(slept))
    assert oracle.query_with_id(POINTS, "q1")[1, 2] == 6.0
    assert slept == pauses
    assert len({request.body for request in transport.requests[2:]}) == 1
    assert oracle.traffic.repeats == len(troubles)


@pytest.mark.parametrize(
    ("trouble", "attempts", "status", "sent", "message"),
    [
        (failing(400), 1, 400, False, "HTTP 400: out of order"),
        (failing(401), 1, 401, False, "token_env"),
        (failing(404), 1, 404, False, "Check the address"),
        (failing(413), 1, 413, False, "smaller max_batch"),
        (failing(422), 1, 422, False, "does not suit this model"),
        (failing(308), 1, 308, False, "Redirects"),
        (failing(429, retry_after="9999"), 1, 429, False, "asks to wait 9999 s.*lower rate"),
        (failing(429, retry_after="150"), 3, 429, False, "Tried 3 times over 300 s"),
        (failing(500), 3, 500, True, "HTTP 500: out of order. Tried 3 times"),
        (failing(502), 1, 502, True, "hingeline resume"),
        (failing(504), 1, 504, True, "hingeline resume"),
        (LOST, 1, None, True, "connection was lost.*not sent again.*hingeline resume.*idempotent=True"),
        (LATE, 1, None, True, "no answer within 30 s.*hingeline resume"),
        (Response(404, {}, b"<h1>Not Found</h1>"), 1, 404, False, "<h1>Not Found</h1>"),
    ],
)
def test_what_must_not_be_sent_again_stops_with_the_reason(
    trouble: Reply, attempts: int, status: int | None, sent: bool, message: str
) -> None:
    oracle, transport = opened(*[trouble] * 9)
    with pytest.raises(QueryFailed, match=message) as caught:
        oracle.query(POINTS)
    assert (caught.value.status, caught.value.sent) == (status, sent)
    assert len(transport.requests) - 2 == attempts


def test_a_connection_that_stays_refused_is_tried_until_patience_ends() -> None:
    slept: list[float] = []
    oracle, _ = opened(*[REFUSED] * 50, policy=patient(slept, patience=100.0))
    with pytest.raises(QueryFailed, match="could not connect") as caught:
        oracle.query(POINTS)
    assert 70 < sum(slept) <= 100 and not caught.value.sent


@pytest.mark.parametrize("trouble", [LOST, LATE, failing(504)])
def test_an_idempotent_server_is_asked_once_more_under_the_same_id(trouble: Reply) -> None:
    oracle, transport = opened(trouble, GOOD, idempotent=True)
    oracle.query_with_id(POINTS, "q1")
    assert [document["id"] for document in transport.documents] == ["q1", "q1"]
    again, transport = opened(trouble, trouble, GOOD, idempotent=True)
    with pytest.raises(QueryFailed):
        again.query(POINTS)
    assert len(transport.documents) == 2


def test_doubt_is_not_forgotten_when_the_repeat_cannot_connect() -> None:
    oracle, _ = opened(LOST, *[REFUSED] * 50, idempotent=True)
    with pytest.raises(QueryFailed, match="could not connect") as caught:
        oracle.query(POINTS)
    assert caught.value.sent


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(200, {}, b"<html><title>Login</title></html>"), "HTML page.*begins: <html><title>Login"),
        (Response(200, {}, b"OK"), "not JSON.*begins: OK"),
        (reply({"error": "boom"}), "an error.*begins: boom"),
        (reply({"outputs": []}), "no outputs"),
        (answer([[1.0, 2.0, 3.0]]), r"2 rows were asked; output 'y' has shape \[1, 3\]"),
        (answer([[1.0, 2.0], [3.0, 4.0]]), "2 numbers per row; 3 were declared"),
        (answer([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]]), "NaN or infinity in 1 of 2 rows"),
        (answer([[1, 2, 3], [4, 5, 6]], datatype="BYTES"), "BYTES"),
        (answer([[1, 2, 3], [4, 5, 6]], name="other"), "no output 'y'"),
    ],
)
def test_an_answer_that_cannot_be_used_is_in_doubt_and_not_asked_again(
    response: Response, message: str
) -> None:
    oracle, transport = opened(response, GOOD, output_name="y")
    with pytest.raises(QueryFailed, match=message) as caught:
        oracle.query(POINTS)
    assert caught.value.sent and len(transport.documents) == 1


def test_waiting_is_told_as_an_event() -> None:
    events: list[Event] = []
    oracle, _ = opened(failing(429, retry_after="2"), GOOD, on_event=events.append)
    oracle.query(POINTS)
    assert [type(event) for event in events] == [Note]
    assert "again in 2 s" in str(events[0])


@pytest.mark.parametrize(
    ("trouble", "counted"), [(LOST, 2), (failing(500), 2), (failing(400), 0), (REFUSED, 0)]
)
def test_a_session_counts_the_rows_that_may_have_been_paid(trouble: Any, counted: int) -> None:
    oracle, _ = opened(*[trouble] * 20, policy=patient(patience=1.0))
    session = QuerySession(oracle)
    with pytest.raises(QueryFailed):
        session.ask(POINTS)
    assert session.spent == counted
