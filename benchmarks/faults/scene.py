"""A server as an operator runs it: PostgreSQL, Redis where it is wanted, gunicorn, workers."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from benchmarks.servers import APPLICATION, OWNER, ROOT, Postgres, free_port, running_postgres

NESTEGG = str(Path(sys.executable).with_name("nestegg"))
DATABASE = "faults"
ACCOUNTS = 4
PATIENCE = 60.0
_PASSWORD = "correct horse battery staple"  # noqa: S105 - of a user of this scene only


def environ(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process of ours: these settings, and what any process needs."""
    return {**os.environ, **variables}


class Process:
    """A process of ours whose output nobody reads, and that is ended by its own id.

    Args:
        arguments: of `nestegg`.
        variables: its settings.
    """

    def __init__(self, arguments: Sequence[str], variables: Mapping[str, str]) -> None:
        self.process: psutil.Process = psutil.Popen(
            [NESTEGG, *arguments],
            cwd=ROOT,
            env=environ(variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.process.terminate()
        self.process.wait(timeout=PATIENCE * 2)

    def succeeded_by(self, successor: psutil.Process) -> None:
        """End it, for another process has taken over."""
        self.stop()
        self.process = successor

    def children(self, *, servers: bool) -> list[psutil.Process]:
        """Return the processes that answer requests, or servers that are about to take over."""
        pid = self.process.pid
        return [one for one in self.process.children() if _takes_over(one, pid) is servers]


def _takes_over(process: psutil.Process, pid: int) -> bool:
    """Tell a server that takes over from its parent from a process that answers requests."""
    try:
        return process.environ().get("GUNICORN_PID") == str(pid)
    except psutil.Error:
        return False


@dataclass
class Scene:
    """What a fault is done to.

    Attributes:
        port: of the server.
        variables: its settings.
        headers: a signed-in user's.
        org_id: their organization.
        accounts: ids of accounts in it.
    """

    postgres: Postgres
    port: int
    variables: Mapping[str, str]
    server: Process
    headers: dict[str, str] = field(default_factory=dict)
    org_id: str = ""
    accounts: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the server is."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        """Return the address of something below the organization."""
        return f"{self.address}/api/v1/organizations/{self.org_id}/{path}"

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of ours with the server's settings."""
        return subprocess.run(
            [NESTEGG, *arguments],
            cwd=ROOT,
            env=environ(self.variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE * 2,
        )

    def move_in(self) -> None:
        """Register a user and open accounts."""
        user = {"email": f"faults{time.time_ns()}@example.org", "password": _PASSWORD}
        answer = requests.post(f"{self.address}/api/v1/auth/register", json=user, timeout=PATIENCE)
        answer.raise_for_status()
        signed_in: dict[str, Any] = answer.json()
        self.headers = {"Authorization": f"Bearer {signed_in['access_token']}"}
        self.org_id = signed_in["organization"]["id"]
        for number in range(ACCOUNTS):
            account = {"name": f"Account {number}", "type": "checking", "currency": "EUR"}
            opened = requests.post(
                self.url("accounts"), json=account, headers=self.headers, timeout=PATIENCE
            )
            opened.raise_for_status()
            self.accounts.append(opened.json()["id"])

    def wait_until_live(self) -> None:
        """Wait until the server answers."""
        wait_for(lambda: _answers(f"{self.address}/livez"), "the server")


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so.

    Raises:
        RuntimeError: it does not come true in time.
    """
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not there after {PATIENCE:.0f} s")
        pause.wait(0.05)


@contextmanager
def scene(postgres: Postgres, *, url: str | None = None, **changed: str) -> Iterator[Scene]:
    """Serve a new database of a running PostgreSQL, with a user who has moved in.

    Args:
        postgres: a running server.
        url: how the application reaches the database, when not by the server's own socket.
        changed: further settings.
    """
    name = f"{DATABASE}{time.time_ns()}"
    postgres.create_database(name)
    with ExitStack() as stack:
        port = free_port()
        variables = {
            "ENVIRONMENT": "test",
            "NESTEGG_HOME": stack.enter_context(tempfile.TemporaryDirectory()),
            "DATABASE_URL": url.format(name) if url else postgres.url(name, APPLICATION),
            "DATABASE_ADMIN_URL": postgres.url(name, OWNER),
            "PG_BIN": str(postgres.tools),
            "ACCESS_TOKEN_MINUTES": "600",
            "LOG_LEVEL": "ERROR",
            "METRICS_PORT": str(free_port()),
            **changed,
        }
        arguments = ("serve", "--port", str(port), "--workers", "2", "--threads", "4")
        made = Scene(postgres, port, variables, server=None)  # type: ignore[arg-type] # below
        upgraded = made.command("db", "upgrade")
        if upgraded.returncode:
            raise RuntimeError(upgraded.stderr)
        made.server = Process(arguments, variables)
        stack.callback(made.server.stop)
        made.wait_until_live()
        made.move_in()
        yield made


@contextmanager
def durable_postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL that flushes what it commits."""
    with running_postgres(durable=True) as postgres:
        yield postgres
