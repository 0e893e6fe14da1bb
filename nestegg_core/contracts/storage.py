"""Storages: the two doors to the database, and the upkeep behind them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings
    from sqlalchemy import CursorResult, Executable, Select

    from nestegg_core.contracts.context import PluginContext


class Transaction(Protocol):
    """One open database transaction. It commits when its door closes without an exception."""

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

        In an organization's transaction the parameter `tenant_id` is bound by the door, so that
        `nestegg_core.database.in_org(table)` scopes any statement.
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
        """Wait for a lock of that name, held until the transaction ends."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found wrong.

    Attributes:
        what: what is wrong, and where.
        fix: what to do about it: a command, a setting or statements.
    """

    what: str
    fix: str


class Storage(Protocol):
    """A database that holds every table of Nest Egg. Nothing else opens a transaction."""

    def transaction(self, org_id: UUID, *, write: bool) -> AbstractContextManager[Transaction]:
        """Open a transaction that sees one organization's rows.

        Args:
            org_id: the organization.
            write: whether it will change rows; a reading transaction cannot.

        Raises:
            StorageUnavailable: the database cannot be reached.
        """
        ...

    def system_transaction(self, *, write: bool) -> AbstractContextManager[Transaction]:
        """Open a transaction for the unscoped tables: persons, identities, sessions,
        organizations, memberships, keys.
        """
        ...

    def ping(self) -> None:
        """Do the least that proves the database answers.

        Raises:
            StorageUnavailable: it does not.
        """
        ...

    def current_revision(self) -> str | None:
        """Return the migration that the database stands at; `None` when it is empty."""
        ...

    def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to `revision` under a lock.

        Raises:
            MigrationError: the database is newer than the code, or a step failed (the old state
                is kept).
        """
        ...

    def check(self) -> Sequence[Finding]:
        """Return what is wrong with the schema, the roles and the policies; empty when fine."""
        ...

    def dispose(self) -> None:
        """Close every connection."""
        ...


@dataclass(frozen=True, slots=True)
class StorageRegistration:
    """A storage on offer, chosen by the scheme of `DATABASE_URL`.

    Attributes:
        name: what the report calls it, e.g. `postgresql`.
        schemes: the schemes that it serves, e.g. `("postgresql", "postgres")`.
        migrates_itself: whether `nestegg serve` brings an older schema to head by itself.
    """

    name: str
    schemes: tuple[str, ...]
    settings: type["BaseSettings"]
    factory: Callable[["PluginContext[Any]"], Storage]
    migrates_itself: bool = False
