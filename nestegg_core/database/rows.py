"""Values on their way in and out of rows: those with personal data are sealed, hot reads compiled.

Sealed rows are the only way in and out of a row with personal data. A SQLAlchemy type could not do
this: it sees neither the organization nor the row's id, to which every ciphertext is bound.

Compiled statements go straight to the driver: what SQLAlchemy looks up, checks and wraps with each
execution costs a short read more than the driver's own work. Hot paths' statements never change.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import structlog
from sqlalchemy import Dialect, Select, Table

from nestegg_core.errors import DecryptionError

_log = structlog.get_logger("nestegg.database")


class Sealer(Protocol):
    """Turns a text into a token and back, bound to the place where it is kept."""

    def seal(self, text: str, place: "Place") -> str:
        """Return a token."""
        ...

    def open(self, token: str, place: "Place") -> str:
        """Return the text; `DecryptionError` where the token was altered, moved, or its key is
        missing.
        """
        ...


class Place(tuple[str, str, str, str]):
    """Where a sealed value is kept: organization (empty for a system table), table, column, row.

    Example:
        >>> Place(("", "users", "email", "7b3c"))[2]
        'email'
    """

    __slots__ = ()


class SealedRows:
    """Seals and opens the encrypted columns of rows.

    Example:
        ```python
        tx.execute(insert(accounts), rows.seal(accounts, {"id": id, "number": "DE12"}))
        number = rows.open(accounts, row, ["number"])["number"]
        ```
    """

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values with every encrypted column replaced by its token. They must hold the
        primary key; an absent or `None` value stays.
        """
        sealed = dict(values)
        for name in encrypted_columns(table):
            if sealed.get(name) is not None:
                sealed[name] = self._sealer.seal(sealed[name], _place(table, name, values))
        return sealed

    def open(self, table: Table, row: Any, columns: Iterable[str]) -> dict[str, Any]:
        """Return clear values of the named columns of one row or mapping, which must hold the
        primary key; NULL stays `None`. `DecryptionError`: a value was altered, moved, or its key is
        missing.
        """
        values = row if isinstance(row, Mapping) else row._mapping
        return {
            name: None
            if values[name] is None
            else self._sealer.open(values[name], _place(table, name, values))
            for name in columns
        }

    def show(self, table: Table, row: Any, columns: Iterable[str]) -> dict[str, Any]:
        """Do as `open` does, for an answer: a value that does not open is `None`, and `damaged`
        names its column, so that one of them does not take a list down. A writer of what was shown
        must leave a damaged value as it is: a changed row gets only what was given.
        """
        shown: dict[str, Any] = {}
        damaged = []
        for name in columns:
            try:
                shown |= self.open(table, row, (name,))
            except DecryptionError as error:
                _log.error("a stored value is damaged", why=str(error), fix="nestegg keys verify")
                shown[name] = None
                damaged.append(name)
        return {**shown, "damaged": damaged} if damaged else shown


@cache
def encrypted_columns(table: Table) -> tuple[str, ...]:
    """Return the names of a table's columns that hold personal data."""
    return tuple(column.name for column in table.columns if column.info.get("encrypted"))


def _place(table: Table, column: str, values: Mapping[str, Any]) -> Place:
    in_organization, key = _key(table)
    org_id = str(values["org_id"]) if in_organization else ""
    return Place((org_id, table.name, column, "/".join(str(values[name]) for name in key)))


@cache
def _key(table: Table) -> tuple[bool, tuple[str, ...]]:
    """Whether rows have an organization, and the rest of their primary key."""
    key = tuple(column.name for column in table.primary_key if column.name != "org_id")
    return any(column.name == "org_id" for column in table.primary_key), key


Processor = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class CompiledSelect:
    """A SELECT in a dialect's own words. Writers and readers, by parameter and by column, turn our
    values into the driver's and back, where they differ; `order` is for drivers that want
    parameters by position.
    """

    sql: str
    constants: Mapping[str, Any]
    order: Sequence[str] | None
    writers: Mapping[str, Processor]
    readers: Sequence[tuple[int, Processor]]

    def bind(self, parameters: Mapping[str, Any]) -> Any:
        """The parameters as the driver wants them; a missing one is a `KeyError`."""
        values = {**self.constants, **parameters}
        for name, write in self.writers.items():
            values[name] = write(values[name])
        return values if self.order is None else [values[name] for name in self.order]

    def read(self, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        """Return the driver's rows with our values."""
        if not self.readers:
            return rows
        lists = [list(row) for row in rows]
        for row in lists:
            for position, reader in self.readers:
                row[position] = reader(row[position])
        return lists


def compile_select(statement: Select[Any], dialect: Dialect) -> CompiledSelect:
    """Compile a statement whose text does not depend on its parameters, as an IN over a list does
    (`ValueError`).
    """
    compiled: Any = statement.compile(dialect=dialect)
    if compiled.post_compile_params:
        raise ValueError("a statement with an expanding parameter cannot be compiled once")
    columns = [column.type for column in statement.selected_columns]
    readers = [
        (position, reader)
        for position, kind in enumerate(columns)
        if (reader := kind.dialect_impl(dialect).result_processor(dialect, None))
    ]
    constants = {
        name: parameter.value
        for name, parameter in compiled.binds.items()
        if not parameter.required
    }
    writers = {
        name: writer
        for name, parameter in compiled.binds.items()
        if (writer := parameter.type.dialect_impl(dialect).bind_processor(dialect))
    }
    return CompiledSelect(compiled.string, constants, compiled.positiontup, writers, readers)
