from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scripted_transport import METADATA, POINTS, URL, ScriptedTransport, X, Y, answer, opened, patient, reply

from hingeline.core.errors import InvalidInput, OutsideDomain, QueryFailed, UnsupportedOracle
from hingeline.oracles.protocol import Oracle, OracleSpec
from hingeline.oracles.remote import remote_oracle
from hingeline.oracles.session import QuerySession
from hingeline.oracles.transport import Request, Response

VALUES = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]


def test_the_spec_comes_from_the_metadata() -> None:
    oracle, transport = opened(bounds=(0.0, 1.0), answers="logits", max_batch=7)
    assert isinstance(oracle, Oracle)
    assert oracle.spec == OracleSpec(URL, 2, 3, "logits", "float64", (0.0, 1.0), 7, remote=False)
    assert [r.url for r in transport.requests] == [URL, "http://127.0.0.1:8000/v2"]


def test_a_query_posts_one_request_under_the_given_id() -> None:
    oracle, transport = opened(answer(VALUES))
    assert oracle.query_with_id(POINTS, "batch-1").tolist() == VALUES
    assert (transport.requests[-1].method, transport.requests[-1].url) == ("POST", URL + "/infer")
    assert transport.documents[0]["id"] == "batch-1"
    assert transport.documents[0]["inputs"][0]["data"] == POINTS.ravel().tolist()
    assert "outputs" not in transport.documents[0]


def test_every_plain_query_has_an_id_of_its_own() -> None:
    oracle, transport = opened(answer(VALUES), answer(VALUES))
    oracle.query(POINTS)
    oracle.query(POINTS)
    first, second = (document["id"] for document in transport.documents)
    assert first != second


def test_more_rows_than_a_request_holds_are_split_under_numbered_ids() -> None:
    oracle, transport = opened(answer(VALUES), answer(VALUES[:1]), max_batch=2)
    assert oracle.query_with_id(np.ones((3, 2)), "q").tolist() == [*VALUES, VALUES[0]]
    assert [d["id"] for d in transport.documents] == ["q-0", "q-1"]
    assert oracle.traffic.rows == 3


def test_no_rows_are_no_request() -> None:
    oracle, transport = opened()
    assert oracle.query(np.zeros((0, 2))).shape == (0, 3)
    assert not transport.documents


def test_a_fixed_batch_is_filled_up_and_the_filling_is_dropped() -> None:
    fixed = METADATA | {"inputs": [X | {"shape": [3, 2]}]}
    oracle, transport = opened(answer([*VALUES, VALUES[1]]), metadata=fixed)
    assert oracle.spec.max_batch == 3
    assert oracle.query(POINTS).tolist() == VALUES
    assert transport.documents[0]["inputs"][0]["shape"] == [3, 2]
    assert transport.documents[0]["inputs"][0]["data"][4:] == POINTS[1].tolist()
    assert oracle.traffic.rows == 3


def test_float32_queries_are_rounded_before_they_are_written() -> None:
    narrow = METADATA | {"inputs": [X | {"datatype": "FP32"}]}
    oracle, transport = opened(answer(VALUES), metadata=narrow)
    oracle.query(POINTS)
    assert oracle.spec.dtype == "float32"
    assert transport.documents[0]["inputs"][0]["data"][0] == float(np.float32(0.1)) != 0.1


def test_a_point_that_float32_cannot_hold_is_refused_before_sending() -> None:
    narrow = METADATA | {"inputs": [X | {"datatype": "FP32"}]}
    oracle, transport = opened(metadata=narrow)
    with pytest.raises(OutsideDomain, match=r"1e\+39.*float32"):
        oracle.query(np.array([[1e39, 0.0]]))
    assert not transport.documents


def test_one_of_several_outputs_is_asked_for_by_name() -> None:
    several = METADATA | {"outputs": [Y | {"name": "z"}, Y]}
    oracle, transport = opened(answer(VALUES), metadata=several, output_name="y")
    oracle.query(POINTS)
    assert transport.documents[0]["outputs"] == [{"name": "y"}]
    assert oracle.spec.name == f"{URL} output y"


