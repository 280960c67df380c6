"""The practice server over real sockets, asked by our client and by plain HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.evaluation.access_log import read_access_log
from hingeline.evaluation.practice_model import PracticeSettings
from hingeline.evaluation.practice_server import PracticeServer
from hingeline.networks.piecewise_linear import PiecewiseLinearNetwork
from hingeline.oracles.remote import remote_oracle
from hingeline.oracles.retries import RetryPolicy
from hingeline.oracles.session import QuerySession

GENERATOR = np.random.default_rng(0)
NETWORK = PiecewiseLinearNetwork(
    [GENERATOR.normal(size=(7, 4)), GENERATOR.normal(size=(3, 7))],
    [GENERATOR.normal(size=7), GENERATOR.normal(size=3)],
)
POINTS = GENERATOR.normal(size=(20, 4)) * 10.0 ** GENERATOR.integers(-12, 12, size=(20, 4))
GOOD = {"name": "input", "datatype": "FP64", "shape": [1, 4], "data": [1, 2, 3, 4]}
QUICK = RetryPolicy(first_pause=0.0, sleep=lambda seconds: None)


def serving(**settings: Any) -> PracticeServer:
    return PracticeServer(NETWORK, name="net", settings=PracticeSettings(**settings))


def exchange(
    server: PracticeServer, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """One request by the standard library's client: status, JSON, headers."""
    parts = urlsplit(server.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        connection.request(method, path, content, headers or {})
        response = connection.getresponse()
        return response.status, json.loads(response.read()), dict(response.getheaders())
    finally:
        connection.close()


@pytest.mark.parametrize("binary", [True, False])
def test_answers_equal_the_networks_exactly(binary: bool) -> None:
    with serving() as server:
        oracle = remote_oracle(server.url, binary=binary)
        # The same batches, since a matrix product may round differently for another number of rows.
        answers = oracle.query(POINTS)
        oracle.close()
    assert np.array_equal(answers, NETWORK(POINTS))


def test_float32_answers_are_exact_float32_numbers_in_both_forms() -> None:
    with serving(dtype="float32") as server:
        doors = [remote_oracle(server.url, binary=binary) for binary in (True, False)]
        first, second = (door.query(POINTS) for door in doors)
        for door in doors:
            door.close()
    assert doors[0].spec.dtype == "float32"
    assert np.array_equal(first, second) and np.array_equal(first, first.astype(np.float32))


@pytest.mark.parametrize(
    ("settings", "width", "name"),
    [({}, 3, "logits"), ({"softmax": True}, 3, "probabilities"), ({"labels": True}, 1, "labels")],
)
def test_the_client_finds_everything_in_the_metadata(settings: dict[str, Any], width: int, name: str) -> None:
    with serving(**settings) as server:
        oracle = remote_oracle(server.url)
        assert (oracle.spec.input_dim, oracle.spec.output_dim, oracle.spec.remote) == (4, width, False)
        assert oracle.query(POINTS).shape == (20, width)
        assert exchange(server, "GET", "/v2/models/net")[1]["outputs"][0]["name"] == name
        oracle.close()


def test_rows_asked_equal_rows_the_server_saw(tmp_path: Path) -> None:
    with PracticeServer(NETWORK, access_log=tmp_path / "log.jsonl") as server:
        oracle = remote_oracle(server.url, max_batch=6)
        session = QuerySession(oracle)
        session.ask(POINTS)
        session.ask(POINTS[:5] + 1.0)
        assert session.spent == server.log.rows_answered == 25
        assert server.log.requests == 5
        oracle.close()
    summary = read_access_log(tmp_path / "log.jsonl")
    assert (summary.rows_answered, summary.rows_repeated, summary.failures) == (25, 0, 0)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/net/ready", {"name": "net", "ready": True}),
        ("/v2/models/net/versions/1/ready", {"name": "net", "ready": True}),
    ],
)
def test_health_and_readiness_are_told(path: str, document: dict[str, Any]) -> None:
    with serving() as server:
        assert exchange(server, "GET", path)[:2] == (200, document)


