"""A network behind HTTP that speaks the Open Inference Protocol v2.

The server's metadata decides names, types and shapes; a query is one request, with the journal's batch id as
the protocol's request id. What may be sent again after trouble is decided in `courier`. Endpoints that speak
something else: `template`.
Cost: one request for the metadata, one for the server's extensions, then one per batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from hingeline.core.arrays import FloatArray
from hingeline.core.errors import InvalidInput, QueryFailed
from hingeline.core.events import EventSink, ignore
from hingeline.oracles.courier import Courier
from hingeline.oracles.endpoint import check_max_batch, open_courier, rows_per_request
from hingeline.oracles.http_oracle import HttpOracle
from hingeline.oracles.inference_metadata import ModelMetadata, TensorInfo, choose_output, parse_metadata
from hingeline.oracles.inference_protocol import (
    BINARY_EXTENSION,
    decode_response,
    encode_request,
    read_json,
)
from hingeline.oracles.input_layout import InputLayout, output_dim, plan_input
from hingeline.oracles.protocol import Answers, OracleSpec
from hingeline.oracles.retries import RetryPolicy
from hingeline.oracles.transport import Request, Response, Transport, checked_host, is_loopback

_MODEL_PATH = re.compile(
    r"(?P<root>/(?:.*/)?v2)/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/infer)?/?"
)


class _OpenInference:
    """The protocol's dialect for one model; notices when another version answers, so that two never mix."""

    def __init__(self, url: str, layout: InputLayout, *, output_name: str | None, binary: bool) -> None:
        self._url = url
        self._layout = layout
        self._output_name = output_name
        self._binary = binary
        self._version: str | None = None

    def write(self, points: FloatArray, request_id: str) -> Request:
        headers, body = encode_request(
            points, self._layout, request_id=request_id, output_name=self._output_name, binary=self._binary
        )
        return Request("POST", f"{self._url}/infer", headers, body)

    def read(self, response: Response, rows: int, request_id: str) -> FloatArray:
        answer = decode_response(
            response.headers,
            response.body,
            rows=rows,
            layout=self._layout,
            request_id=request_id,
            output_name=self._output_name,
        )
        if None not in (self._version, answer.model_version) and self._version != answer.model_version:
            raise QueryFailed(
                f"the model changed from version {self._version!r} to {answer.model_version!r} meanwhile; "
                "pass version=... to stay with one"
            )
        self._version = answer.model_version or self._version
        return answer.values


