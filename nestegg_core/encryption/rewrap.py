"""Moves stored values to the current key and backend, while everybody goes on working.

Nothing here waits for a row that somebody else is changing, and nothing overwrites what somebody
else has changed: a batch is read, sealed anew outside of any transaction, and then written only
where the old token still stands. Whatever is left over, the next pass finds.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, bindparam, delete, insert, select, tuple_, update

from nestegg_core.contracts.storage import Transaction
from nestegg_core.database.locks import Lease, held
from nestegg_core.database.tables import instance_secrets, rewrap_checkpoints, transaction_for
from nestegg_core.encryption.cipher import SCHEME, Token
from nestegg_core.encryption.key_maintenance import (
    Failures,
    Keys,
    Progress,
    Report,
    SealedColumn,
    begins_with,
    bound_key,
    key_parameters,
    no_report,
    pages,
    row_key,
    scopes,
    sealed_columns,
)
from nestegg_core.encryption.usage import Count, census, total
from nestegg_core.errors import ConfigurationError, DecryptionError, PluginFault, Problem


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last row that is done, its key as `row_key` gives it."""

    org_id: UUID | None
    row_key: Sequence[str]


def read(tx: Transaction, column: SealedColumn, target: str) -> Checkpoint | None:
    """One on the way to another target does not count."""
    row = tx.execute(
        select(rewrap_checkpoints).where(*_place(column), rewrap_checkpoints.c.target == target)
    ).first()
    return None if row is None else Checkpoint(row.org_id, row.row_key)


def write(tx: Transaction, column: SealedColumn, target: str, checkpoint: Checkpoint) -> None:
    clear(tx, column)
    values = {
        "table_name": column.table.name,
        "column_name": column.column.name,
        "target": target,
        "org_id": checkpoint.org_id,
        "row_key": list(checkpoint.row_key),
    }
    tx.execute(insert(rewrap_checkpoints), values)


def clear(tx: Transaction, column: SealedColumn) -> None:
    tx.execute(delete(rewrap_checkpoints).where(*_place(column)))


def _place(column: SealedColumn) -> tuple[ColumnElement[bool], ...]:
    return (
        rewrap_checkpoints.c.table_name == column.table.name,
        rewrap_checkpoints.c.column_name == column.column.name,
    )


T = TypeVar("T")

WORK = "rewrap"
BATCH = 500
"""Values read and written at once: rows are locked for some hundredths of a second."""

LEASE = timedelta(seconds=15)
"""How soon after a crash another process may go on."""