def test_server_and_model_metadata_are_what_the_protocol_says() -> None:
    with serving() as server:
        root = exchange(server, "GET", "/v2")[1]
        model = exchange(server, "GET", "/v2/models/net/versions/1")[1]
    assert (root["name"], root["extensions"]) == ("hingeline", ["binary_tensor_data"])
    assert model["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 4]}]
    assert model["outputs"] == [{"name": "logits", "datatype": "FP64", "shape": [-1, 3]}]
    assert model["versions"] == ["1"]


def test_an_inference_reply_is_what_the_protocol_says() -> None:
    with serving() as server:
        status, reply, _ = exchange(server, "POST", "/v2/models/net/infer", {"id": "q1", "inputs": [GOOD]})
    assert (status, reply["id"], reply["model_name"], reply["model_version"]) == (200, "q1", "net", "1")
    (output,) = reply["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("logits", "FP64", [1, 3])
    assert output["data"] == NETWORK([1, 2, 3, 4])[0].tolist()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        ({}, "inputs must be a list of one"),
        ({"inputs": [GOOD, GOOD]}, "inputs must be a list of one"),
        ({"inputs": [GOOD | {"name": "x"}]}, "no input 'x'; it is called 'input'"),
        ({"inputs": [GOOD | {"datatype": "INT64"}]}, "takes FP64; got 'INT64'"),
        ({"inputs": [GOOD | {"shape": [1, 5]}]}, r"[-1, 4]; got [1, 5]"),
        ({"inputs": [GOOD | {"shape": [4]}]}, r"got [4]"),
        ({"inputs": [GOOD | {"shape": "4"}]}, "shape must be a list"),
        ({"inputs": [GOOD | {"shape": [0, 4], "data": []}]}, "sizes above 0"),
        ({"inputs": [GOOD | {"data": [1, 2, 3]}]}, "wants 4 numbers, data has 3"),
        ({"inputs": [GOOD | {"data": [1, 2, 3, "4"]}]}, "data must be a list of numbers"),
        ({"inputs": [GOOD | {"data": [1, 2, 3, None]}]}, "data must be a list of numbers"),
        ({"inputs": [GOOD | {"data": [[1, 2], [3]]}]}, "data must be a list of numbers"),
        ({"inputs": [GOOD | {"data": [1, 2, 3, float("nan")]}]}, "NaN or infinity"),
        ({"inputs": [{k: v for k, v in GOOD.items() if k != "data"}]}, "data must be a list of numbers"),
        (
            {"inputs": [GOOD | {"parameters": {"binary_data_size": 32}}]},
            "binary_data_size is 32, 0 bytes came",
        ),
        ({"inputs": [GOOD], "outputs": [{"name": "nope"}]}, "no output 'nope'; it is called 'logits'"),
        ({"inputs": [GOOD], "outputs": "logits"}, "outputs must be a list"),
        ({"inputs": [GOOD], "id": 3}, "id must be a string"),
    ],
)
def test_a_malformed_request_gets_400_and_the_reason_in_json(body: Any, message: str) -> None:
    with serving() as server:
        status, reply, _ = exchange(server, "POST", "/v2/models/net/infer", body)
        assert (status, server.log.rows_answered, server.log.failures) == (400, 0, 1)
    assert message in reply["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v1/models/net", 404),
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/net/versions/2", 404),
        ("GET", "/v2/models/net/explain", 404),
        ("GET", "/v2/models/net/infer", 405),
        ("POST", "/v2/models/net", 405),
        ("POST", "/v2/models/other/infer", 404),
        ("DELETE", "/v2/models/net", 501),
    ],
)
def test_a_wrong_address_or_method_gets_its_status_in_json(method: str, path: str, status: int) -> None:
    with serving() as server:
        found, reply, _ = exchange(server, method, path, {} if method == "POST" else None)
    assert found == status and reply["error"]


def test_a_point_too_large_for_float32_is_refused() -> None:
    with serving(dtype="float32") as server:
        tensor = GOOD | {"datatype": "FP32", "data": [1e39, 0, 0, 0]}
        assert exchange(server, "POST", "/v2/models/net/infer", {"inputs": [tensor]})[0] == 400


def test_a_connection_is_kept_for_many_requests() -> None:
    with serving() as server:
        parts = urlsplit(server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=5)
        for path, status in [("/v2", 200), ("/nothing", 404), ("/v2", 200)]:
            connection.request("GET", path)
            response = connection.getresponse()
            assert (response.status, response.read() != b"") == (status, True)
        connection.close()


def test_a_body_without_a_length_is_refused_and_the_connection_closed() -> None:
    with serving() as server:
        headers = {"Transfer-Encoding": "chunked"}
        status, _, sent = exchange(server, "POST", "/v2/models/net/infer", b"0\r\n\r\n", headers)
    assert (status, sent["Connection"]) == (411, "close")


def test_too_many_rows_are_turned_away_with_413_and_the_advice_says_max_batch() -> None:
    with serving(max_batch=5) as server:
        oracle = remote_oracle(server.url)
        with pytest.raises(QueryFailed, match=r"413: at most 5 rows.*max_batch") as caught:
            oracle.query(POINTS)
        oracle.close()
    assert not caught.value.sent


def test_a_rate_turns_rows_away_with_retry_after_and_the_client_obeys() -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    with serving(rate=20.0) as server:
        oracle = remote_oracle(server.url, max_batch=10, policy=RetryPolicy(sleep=sleep))
        answers = QuerySession(oracle).ask(np.vstack([POINTS, POINTS[:10] + 1]))
        assert (len(answers), server.log.rows_answered) == (30, 30)
        assert slept == [1.0] and server.log.failures == 1
        oracle.close()


def test_a_client_that_keeps_the_rate_is_never_turned_away() -> None:
    with serving(rate=50.0) as server:
        oracle = remote_oracle(server.url, rate=49.0, max_batch=20)
        QuerySession(oracle).ask(np.vstack([POINTS + i for i in range(4)]))
        assert (server.log.rows_answered, server.log.failures) == (80, 0)
        oracle.close()


