from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted_transport import ScriptedTransport, patient, reply

from hingeline.core.errors import FormatError, InvalidInput, QueryFailed
from hingeline.oracles.opening import oracle as open_oracle
from hingeline.oracles.protocol import Oracle, OracleSpec
from hingeline.oracles.template import template_oracle
from hingeline.oracles.transport import Response

MLFLOW = """
url = "http://127.0.0.1:5000/invocations"
input_dim = 2
request = '{"inputs": {{rows}}}'
response = "predictions"
"""
TENSORFLOW_SERVING = """
url = "https://ml.example.org/v1/models/fraud:predict"
input_shape = [1, 2]
request = { signature_name = "serving_default", instances = "{{rows}}" }
response = "predictions"
answers = "probabilities"
dtype = "float32"
bounds = [0, 1]
max_batch = 16
rate = 20
timeout = 5
token_env = "API_TOKEN"
headers = { X-Request = "{{id}}" }
"""
POINTS = np.array([[0.1, 0.2], [0.5, 1 / 3]])
BASE = {"url": "http://127.0.0.1/x", "input_dim": 2, "request": '{"r": {{rows}}}', "response": "a"}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "target.toml"
    path.write_text(text, encoding="utf-8")
    return path


def toml(**keys: Any) -> str:
    return "\n".join(
        f"{key} = {json.dumps(value)}" for key, value in {**BASE, **keys}.items() if value is not None
    )


def test_an_mlflow_endpoint_is_asked_and_understood(tmp_path: Path) -> None:
    transport = ScriptedTransport(reply({"predictions": [[1, 2, 3], [4, 5, 6.5]]}))
    oracle = template_oracle(written(tmp_path, MLFLOW), transport)
    assert isinstance(oracle, Oracle)
    assert oracle.query(POINTS).tolist() == [[1, 2, 3], [4, 5, 6.5]]
    assert transport.requests[0].method == "POST"
    assert transport.documents == [{"inputs": POINTS.tolist()}]


def test_a_tensorflow_serving_endpoint_is_asked_and_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hush-hush-token")
    transport = ScriptedTransport(reply({"predictions": [[0.25, 0.75], [0.5, 0.5]]}))
    oracle = template_oracle(written(tmp_path, TENSORFLOW_SERVING), transport)
    assert oracle.query_with_id(POINTS, "q7").tolist() == [[0.25, 0.75], [0.5, 0.5]]
    rounded = POINTS.astype(np.float32).astype(float).reshape(2, 1, 2).tolist()
    assert transport.documents == [{"signature_name": "serving_default", "instances": rounded}]
    headers = transport.requests[0].headers
    assert (headers["Authorization"], headers["X-Request"]) == ("Bearer hush-hush-token", "q7")
    name = oracle.spec.name
    assert oracle.spec == OracleSpec(name, 2, None, "probabilities", "float32", (0.0, 1.0), 16, remote=True)
    assert name.startswith("https://ml.example.org/v1/models/fraud:predict (template ")


def test_a_row_placeholder_sends_one_row_per_request(tmp_path: Path) -> None:
    transport = ScriptedTransport(reply({"a": 1.5}), reply({"a": 2.5}))
    oracle = template_oracle(written(tmp_path, toml(request='{"id": "{{id}}", "x": [{{ row }}]}')), transport)
    assert oracle.spec.max_batch == 1
    assert oracle.query_with_id(POINTS, "q").tolist() == [[1.5], [2.5]]
    assert transport.documents[1] == {"id": "q-1", "x": [POINTS[1].tolist()]}


@pytest.mark.parametrize(
    ("response", "document"),
    [
        ("a", {"a": [[1, 2], [3, 4]]}),
        ("a.data", {"a": {"data": [1, 2, 3, 4]}}),
        ("a.0.b", {"a": [{"b": [[1, 2], [3, 4]]}]}),
        ("a.*.b", {"a": [{"b": [1, 2]}, {"b": [3, 4]}]}),
        ("", [[1, 2], [3, 4]]),
        (["a.b", 0], {"a.b": [[[1, 2], [3, 4]]]}),
        ("7", {"7": [[[1], [2]], [[3], [4]]]}),
    ],
)
def test_the_answers_are_found_where_the_path_says(tmp_path: Path, response: Any, document: Any) -> None:
    oracle = template_oracle(written(tmp_path, toml(response=response)), ScriptedTransport(reply(document)))
    assert oracle.query(POINTS).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (reply({"b": 1, "c": 2}), "no 'a'; it has the keys 'b', 'c'. Check the key response"),
        (reply([1, 2]), "no 'a'; it has a list of 2"),
        (reply({"a": [1, 2, 3]}), r"2 rows were asked; the answers have shape \(3,\)"),
        (reply({"a": [[1, 2]]}), r"2 rows were asked; the answers have shape \(1, 2\)"),
        (reply({"a": [[], []]}), "rows without numbers"),
        (reply({"a": [[1], ["x"]]}), "text"),
        (reply({"a": [[1], [None]]}), "NaN or infinity in 1 of 2 rows"),
        (reply({"a": [[1], [2, 3]]}), "regular table"),
        (Response(200, {}, b"<html>hello</html>"), "HTML page.*begins: <html>hello"),
    ],
)
def test_an_answer_that_cannot_be_used_says_what_came(
    tmp_path: Path, response: Response, message: str
) -> None:
    oracle = template_oracle(written(tmp_path, toml()), ScriptedTransport(response))
    with pytest.raises(QueryFailed, match=message) as caught:
        oracle.query(POINTS)
    assert caught.value.sent


