"""The storage: how transactions begin, how locks are taken, and who may migrate."""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO
from uuid import UUID

from psycopg import Error
from psycopg.pq import ConnStatus, ExecStatus
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from nestegg_core import (
    ConfigurationError,
    Diagnosis,
    Finding,
    MigrationError,
    Problem,
    StorageUnavailable,
)
from nestegg_core.database import Patience, SqlStorage, SqlTransaction, Wait, translated_errors
from nestegg_storage_postgres.checks import check_roles
from nestegg_storage_postgres.dumps import (
    PostgresSnapshot,
    refuse_lesser_role,
    restore,
    server_version,
)
from nestegg_storage_postgres.encoding import require_utf8
from nestegg_storage_postgres.examination import examine_admin, examine_connection
from nestegg_storage_postgres.reaching import tell_where
from nestegg_storage_postgres.roles import Role, ensure_role
from nestegg_storage_postgres.scratch import scratch_database
from nestegg_storage_postgres.tools import Tools

# In UTC, so that what the driver reads is in UTC.
_OPTIONS = "-c timezone=UTC"
_CONNECT = {"connect_timeout": 5, "options": _OPTIONS}
_GRACE = 2.0
MIGRATIONS_LOCK = "nestegg migrations"
_CLOCK = text("SELECT clock_timestamp()")
_OTHERS = text(
    # Whoever may not see more of a session sees its role, and the server's own have none.
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usesysid IS NOT NULL AND pid <> pg_backend_pid() "
    "AND coalesce(backend_type, 'client backend') = 'client backend'"
)
_ENDING = 2.0
"""Seconds that a session may take to end after its connection was closed."""

_HAS_TABLES = text("SELECT to_regclass('alembic_version')")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


