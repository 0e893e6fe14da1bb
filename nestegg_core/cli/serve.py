"""`nestegg serve`: gunicorn, embedded."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from nestegg_core.cli.context import import_structlog_alone
from nestegg_core.cli.group import both
from nestegg_core.server.listening import ServerSettings
from nestegg_core.settings import Environment

F = TypeVar("F", bound=Callable[..., Any])


def server_options(command: F) -> F:
    """Options that are not given are left to the settings."""
    options = (
        click.option("--host", help="Address to listen on. [default: WEB_HOST, or 127.0.0.1]"),
        click.option(
            "--port",
            type=click.IntRange(0, 65535),
            help="Port to listen on; 0 for a free one. [default: WEB_PORT, or 8000]",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="Processes. [default: WEB_CONCURRENCY, or 2]",
        ),
        click.option(
            "--threads",
            type=click.IntRange(min=1),
            help="Requests at a time, of each process. [default: WEB_THREADS, or 4]",
        ),
        click.option(
            "--metrics-port",
            type=click.IntRange(0, 65535),
            help="Port of the metrics; 0 for none. [default: METRICS_PORT, or 9090]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def server_settings(
    environment: Environment,
    *,
    host: str | None,
    port: int | None,
    workers: int | None,
    threads: int | None,
    metrics_port: int | None,
) -> ServerSettings:
    given = {"host": host, "port": port, "concurrency": workers, "threads": threads}
    for name, value in given.items():
        if value is not None:
            environment.give(f"WEB_{name.upper()}", str(value))
    if metrics_port is not None:
        environment.give("METRICS_PORT", str(metrics_port))
    return environment.load(ServerSettings)


@click.command(epilog="Example: nestegg serve --host 0.0.0.0 --port 8000 --workers 4")
@server_options
def serve(**options: Any) -> None:
    """Serve the API until it is told to stop (SIGTERM, Ctrl-C).

    An SQLite database is migrated first. On PostgreSQL run `nestegg db upgrade`; until then only
    the probes are answered.
    """
    import_structlog_alone()
    from nestegg_core.server.metrics_port import share_measurements

    share_measurements()
    from nestegg_core.cli.context import started
    from nestegg_core.server.app import listen, migrate_or_warn, run

    environment = Environment.read()
    settings, runtime = both(
        lambda: server_settings(environment, **options), lambda: started(environment)
    )
    with listen(settings.web_host, settings.web_port) as listener:
        migrate_or_warn(runtime)
        run(environment, runtime, settings, listener, announce)


def announce(address: str) -> None:
    click.echo(f"Nest Egg serves on {address} (documentation: {address}/docs)")
