"""Statements that are compiled once and then go straight to the driver.

SQLAlchemy looks up, checks and wraps with each execution, which costs a short read more than the
driver's own work. The statements of hot paths never change, so all of it is done once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Select

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
