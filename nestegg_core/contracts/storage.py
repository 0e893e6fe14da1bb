"""Storages: the two transaction scopes to the database, and the upkeep behind them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Protocol, runtime_checkable
from uuid import UUID

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings
    from sqlalchemy import CursorResult, Executable, Select

    from nestegg_core.contracts.context import PluginContext
    from nestegg_core.contracts.operations import Diagnosis


class Transaction(Protocol):
    """One open database transaction. It commits when its block ends without an exception.

    Example:
        >>> from sqlalchemy import func, select
        >>> from nestegg_core.database import in_org, metadata
        >>> accounts = metadata.tables["accounts"]
        >>> COUNT = select(func.count()).select_from(accounts).where(in_org(accounts))
        >>> def count_accounts(transaction: Transaction) -> int:
        ...     return transaction.execute(COUNT).scalar_one()
    """

    @property
    def org_id(self) -> UUID:
        """The organization of `Storage.transaction`.

        Raises:
            LookupError: the transaction came through `Storage.system_transaction`.
        """
        ...

    def execute(
        self,
        statement: "Executable",
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> "CursorResult[Any]":
        """Run one SQLAlchemy Core statement, once for each mapping of a sequence.

        In an organization's transaction the parameter `tenant_id` is bound by the storage, so that
        `nestegg_core.database.in_org(table)` scopes any statement.

        Raises:
            Conflict: the row does not fit a constraint, or another change got in between.
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def rows(
        self, statement: "Select[Any]", parameters: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        """Run a SELECT of a hot path, and return its rows as plain sequences.

        Args:
            statement: one object for all calls, such as a module's constant: it is compiled
                the first time and never again. No IN over a list.
            parameters: every parameter but `tenant_id`.
        """
        ...

    def lock(self, name: str) -> None:
        """Wait for a lock of that name, held until the transaction ends.

        Raises:
            StorageUnavailable: the wait took too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found wrong.

    Attributes:
        what: what is wrong, and where.
        fix: what to do about it: a command, a setting or statements.

    Example:
        >>> Finding("The schema stands at 0001, the code wants 0002", "nestegg db upgrade").fix
        'nestegg db upgrade'
    """

    what: str
    fix: str


class Storage(Protocol):
    """A database that holds every table of Nest Egg. Nothing else opens a transaction.

    It connects when it is first used, never when it is made: servers fork in between. Many
    threads share one storage. SQL databases are best built on `nestegg_core.database.SqlStorage`.

    Example:
        >>> from sqlalchemy import select
        >>> from nestegg_core.database import metadata
        >>> READ_ONE = select(metadata.tables["organizations"].c.id).limit(1)
        >>> def has_organizations(storage: Storage) -> bool:
        ...     with storage.system_transaction(write=False) as transaction:
        ...         return transaction.execute(READ_ONE).first() is not None
    """

    def transaction(self, org_id: UUID, *, write: bool) -> AbstractContextManager[Transaction]:
        """Open a transaction that sees one organization's rows.

        Args:
            org_id: the organization.
            write: whether it will change rows; a reading transaction cannot.

        Raises:
            RuntimeError: it would write, and this thread has a writing transaction open already.
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def system_transaction(self, *, write: bool) -> AbstractContextManager[Transaction]:
        """Open a transaction for the unscoped tables: users, identities, sessions,
        organizations, memberships, keys.

        Args:
            write: whether it will change rows; a reading transaction cannot.

        Raises:
            RuntimeError: it would write, and this thread has a writing transaction open already.
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def ping(self) -> None:
        """Do the least that verifies the database answers.

        Raises:
            StorageUnavailable: it does not.
        """
        ...

    def current_revision(self) -> str | None:
        """Return the migration that the database stands at; `None` when it is empty.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to `revision` under a lock; nothing happens where it stands there.

        Args:
            revision: a migration's id, or `head` for the newest.

        Raises:
            MigrationError: the database is newer than the code, or a step failed (the old state
                is kept).
        """
        ...

    def check(self) -> Sequence[Finding]:
        """Return what is wrong with the schema, the roles and the policies; empty when fine.

        Raises:
            MigrationError: the database is newer than the code.
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def dispose(self) -> None:
        """Close every connection; a call after it connects anew."""
        ...


class Snapshot(Protocol):
    """The whole database at one moment, whatever is written meanwhile.

    Example:
        >>> import io
        >>> from sqlalchemy import func, select
        >>> from nestegg_core.database import metadata
        >>> COUNT = select(func.count()).select_from(metadata.tables["transactions"])
        >>> def dumped(snapshot: Snapshot) -> tuple[bytes, int]:
        ...     file = io.BytesIO()
        ...     snapshot.dump(file)
        ...     return file.getvalue(), snapshot.transaction.execute(COUNT).scalar_one()
    """

    @property
    def transaction(self) -> Transaction:
        """A reading transaction that sees the rows of every organization."""
        ...

    @property
    def tables(self) -> Sequence[str]:
        """Names of the tables that are there, by name."""
        ...

    def dump(self, target: IO[bytes]) -> None:
        """Write everything that the transaction sees, so that `restore` can read it.

        Args:
            target: a file; whatever its `write` raises is raised.

        Raises:
            ConfigurationError: a tool that is needed is missing or too old.
            NestEggError: the dump failed.
        """
        ...


@runtime_checkable
class DumpingStorage(Storage, Protocol):
    """A `Storage` that `nestegg backup` can dump and restore; optional.

    Example:
        >>> from nestegg_core.database import SqlStorage
        >>> def can_be_backed_up(storage: Storage) -> bool:
        ...     return isinstance(storage, DumpingStorage)
        >>> can_be_backed_up(SqlStorage())
        False
    """

    @property
    def dump_format(self) -> str:
        """Name of what `Snapshot.dump` writes: a backup is restored by a storage of the same."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Hold on to the present state of the whole database.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def scratch(self, source: IO[bytes]) -> AbstractContextManager["DumpingStorage"]:
        """Restore a dump into a database of its own, which is removed in the end.

        Args:
            source: what `Snapshot.dump` wrote; read once, from where it stands.

        Raises:
            ConfigurationError: a tool or a right that is needed is missing.
            NestEggError: the dump cannot be restored.
        """
        ...

    def restore(self, source: IO[bytes]) -> None:
        """Put a dump in the place of everything in the database: wholly, or not at all.

        The application's rights and row-level security are in force afterwards. Whether there is
        something to be lost is for the caller to ask (`holds_data`).

        Args:
            source: what `Snapshot.dump` wrote; read once, from where it stands.

        Raises:
            ConfigurationError: a tool that is needed is missing or too old.
            NestEggError: the dump cannot be restored; the old state is kept.
        """
        ...

    def holds_data(self) -> bool:
        """Tell whether there are rows that somebody would miss.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        ...


@runtime_checkable
class ExaminedStorage(Storage, Protocol):
    """A `Storage` that tells `nestegg doctor` what only its database can have wrong; optional.

    `Storage.check` is about schema, roles and policies; this is about the running database.

    Example:
        >>> from nestegg_core.database import SqlStorage
        >>> isinstance(SqlStorage(), ExaminedStorage)
        False
    """

    def examine(self, *, processes: int, private: bool) -> Sequence["Diagnosis"]:
        """Return what is wrong with connections, encryption on the way, rights and tools.

        Args:
            processes: how many processes of servers and workers connect.
            private: whether the operator says that nobody else is on the way to the database, so
                that it need not be encrypted.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        ...


@dataclass(frozen=True, slots=True)
class StorageRegistration:
    """A storage on offer, chosen by the scheme of `DATABASE_URL`.

    Attributes:
        name: what the report calls it, e.g. `postgresql`.
        schemes: the schemes that it serves, e.g. `("postgresql", "postgres")`.
        settings: settings class, loaded only when the scheme is chosen; a field `database_url`
            gets the URL.
        factory: makes the storage; must not connect.
        migrates_itself: whether `nestegg serve` brings an older schema to head by itself.

    Example:
        >>> from pydantic import SecretStr
        >>> from pydantic_settings import BaseSettings
        >>> class PgSettings(BaseSettings):
        ...     database_url: SecretStr
        >>> pg = StorageRegistration("postgresql", ("postgresql",), PgSettings, lambda context: ...)
        >>> pg.migrates_itself
        False
    """

    name: str
    schemes: tuple[str, ...]
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], Storage]
    migrates_itself: bool = False
