"""What the work on keys needs: the keys, and every sealed column with the ways through its values.

What is declared `info={"encrypted": True}` in the tables is found here by itself. Tenants' tables
are walked organization by organization: nobody sees all of one at once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Table, Text, bindparam, func, select, tuple_

from nestegg_core.contracts.storage import Storage
from nestegg_core.database.rows import SealedRows, encrypted_columns
from nestegg_core.database.tables import (
    in_org,
    is_tenant_table,
    metadata,
    organizations,
    transaction_for,
)
from nestegg_core.encryption.cipher import Token
from nestegg_core.encryption.keyring import Keyring


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """`key` is the primary key without a tenant's organization: it leads through the rows of one
    organization, or of a system table.
    """

    table: Table
    column: Column[Any]
    key: tuple[Column[Any], ...]

    @property
    def of_tenants(self) -> bool:
        return is_tenant_table(self.table)

    @property
    def scope(self) -> tuple[ColumnElement[bool], ...]:
        """The conditions that a statement needs before all others."""
        return (in_org(self.table),) if self.of_tenants else ()

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column.name}"


def sealed_columns() -> list[SealedColumn]:
    return [
        SealedColumn(table, table.c[name], _key(table))
        for table in metadata.sorted_tables
        for name in encrypted_columns(table)
    ]


def _key(table: Table) -> tuple[Column[Any], ...]:
    scoped = is_tenant_table(table)
    return tuple(c for c in table.primary_key if not (scoped and c.name == "org_id"))


def scopes(storage: Storage, column: SealedColumn, first: UUID | None = None) -> Iterator[Any]:
    """Organizations by id, new ones included; `None`, once, for a system table."""
    if not column.of_tenants:
        yield None
        return
    after = None
    while ids := _organizations(storage, first, after):
        yield from ids
        after = ids[-1]


_PAGE = 1000


def _organizations(storage: Storage, first: UUID | None, after: UUID | None) -> Sequence[UUID]:
    ids = organizations.c.id
    statement = select(ids).order_by(ids).limit(_PAGE)
    if after is not None:
        statement = statement.where(ids > after)
    elif first is not None:
        statement = statement.where(ids >= first)
    with storage.system_transaction(write=False) as tx:
        return list(tx.execute(statement).scalars())


def pages(
    storage: Storage,
    column: SealedColumn,
    org_id: UUID | None,
    wanted: ColumnElement[bool],
    *,
    size: int,
    after: Sequence[str] | None = None,
) -> Iterator[Sequence[Row[Any]]]:
    """Yield the wanted rows of one organization (or system table) by their keys, each page in a
    transaction of its own. `after` is a key as `row_key` gives it. Rows hold the primary key and
    the column's stored value.
    """
    statement = (
        select(*column.table.primary_key, column.column)
        .where(*column.scope, wanted)
        .order_by(*column.key)
        .limit(size)
    )
    further = statement.where(tuple_(*column.key) > bound_key(column, "after"))
    while True:
        with transaction_for(storage, org_id, write=False) as tx:
            if after is None:
                rows = tx.execute(statement).all()
            else:
                rows = tx.execute(further, key_parameters(column, "after", after)).all()
        if not rows:
            return
        after = row_key(column, rows[-1])
        yield rows


def row_key(column: SealedColumn, row: Row[Any]) -> list[str]:
    """A row's key as texts; keys of tables with sealed columns are UUIDs, numbers and texts."""
    return [str(row._mapping[key.name]) for key in column.key]


def bound_key(column: SealedColumn, name: str) -> ColumnElement[Any]:
    """A key that a statement gets from `key_parameters` of the same name."""
    return tuple_(*(bindparam(f"{name}_{key.name}", type_=key.type) for key in column.key))


def key_parameters(column: SealedColumn, name: str, texts: Sequence[str]) -> dict[str, Any]:
    return {
        f"{name}_{key.name}": key.type.python_type(text)
        for key, text in zip(column.key, texts, strict=True)
    }


def begins_with(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """Letter by letter: LIKE on SQLite is lax."""
    return func.substr(column, 1, len(prefix), type_=Text) == prefix


EXAMPLES = 20
"""How many failures of one kind are kept with their place; all are counted."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Handed to `rewrap`, `verify`, `retire` and `status`; `backend` is the one for new values."""

    storage: Storage
    rows: SealedRows
    keyring: Keyring
    backend: str
    clock: Callable[[], datetime]

    @property
    def target(self) -> Token:
        return Token(self.backend, self.keyring.current)


@dataclass(frozen=True, slots=True)
class Failure:
    """A stored value that does not open; the value itself is nowhere in it."""

    table: str
    column: str
    org_id: UUID | None
    row_key: Sequence[str]
    reason: str


@dataclass(slots=True)
class Failures:
    examples: list[Failure] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(
        self, column: SealedColumn, org_id: UUID | None, row_key: Sequence[str], reason: str
    ) -> None:
        self._counts[reason] += 1
        if self._counts[reason] <= EXAMPLES:
            self.examples.append(
                Failure(column.table.name, column.column.name, org_id, row_key, reason)
            )

    def __len__(self) -> int:
        return self._counts.total()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long work is: values of a column (`transactions.notes`) so far, and those counted
    in the beginning.
    """

    column: str
    done: int
    total: int


Report = Callable[[Progress], None]


def no_report(progress: Progress) -> None:
    del progress
