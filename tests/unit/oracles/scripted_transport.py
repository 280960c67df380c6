"""A transport that replies from a script and remembers what it was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from hingeline.core.errors import QueryFailed
from hingeline.oracles.http_oracle import HttpOracle
from hingeline.oracles.remote import remote_oracle
from hingeline.oracles.retries import RetryPolicy
from hingeline.oracles.transport import Request, Response

URL = "http://127.0.0.1:8000/v2/models/m"
X = {"name": "x", "datatype": "FP64", "shape": [-1, 2]}
Y = {"name": "y", "datatype": "FP64", "shape": [-1, 3]}
METADATA = {"name": "m", "inputs": [X], "outputs": [Y]}
POINTS = np.array([[0.1, 0.2], [1 / 3, -4e-300]])

Reply = Response | QueryFailed | Callable[[Request], Response]


class ScriptedTransport:
    """Gives the next reply of the script for each request; an error in it is raised."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.requests: list[Request] = []
        self.closed = False

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, QueryFailed):
            raise reply
        return reply if isinstance(reply, Response) else reply(request)

    def close(self) -> None:
        self.closed = True

    @property
    def documents(self) -> list[Any]:
        """The JSON bodies sent."""
        return [json.loads(request.body) for request in self.requests if request.body]


def reply(document: Any, status: int = 200, **headers: str) -> Response:
    """A JSON response; `retry_after="2"` becomes the header retry-after."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json", **named}, json.dumps(document).encode())


def answer(values: Any, **changes: Any) -> Response:
    """An inference response with output y, with `changes` to the tensor."""
    table = np.asarray(values)
    tensor = {"name": "y", "datatype": "FP64", "shape": list(table.shape), "data": table.ravel().tolist()}
    return reply({"model_name": "m", "outputs": [tensor | changes]})


def patient(sleeps: list[float] | None = None, **changes: Any) -> RetryPolicy:
    """A policy that writes its pauses down in place of sleeping."""
    return RetryPolicy(sleep=(sleeps if sleeps is not None else []).append, **changes)


def opened(*replies: Reply, metadata: Any = None, **options: Any) -> tuple[HttpOracle, ScriptedTransport]:
    """A door whose server says `metadata`, advertises nothing and then follows the script."""
    transport = ScriptedTransport(reply(metadata or METADATA), reply({"extensions": []}), *replies)
    return remote_oracle(URL, transport=transport, **{"policy": patient(), **options}), transport
