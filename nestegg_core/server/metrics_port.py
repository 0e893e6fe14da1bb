"""The metrics port: `/metrics` for who knows the password, answered by one process of its own.

One process answers for all, so that a scrape is answered while every worker is busy. It is forked
by the first process of a server or of workers, looked after in its loop, and started again if it
dies.
"""

import atexit
import errno
import hmac
import os
import select
import shutil
import signal
import socket
import tempfile
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from nestegg_core.observability.logs import traceback_of
from nestegg_core.server.listening import CannotListen, take_port

if TYPE_CHECKING:
    from nestegg_core.application import Background
    from nestegg_core.settings import Environment


USER = "admin"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_CHALLENGE = 'Basic realm="nestegg metrics", charset="UTF-8"'
_SECONDS = 10
"""How long a client may be silent."""

_log = structlog.get_logger("nestegg.metrics")


class MetricsServer(ThreadingHTTPServer):
    """Answers on a listening socket, which belongs to it from now on."""

    daemon_threads = True

    def __init__(
        self,
        listener: socket.socket,
        password: str,
        expose: Callable[[], bytes],
        parent_died: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.expose = expose
        self._expected = f"{USER}:{password}".encode()
        self._parent_died = parent_died

    def serve_until_parent_died(self) -> None:
        try:
            self.serve_forever()
        except _ParentDied:
            self.server_close()

    def service_actions(self) -> None:
        if self._parent_died():
            raise _ParentDied

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


class _ParentDied(Exception):
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
    """Answer from a thread, in a process that never forks."""
    server = MetricsServer(listener, password, expose)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


_PAUSE = 1.0
"""Seconds between two starts."""

_IGNORED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGTTIN", "SIGTTOU")
"""What a terminal or a supervisor sends to the whole group: the first process decides."""


ParentDied = Callable[[], bool]


class MetricsProcess:
    """Keeps one process serving.

    `bind` returns `None` while the port is not free yet.
    """

    def __init__(
        self,
        bind: Callable[[], socket.socket | None],
        serve: Callable[[socket.socket, ParentDied], None],
        on_parent_death: Callable[[], None] = lambda: None,
    ) -> None:
        self._bind = bind
        self._serve = serve
        self._on_parent_death = on_parent_death
        self._listener = bind()
        self._pid = 0
        self._alive_pipe = -1
        self._not_before = 0.0

    @property
    def pid(self) -> int:
        return self._pid

    def look_after(self, close_others: Callable[[], None] = lambda: None) -> None:
        """Start the process if there is none, or if it has ended."""
        if self._pid and self._ended():
            _log.warning("the metrics' process has ended; it is started again", pid=self._pid)
            self._forget()
        if self._pid or time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + _PAUSE
        self._listener = self._listener or self._bind()
        if self._listener is not None:
            self._start(self._listener, close_others)

    def leave(self) -> None:
        """Close the port in a process that was forked for something else."""
        if self._listener is not None:
            self._listener.close()

    def stop(self) -> None:
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGTERM)
            self._forget()
        self.leave()

    def _start(self, listener: socket.socket, close_others: Callable[[], None]) -> None:
        alive_pipe, held = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.close(held)
            self._pid, self._alive_pipe = pid, alive_pipe
            return
        try:
            os.close(alive_pipe)
            _reset_signals()
            close_others()
            self._serve(listener, lambda: os.getppid() != parent)
            self._on_parent_death()
        finally:
            # Not `sys.exit`: what the first process does at its end is not this one's to do. `held`
            # is open until here, and so tells the first process that this one lives.
            os._exit(0)

    def _ended(self) -> bool:
        """Tell by the pipe: whoever waits for all children may have taken the exit code."""
        return bool(select.select([self._alive_pipe], [], [], 0)[0])

    def _forget(self) -> None:
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)
        os.close(self._alive_pipe)
        self._pid, self._alive_pipe = 0, -1


def _reset_signals() -> None:
    """The first process's handlers came along with the fork."""
    signal.set_wakeup_fd(-1)
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)


_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BACKLOG = 64


