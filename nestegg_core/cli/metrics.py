"""The metrics' port of a server, of workers and of a scheduler."""

import atexit
import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nestegg_core.cli.errors import Refused
from nestegg_core.cli.listening import take_port

if TYPE_CHECKING:
    from nestegg_core.background import Background
    from nestegg_core.observability.metrics_process import Lonely, MetricsProcess
    from nestegg_core.observability.metrics_server import MetricsServer
    from nestegg_core.settings import Environment

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BACKLOG = 64


def metrics_port_option(variable: str) -> Callable[[Any], Any]:
    """Return the option that comes before a setting."""
    return click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        help=f"Port of the metrics; 0 for none. [default: {variable}]",
    )


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

    Args:
        environment: tells whether the operator has chosen the port.
        runtime: what is exposed, and to whom.
        variable: the setting of the port, e.g. `METRICS_PORT`.

    Raises:
        Refused: the port is in use. Outside of production one that nobody has chosen is done
            without then, and the log says so.
    """
    from nestegg_core.observability.metrics_process import MetricsProcess
    from nestegg_core.observability.metrics_server import MetricsServer

    port = int(getattr(runtime.settings, variable.lower()))
    if not port or not runtime.metrics.is_scraped:
        return None
    host, password = runtime.settings.metrics_host, runtime.settings.metrics_password
    folder = Path(os.environ[_FOLDER])
    taking_over = _takes_over()  # gunicorn forgets it as it starts

    def bind() -> socket.socket | None:
        return None if taking_over and _in_use(host, port) else listen(host, port, variable)

    def serve(listener: socket.socket, lonely: "Lonely") -> None:
        known, exposition = password.get_secret_value(), runtime.metrics.exposition
        if variable == "METRICS_PORT":  # the server's; workers are not there when it matters
            exposition = _with_standing(runtime)
        MetricsServer(listener, known, exposition, lonely).serve_until_lonely()

    def orphaned() -> None:
        shutil.rmtree(folder, ignore_errors=True)

    try:
        return MetricsProcess(bind, serve, orphaned)
    except Refused as error:
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
    """Serve the metrics from a thread, in a process that never forks; `None` for not at all.

    Raises:
        Refused: the port is in use.
    """
    from nestegg_core.observability.metrics_server import serve_in_thread

    settings, port = runtime.settings, int(getattr(runtime.settings, variable.lower()))
    if not port or not runtime.metrics.is_scraped:
        return None
    listener = listen(settings.metrics_host, port, variable)
    password = settings.metrics_password.get_secret_value()
    return serve_in_thread(listener, password, runtime.metrics.exposition)


def tell_build(runtime: "Background") -> None:
    """Measure which release runs; once in each process, when it begins its work."""
    import platform
    from importlib.metadata import version

    release = {"version": version("nestegg-core"), "python_version": platform.python_version()}
    runtime.metrics.gauge("build_info", release, 1)


def listen(host: str, port: int, variable: str) -> socket.socket:
    """Take a port for metrics.

    Raises:
        Refused: it is in use, or the address is none of this machine's.
    """
    try:
        return take_port(host, port, _BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            what = f"Port {port} of the metrics is in use"
        else:
            reason = error.strerror or "no such address"
            what = f"Cannot listen for metrics on port {port} of METRICS_HOST ({reason})"
        fix = f"Set {variable} to another port (0 for no metrics), or correct METRICS_HOST."
        raise Refused(f"{what}. {fix}") from None


def _takes_over() -> bool:
    """Tell whether this server replaces one that still runs (gunicorn's SIGUSR2), port and all."""
    return "GUNICORN_FD" in os.environ


def _in_use(host: str, port: int) -> bool:
    try:
        listen(host, port, "").close()
    except Refused:
        return True
    return False


def _log_without(error: Refused) -> None:
    import structlog

    log = structlog.get_logger("nestegg.metrics")
    log.warning("the metrics are not served", why=error.message)
