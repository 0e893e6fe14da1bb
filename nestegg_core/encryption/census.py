"""Counts the stored values by the backend and the key version that wrote them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, case, func, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.encryption.sealed_columns import (
    SealedColumn,
    begins_with,
    door,
    scopes,
    sealed_columns,
)
from nestegg_core.encryption.token import SCHEME, Token, parse


@dataclass(frozen=True, slots=True)
class Count:
    """How many values of a column one backend wrote under one key version.

    Attributes:
        backend: `None` for values that are no tokens: clear text, or damaged.
        version: `None` likewise.
        rows: how many.
    """

    table: str
    column: str
    backend: str | None
    version: int | None
    rows: int

    def is_of(self, target: Token) -> bool:
        """Tell whether these values were written as `target` says."""
        return (self.backend, self.version) == (target.backend, target.version)


_Kind = tuple[str, str, str | None, int | None]
"""Table, column, backend and version."""


def census(storage: Storage) -> list[Count]:
    """Count every sealed value of the database, organization by organization.

    Returns:
        counts by table, column, backend and version; NULLs do not count.
    """
    found: Counter[_Kind] = Counter()
    for group in _by_scope(sealed_columns()):
        for org_id in scopes(storage, group[0]):
            with door(storage, org_id, write=False) as tx:
                for column in group:
                    for token, rows in _count(tx, column):
                        found[_kind(column, token)] += rows
    return [Count(*kind, rows) for kind, rows in sorted(found.items(), key=_order)]


def total(counts: Iterable[Count]) -> int:
    """Return how many values there are in all."""
    return sum(count.rows for count in counts)


def _kind(column: SealedColumn, token: Token | None) -> _Kind:
    place = (column.table.name, column.column.name)
    return (*place, token.backend, token.version) if token else (*place, None, None)


def _order(item: tuple[_Kind, int]) -> tuple[str, str, str, int]:
    table, column, backend, version = item[0]
    return table, column, backend or "", version or 0


def _by_scope(columns: Sequence[SealedColumn]) -> list[list[SealedColumn]]:
    """Put together what one transaction can count."""
    system = [column for column in columns if not column.of_tenants]
    tenants = [column for column in columns if column.of_tenants]
    return [group for group in (system, tenants) if group]


def _count(tx: Transaction, column: SealedColumn) -> list[tuple[Token | None, int]]:
    prefixes = (
        select(_prefix(column.column).label("prefix"))
        .where(*column.scope, column.column.is_not(None))
        .subquery()
    )
    statement = select(prefixes.c.prefix, func.count()).group_by(prefixes.c.prefix)
    rows: Iterable[Any] = tx.execute(statement)
    return [(parse(text), number) for text, number in rows]


class _find(GenericFunction[int]):  # noqa: N801 - it reads as the SQL function it is
    """Position of one text in another, from 1; 0 where it is not."""

    inherit_cache = True
    name = "strpos"


@compiles(_find, "sqlite")
def _compile_sqlite_find(element: _find, compiler: SQLCompiler, **kw: Any) -> str:
    return f"instr({compiler.process(element.clauses, **kw)})"


def _prefix(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return `ne1:<backend>:v<n>:` of a token, cut off behind its third colon.

    What does not begin as a token is one group: a clear text must not become a group's name.
    """
    start = len(SCHEME)
    backend = _find(func.substr(column, start + 1), literal(":"))
    version = _find(func.substr(column, start + 1 + backend), literal(":"))
    cut = func.substr(column, 1, start + backend + version, type_=Text)
    return case((begins_with(column, SCHEME), cut), else_=literal(""))