def share_measurements() -> None:
    """Let the processes that are going to be forked share what they measure.

    Call it before anything imports `prometheus_client`, which looks at the variable as it is
    imported and never again. The folder is new each time, as figures of an earlier run would be
    added to those of this one. The process that called this removes it at its end.
    """
    folder = tempfile.mkdtemp(prefix="nestegg-metrics-")
    os.environ[_FOLDER] = folder
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # those that it forked come by here as well
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)


def metrics_process(
    environment: "Environment", runtime: "Background", variable: str
) -> "MetricsProcess | None":
    """Take the port, and return what keeps a process serving the metrics; `None` for none.

    Outside of production a taken port that nobody has chosen is done without, and logged.
    """

    port = int(getattr(runtime.settings, variable.lower()))
    if not port or not runtime.metrics.is_scraped:
        return None
    host, password = runtime.settings.metrics_host, runtime.settings.metrics_password
    folder = Path(os.environ[_FOLDER])
    taking_over = _takes_over()  # gunicorn forgets it as it starts

    def bind() -> socket.socket | None:
        return None if taking_over and _in_use(host, port) else listen(host, port, variable)

    def serve(listener: socket.socket, parent_died: ParentDied) -> None:
        known, exposition = password.get_secret_value(), runtime.metrics.exposition
        if variable == "METRICS_PORT":  # the server's; workers are not there when it matters
            exposition = _with_standing(runtime)
        MetricsServer(listener, known, exposition, parent_died).serve_until_parent_died()

    def on_parent_death() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    try:
        return MetricsProcess(bind, serve, on_parent_death)
    except CannotListen as error:
        chosen = environment.find(variable) is not None
        if chosen or runtime.settings.environment == "production":
            raise
        _log_without(error)
        return None


def _with_standing(runtime: "Background") -> "Callable[[], bytes]":
    """Return the exposition with what the database knows of the jobs."""
    from nestegg_core.database import SqlStorage
    from nestegg_core.jobs.standing import Standing

    if isinstance(runtime.storage, SqlStorage):
        runtime.storage.watch = None  # this process's connection is not one of the server's pools
    registered, metrics = runtime.jobs.registered(), runtime.metrics
    standing = Standing(runtime.storage, registered, metrics, runtime.clock)

    def exposition() -> bytes:
        standing.measure()
        return metrics.exposition()

    return exposition


def metrics_thread(runtime: "Background", variable: str) -> "MetricsServer | None":
    """Serve the metrics from a thread, in a process that never forks."""

    settings, port = runtime.settings, int(getattr(runtime.settings, variable.lower()))
    if not port or not runtime.metrics.is_scraped:
        return None
    listener = listen(settings.metrics_host, port, variable)
    password = settings.metrics_password.get_secret_value()
    return serve_in_thread(listener, password, runtime.metrics.exposition)


def tell_build(runtime: "Background") -> None:
    """Measure which release runs; once in each process."""
    import platform
    from importlib.metadata import version

    release = {"version": version("nestegg-core"), "python_version": platform.python_version()}
    runtime.metrics.gauge("build_info", release, 1)


def listen(host: str, port: int, variable: str) -> socket.socket:
    try:
        return take_port(host, port, _BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            what = f"Port {port} of the metrics is in use"
        else:
            reason = error.strerror or "no such address"
            what = f"Cannot listen for metrics on port {port} of METRICS_HOST ({reason})"
        fix = f"Set {variable} to another port (0 for no metrics), or correct METRICS_HOST."
        raise CannotListen(f"{what}. {fix}") from None


def _takes_over() -> bool:
    """Tell whether this server replaces one that still runs (gunicorn's SIGUSR2), port and all."""
    return "GUNICORN_FD" in os.environ


def _in_use(host: str, port: int) -> bool:
    try:
        listen(host, port, "").close()
    except CannotListen:
        return True
    return False


def _log_without(error: CannotListen) -> None:
    import structlog

    log = structlog.get_logger("nestegg.metrics")
    log.warning("the metrics are not served", why=str(error))
