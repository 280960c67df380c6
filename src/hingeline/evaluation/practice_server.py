"""A practice endpoint: any model behind the Open Inference Protocol v2, with chosen defences and bad manners.

Runs on the standard library's threaded HTTP server; meant for rehearsal and tests on one machine, not for
production. Failures are deterministic: with `fail_every` N the N-th, 2N-th, 3N-th inference request gets 500,
503, a lost connection, and so on, always before the model is asked.
"""

from __future__ import annotations

import itertools
import logging
import math
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import TracebackType
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from hingeline.core.errors import InvalidInput
from hingeline.core.version import __version__
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

_logger = logging.getLogger("hingeline.evaluation")

_LARGEST_BODY = 256 * 2**20
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
        answers = self.model.answers(question.points)
        self.log.answered(question.id, question.points)
        return inference_reply(self.name, self.model, question, answers)

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


class PracticeServer:
    """The service on a socket. Use it as a context manager, or call `serve_forever`.

    Args:
        model: A network, an oracle in this process, or anything `hl.oracle` opens.
        name: The model's name in addresses.
        host: Address to listen on.
        port: Port to listen on; 0 for any free one.
        settings: Defences and bad manners.
        access_log: File that gets one line per inference request.
        input_dim: Numbers in one row, for a function that does not say.

    Raises:
        InvalidInput: The settings, the model, the name, the log file or the port cannot be used.
    """

    def __init__(
        self,
        model: Any,
        *,
        name: str = "model",
        host: str = "127.0.0.1",
        port: int = 0,
        settings: PracticeSettings | None = None,
        access_log: str | Path | None = None,
        input_dim: int | None = None,
    ) -> None:
        chosen = settings or PracticeSettings()
        if not name.strip() or "/" in name:
            raise InvalidInput(f"a model's name goes into its address: no '/' and not empty; got {name!r}")
        self.model = PracticeModel(model, chosen, input_dim)
        self.log = AccessLog(access_log)
        self._service = PracticeService(self.model, name, chosen, self.log)
        try:
            self._server = _Server((host, port), self._service)
        except (OSError, OverflowError) as error:
            self.log.close()
            raise InvalidInput(
                f"cannot listen on {host}:{port}: {error}; --port 0 takes any free port"
            ) from error
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The model's address, to hand to `hl.oracle`."""
        host, port = self._server.server_address[:2]
        shown = f"[{host}]" if ":" in str(host) else host
        return f"http://{shown}:{port}/v2/models/{quote(self._service.name, safe='')}"

    def serve_forever(self) -> None:
        """Answer requests until `close` is called from another thread or an interrupt comes."""
        self._server.serve_forever(poll_interval=0.05)

    def close(self) -> None:
        """Stop listening, cut open connections, wait for their threads."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._service.close()
        self._server.cut_connections()
        self._server.server_close()
        self.log.close()

    def __enter__(self) -> PracticeServer:
        self._thread = threading.Thread(target=self.serve_forever, name="practice server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that closing it does not wait for clients to go away."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: PracticeService) -> None:
        self.service = service
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The base class looks up the host's name, which can take seconds and is not needed.
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                _shut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _logger.debug("a connection ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """Reads HTTP and writes replies; one instance per connection."""

    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    server_version = f"hingeline/{__version__}"
    timeout = 60
    # Headers and body leave together; otherwise every answer waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer a question about the server or the model."""
        self._answer(lambda: self.server.service.get(urlsplit(self.path).path))

    def do_POST(self) -> None:
        """Answer an inference request."""
        self._answer(lambda: self.server.service.post(urlsplit(self.path).path, self.headers, self._body()))

    def _answer(self, compute: Any) -> None:
        try:
            reply = compute()
        except Refusal as refusal:
            reply = json_reply({"error": str(refusal)}, refusal.status, refusal.headers)
        except Dropped:
            self.close_connection = True
            _shut(self.connection)
            return
        except Exception as error:
            _logger.exception("the practice model failed")
            reply = json_reply({"error": f"the model failed: {error}"}, 500)
        self._send(reply)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            # The body is still in the line, so the connection cannot be used again.
            self.close_connection = True
            status = 413 if length.isdigit() else 411
            raise Refusal(
                status, f"want Content-Length of at most {_LARGEST_BODY} bytes", {"Connection": "close"}
            )
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Dropped
        return body

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class cannot parse is refused in JSON too."""
        self.close_connection = True
        self._send(json_reply({"error": message or "bad request"}, int(code), {"Connection": "close"}))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are logged, not printed."""
        _logger.debug(format, *args)


def _status_of(failure: Exception) -> int | None:
    if isinstance(failure, Dropped):
        return None
    return failure.status if isinstance(failure, Refusal) else 500


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _logger.debug("the connection was gone already")
