"""A server that takes error reports over loopback: quick, silent, or not there at all."""

import gzip
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class ReportServer:
    """Takes whatever is posted to a free port of 127.0.0.1.

    It serves from entering the context until leaving it.

    Attributes:
        url: where to send to, without a path.
        bodies: what came, unpacked where it was gzip or deflate, in order.

    Example:
        >>> import urllib.request
        >>> with ReportServer() as server:
        ...     _ = urllib.request.urlopen(f"{server.url}/report", b"it broke").read()
        ...     server.wait()
        b'it broke'
    """

    def __init__(self) -> None:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.bodies: list[bytes] = []
        self.open = threading.Event()
        self.open.set()
        self.came = threading.Condition()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._serving = False

    def __enter__(self) -> "ReportServer":
        self._thread.start()
        self._serving = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Let requests in, and answer none of them before the context ends."""
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    def stop(self) -> None:
        """Close the port: who sends from now on is refused."""
        if self._serving:
            self._serving = False
            self.open.set()
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def wait(self, seconds: float = 10) -> bytes:
        """Return the first report, as soon as it is there.

        Raises:
            TimeoutError: none came.
        """
        with self.came:
            if not self.came.wait_for(lambda: self.bodies, seconds):
                raise TimeoutError(f"no report came within {seconds} seconds")
            return self.bodies[0]

    def take(self, body: bytes) -> None:
        """Keep a report."""
        with self.came:
            self.bodies.append(body)
            self.came.notify_all()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, reports: ReportServer) -> None:
        self.reports = reports
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.reports.open.wait()
        packing = self.headers.get("Content-Encoding", "")
        self.server.reports.take(_unpacked(body, packing))
        try:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")
        except ConnectionError:
            self.close_connection = True  # the client gave up, as it may

    def log_message(self, *_: object) -> None:
        """Say nothing: what came is in `bodies`."""


def _unpacked(body: bytes, packing: str) -> bytes:
    if packing == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if packing == "deflate" else body
