"""gunicorn, embedded: takes the port, forks the workers, and looks after the metrics process."""

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import structlog
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]  # it has no types
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]  # it has no types
from gunicorn.glogging import Logger  # type: ignore[import-untyped]  # it has no types

from nestegg_core.api.app import create_app
from nestegg_core.application import Runtime, start
from nestegg_core.database.migrator import head, way_to_head
from nestegg_core.errors import StorageUnavailable, told
from nestegg_core.server.forking import freeze, may_cross_a_fork
from nestegg_core.server.listening import CannotListen, ServerSettings, take_port
from nestegg_core.server.metrics_port import MetricsProcess, metrics_process, tell_build
from nestegg_core.settings import Environment, Settings

_log = structlog.get_logger("nestegg.start")

GRACEFUL_SECONDS = 30
"""How long requests that are under way may take when the server is told to stop."""

_BACKLOG = 2048
_HANDED_OVER = "GUNICORN_FD"


def listen(host: str, port: int) -> socket.socket:
    """Take the port, before anything that takes longer is begun.

    A server that takes over from another one (gunicorn's SIGUSR2) gets the socket from it, so that
    no connection is lost between the two.
    """
    if handed := os.environ.get(_HANDED_OVER):
        return socket.socket(fileno=int(handed))
    try:
        return take_port(host, port, _BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = "is in use: another server listens there. Stop it, or choose another: --port"
            raise CannotListen(f"Port {port} {why} {port + 1}") from None
        reason = error.strerror or "no such address"
        raise CannotListen(
            f"Cannot listen on port {port} of that host ({reason}). "
            "Choose an address of this machine with --host, and a port with --port."
        ) from None


def migrate_or_warn(runtime: Runtime) -> None:
    """Bring a storage that migrates itself to head and check the keys; of another, log if it is
    below.

    Connections are closed again: none may cross the fork.
    """
    try:
        if runtime.migrates_itself:
            runtime.storage.upgrade()
        current = runtime.storage.current_revision()
        if current == head():
            runtime.check_keys()
        else:
            _log.warning(
                "the database is not at this release's migration: only the probes are answered",
                current=current,
                head=head(),
                fix=way_to_head(current),
            )
    except StorageUnavailable as error:
        _log.warning("the database does not answer; serving nevertheless", why=told(error))
    finally:
        runtime.storage.dispose()


def run(
    environment: Environment,
    runtime: Runtime,
    server: ServerSettings,
    listener: socket.socket,
    ready: Callable[[str], None],
) -> NoReturn:
    """Serve on a socket until a signal says otherwise, then end the process.

    `environment` was read once, for a value in a pipe cannot be read again; each worker with its
    own services reads settings from it. Nothing of `runtime` is connected any more.
    """
    metrics = metrics_process(environment, runtime, "METRICS_PORT")
    shared = runtime if may_cross_a_fork() else None
    options = _options(runtime.settings, server, listener, ready)
    options["preload_app"] = shared is not None
    _Server(environment, shared, options, metrics).run()
    raise SystemExit(0)


def _options(
    settings: Settings,
    server: ServerSettings,
    listener: socket.socket,
    ready: Callable[[str], None],
) -> dict[str, Any]:
    number = listener.detach()
    return {
        # What was handed over gunicorn finds by itself, and would then have twice.
        **({} if _HANDED_OVER in os.environ else {"bind": f"fd://{number}"}),
        "workers": server.web_concurrency,
        "threads": server.web_threads,
        "worker_class": "nestegg_core.server.worker.WaitressWorker",
        "graceful_timeout": GRACEFUL_SECONDS,
        "control_socket_disable": True,
        "logger_class": _RootLogger,
        "loglevel": settings.log_level.lower(),
        "errorlog": None,
        "proc_name": "nestegg",
        "when_ready": lambda arbiter: ready(str(arbiter.LISTENERS[0])),
    }


class _RootLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Sends gunicorn's own messages where all others go; requests are logged by middleware."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.propagate = True

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        super().debug(msg, *map(_named, args), **kwargs)


def _named(argument: Any) -> Any:
    """Name an error instead of telling it: its text may repeat what a client sent."""
    return type(argument).__name__ if isinstance(argument, BaseException) else argument


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's first process, which looks after the metrics' process as well."""

    # A worker that exits so ends the whole server: it could not begin. gunicorn's own codes, 3 and
    # 4, are what a plugin's `os._exit` is likely to use.
    WORKER_BOOT_ERROR = 113
    APP_LOAD_ERROR = 114

    def __init__(self, app: Any, metrics: MetricsProcess | None) -> None:
        self._metrics = metrics
        self._told_to_end: set[int] = set()
        super().__init__(app)

    def kill_worker(self, pid: int, sig: int) -> None:
        self._told_to_end.add(pid)
        super().kill_worker(pid, sig)

    def reap_workers(self) -> None:
        """Tell of a worker that ends as if all were well, which gunicorn passes over in silence."""
        for pid in set(self.WORKERS) - self._told_to_end:
            with suppress(ChildProcessError):
                ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended and (ended.si_code, ended.si_status) == (os.CLD_EXITED, 0):
                    _log.error(f"Worker (pid:{pid}) exited with code 0, and nobody had told it to.")
        super().reap_workers()
        self._told_to_end &= set(self.WORKERS)

    def manage_workers(self) -> None:
        if self._metrics is not None:
            self._metrics.look_after(self._close_listeners)
        super().manage_workers()

    def _close_listeners(self) -> None:
        for listener in self.LISTENERS:
            listener.close()


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Configures gunicorn and gives the workers their application."""

    def __init__(
        self,
        environment: Environment,
        shared: Runtime | None,
        options: dict[str, Any],
        metrics: MetricsProcess | None,
    ) -> None:
        self._environment = environment
        self._runtime = shared
        self._options = options
        self._metrics = metrics
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)
        self.cfg.set("post_worker_init", lambda _worker: self.begin())
        if self._metrics is not None:
            metrics = self._metrics
            self.cfg.set("post_fork", lambda _arbiter, _worker: metrics.leave())
            self.cfg.set("on_exit", lambda _arbiter: metrics.stop())

    def run(self) -> None:
        _Arbiter(self, self._metrics).run()

    def load(self) -> Any:
        """Run before the fork, or where that cannot be, in each worker."""
        self._runtime = self._runtime or start(self._environment)
        self.max_body_bytes = self._runtime.settings.max_body_bytes
        app = create_app(self._runtime)
        freeze()
        return app

    def begin(self) -> None:
        """Run in each worker, when it has its application."""
        if self._runtime is not None:
            tell_build(self._runtime)
