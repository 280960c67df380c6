"""A network behind an endpoint described by target.toml: a request template and a path to the answers.

Serves what speaks JSON but no protocol of its own: MLflow's /invocations, TensorFlow Serving's :predict, a
colleague's Flask app. For servers of the Open Inference Protocol use `remote`. Cost: one request per batch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import QueryFailed
from hingeline.core.events import EventSink, ignore
from hingeline.oracles.endpoint import open_courier, rows_per_request
from hingeline.oracles.http_oracle import HttpOracle
from hingeline.oracles.inference_protocol import finite_rows, numbers_from_json, parse_json
from hingeline.oracles.protocol import OracleSpec
from hingeline.oracles.retries import RetryPolicy
from hingeline.oracles.template_document import Target, read_target
from hingeline.oracles.transport import Request, Response, Transport, checked_host, is_loopback


class _Templated:
    """The dialect that a target.toml describes."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def write(self, points: FloatArray, request_id: str) -> Request:
        target = self._target
        rows = points.reshape(len(points), *target.row_shape).tolist()
        body = target.request.replace('"{{id}}"', json.dumps(request_id))
        if target.one_row_each:
            body = body.replace('"{{row}}"', json.dumps(rows[0], allow_nan=False))
        else:
            body = body.replace('"{{rows}}"', json.dumps(rows, allow_nan=False))
        headers = {name: value.replace("{{id}}", request_id) for name, value in target.headers}
        headers = {"Content-Type": "application/json", "Accept": "application/json", **headers}
        return Request(target.method, target.url, headers, body.encode())

    def read(self, response: Response, rows: int, request_id: str) -> FloatArray:
        found = _follow(parse_json(response.body), self._target.response, "")
        return finite_rows(_as_rows(numbers_from_json(found), rows))


def template_oracle(
    path: str | Path,
    transport: Transport | None = None,
    *,
    policy: RetryPolicy | None = None,
    on_event: EventSink = ignore,
    **overrides: Any,
) -> HttpOracle:
    """Open a door to the endpoint that a target.toml describes.

    Args:
        path: The file; its keys are those of `template_document.Target`.
        transport: Sends requests in place of the built-in HTTP client.
        policy: When to send again; replaces the default for this kind of host.
        on_event: Where sentences about waiting go.
        overrides: Values that take the place of keys in the file, such as `rate=5`.

    Raises:
        FormatError: The file is not right; the message names the key and what to type.
        InvalidInput: A bad address, or an environment variable that is not set.
    """
    target = read_target(path, overrides)
    remote = not is_loopback(checked_host(target.url))
    spec = _spec(target, remote)
    courier = open_courier(
        target.url,
        spec.name,
        timeout=target.timeout,
        rate=target.rate,
        token_env=target.token_env,
        headers_env=dict(target.headers_env),
        idempotent=target.idempotent,
        policy=policy,
        transport=transport,
        on_event=on_event,
    )
    return HttpOracle(spec, courier, _Templated(target))


def _spec(target: Target, remote: bool) -> OracleSpec:
    dim = math.prod(target.row_shape)
    return OracleSpec(
        name=target.name or _described(target),
        input_dim=dim,
        output_dim=target.output_dim,
        answers=target.answers,
        dtype=target.dtype,
        bounds=target.bounds,
        max_batch=1 if target.one_row_each else rows_per_request(dim, target.max_batch, target.rate),
        remote=remote,
    )


def _described(target: Target) -> str:
    """The address without its query, and a digest that tells two templates for one address apart."""
    parts = urlsplit(target.url)
    asked = json.dumps([target.url, target.method, target.request, target.response, target.headers])
    digest = hashlib.blake2b(asked.encode(), digest_size=4).hexdigest()
    return f"{parts.scheme}://{parts.netloc}{parts.path} (template {digest})"


def _follow(value: Any, steps: Sequence[str | int], walked: str) -> Any:
    """Walk from the answer's root to the numbers."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    here = f"{walked}.{step}" if walked else str(step)
    if step == "*" and isinstance(value, list):
        return [_follow(item, rest, here) for item in value]
    if isinstance(value, dict) and str(step) in value:
        return _follow(value[str(step)], rest, here)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return _follow(value[step], rest, here)
    raise QueryFailed(f"the answer has no {here!r}; it has {_contents(value)}. Check the key response")


def _contents(value: Any) -> str:
    if isinstance(value, dict):
        return "the keys " + ", ".join(repr(key) for key in list(value)[:10])
    return f"a list of {len(value)}" if isinstance(value, list) else f"a {type(value).__name__}"


def _as_rows(numbers: FloatArray, rows: int) -> FloatArray:
    """One row per question: a table, one number each, or (for one question) the row itself."""
    if rows == 1:
        return numbers.reshape(1, -1)
    if numbers.ndim >= 2 and numbers.shape[0] == rows:
        return numbers.reshape(rows, -1)
    # A flat list may hold one number per row, or whole rows one after the other.
    if numbers.ndim == 1 and numbers.size and numbers.size % rows == 0:
        return numbers.reshape(rows, -1)
    raise QueryFailed(f"{rows} rows were asked; the answers have shape {numbers.shape}")
