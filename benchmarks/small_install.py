"""`python -m benchmarks.small_install`: what docs/small-install.md asks of a machine, measured.

The figures are proportional set sizes: pages that processes share are counted once.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click
import psutil
import requests

from benchmarks.servers import (
    APPLICATION,
    OWNER,
    START_SECONDS,
    Postgres,
    free_port,
    running,
    running_postgres,
)
from nestegg_core.application import start
from nestegg_core.settings import Environment

MEGABYTE = 1_000_000
NESTEGG = str(Path(sys.executable).with_name("nestegg"))
SMALL = {"WEB_CONCURRENCY": "1", "METRICS_PORT": "0", "DB_POOL_SIZE": "4", "DB_MAX_OVERFLOW": "2"}
"""What the page sets in `.env`."""

_REQUESTS = 500
_POLL_SECONDS = 0.02


@click.command()
def main() -> None:
    """Measure server, database and the nightly job of a small install."""
    with running_postgres() as postgres, tempfile.TemporaryDirectory() as folder:
        postgres.execute("ALTER SYSTEM SET shared_buffers = '64MB'")
        postgres.execute("ALTER SYSTEM SET max_connections = 40")
        postgres.stop()
        postgres.start()
        for name, figure in measure(postgres, folder).items():
            click.echo(f"{name:<44}{figure:>6.0f} MB")


def measure(postgres: Postgres, folder: str) -> dict[str, float]:
    """Return megabytes by what they are of."""
    variables = _settings(postgres, folder)
    runtime = start(Environment.read(variables, dotenv=None))
    runtime.storage.upgrade()
    runtime.check_keys()
    runtime.storage.dispose()
    port = free_port()
    with running(["nestegg", "serve", "--port", str(port)], port, variables):
        [arbiter] = [one for one in psutil.Process().children() if "serve" in one.cmdline()]
        asked = f"http://127.0.0.1:{port}"
        _wait_until_ready(asked)
        at_rest = _pss(arbiter)
        for _ in range(_REQUESTS):
            requests.get(f"{asked}/openapi.json", timeout=30).raise_for_status()
        used = _pss(arbiter)
        database = _pss(psutil.Process(postgres.server.get_pid()))
    retention = _peak([NESTEGG, "jobs", "run", "retention"], variables)
    backup = _peak([NESTEGG, "jobs", "run", "backup"], variables)
    return {
        "the server, just started": at_rest,
        f"the server, after {_REQUESTS} requests": used,
        "PostgreSQL, with the server's connections": database,
        "`nestegg jobs run retention`, at its peak": retention,
        "`nestegg jobs run backup`, at its peak": backup,
        "all together, at the most": used + database + max(retention, backup),
    }


def _settings(postgres: Postgres, folder: str) -> dict[str, str]:
    postgres.create_database("small")
    return {
        **SMALL,
        "NESTEGG_HOME": folder,
        "BACKUP_DIR": f"{folder}/backups",
        "DATABASE_URL": postgres.url("small", APPLICATION),
        "DATABASE_ADMIN_URL": postgres.url("small", OWNER),
        "PG_BIN": str(postgres.tools),
        "LOG_LEVEL": "ERROR",
    }


def _wait_until_ready(address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while requests.get(f"{address}/readyz", timeout=30).status_code != requests.codes.ok:
        if time.monotonic() > deadline:
            raise RuntimeError("the server is not ready")
        time.sleep(_POLL_SECONDS)


def _pss(process: psutil.Process) -> float:
    """Return the megabytes of a process and of all that it has started."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:  # it has ended
            continue
    return total / MEGABYTE


def _peak(command: list[str], variables: Mapping[str, str]) -> float:
    """Run a command, and return the most that it was seen to take."""
    most = 0.0
    with subprocess.Popen(
        command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            most = max(most, _pss(psutil.Process(process.pid)))
            time.sleep(_POLL_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return most


if __name__ == "__main__":
    main()