def test_the_binary_extension_is_used_where_it_is_advertised() -> None:
    transport = ScriptedTransport(
        reply(METADATA), reply({"extensions": ["binary_tensor_data"]}), answer(VALUES)
    )
    remote_oracle(URL, transport=transport).query(POINTS)
    assert transport.requests[-1].body.endswith(POINTS.astype("<f8").tobytes())


def test_a_server_without_a_root_document_is_asked_in_json() -> None:
    transport = ScriptedTransport(reply(METADATA), reply({"error": "no"}, 404), answer(VALUES))
    assert remote_oracle(URL, transport=transport).query(POINTS).tolist() == VALUES


@pytest.mark.parametrize(
    ("url", "version", "asked"),
    [
        ("http://localhost/v2/models/m", None, "http://localhost/v2/models/m"),
        ("http://localhost/v2/models/m/", None, "http://localhost/v2/models/m"),
        ("http://localhost/v2/models/m/infer", None, "http://localhost/v2/models/m"),
        ("http://localhost/v2/models/m/versions/3", None, "http://localhost/v2/models/m/versions/3"),
        ("http://localhost/v2/models/m", "3", "http://localhost/v2/models/m/versions/3"),
        ("https://[::1]:8/gate/way/v2/models/a%20b", None, "https://[::1]:8/gate/way/v2/models/a%20b"),
    ],
)
def test_the_models_address_is_understood(url: str, version: str | None, asked: str) -> None:
    transport = ScriptedTransport(reply(METADATA), reply({}))
    oracle = remote_oracle(url, version=version, transport=transport)
    assert transport.requests[0].url == oracle.spec.name == asked
    assert transport.requests[1].url == asked[: asked.index("/v2") + 3]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1/predict", "want http://HOST/v2/models/NAME.*target.toml"),
        ("http://127.0.0.1/v2/models/m?key=1", "want http"),
        ("http://user:hush@127.0.0.1/v2/models/m", "user name or password"),
        ("ftp://127.0.0.1/v2/models/m", "want an address like"),
        ("http:///v2/models/m", "want an address like"),
        ("http://127.0.0.1:port/v2/models/m", "not a web address"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_without_asking(url: str, message: str) -> None:
    transport = ScriptedTransport()
    with pytest.raises(InvalidInput, match=message) as caught:
        remote_oracle(url, transport=transport)
    assert "hush" not in str(caught.value)
    assert not transport.requests


def test_two_versions_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(InvalidInput, match="version 1, version= says 2"):
        remote_oracle(URL + "/versions/1", version="2", transport=ScriptedTransport())


@pytest.mark.parametrize(
    ("host", "remote", "bucket"),
    [
        ("127.0.0.1", False, False),
        ("localhost", False, False),
        ("[::1]", False, False),
        ("ml.internal", True, True),
    ],
)
def test_another_host_is_remote_and_asked_at_five_requests_a_second(
    host: str, remote: bool, bucket: bool
) -> None:
    slept: list[float] = []
    replies = [answer(VALUES) for _ in range(8)]
    transport = ScriptedTransport(reply(METADATA), reply({}), *replies)
    oracle = remote_oracle(f"http://{host}/v2/models/m", transport=transport, policy=patient(slept))
    for _ in range(4 if bucket else 8):
        oracle.query(POINTS)
    assert oracle.spec.remote is remote
    # Six requests at five a second with five saved up: one wait of a fifth of a second.
    assert (oracle.traffic.seconds_waited > 0.1) is bucket


def test_a_rate_counts_rows_and_keeps_a_request_within_a_second() -> None:
    oracle, _ = opened(answer(VALUES), rate=2.0)
    assert oracle.spec.max_batch == 2


@pytest.mark.parametrize(("dim", "rows"), [(2, 1024), (64, 750), (784, 61), (100_000, 1)])
def test_the_default_batch_keeps_a_request_under_a_megabyte(dim: int, rows: int) -> None:
    oracle, _ = opened(metadata=METADATA | {"inputs": [X | {"shape": [-1, dim]}]})
    assert oracle.spec.max_batch == rows


def test_the_token_travels_in_the_header_and_appears_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "hush-hush-token")
    echo = Response(403, {}, b"denied for Authorization: Bearer hush-hush-token")
    oracle, transport = opened(echo, token_env="API_TOKEN")
    assert {r.headers["Authorization"] for r in transport.requests} == {"Bearer hush-hush-token"}
    with pytest.raises(QueryFailed, match=r"denied for Authorization: <hidden: \$API_TOKEN>") as caught:
        oracle.query(POINTS)
    shown = [
        repr(oracle),
        repr(oracle.spec),
        repr(transport.requests),
        repr(oracle.traffic),
        str(caught.value),
    ]
    assert not any("hush" in text for text in shown)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (
            reply({"model_version": "2", "outputs": [{**Y, "shape": [1, 3], "data": [1, 2, 3]}]}),
            "changed from version",
        ),
        (answer([[1.0, 2.0]]), "answered 2 numbers per row; 3 were declared"),
    ],
)
def test_a_model_that_changes_meanwhile_is_noticed(second: Response, message: str) -> None:
    first = reply({"model_version": "1", "outputs": [{**Y, "shape": [1, 3], "data": [1, 2, 3]}]})
    oracle, _ = opened(first, second)
    oracle.query(POINTS[:1])
    with pytest.raises(QueryFailed, match=message) as caught:
        oracle.query(POINTS[:1])
    assert caught.value.sent


