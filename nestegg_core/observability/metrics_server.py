"""The metrics' own port: `/metrics`, for whoever knows the password."""

import hmac
import socket
import threading
from base64 import b64decode
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import structlog

from nestegg_core.observability.tracebacks import traceback_of

USER = "admin"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CHALLENGE = 'Basic realm="nestegg metrics", charset="UTF-8"'
_SECONDS = 10
"""How long a client may be silent."""

_log = structlog.get_logger("nestegg.metrics")


class MetricsServer(ThreadingHTTPServer):
    """Answers on a listening socket.

    Args:
        listener: it belongs to the server from now on.
        password: of the user `admin`.
        expose: returns what is measured, in Prometheus's text format.
        lonely: whether nobody looks after this process any more; `serve_forever` then returns.
    """

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        password: str,
        expose: Callable[[], bytes],
        lonely: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.expose = expose
        self._expected = f"{USER}:{password}".encode()
        self._lonely = lonely

    def serve_until_lonely(self) -> None:
        """Answer until nobody looks after this process any more."""
        try:
            self.serve_forever()
        except _Lonely:
            self.server_close()

    def service_actions(self) -> None:
        """Look around, twice a second."""
        if self._lonely():
            raise _Lonely

    def knows(self, authorization: str) -> bool:
        """Tell whether a header holds the user and the password (RFC 7617, 2).

        The time it takes does not depend on how much of them is right.
        """
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            given = b64decode(encoded.strip(), validate=True)
        except ValueError:
            return False
        return hmac.compare_digest(given, self._expected)

    def handle_error(self, _request: Any, _address: Any) -> None:
        """A client that goes away in the middle is no error of ours."""
        _log.debug("a connection to the metrics broke off")


class _Lonely(Exception):
    """Nobody looks after this process any more."""


class _Handler(BaseHTTPRequestHandler):
    server: MetricsServer
    timeout = _SECONDS

    def do_GET(self) -> None:
        if not self.server.knows(self.headers.get("Authorization", "")):
            _log.info("the metrics were asked for without the right password")
            self._answer(HTTPStatus.UNAUTHORIZED, ("WWW-Authenticate", _CHALLENGE))
        elif self.path.partition("?")[0] != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            self._expose()

    def do_HEAD(self) -> None:
        self.do_GET()

    def _expose(self) -> None:
        try:
            body = self.server.expose()
        except Exception as error:  # an exporter's own code
            _log.error("the metrics cannot be exposed", exception=traceback_of(error))
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        self._send(HTTPStatus.OK, CONTENT_TYPE, body)

    def _answer(self, status: HTTPStatus, *headers: tuple[str, str]) -> None:
        self._send(status, "text/plain; charset=utf-8", f"{status.phrase}\n".encode(), *headers)

    def _send(
        self, status: HTTPStatus, content_type: str, body: bytes, *headers: tuple[str, str]
    ) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(
        self, code: int, _message: str | None = None, _explain: str | None = None
    ) -> None:
        """Answer what is no request for us, without repeating any of it."""
        self.close_connection = True
        self._answer(HTTPStatus(code))

    def version_string(self) -> str:
        """Say no more of what answers than need be."""
        return "nestegg"

    def log_message(self, *_: object) -> None:
        """Say nothing: a scrape every few seconds is no news."""


def serve_in_thread(
    listener: socket.socket, password: str, expose: Callable[[], bytes]
) -> MetricsServer:
    """Answer from a thread: for a process that never forks. It ends with the process."""
    server = MetricsServer(listener, password, expose)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
