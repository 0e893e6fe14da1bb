"""The base of every SQL storage: two transaction scopes, one set of tables, one line of migrations.

A storage for another database subclasses `SqlStorage` and says how its engine is made, how a
transaction begins, how a lock is taken and what only its database can check.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import RLock
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Executable,
    Insert,
    Select,
    inspect,
    literal,
    select,
    table,
    text,
)
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from nestegg_core.contracts.storage import Finding
from nestegg_core.database import availability, migrator
from nestegg_core.database import scoping as nesting
from nestegg_core.database.availability import Patience, Wait
from nestegg_core.database.rows import CompiledSelect, compile_select
from nestegg_core.database.tables import TENANT_PARAMETER
from nestegg_core.errors import Conflict, MigrationError, StorageUnavailable

_LOST_RACES = frozenset({"40001", "40P01"})
"""SQL states of a serialization failure and a deadlock: nothing was changed."""

_FILLED_BY_ITSELF = frozenset(
    {
        "alembic_version",
        "clock_marks",
        "instance_secrets",
        "jobs",
        "key_fingerprints",
        "leases",
        "rewrap_checkpoints",
    }
)
"""Tables that have rows before anybody has put data into a new database."""


class Watch(Protocol):
    """Follows the pool of connections."""

    def made(self, engine: Engine) -> None:
        """Take an engine that is about to be used."""
        ...

    def waited(self, seconds: float) -> None:
        """Take how long somebody waited for a connection, whether it came or not."""
        ...


class SqlTransaction:
    """One open transaction; see `nestegg_core.Transaction`."""

    __slots__ = ("_connection", "_org_id", "_storage", "_wait")

    def __init__(
        self,
        storage: "SqlStorage",
        connection: Connection,
        org_id: UUID | None,
        wait: Wait | None = None,
    ) -> None:
        self._storage = storage
        self._connection = connection
        self._org_id = org_id
        self._wait = wait or Wait()

    @property
    def org_id(self) -> UUID:
        """The organization whose rows this transaction sees."""
        if self._org_id is None:
            raise LookupError("a system transaction has no organization")
        return self._org_id

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> CursorResult[Any]:
        """Run one statement, with the organization bound as `tenant_id`."""
        with self._wait:
            return self._execute(statement, parameters)

    def _execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
    ) -> CursorResult[Any]:
        if self._org_id is None or isinstance(statement, Insert):
            return self._connection.execute(statement, parameters)
        tenant = {TENANT_PARAMETER: self._org_id}
        if parameters is None or isinstance(parameters, Mapping):
            return self._connection.execute(statement, {**(parameters or {}), **tenant})
        return self._connection.execute(statement, [{**row, **tenant} for row in parameters])

    def rows(
        self, statement: Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        """Run a SELECT of a hot path, compiled once, and return its rows by position."""
        compiled = self._storage.compiled(statement)
        if self._org_id is not None:
            parameters = {**parameters, TENANT_PARAMETER: self._org_id}
        driver: Any = self._connection.connection.driver_connection
        try:
            with self._wait:
                rows = driver.execute(compiled.sql, compiled.bind(parameters)).fetchall()
        except self._storage.driver_error as error:
            raise self._storage.wrapped(self._connection, error) from error
        return compiled.read(rows)

    def lock(self, name: str) -> None:
        """Wait for a lock of that name, held until the transaction ends."""
        with self._wait:
            self._storage.take_lock(self._connection, name)


class SqlStorage:
    """Fulfils `nestegg_core.Storage` for a database that SQLAlchemy speaks."""

    def __init__(self) -> None:
        self._engine: Engine | None = None
        self._engine_lock = RLock()  # the collector may end a forgotten transaction within
        self._patience: Patience | None = None
        self._compiled: dict[Select[Any], CompiledSelect] = {}
        self.watch: Watch | None = None

    # What a subclass says of its database.

    def make_engine(self) -> Engine:
        """Return an engine whose driver is in autocommit: transactions send BEGIN themselves."""
        raise NotImplementedError

    def begin(self, connection: Connection, org_id: UUID | None, *, write: bool) -> None:
        """Begin a transaction of that organization in as few round trips as can be.

        A connection that turns out to be dead is invalidated before the error is raised.
        """
        raise NotImplementedError

    def take_lock(self, connection: Connection, name: str) -> None:
        """Wait for a lock of that name until the transaction ends."""
        raise NotImplementedError

    def make_patience(self) -> Patience | None:
        """Return what cuts connections that are silent for too long; nothing does for a file."""
        return None

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Give a connection with the right to change the schema, in a transaction that holds
        the migrations' lock; commits when all went well.
        """
        raise NotImplementedError
        yield

    def database_clock(self) -> datetime | None:
        """Return what time it is by the database; `None` where that is this machine's clock."""
        return None

    def others_connected(self) -> int:
        """Return how many connections others hold to the database, at least; closes our own."""
        return 0

    def check_database(self, transaction: SqlTransaction) -> Sequence[Finding]:
        """Return what only this kind of database can have wrong."""
        raise NotImplementedError

    def ensure_roles(self) -> Sequence[str]:
        """Give the roles that connect to this database, where it has any, their rights, and return
        their names. `ConfigurationError`: the application has no role of its own; `MigrationError`:
        there are no tables yet, or the owner may not do it.
        """
        return ()

    # The transaction scopes.

    @contextmanager
    def transaction(self, org_id: UUID, *, write: bool) -> Iterator[SqlTransaction]:
        """Open a transaction that sees one organization's rows."""
        with self._open(org_id, write=write) as transaction:
            yield transaction

    @contextmanager
    def system_transaction(self, *, write: bool) -> Iterator[SqlTransaction]:
        """Open a transaction for the unscoped tables."""
        with self._open(None, write=write) as transaction:
            yield transaction

    @contextmanager
    def _open(self, org_id: UUID | None, *, write: bool) -> Iterator[SqlTransaction]:
        held = nesting.enter(self, write=write)
        try:
            with translated_errors(write=write):
                connection, wait = self._connect(org_id, write=write)
                try:
                    yield SqlTransaction(self, connection, org_id, wait)
                    with wait:
                        self.end(connection, "COMMIT")
                except BaseException:
                    with wait:
                        self._roll_back(connection)
                    raise
                finally:
                    self._close(connection, wait)
        finally:
            nesting.leave(self, held)

    def _roll_back(self, connection: Connection) -> None:
        """Take everything back. The error that led here is raised, not that this fails as well:
        SQLite itself rolls back on a full disk, and has nothing left to take back then.
        """
        if connection.invalidated:
            return
        try:
            self.end(connection, "ROLLBACK")
        except Exception:
            connection.invalidate()  # closed, and with it whatever was open

    def _connect(self, org_id: UUID | None, *, write: bool) -> tuple[Connection, Wait]:
        """Take a connection and begin. A pooled one may have died meanwhile; as nothing has
        run yet, a fresh one is tried in its place, once.
        """
        for last_try in (False, True):
            connection = self._taken()
            patience = self._patience
            wait = patience.begin(connection) if patience else Wait()
            try:
                with wait:
                    self.begin(connection, org_id, write=write)
            except BaseException:
                stale = connection.invalidated
                self._close(connection, wait)
                if last_try or not stale:
                    raise
                self._retire(connection.engine)  # what else lies in its pool has died with it
            else:
                return connection, wait
        raise AssertionError("unreachable")

    def _close(self, connection: Connection, wait: Wait) -> None:
        if (patience := self._patience) is not None:
            patience.end(wait)  # first: another may have the connection a moment later
        with self._engine_lock:  # so that it is not put into a pool that has just been emptied
            if connection.engine is not self._engine and not connection.invalidated:
                connection.invalidate()  # closed: nobody takes it out of a retired pool
            connection.close()

    def _taken(self) -> Connection:
        began = time.perf_counter()
        try:
            return self.engine.connect()
        finally:
            if self.watch is not None:
                self.watch.waited(time.perf_counter() - began)

    def end(self, connection: Connection, verb: str) -> None:
        """Send COMMIT or ROLLBACK."""
        connection.exec_driver_sql(verb)

    @property
    def engine(self) -> Engine:
        """The engine, made at first use: after gunicorn or a worker has forked."""
        with self._engine_lock:  # the first threads may come at once, and shall share a pool
            if self._engine is None:
                self._patience = self._patience or self.make_patience()
                self._engine = self.make_engine()
                if self.watch is not None:
                    self.watch.made(self._engine)
            return self._engine

    def _retire(self, engine: Engine | None) -> None:
        with self._engine_lock:
            if engine is None or engine is not self._engine:
                return  # somebody else has done so
            self._engine = None
        engine.dispose()

    def compiled(self, statement: Select[Any]) -> CompiledSelect:
        """Return a statement of a hot path, compiled the first time that it is asked for."""
        known = self._compiled.get(statement)
        if known is None:
            known = self._compiled[statement] = compile_select(statement, self.engine.dialect)
        return known

    @property
    def driver_error(self) -> type[Exception]:
        """The root of the driver's errors."""
        error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        return error

    def wrapped(self, connection: Connection, error: Any) -> BaseException:
        """Return a driver's error as SQLAlchemy would raise it, without any parameter."""
        dialect = self.engine.dialect
        lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)
        if lost:
            connection.invalidate()
        wrapped: BaseException = DBAPIError.instance(
            None, None, error, self.driver_error, connection_invalidated=lost, dialect=dialect
        )
        return wrapped

    def ping(self) -> None:
        """Ask the database for the number one."""
        with self.system_transaction(write=False) as transaction:
            transaction.execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Close every connection; one that is in use, as soon as it is not."""
        self._retire(self._engine)
        patience, self._patience = self._patience, None
        if patience is not None:
            patience.stop()

    # The schema.

    def current_revision(self) -> str | None:
        """Return the migration that the database stands at; `None` when it is empty."""
        with self.system_transaction(write=False) as transaction:
            return migrator.current_revision(transaction._connection)

    def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to `revision`; nothing happens, and no lock is taken, at head."""
        if revision == "head" and self._stands_at_head():
            return
        with translated_errors(write=True), self.migrating() as connection:
            migrator.refuse_unknown(migrator.current_revision(connection))
            try:
                migrator.upgrade(connection, revision)
            except Exception as error:  # whatever a step raises, nothing of it stays
                raise MigrationError(
                    f"The migration to {revision} failed and was rolled back: "
                    f"{getattr(error, 'orig', error)}"
                ) from error

    def holds_data(self) -> bool:
        """Tell whether any table but those that a server fills by itself has a row."""
        with translated_errors(), self.migrating() as connection:
            names = set(inspect(connection).get_table_names()) - _FILLED_BY_ITSELF
            return any(
                connection.execute(select(literal(1)).select_from(table(name)).limit(1)).first()
                for name in names
            )

    def _stands_at_head(self) -> bool:
        """As far as the application's role can see: it may not be there yet, or have no rights."""
        try:
            return self.current_revision() == migrator.head()
        except (StorageUnavailable, DBAPIError):
            return False

    def check(self) -> Sequence[Finding]:
        """Return what is wrong with the schema, the roles and the policies."""
        current = self.current_revision()
        migrator.refuse_unknown(current)
        findings = []
        if current != migrator.head():
            findings.append(
                Finding(
                    f"The schema stands at {current or 'nothing'}, the code wants "
                    f"{migrator.head()}",
                    migrator.way_to_head(current),
                )
            )
        with self.system_transaction(write=False) as transaction:
            return [*findings, *self.check_database(transaction)]


@contextmanager
def translated_errors(*, write: bool = False) -> Iterator[None]:
    """Turn the driver's errors into those of `nestegg_core.errors`. `write` says whether a
    transaction that may write is open: a refusal to write is then no mistake of a statement.
    """
    try:
        yield
    except IntegrityError as error:
        raise Conflict(
            "constraint", "Another change got in between, and what was asked no longer fits."
        ) from error
    except (DatabaseError, InterfaceError, PoolTimeout) as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) in _LOST_RACES:
            raise Conflict("concurrent-change", "Another change got in between.") from error
        if isinstance(error, PoolTimeout):
            raise StorageUnavailable("Every connection to the database is in use.") from error
        reason = availability.reason(error, write=write)
        if reason is None:
            raise
        unavailable = StorageUnavailable(reason)
        for note in getattr(error, "__notes__", ()):  # where it was, for operators
            unavailable.add_note(note)
        raise unavailable from error