@pytest.mark.parametrize(
    ("metadata", "kind", "message"),
    [
        (
            reply({"error": "Model m not found"}, 404),
            QueryFailed,
            "HTTP 404: Model m not found.*name and version",
        ),
        (Response(200, {}, b"<html>Sign in</html>"), QueryFailed, "HTML page.*Sign in"),
        (Response(200, {}, b""), QueryFailed, "not JSON"),
        (reply([1, 2]), QueryFailed, "not an object"),
        (reply({"inputs": [{"name": "x"}]}), QueryFailed, "without name, datatype or shape"),
        (reply(METADATA | {"inputs": [X | {"datatype": "INT64"}]}), UnsupportedOracle, "takes INT64"),
        (reply(METADATA | {"inputs": [X, X]}), UnsupportedOracle, "2 inputs"),
        (reply(METADATA | {"outputs": [Y, Y | {"name": "z"}]}), InvalidInput, "output_name"),
        (reply(METADATA, 307, location="http://elsewhere/"), QueryFailed, "Redirects are not followed"),
    ],
)
def test_a_model_that_cannot_be_opened_says_why_and_closes_the_connection(
    metadata: Response, kind: type[Exception], message: str
) -> None:
    transport = ScriptedTransport(metadata, reply({}))
    with pytest.raises(kind, match=message):
        remote_oracle(URL, transport=transport, policy=patient())
    assert transport.closed


def test_a_server_that_is_not_there_is_given_up_within_seconds() -> None:
    slept: list[float] = []
    nothing = [QueryFailed("could not connect (refused)") for _ in range(20)]
    transport = ScriptedTransport(*nothing)
    with pytest.raises(QueryFailed, match=r"refused.*Tried 3 times.*server runs") as caught:
        remote_oracle(URL, transport=transport, policy=patient(slept))
    assert sum(slept) <= 2 and not caught.value.sent


@pytest.mark.parametrize(
    "options", [{"rate": 0.0}, {"max_batch": 0}, {"timeout": -1.0}, {"token_env": "NOT_SET_7"}]
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        remote_oracle(URL, **options)


def test_a_server_that_loads_its_model_is_given_half_a_minute() -> None:
    slept: list[float] = []
    busy = [reply({"error": "loading"}, 503, retry_after="7")] * 20
    with pytest.raises(QueryFailed, match=r"503: loading.*Tried 5 times over 28 s"):
        remote_oracle(URL, transport=ScriptedTransport(*busy), policy=patient(slept))
    assert slept == [7.0] * 4


def test_a_session_hands_over_whole_requests_and_counts_their_rows() -> None:
    def linear(request: Request) -> Response:
        rows = np.array(json.loads(request.body)["inputs"][0]["data"]).reshape(-1, 2)
        return answer(rows @ np.ones((2, 3)))

    oracle, transport = opened(*[linear] * 3, max_batch=2)
    session = QuerySession(oracle)
    points = np.arange(10.0).reshape(5, 2)
    assert np.array_equal(session.ask(points), points @ np.ones((2, 3)))
    assert (session.spent, oracle.traffic.rows, len(transport.documents)) == (5, 5, 3)