def test_the_width_of_answers_must_stay_the_same(tmp_path: Path) -> None:
    transport = ScriptedTransport(reply({"a": [[1, 2], [3, 4]]}), reply({"a": [1, 2]}))
    oracle = template_oracle(written(tmp_path, toml()), transport)
    oracle.query(POINTS)
    with pytest.raises(QueryFailed, match="1 numbers per row; 2 were declared or came before"):
        oracle.query(POINTS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": None}, 'url is missing; write  url = "http'),
        ({"request": None}, "request is missing"),
        ({"response": None}, "response is missing"),
        ({"input_dim": None}, "input_dim is missing; write  input_dim = 64"),
        ({"input_dims": 3}, "unknown key 'input_dims'; did you mean input_dim?"),
        ({"zebra": 3}, "unknown key 'zebra'; known keys: url"),
        ({"input_dim": "64"}, "input_dim cannot be '64'; write it like  input_dim = 64"),
        ({"input_dim": True}, "input_dim cannot be True"),
        ({"input_dim": 0}, "input_dim must be above 0"),
        ({"input_shape": [3]}, "input_shape holds 3 numbers, but input_dim = 2"),
        ({"input_shape": [2, "x"]}, "input_shape must list sizes"),
        ({"method": "GET"}, "method cannot be 'GET'; it is one of POST, PUT"),
        ({"answers": "scores"}, "answers cannot be 'scores'; it is one of auto, logits"),
        ({"dtype": "int8"}, "dtype cannot be 'int8'"),
        ({"bounds": [1, 0]}, "bounds must be the smallest and the largest"),
        ({"bounds": [0]}, "bounds must be"),
        ({"rate": 0}, "rate must be above 0"),
        ({"timeout": -1}, "timeout must be above 0"),
        ({"idempotent": "yes"}, "idempotent cannot be 'yes'"),
        ({"request": '{"x": {{rows}}'}, "request is not JSON"),
        ({"request": '{"x": 1}'}, "exactly once"),
        ({"request": '{"x": {{rows}}, "y": {{row}}}'}, "exactly once"),
        ({"request": '{"x": {{row}}}', "max_batch": 4}, "max_batch must be 1 with {{row}}"),
        ({"response": [True]}, "response must be names and numbers"),
        ({"url": "http://127.0.0.1/x?api_key=hush"}, "url holds what looks like a secret \\(api_key=...\\)"),
    ],
)
def test_a_mistake_in_the_file_is_named_by_its_key(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        template_oracle(written(tmp_path, toml(**change)), ScriptedTransport())
    assert "target.toml" in str(caught.value) and "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            'headers = { Authorization = "Bearer hush" }',
            "headers.Authorization would put a secret into a file",
        ),
        ('headers = { X-Api-Key = "hush" }', 'headers_env = { X-Api-Key = "VARIABLE" }'),
        ("headers = { Accept = 3 }", "headers.Accept must be plain text"),
        ("headers = 3", "headers cannot be 3"),
        ("= 3", "is not TOML"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_shown(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        template_oracle(written(tmp_path, f"{toml()}\n{line}"), ScriptedTransport())
    assert "hush" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"cannot read .*nothing\.toml: No such file"):
        template_oracle(tmp_path / "nothing.toml")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "http://user:hush@127.0.0.1/x", "nonsense"])
def test_a_bad_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput, match="address") as caught:
        template_oracle(written(tmp_path, toml(url=url)), ScriptedTransport())
    assert "hush" not in str(caught.value)


def test_the_name_hides_the_query_and_tells_templates_apart(tmp_path: Path) -> None:
    urls = ["http://127.0.0.1/x?model=a", "http://127.0.0.1/x?model=b"]
    names = [template_oracle(written(tmp_path, toml(url=u)), ScriptedTransport()).spec.name for u in urls]
    assert names[0] != names[1]
    assert all(name.startswith("http://127.0.0.1/x (template ") for name in names)


def test_what_the_caller_says_takes_the_place_of_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, toml(max_batch=9, bounds=[0, 1]))
    oracle = open_oracle(str(path), max_batch=3, bounds=(-2.0, 2.0), answers="logits", timeout=3.0)
    assert (oracle.spec.max_batch, oracle.spec.bounds, oracle.spec.answers) == (3, (-2.0, 2.0), "logits")
    with pytest.raises(FormatError, match="rate must be above 0"):
        open_oracle(str(path), rate=-1)


def test_the_retry_rules_hold_here_too(tmp_path: Path) -> None:
    slept: list[float] = []
    transport = ScriptedTransport(reply({}, 429, retry_after="3"), reply({"a": [1, 2]}))
    oracle = template_oracle(written(tmp_path, toml()), transport, policy=patient(slept))
    assert oracle.query(POINTS).tolist() == [[1.0], [2.0]]
    assert slept == [3.0]