def test_every_nth_request_fails_in_turn_before_the_model_is_asked() -> None:
    seen: list[Any] = []
    with serving(fail_every=2) as server:
        for _ in range(12):
            try:
                seen.append(exchange(server, "POST", "/v2/models/net/infer", {"inputs": [GOOD]})[0])
            except http.client.RemoteDisconnected:
                seen.append("dropped")
        assert server.log.rows_answered == 6
    assert seen == [200, 500, 200, 503, 200, "dropped"] * 2


def test_the_client_survives_errors_but_not_a_dropped_connection(tmp_path: Path) -> None:
    with PracticeServer(
        NETWORK, settings=PracticeSettings(fail_every=3), access_log=tmp_path / "log.jsonl"
    ) as server:
        oracle = remote_oracle(server.url, max_batch=1, policy=QUICK)
        session = QuerySession(oracle)
        with pytest.raises(QueryFailed, match="connection was lost") as caught:
            session.ask(POINTS)
        # Requests 3 (500) and 6 (503) were sent again; the 9th was dropped, with its row in doubt.
        assert caught.value.sent and session.spent == 7
        assert np.allclose(session.ask(POINTS[:6]), NETWORK(POINTS[:6]), rtol=1e-12)
        oracle.close()
    summary = read_access_log(tmp_path / "log.jsonl")
    assert (summary.rows_answered, summary.rows_repeated) == (6, 0)


def test_an_idempotent_door_survives_dropped_connections_too() -> None:
    with serving(fail_every=2) as server:
        oracle = remote_oracle(server.url, max_batch=1, idempotent=True, policy=QUICK)
        session = QuerySession(oracle)
        assert np.allclose(session.ask(POINTS), NETWORK(POINTS), rtol=1e-12)
        assert session.spent == server.log.rows_answered == 20
        oracle.close()


def test_a_server_that_dies_is_reported_as_in_doubt_or_unreachable() -> None:
    server = serving(latency=5.0)
    with server:
        oracle = remote_oracle(server.url, policy=RetryPolicy(patience=0.0))
        timer = threading.Timer(0.2, server.close)
        timer.start()
        with pytest.raises(QueryFailed, match="connection was lost") as caught:
            oracle.query(POINTS)
        timer.join()
        assert caught.value.sent and server.log.rows_answered == 0
    with pytest.raises(QueryFailed, match="could not connect") as caught:
        oracle.query(POINTS)
    assert not caught.value.sent
    oracle.close()


def test_an_answer_later_than_the_timeout_is_in_doubt() -> None:
    with serving(latency=1.0) as server:
        oracle = remote_oracle(server.url, timeout=0.2)
        with pytest.raises(QueryFailed, match=r"no answer within 0.2 s.*resume") as caught:
            oracle.query(POINTS)
        oracle.close()
    assert caught.value.sent


def test_clients_in_parallel_are_all_answered_and_counted() -> None:
    def ask(url: str, index: int) -> None:
        door = remote_oracle(url)
        for _ in range(5):
            results[index] = np.array_equal(door.query(POINTS), NETWORK(POINTS))
        door.close()

    results: dict[int, bool] = {}
    with serving() as server:
        threads = [threading.Thread(target=ask, args=(server.url, i)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.log.rows_answered == 8 * 5 * 20
    assert results == dict.fromkeys(range(8), True)


def test_a_door_that_is_dropped_closes_its_connection() -> None:
    with serving() as server:
        oracle = remote_oracle(server.url)
        oracle.query(POINTS)
        # ResourceWarning is an error here, so a socket left open would fail this test.
        del oracle


def test_a_client_that_goes_away_in_the_middle_harms_nobody() -> None:
    with serving() as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(b"POST /v2/models/net/infer HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf")
        assert exchange(server, "GET", "/v2/health/live")[0] == 200


def test_a_model_that_fails_gets_500_with_its_reason() -> None:
    def moody(points: np.ndarray) -> np.ndarray:
        if points.any():
            raise ValueError("out of paper")
        return points

    with PracticeServer(moody, name="net", input_dim=4) as server:
        status, reply, _ = exchange(server, "POST", "/v2/models/net/infer", {"inputs": [GOOD]})
        assert status == 500 and "out of paper" in reply["error"]
        assert server.log.failures == 1


def test_a_port_that_is_taken_is_refused_with_the_way_out() -> None:
    with serving() as server:
        port = urlsplit(server.url).port or 0
        with pytest.raises(InvalidInput, match=r"cannot listen on 127.0.0.1:.*--port 0"):
            PracticeServer(NETWORK, port=port)


@pytest.mark.parametrize(
    ("name", "quoted"), [("a b", "a%20b"), ("änder", "%C3%A4nder"), ("v1.2-x", "v1.2-x")]
)
def test_any_plain_name_can_be_asked_for(name: str, quoted: str) -> None:
    with PracticeServer(NETWORK, name=name) as server:
        assert server.url.endswith(f"/v2/models/{quoted}")
        oracle = remote_oracle(server.url)
        assert oracle.query(POINTS).shape == (20, 3)
        oracle.close()


@pytest.mark.parametrize("name", ["", " ", "a/b"])
def test_a_name_that_fits_no_address_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="address"):
        PracticeServer(NETWORK, name=name)