def remote_oracle(
    url: str,
    *,
    input_dim: int | None = None,
    input_shape: tuple[int, ...] | None = None,
    output_name: str | None = None,
    version: str | None = None,
    dtype: str | None = None,
    bounds: tuple[float, float] | None = None,
    answers: Answers = "auto",
    name: str | None = None,
    max_batch: int | None = None,
    rate: float | None = None,
    timeout: float = 30.0,
    token_env: str | None = None,
    headers_env: Mapping[str, str] | None = None,
    idempotent: bool = False,
    binary: bool | None = None,
    policy: RetryPolicy | None = None,
    transport: Transport | None = None,
    on_event: EventSink = ignore,
) -> HttpOracle:
    """Open a door to a model served in the Open Inference Protocol v2.

    Args:
        url: http(s)://HOST/v2/models/NAME, with or without /versions/V.
        input_dim: Numbers per row; needed only where the server does not say.
        input_shape: Shape of one row, where the server leaves more than one size open.
        output_name: Output to read; needed where the model has several.
        version: Model version, if not in the address.
        dtype: Precision to round queries to, if less than the server takes.
        bounds: Smallest and largest value an input may take.
        answers: What the answers are, if known.
        name: Replaces the address as the oracle's name.
        max_batch: Most rows per request; chosen to keep requests under 1 MB if not given.
        rate: Most rows per second. If not given: 5 requests per second, or no limit on loopback.
        timeout: Seconds to wait for one answer.
        token_env: Environment variable that holds a bearer token.
        headers_env: Header name to the environment variable that holds its value.
        idempotent: The server does not charge again for a repeated request id, so that a request whose
            answer may be lost is sent once more.
        binary: Use the protocol's binary extension; by default if the server advertises it.
        policy: When to send again; replaces the default for this kind of host.
        transport: Sends requests in place of the built-in HTTP client.
        on_event: Where sentences about waiting go.

    Raises:
        InvalidInput: Something must be said differently; the message says what.
        QueryFailed: The server does not answer, or not in this protocol.
        UnsupportedOracle: The model's inputs or outputs cannot be used.
    """
    root, model_url = _parse_address(url, version)
    check_max_batch(max_batch)
    label = name or (f"{model_url} output {output_name}" if output_name else model_url)
    courier = open_courier(
        model_url,
        label,
        timeout=timeout,
        rate=rate,
        token_env=token_env,
        headers_env=headers_env,
        idempotent=idempotent,
        policy=policy,
        transport=transport,
        on_event=on_event,
    )
    try:
        metadata = _metadata(courier, model_url)
        output = choose_output(metadata.outputs, output_name)
        layout = plan_input(metadata, input_dim=input_dim, input_shape=input_shape, dtype=dtype)
        use_binary = _advertises_binary(courier, root) if binary is None else binary
        spec = OracleSpec(
            name=label,
            input_dim=layout.input_dim,
            output_dim=output_dim(output, layout),
            answers=answers,
            dtype=layout.dtype,
            bounds=bounds,
            max_batch=layout.batch or rows_per_request(layout.input_dim, max_batch, rate),
            remote=not is_loopback(checked_host(model_url)),
        )
    except BaseException:
        courier.close()
        raise
    asked = _output_to_ask(metadata.outputs, output, output_name)
    dialect = _OpenInference(model_url, layout, output_name=asked, binary=use_binary)
    return HttpOracle(spec, courier, dialect, fixed_batch=layout.batch)


def _parse_address(url: str, version: str | None) -> tuple[str, str]:
    """The server's root (…/v2) and the model's address, without a trailing /infer."""
    checked_host(url)
    parts = urlsplit(url)
    match = _MODEL_PATH.fullmatch(parts.path)
    if match is None or parts.query or parts.fragment:
        raise InvalidInput(
            f"want http://HOST/v2/models/NAME; got {parts.scheme}://{parts.netloc}{parts.path}. "
            "For an endpoint of another kind write a target.toml and pass that"
        )
    stated = match["version"]
    if version is not None and stated not in (None, version):
        raise InvalidInput(f"the address says version {stated}, version= says {version}")
    root = f"{parts.scheme}://{parts.netloc}{match['root']}"
    pinned = f"/versions/{stated or version}" if stated or version else ""
    return root, f"{root}/models/{match['name']}{pinned}"


def _get(courier: Courier, url: str) -> dict[str, object]:
    response = courier.deliver(Request("GET", url, {"Accept": "application/json"}), 0)
    try:
        return read_json(response.body)
    except QueryFailed as problem:
        raise courier.complain(str(problem), response) from None


def _metadata(courier: Courier, url: str) -> ModelMetadata:
    document = _get(courier, url)
    try:
        return parse_metadata(document)
    except QueryFailed as problem:
        raise QueryFailed(f"{url}: {problem}") from None


def _advertises_binary(courier: Courier, root: str) -> bool:
    try:
        extensions = _get(courier, root).get("extensions")
    except QueryFailed as problem:
        # Some gateways pass a model's paths only; without this document JSON is the safe choice.
        if problem.status is None:
            raise
        return False
    return isinstance(extensions, list) and BINARY_EXTENSION in extensions


def _output_to_ask(
    outputs: tuple[TensorInfo, ...], chosen: TensorInfo | None, wanted: str | None
) -> str | None:
    """Name an output in requests only where there is a choice: some servers know no other field."""
    if chosen is None:
        return wanted
    return chosen.name if wanted or len(outputs) > 1 else None
