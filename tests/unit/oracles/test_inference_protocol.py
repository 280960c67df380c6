from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hingeline.core.errors import QueryFailed
from hingeline.oracles.inference_protocol import decode_response, encode_request
from hingeline.oracles.input_layout import InputLayout

LAYOUT = InputLayout("x", "FP64", "float64", (2,), None)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TENSOR = {"name": "y", "datatype": "FP64", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}


def decoded(document: Any, rows: int = 2, **options: Any) -> np.ndarray:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return decode_response({}, body, rows=rows, layout=LAYOUT, request_id="q1", **options).values


def test_a_request_is_what_the_protocol_says() -> None:
    headers, body = encode_request(np.array([[0.1, 2.0]]), LAYOUT, request_id="q1", output_name="y")
    assert headers == {"Content-Type": "application/json"}
    assert json.loads(body) == {
        "id": "q1",
        "inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [0.1, 2.0]}],
        "outputs": [{"name": "y"}],
    }


def test_a_binary_request_has_its_bytes_after_the_json() -> None:
    points = np.array([[0.1, 2.0]])
    headers, body = encode_request(points, LAYOUT, request_id="q1", binary=True)
    length = int(headers["Inference-Header-Content-Length"])
    head = json.loads(body[:length])
    assert head["inputs"][0]["parameters"] == {"binary_data_size": 16}
    assert head["parameters"] == {"binary_data_output": True}
    assert body[length:] == np.array([0.1, 2.0], dtype="<f8").tobytes()


@settings(derandomize=True, max_examples=200)
@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=4))
def test_float64_goes_through_json_unchanged_both_ways(rows: list[tuple[float, float]]) -> None:
    points = np.array(rows)
    _, body = encode_request(points, LAYOUT, request_id="q1")
    sent = json.loads(body)["inputs"][0]["data"]
    assert np.array(sent).tobytes() == points.tobytes()
    tensor = {"name": "y", "datatype": "FP64", "shape": list(points.shape), "data": sent}
    assert decoded({"outputs": [tensor]}, len(points)).tobytes() == points.tobytes()


@pytest.mark.parametrize(
    ("changes", "rows"),
    [
        ({}, 2),
        ({"data": [[1, 2, 3], [4, 5, 6]]}, 2),
        ({"shape": [2, 1, 3]}, 2),
        ({"datatype": "INT32"}, 2),
        ({"shape": [6]}, 1),
        ({"shape": [1, 6]}, 1),
    ],
)
def test_answers_come_out_as_one_row_per_point(changes: dict[str, Any], rows: int) -> None:
    values = decoded({"id": "q1", "outputs": [TENSOR | changes]}, rows)
    assert values.dtype == np.float64
    assert values.tolist() == np.arange(1.0, 7.0).reshape(rows, -1).tolist()


def test_one_number_per_row_may_come_as_a_flat_list() -> None:
    flat = TENSOR | {"shape": [2], "data": [7, 8]}
    assert decoded({"outputs": [flat]}).tolist() == [[7.0], [8.0]]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"<html><body>Welcome</body></html>", "HTML page"),
        (b"not json", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ([1], "not an object"),
        ({"error": "boom"}, "an error"),
        ({"id": "q2", "outputs": [TENSOR]}, "ids differ"),
        ({}, "no outputs"),
        ({"outputs": []}, "no outputs"),
        ({"outputs": [{"name": "y"}]}, "lacks name, datatype or shape"),
        ({"outputs": [TENSOR | {"datatype": "BYTES"}]}, "BYTES"),
        ({"outputs": [TENSOR | {"shape": "ab"}]}, "cannot be used"),
        ({"outputs": [TENSOR | {"shape": [2, 4]}]}, "holds 6 numbers"),
        ({"outputs": [TENSOR | {"shape": [-1, 3]}]}, "holds 6 numbers"),
        ({"outputs": [TENSOR | {"shape": [3, 2]}]}, "2 rows were asked"),
        ({"outputs": [TENSOR | {"shape": [6]}]}, "2 rows were asked"),
        ({"outputs": [TENSOR | {"shape": [2, 0], "data": []}]}, "is empty"),
        ({"outputs": [TENSOR | {"data": [1, 2, 3, 4, 5, None]}]}, "1 of 2 rows"),
        ({"outputs": [TENSOR | {"data": [float("nan"), 2, 3, float("inf"), 5, 6]}]}, "2 of 2 rows"),
        ({"outputs": [TENSOR | {"data": [1, 2, 3, 4, 5, "6"]}]}, "text"),
        ({"outputs": [TENSOR | {"data": [[1, 2, 3], [4, 5]]}]}, "regular table"),
        ({"outputs": [TENSOR | {"data": {"a": 1}}]}, "regular table"),
        ({"outputs": [{k: v for k, v in TENSOR.items() if k != "data"}]}, "no data"),
        ({"outputs": [TENSOR, TENSOR | {"name": "z"}]}, "not obvious"),
    ],
)
def test_an_answer_that_cannot_be_used_says_why(document: Any, message: str) -> None:
    with pytest.raises(QueryFailed, match=message) as caught:
        decoded(document)
    assert caught.value.sent


def test_the_named_output_is_read_and_a_missing_one_is_reported() -> None:
    other = TENSOR | {"name": "z", "data": [0, 0, 0, 0, 0, 1]}
    assert decoded({"outputs": [TENSOR, other]}, output_name="z")[1, 2] == 1
    with pytest.raises(QueryFailed, match="no output 'w'"):
        decoded({"outputs": [TENSOR, other]}, output_name="w")


def binary_response(*tensors: tuple[str, np.ndarray], cut: int = 0) -> tuple[dict[str, str], bytes]:
    listed = [
        {"name": n, "datatype": "FP32", "shape": list(a.shape), "parameters": {"binary_data_size": a.nbytes}}
        for n, a in tensors
    ]
    head = json.dumps({"outputs": listed}).encode()
    raw = b"".join(a.tobytes() for _, a in tensors)
    return {"inference-header-content-length": str(len(head))}, head + raw[: len(raw) - cut]


def test_binary_outputs_are_found_behind_each_other() -> None:
    first, second = np.ones((2, 1), "<f4"), np.array([[0.1, 2], [3, 4]], "<f4")
    headers, body = binary_response(("a", first), ("y", second))
    found = decode_response(headers, body, rows=2, layout=LAYOUT, request_id="q", output_name="y").values
    assert np.array_equal(found, second.astype(np.float64))


def test_bytes_that_are_missing_are_noticed() -> None:
    headers, body = binary_response(("y", np.ones((2, 2), "<f4")), cut=3)
    with pytest.raises(QueryFailed, match="announces 16 bytes; 13 came"):
        decode_response(headers, body, rows=2, layout=LAYOUT, request_id="q")
    with pytest.raises(QueryFailed, match="does not fit"):
        decode_response(
            {"inference-header-content-length": "9999"}, body, rows=2, layout=LAYOUT, request_id="q"
        )