_PASSES = 5
"""A process that still writes under an old key keeps a run busy no longer than this."""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What a run has done: values moved to `target`, those that do not open and stay as they are,
    and every value counted after the run.
    """

    target: Token
    moved: int
    failures: Failures
    counts: Sequence[Count]

    @property
    def left(self) -> int:
        """How many values are still under another key or backend."""
        return total(_outdated(self.counts, self.target))

    @property
    def clear_text(self) -> int:
        return total(count for count in self.counts if count.backend is None)


def rewrap(
    keys: Keys,
    *,
    take_in_clear_text: bool = False,
    report: Report = no_report,
    batch: int = BATCH,
    lease: timedelta = LEASE,
) -> Rewrapped:
    """Seal every value anew that another key or backend has sealed; with `take_in_clear_text` also
    what is no token: values from before encryption.

    A run that is killed at any moment leaves every value readable, and the next one goes on where
    it was, once the lease has run out. Neither `version` nor `updated_at` of a row changes: to its
    readers it is the same. `ConfigurationError`: what the backend for new values writes does not
    open again. `Conflict`: another process is at it (`busy`), or has taken over (`taken-over`).
    """
    _try(keys)
    with held(keys.storage, WORK, lease, keys.clock) as holding:
        run = _Run(keys, holding, report, batch, take_in_clear_text)
        return run.all()


def _try(keys: Keys) -> None:
    """Refuse to begin with a backend whose values do not come back."""
    table = instance_secrets
    for text in ("", "a trial", "\N{LATIN SMALL LETTER A WITH DIAERESIS}\0" * 1000):
        values = {"name": "trial", "value": text}
        if why := _unverified(keys, table, "value", keys.rows.seal(table, values), text):
            what = f"is {keys.backend}, and what it writes does not open again ({why})"
            fix = "set a backend that passes its conformance tests; nothing was changed"
            raise ConfigurationError([Problem("ENCRYPTION_BACKEND", what, fix)])


def _unverified(
    keys: Keys, table: Table, name: str, sealed: Mapping[str, Any], text: str
) -> str | None:
    """Open what was just sealed, before it takes the place of a value that does open; why it may
    not, or `None` when it came back as it was.
    """
    try:
        if keys.rows.open(table, sealed, (name,))[name] != text:
            return "it opens as another value"
    except (DecryptionError, PluginFault) as error:
        return str(error)
    return None


@dataclass(slots=True)
class _Run:
    keys: Keys
    lease: Lease
    report: Report
    batch: int
    take_in_clear_text: bool
    failures: Failures = field(default_factory=Failures)
    moved: int = 0
    total: int = 0

    def all(self) -> Rewrapped:
        """Pass over all columns until nothing is left that can be moved."""
        counts = census(self.keys.storage)
        self.total = total(self._wanted_of(counts))
        for _ in range(_PASSES):
            before, self.failures = self.moved, Failures()
            whole = [self._column(column) for column in sealed_columns()]
            counts = census(self.keys.storage)
            nothing_moves = all(whole) and self.moved == before
            if nothing_moves or not total(self._wanted_of(counts)):
                break
        return Rewrapped(self.keys.target, self.moved, self.failures, counts)

    def _wanted_of(self, counts: Sequence[Count]) -> list[Count]:
        outdated = _outdated(counts, self.keys.target)
        if self.take_in_clear_text:
            outdated += [count for count in counts if count.backend is None]
        return outdated

    def _column(self, column: SealedColumn) -> bool:
        """Move one column; whether it was walked from its beginning."""
        storage, target = self.keys.storage, self.keys.target.prefix
        with storage.system_transaction(write=False) as tx:
            start = read(tx, column, target)
        writer = _Writer(self.keys, column, self._wanted(column))
        for batch in _ahead(self._batches(column, start)):
            self.moved += writer.write(batch)
            with storage.system_transaction(write=True) as tx:
                self.lease.renew(tx)
                write(tx, column, target, Checkpoint(batch.org_id, batch.last))
            self.report(Progress(str(column), self.moved, self.total))
        if start is not None or self.moved:
            with storage.system_transaction(write=True) as tx:
                self.lease.renew(tx)
                clear(tx, column)
        return start is None

    def _wanted(self, column: SealedColumn) -> ColumnElement[bool]:
        stored = column.column
        candidate = stored.is_not(None) if self.take_in_clear_text else begins_with(stored, SCHEME)
        return candidate & ~begins_with(stored, self.keys.target.prefix)

    def _batches(self, column: SealedColumn, start: Checkpoint | None) -> Iterator["_Batch"]:
        storage, wanted = self.keys.storage, self._wanted(column)
        first = start.org_id if start else None
        for org_id in scopes(storage, column, first):
            after = start.row_key if start and start.org_id == org_id else None
            for rows in pages(storage, column, org_id, wanted, size=self.batch, after=after):
                values = [value for row in rows if (value := self._reseal(column, org_id, row))]
                yield _Batch(org_id, row_key(column, rows[0]), row_key(column, rows[-1]), values)

    def _reseal(
        self, column: SealedColumn, org_id: UUID | None, row: Row[Any]
    ) -> dict[str, Any] | None:
        """The parameters of one row's update; `None` when its value does not open, or the one that
        would take its place.
        """
        name = column.column.name
        values = dict(row._mapping)
        stored: str = values[name]
        try:
            if self.take_in_clear_text and not stored.startswith(SCHEME):
                text = stored
            else:
                text = self.keys.rows.open(column.table, values, (name,))[name]
        except (DecryptionError, PluginFault) as error:
            self.failures.add(column, org_id, row_key(column, row), str(error))
            return None
        sealed = self.keys.rows.seal(column.table, {**values, name: text})
        if why := _unverified(self.keys, column.table, name, sealed, text):
            reason = f"{column}: what {self.keys.backend} wrote does not open again: {why}"
            self.failures.add(column, org_id, row_key(column, row), reason)
            return None
        key = {f"key_{part.name}": values[part.name] for part in column.key}
        return {**key, "stored": stored, "sealed": sealed[name]}


@dataclass(frozen=True, slots=True)
class _Batch:
    """Values of one organization, sealed anew but not written yet: the keys of the first and last
    row that were read, and an update's parameters for each that opens.
    """

    org_id: UUID | None
    first: Sequence[str]
    last: Sequence[str]
    values: Sequence[dict[str, Any]]


class _Writer:
    def __init__(self, keys: Keys, column: SealedColumn, wanted: ColumnElement[bool]) -> None:
        self._storage = keys.storage
        self._column = column
        table, key = column.table, tuple_(*column.key)
        between = (key >= bound_key(column, "first"), key <= bound_key(column, "last"))
        # Rows that somebody else has locked are left out: nobody waits for us, and we for nobody,
        # so there is no deadlock.
        self._free = (
            select(*column.key)
            .where(*column.scope, *between, wanted)
            .with_for_update(skip_locked=True)
        )
        same = [part == bindparam(f"key_{part.name}", type_=part.type) for part in column.key]
        self._update = (
            update(table)
            .where(*column.scope, *same, column.column == bindparam("stored"))
            .values({column.column.name: bindparam("sealed")})
        )
        self._key = [f"key_{part.name}" for part in column.key]

    def write(self, batch: _Batch) -> int:
        """Write what still stands as it was read; return how many values did."""
        bounds = {
            **key_parameters(self._column, "first", batch.first),
            **key_parameters(self._column, "last", batch.last),
        }
        with transaction_for(self._storage, batch.org_id, write=True) as tx:
            free = {tuple(row) for row in tx.execute(self._free, bounds)}
            values = [v for v in batch.values if tuple(v[name] for name in self._key) in free]
            return tx.execute(self._update, values).rowcount if values else 0


def _outdated(counts: Sequence[Count], target: Token) -> list[Count]:
    return [count for count in counts if count.backend and not count.is_of(target)]


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """Make the next item in a second thread while the first is at work on this one."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
