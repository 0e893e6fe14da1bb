"""Starts what is measured: PostgreSQL, our server, and the bare one, all on loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
START_SECONDS = 30

sys.path.insert(0, str(ROOT / "tests"))  # the tests' PostgreSQL serves here too

from support.postgres import APPLICATION, OWNER, Postgres, running_postgres  # noqa: E402

__all__ = ["APPLICATION", "OWNER", "Postgres", "free_port", "running", "running_postgres"]


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], port: int, variables: dict[str, str]) -> Iterator[None]:
    """Run a server until the block ends; its end is waited for.

    Args:
        command: a script of this virtual environment, and its arguments.
        port: where it is going to listen.
        variables: added to the environment.

    Raises:
        RuntimeError: it does not listen in time.
    """
    process = subprocess.Popen(
        [Path(sys.executable).with_name(command[0]), *command[1:]],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_for(process, port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("a server did not start")
