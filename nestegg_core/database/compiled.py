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
    """A SELECT in a dialect's own words.

    Attributes:
        sql: the text that the driver gets.
        constants: values that stand in the statement itself, by parameter.
        order: names of the parameters by position, for drivers that want them so.
        writers: what turns a value into the driver's, by parameter, where it is needed.
        readers: what turns the driver's value into ours, by column, where it is needed.
    """

    sql: str
    constants: Mapping[str, Any]
    order: Sequence[str] | None
    writers: Mapping[str, Processor]
    readers: Sequence[tuple[int, Processor]]

    def bind(self, parameters: Mapping[str, Any]) -> Any:
        """Return the parameters as the driver wants them.

        Raises:
            KeyError: one is missing.
        """
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
    """Compile a statement whose text does not depend on its parameters.

    Raises:
        ValueError: it does, as an IN over a list.
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
