"""What a practice server does, apart from sockets: routes requests, fails in turn, limits the rate, counts.

Failures are deterministic: with `fail_every` N the N-th, 2N-th, 3N-th inference request gets 500, 503, a lost
connection, and so on, always before the model is asked. Cost: that of the model.
"""

from __future__ import annotations

import itertools
import math
import re
import threading
from typing import Any
from urllib.parse import quote, unquote

from hingeline.core.arrays import FloatArray
from hingeline.core.version import __version__
from hingeline.defences.doors.refusal import TurnedAway
from hingeline.evaluation.access_log import AccessLog
from hingeline.evaluation.practice_model import PracticeModel, PracticeSettings
from hingeline.evaluation.practice_protocol import (
    VERSION,
    Refusal,
    Reply,
    inference_reply,
    json_reply,
    model_metadata,
    read_question,
)
from hingeline.oracles.rate import TokenBucket

_FAILURES = (500, 503, None)  # None: the connection is dropped
_MODEL = re.compile(r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/(?P<verb>ready|infer))?")


class Dropped(Exception):
    """This request gets no reply; its connection is closed."""


class PracticeService:
    """What the server does, apart from sockets: routes requests and applies the settings.

    Args:
        model: What answers.
        name: The model's name in addresses.
        settings: How badly it behaves.
        log: Where requests are counted.
    """

    def __init__(self, model: PracticeModel, name: str, settings: PracticeSettings, log: AccessLog) -> None:
        self.name = name
        self.model = model
        self.log = log
        self._settings = settings
        self._bucket = None if settings.rate is None else TokenBucket(settings.rate)
        self._numbers = itertools.count(1)
        self._number_lock = threading.Lock()
        self._closing = threading.Event()

    def get(self, path: str) -> Reply:
        """Answer a GET request.

        Raises:
            Refusal: There is nothing at that path.
        """
        match path.rstrip("/"):
            case "/v2":
                extensions = ["binary_tensor_data"]
                return json_reply({"name": "hingeline", "version": __version__, "extensions": extensions})
            case "/v2/health/live":
                return json_reply({"live": True})
            case "/v2/health/ready":
                return json_reply({"ready": True})
            case _:
                verb = self._model_verb(path)
        if verb == "infer":
            raise Refusal(405, "ask with POST", {"Allow": "POST"})
        ready = {"name": self.name, "ready": True}
        return json_reply(ready if verb == "ready" else model_metadata(self.name, self.model))

    def post(self, path: str, headers: Any, body: bytes) -> Reply:
        """Answer a POST request, which must be an inference request; every one is counted.

        Raises:
            Refusal: It gets an error status.
            Dropped: It gets no reply.
        """
        if self._model_verb(path) != "infer":
            raise Refusal(405, "only .../infer takes POST", {"Allow": "GET"})
        try:
            self._fail_in_turn()
            return self._infer(headers, body)
        except Exception as failure:
            self.log.failed(_status_of(failure))
            raise

    def close(self) -> None:
        """Drop the requests that still wait for their turn."""
        self._closing.set()

    def _infer(self, headers: Any, body: bytes) -> Reply:
        question = read_question(headers, body, self.model)
        rows, limit = len(question.points), self._settings.max_batch
        if limit is not None and rows > limit:
            raise Refusal(413, f"at most {limit} rows in one request; got {rows}")
        wait = self._bucket.take(rows) if self._bucket else 0.0
        if wait > 0:
            after = {"Retry-After": str(math.ceil(wait))}
            raise Refusal(429, f"at most {self._settings.rate:g} rows per second", after)
        if self._closing.wait(self._settings.latency):
            raise Dropped
        answers = self._answers(question.points)
        self.log.answered(question.id, question.points)
        return inference_reply(self.name, self.model, question, answers)

    def _answers(self, points: FloatArray) -> FloatArray:
        try:
            return self.model.answers(points)
        except TurnedAway as refused:
            again = refused.retry_after
            after = {} if again is None else {"Retry-After": str(math.ceil(again))}
            raise Refusal(refused.status or 403, refused.reason, after) from refused

    def _fail_in_turn(self) -> None:
        with self._number_lock:
            number = next(self._numbers)
        every = self._settings.fail_every
        if every is None or number % every:
            return
        status = _FAILURES[(number // every - 1) % len(_FAILURES)]
        if status is None:
            raise Dropped
        raise Refusal(status, "practice failure", {"Retry-After": "1"} if status == 503 else {})

    def _model_verb(self, path: str) -> str:
        """What is asked of our model: "", "ready" or "infer"."""
        match = _MODEL.fullmatch(path.rstrip("/"))
        if match is None:
            raise Refusal(
                404, f"there is nothing at {path}; the model is at /v2/models/{quote(self.name, safe='')}"
            )
        if unquote(match["name"]) != self.name:
            raise Refusal(404, f"there is no model {unquote(match['name'])!r}; it is called {self.name!r}")
        if match["version"] not in (None, VERSION):
            raise Refusal(404, f"there is no version {match['version']!r}; there is {VERSION!r}")
        return match["verb"] or ""


def _status_of(failure: Exception) -> int | None:
    if isinstance(failure, Dropped):
        return None
    return failure.status if isinstance(failure, Refusal) else 500
