"""The server's side of the Open Inference Protocol v2: read a request strictly, write the answer.

Written apart from the client's side on purpose, so that the two do not share their mistakes.
Source: Open Inference Protocol v2, REST; "Binary Tensor Data Extension" (KServe, Triton).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hingeline.core.arrays import FloatArray
from hingeline.evaluation.practice_model import PracticeModel

INPUT_NAME = "input"
VERSION = "1"
_JSON_LENGTH = "Inference-Header-Content-Length"
_DTYPES = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8"}


class Refusal(Exception):
    """A request that gets an error status and `{"error": ...}`.

    Attributes:
        status: The HTTP status.
        headers: Headers to send along.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Question:
    """A request that was understood."""

    id: str
    points: FloatArray
    """Shape "n d"."""
    binary: bool
    """The answer is wanted as bytes."""


def json_reply(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply of JSON."""
    return Reply(
        status, json.dumps(document).encode(), {"Content-Type": "application/json", **(headers or {})}
    )


def model_metadata(name: str, model: PracticeModel) -> dict[str, Any]:
    """The answer to GET v2/models/NAME."""
    shape = [-1] if model.output_name == "labels" else [-1, model.output_dim]
    return {
        "name": name,
        "versions": [VERSION],
        "platform": "hingeline_practice",
        "inputs": [{"name": INPUT_NAME, "datatype": model.input_datatype, "shape": [-1, model.input_dim]}],
        "outputs": [{"name": model.output_name, "datatype": model.output_datatype, "shape": shape}],
    }


def read_question(headers: Mapping[str, str], body: bytes, model: PracticeModel) -> Question:
    """Understand an inference request.

    Args:
        headers: As received; looked up without regard to case by the caller's mapping.
        body: The whole body.
        model: Decides names, types and shapes.

    Raises:
        Refusal: 400, with what is wrong in words.
    """
    document, binary = _split(headers, body)
    tensor = _only_input(document)
    shape = _checked_tensor(tensor, model)
    points = _numbers(tensor, model.input_datatype, binary)
    if points.size != shape[0] * shape[1]:
        raise Refusal(400, f"shape {shape} wants {shape[0] * shape[1]} numbers, data has {points.size}")
    if not np.isfinite(points).all():
        raise Refusal(400, "data has NaN or infinity")
    request_id = document.get("id", "")
    if not isinstance(request_id, str):
        raise Refusal(400, "id must be a string")
    return Question(request_id, points.reshape(shape), _wants_binary(document, model))


def inference_reply(name: str, model: PracticeModel, question: Question, answers: FloatArray) -> Reply:
    """The answer to a question."""
    values = answers.astype(_DTYPES[model.output_datatype])
    shape = [len(values)] if model.output_name == "labels" else list(values.shape)
    tensor: dict[str, Any] = {"name": model.output_name, "datatype": model.output_datatype, "shape": shape}
    document: dict[str, Any] = {"model_name": name, "model_version": VERSION, "outputs": [tensor]}
    if question.id:
        document["id"] = question.id
    if not question.binary:
        tensor["data"] = values.ravel().tolist()
        return json_reply(document)
    raw = values.tobytes()
    tensor["parameters"] = {"binary_data_size": len(raw)}
    head = json.dumps(document).encode()
    return Reply(200, head + raw, {"Content-Type": "application/octet-stream", _JSON_LENGTH: str(len(head))})


def _split(headers: Mapping[str, str], body: bytes) -> tuple[dict[str, Any], bytes]:
    length = headers.get(_JSON_LENGTH)
    if length is not None and not (length.isdigit() and int(length) <= len(body)):
        raise Refusal(400, f"{_JSON_LENGTH} does not fit the body")
    cut = len(body) if length is None else int(length)
    try:
        document: Any = json.loads(body[:cut])
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise Refusal(400, "the body is not a JSON object")
    return document, body[cut:]


def _only_input(document: Mapping[str, Any]) -> dict[str, Any]:
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or len(inputs) != 1 or not isinstance(inputs[0], dict):
        raise Refusal(400, f"inputs must be a list of one tensor, {INPUT_NAME!r}")
    return inputs[0]


def _checked_tensor(tensor: Mapping[str, Any], model: PracticeModel) -> list[int]:
    """The shape of the input tensor, once everything said about it is right."""
    if tensor.get("name") != INPUT_NAME:
        raise Refusal(400, f"there is no input {tensor.get('name')!r}; it is called {INPUT_NAME!r}")
    if tensor.get("datatype") != model.input_datatype:
        raise Refusal(400, f"input takes {model.input_datatype}; got {tensor.get('datatype')!r}")
    shape = tensor.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size > 0 for size in shape):
        raise Refusal(400, "shape must be a list of sizes above 0")
    if len(shape) != 2 or shape[1] != model.input_dim:
        raise Refusal(400, f"input has shape [-1, {model.input_dim}]; got {shape}")
    return shape


def _numbers(tensor: Mapping[str, Any], datatype: str, binary: bytes) -> FloatArray:
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None:
        dtype = np.dtype(_DTYPES[datatype])
        if size != len(binary) or len(binary) % dtype.itemsize:
            raise Refusal(400, f"binary_data_size is {size}, {len(binary)} bytes came")
        return np.frombuffer(binary, dtype).astype(np.float64)
    try:
        data = np.asarray(tensor["data"])
    except (KeyError, ValueError):
        raise Refusal(400, "data must be a list of numbers") from None
    if data.dtype.kind not in "fiu":
        raise Refusal(400, "data must be a list of numbers")
    with np.errstate(over="ignore"):
        return data.astype(_DTYPES[datatype]).astype(np.float64).ravel()


def _wants_binary(document: Mapping[str, Any], model: PracticeModel) -> bool:
    outputs = document.get("outputs", [])
    if not isinstance(outputs, list) or not all(isinstance(output, dict) for output in outputs):
        raise Refusal(400, "outputs must be a list of names")
    for output in outputs:
        if output.get("name") != model.output_name:
            raise Refusal(
                400, f"there is no output {output.get('name')!r}; it is called {model.output_name!r}"
            )
    asked = [document.get("parameters"), *(output.get("parameters") for output in outputs)]
    keys = ("binary_data_output", "binary_data")
    return any(isinstance(given, dict) and given.get(key) is True for given in asked for key in keys)
