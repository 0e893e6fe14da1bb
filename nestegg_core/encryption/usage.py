"""Counts the stored values by the backend and the key version that wrote them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, case, func, literal, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from nestegg_core.contracts.storage import Storage, Transaction
from nestegg_core.database.tables import key_fingerprints, transaction_for
from nestegg_core.encryption.cipher import SCHEME, Token, parse
from nestegg_core.encryption.key_check import KnownKey, known_keys, problems
from nestegg_core.encryption.key_maintenance import (
    Failures,
    Keys,
    Progress,
    Report,
    SealedColumn,
    begins_with,
    no_report,
    pages,
    row_key,
    scopes,
    sealed_columns,
)
from nestegg_core.errors import Conflict, DecryptionError, NotFound, PluginFault, Problem


@dataclass(frozen=True, slots=True)
class Count:
    """How many values of a column one backend wrote under one key version; both are `None` for
    values that are no tokens: clear text, or damaged.
    """

    table: str
    column: str
    backend: str | None
    version: int | None
    rows: int

    def is_of(self, target: Token) -> bool:
        return (self.backend, self.version) == (target.backend, target.version)


_Kind = tuple[str, str, str | None, int | None]
"""Table, column, backend and version."""


def census(storage: Storage) -> list[Count]:
    """Count every sealed value, organization by organization; NULLs do not count."""
    found: Counter[_Kind] = Counter()
    for group in _by_scope(sealed_columns()):
        for org_id in scopes(storage, group[0]):
            with transaction_for(storage, org_id, write=False) as tx:
                for column in group:
                    for token, rows in _count(tx, column):
                        found[_kind(column, token)] += rows
    return [Count(*kind, rows) for kind, rows in sorted(found.items(), key=_order)]


def total(counts: Iterable[Count]) -> int:
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


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """One key version and where its key comes from. Its state is `current`, `reads` (older, or not
    current yet), `retired` (no row needs it) or `missing`; `first_used_at` is when a process first
    wrote under it.
    """

    version: int
    variable: str
    at_hand: bool
    state: str
    first_used_at: datetime | None
    retired_at: datetime | None
    rows: int


@dataclass(frozen=True, slots=True)
class Status:
    """`problems` say why the server would refuse to start with these keys; `outdated` values are
    under another backend or version than new ones; `clear_text` ones are no tokens.
    """

    keys: Sequence[KeyStatus]
    counts: Sequence[Count]
    problems: Sequence[Problem]
    outdated: int
    clear_text: int


def status(keys: Keys) -> Status:
    """Also where the keys do not fit; writes nothing."""
    with keys.storage.system_transaction(write=False) as tx:
        known = known_keys(tx)
    counts = census(keys.storage)
    versions = {*known, *keys.keyring.keys, *(c.version for c in counts if c.version)}
    tokens = [count for count in counts if count.backend]
    return Status(
        keys=[_key_status(keys, version, known, counts) for version in sorted(versions)],
        counts=counts,
        problems=list(problems(keys.keyring, known)),
        outdated=total(count for count in tokens if not count.is_of(keys.target)),
        clear_text=total(counts) - total(tokens),
    )


def _key_status(
    keys: Keys, version: int, known: Mapping[int, KnownKey], counts: Sequence[Count]
) -> KeyStatus:
    key = known.get(version)
    at_hand = version in keys.keyring.keys
    rows = total(count for count in counts if count.version == version)
    retired_at = key.retired_at if key else None
    if version == keys.keyring.current:
        state = "current"
    elif retired_at and not rows:
        state = "retired"
    else:
        state = "reads" if at_hand else "missing"
    return KeyStatus(
        version=version,
        variable=keys.keyring.variable(version),
        at_hand=at_hand,
        state=state,
        first_used_at=key.first_used_at if key else None,
        retired_at=retired_at,
        rows=rows,
    )


def retire(keys: Keys, version: int) -> datetime:
    """Note that no row needs a key version any more, so that the start no longer asks for its key;
    backups from before the returned moment still need it. `Conflict` says how many rows need it,
    and where.
    """
    if version >= keys.keyring.current:
        raise Conflict(
            "key-in-use",
            f"Version {version} is not older than the current one ({keys.keyring.current}).",
        )
    with keys.storage.system_transaction(write=False) as tx:
        known = known_keys(tx)
    if keys.keyring.current not in known:
        raise Conflict(
            "key-in-use",
            f"No process has started with version {keys.keyring.current} yet: the others still "
            "write under an older one.",
        )
    if version not in known:
        raise NotFound(f"Nothing has been written under version {version} in this database.")
    needing = [count for count in census(keys.storage) if count.version == version]
    if needing:
        places = ", ".join(f"{c.table}.{c.column}: {c.rows}" for c in needing)
        raise Conflict(
            "key-in-use",
            f"Version {version} is still needed ({places}). Run: nestegg keys rewrap",
        )
    now = keys.clock()
    with keys.storage.system_transaction(write=True) as tx:
        tx.execute(
            update(key_fingerprints)
            .where(key_fingerprints.c.version == version)
            .values(retired_at=now)
        )
    return now


_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Verified:
    """Failures include values that are no token."""

    checked: int
    failures: Failures


def verify(
    keys: Keys, *, report: Report = no_report, enough: Callable[[], bool] = lambda: False
) -> Verified:
    """Open every value of every organization; nothing is written, and no value is kept. A missing
    key shows as failures. After every page `report` is called, and `enough` may end the work.
    """
    failures, checked, expected = Failures(), 0, total(census(keys.storage))
    for column in sealed_columns():
        for org_id in scopes(keys.storage, column):
            present = column.column.is_not(None)
            for rows in pages(keys.storage, column, org_id, present, size=_PAGE):
                for row in rows:
                    if reason := _failure(keys, column, row):
                        failures.add(column, org_id, row_key(column, row), reason)
                checked += len(rows)
                report(Progress(str(column), checked, expected))
                if enough():
                    return Verified(checked, failures)
    return Verified(checked, failures)


def _failure(keys: Keys, column: SealedColumn, row: object) -> str:
    try:
        keys.rows.open(column.table, row, (column.column.name,))
    except (DecryptionError, PluginFault) as error:
        return str(error)
    return ""