class PostgresStorage(SqlStorage):
    """Connects as the application's role, which row-level security holds; migrates as the owner.

    Args:
        url: `postgresql://` URL of the application's role.
        admin_url: the same database as the owner of the schema; equal to `url` where there is
            only one role (`nestegg db check` then says so).
        pool_size: connections that are kept.
        max_overflow: connections beyond them, for a peak.
        pool_timeout: seconds to wait for a connection when all are in use.
        statement_seconds: what one statement may take, waiting for locks included; 0 for as long
            as it likes. Migrations are not limited.
        pg_bin: folder with pg_dump, pg_restore and psql; `None` for those on PATH.
    """

    dump_format = "pg_dump custom"

    def __init__(
        self,
        url: str,
        *,
        admin_url: str,
        pool_size: int,
        max_overflow: int,
        pool_timeout: int = 5,
        statement_seconds: int = 60,
        pg_bin: Path | None = None,
    ) -> None:
        super().__init__()
        self._url = _driver_url(url)
        self._admin_url = _driver_url(admin_url)
        self._pool_size = pool_size
        self._max_overflow = max_overflow
        self._pool_timeout = pool_timeout
        self._statement_seconds = statement_seconds
        self._tools = Tools(pg_bin)

    def make_engine(self) -> Engine:
        """Make the pool; the most recently used connection goes out first, so idle ones age."""
        engine = create_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            pool_size=self._pool_size,
            max_overflow=self._max_overflow,
            pool_timeout=self._pool_timeout,
            pool_use_lifo=True,
            pool_reset_on_return=None,  # the transactions end what they begin
            hide_parameters=True,
            connect_args={
                **_CONNECT,
                "options": f"{_OPTIONS} -c statement_timeout={self._statement_seconds}s",
            },
        )
        return tell_where(require_utf8(engine, "DATABASE_URL"), "DATABASE_URL")

    def make_patience(self) -> Patience | None:
        """Cut connections to a server that is too stuck to limit its statements itself."""
        seconds = self._statement_seconds
        return Patience(seconds + _GRACE, _cut) if seconds else None

    def begin(self, connection: Connection, org_id: UUID | None, *, write: bool) -> None:
        """Send BEGIN and the organization in one round trip, and never as a prepared statement
        (each organization would make one of its own).

        The value is a UUID object's own text, so it can be put into the statement.
        """
        statements = "BEGIN" if write else "BEGIN READ ONLY"
        if org_id is not None:
            statements += f"; SET LOCAL nestegg.org = '{UUID(int=org_id.int)}'"
        self._send(connection, statements)

    def end(self, connection: Connection, verb: str) -> None:
        """Send COMMIT or ROLLBACK.

        Raises:
            RuntimeError: the server has rolled back instead of committing, for someone caught
                the error of a statement inside the transaction.
        """
        if self._send(connection, verb) != verb:
            raise RuntimeError(
                "A statement failed and its error was swallowed: nothing of the transaction was "
                "stored."
            )

    def _send(self, connection: Connection, statements: str) -> str:
        """Run statements without parameters or rows through libpq itself: the transaction opens and
        closes with every request, and a cursor costs more than these statements do.
        """
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - checked out a moment ago
        result = driver.pgconn.exec_(statements.encode())
        if result.status != ExecStatus.COMMAND_OK:
            if driver.pgconn.status != ConnStatus.OK:
                connection.invalidate()
            reason = result.get_error_message()
            raise StorageUnavailable(f"The database did not take {statements[:8]}: {reason}")
        return (result.command_status or b"").decode()

    def take_lock(self, connection: Connection, name: str) -> None:
        """Wait for an advisory lock."""
        connection.execute(_LOCK, {"name": name})

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Connect as the owner, wait for other migrators, and grant the application its rights
        once the tables are there.
        """
        with self._admin_engine().begin() as connection:
            connection.execute(_LOCK, {"name": MIGRATIONS_LOCK})
            yield connection
            if self._role is not None and _has_tables(connection):
                ensure_role(connection, self._role)

    def ensure_roles(self) -> Sequence[str]:
        """Make the application's role where it is missing, and grant it its rights."""
        if self._role is None:
            raise ConfigurationError(
                [
                    Problem(
                        "DATABASE_ADMIN_URL",
                        "names the same role as DATABASE_URL, which row-level security cannot hold",
                        "set it to the owner's URL, and DATABASE_URL to one with a user of the "
                        "application's own, e.g. nestegg_app",
                    )
                ]
            )
        with translated_errors(), self.migrating() as connection:
            if not _has_tables(connection):
                raise MigrationError(
                    "There are no tables yet to give rights to. Run: nestegg db upgrade (it makes "
                    "the role, too)"
                )
        return (self._role.name,)

    def database_clock(self) -> datetime:
        """Return what time it is by the server."""
        with self.system_transaction(write=False) as transaction:
            now: datetime = transaction.execute(_CLOCK).scalar_one()
        return now

    def others_connected(self) -> int:
        """Return how many other sessions there are; ours end a moment after they are closed."""
        self.dispose()
        deadline = time.monotonic() + _ENDING
        with translated_errors(), self._admin_engine().connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            while (number := int(connection.execute(_OTHERS).scalar_one())) > 0:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.05)
        return number

    def check_database(self, transaction: SqlTransaction) -> Sequence[Finding]:
        """Return why row-level security does not hold the application's role, if it does not."""
        return check_roles(transaction)

    # Backups: see `nestegg_core.DumpingStorage`.

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSnapshot]:
        """Hold on to the present state, as the owner: the application's role sees too little."""
        with translated_errors(), self._admin_engine().connect() as connection:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            with connection.begin():
                refuse_lesser_role(connection)
                transaction = SqlTransaction(self, connection, None, Wait())
                yield PostgresSnapshot(transaction, connection, self._admin_url, self._tools)

    @contextmanager
    def scratch(self, source: IO[bytes]) -> Iterator["PostgresStorage"]:
        """Restore into a new database on the same server, with the owner as its only role."""
        with translated_errors(), scratch_database(self._admin_url) as url:
            restore(source, url, self._tools, self._server_version())
            same = url.render_as_string(hide_password=False)
            storage = PostgresStorage(
                same, admin_url=same, pool_size=1, max_overflow=1, statement_seconds=0
            )
            try:
                yield storage
            finally:
                storage.dispose()

    def restore(self, source: IO[bytes]) -> None:
        """Put a dump in the place of every table, and give the application its rights again."""
        with translated_errors():
            restore(source, self._admin_url, self._tools, self._server_version())
            with self.migrating():
                pass  # it ends with the rights

    def examine(self, *, processes: int, private: bool) -> Sequence[Diagnosis]:
        """Return what is wrong with connections, TLS, clocks, the owner's rights and the tools."""
        demand = processes * (self._pool_size + self._max_overflow)
        with self.system_transaction(write=False) as transaction:
            found = examine_connection(transaction, demand, private=private)
        with translated_errors(), self._admin_engine().connect() as connection:
            return [*found, *examine_admin(connection, self._tools)]

    def _server_version(self) -> int:
        with self._admin_engine().connect() as connection:
            return server_version(connection)

    def _admin_engine(self) -> Engine:
        engine = create_engine(
            self._admin_url,
            poolclass=NullPool,
            hide_parameters=True,
            connect_args=_CONNECT,
        )
        return tell_where(require_utf8(engine, "DATABASE_ADMIN_URL"), "DATABASE_ADMIN_URL")

    @property
    def _role(self) -> Role | None:
        """The application's role; `None` where its URL names none, or the owner."""
        name = self._url.username
        return (
            Role(name, self._url.password) if name not in {None, self._admin_url.username} else None
        )


def _cut(connection: Connection) -> None:
    """Shut the socket down under a driver that waits for it, in another thread than ours."""
    with suppress(OSError, Error), socket.socket(fileno=os.dup(_socket(connection))) as it:
        it.shutdown(socket.SHUT_RDWR)


def _socket(connection: Connection) -> int:
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - somebody waits on it
    number: int = driver.pgconn.socket
    return number


def _has_tables(connection: Connection) -> bool:
    return connection.execute(_HAS_TABLES).scalar() is not None


def _driver_url(url: str) -> URL:
    return make_url(url).set(drivername="postgresql+psycopg")
