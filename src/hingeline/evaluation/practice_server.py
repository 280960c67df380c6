"""A practice endpoint: any model behind the Open Inference Protocol v2, with chosen defences and bad manners.

Runs on the standard library's threaded HTTP server; meant for rehearsal and tests on one machine, not for
production. What it answers is decided in `practice_service`; here are sockets and threads.
"""

from __future__ import annotations

import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlsplit

from hingeline.core.errors import InvalidInput
from hingeline.core.version import __version__
from hingeline.evaluation.access_log import AccessLog
from hingeline.evaluation.practice_model import PracticeModel, PracticeSettings
from hingeline.evaluation.practice_protocol import Refusal, Reply, json_reply
from hingeline.evaluation.practice_service import Dropped, PracticeService

_logger = logging.getLogger("hingeline.evaluation")

_LARGEST_BODY = 256 * 2**20


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


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _logger.debug("the connection was gone already")
