"""Around statement importers: what is no statement is not booked."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from nestegg_core import foreign
from nestegg_core.contracts.importers import (
    RowProblem,
    Statement,
    StatementFile,
    StatementImporter,
    StatementRow,
)
from nestegg_core.errors import StatementError
from nestegg_core.guards.guard import Guard

_UNFIT = re.compile("[\x00\ud800-\udfff]")
"""What no database takes: NUL and lone surrogates."""


class GuardedImporter:
    """Fulfils `nestegg_core.StatementImporter`."""

    def __init__(self, guard: Guard, importer: StatementImporter) -> None:
        self._guard = guard
        self._importer = importer

    def recognises(self, file: StatementFile) -> bool:
        """Tell whether `read` is worth trying.

        Raises:
            PluginFault: the importer raised.
        """
        return bool(self._guard.call("recognises", (), self._importer.recognises, file))

    def read(self, file: StatementFile, options: Mapping[str, str]) -> Statement:
        """Read the whole file, to its last row: rows may be made as they are looked at.

        Raises:
            StatementError: the importer refuses the file or an option.
            PluginFault: it raised something else, or answered no statement.
        """
        statement = self._guard.call("read", (StatementError,), self._read, file, options)
        if statement is None:
            raise self._guard.fault("read", "answered no Statement, or one with unfit rows")
        return statement

    def _read(self, file: StatementFile, options: Mapping[str, str]) -> Statement | None:
        read: object = foreign.call(self._importer.read, file, options)
        return read if isinstance(read, Statement) and _is_sound(read) else None


def _is_sound(statement: Statement) -> bool:
    return (
        isinstance(statement.decisions, Mapping)
        and all(isinstance(warning, str) for warning in statement.warnings)
        and isinstance(statement.currency, str | None)
        and (statement.closing_balance is None or _is_amount(statement.closing_balance))
        and all(isinstance(row, StatementRow) and _is_row(row) for row in statement.rows)
    )


def _is_row(row: StatementRow) -> bool:
    """`date` and `amount` are set exactly where there are no problems."""
    texts = (row.payee, row.description, row.category, row.notes, row.external_id)
    if not (isinstance(row.line, int) and all(map(_is_text, texts))):
        return False
    if row.problems:
        return all(isinstance(problem, RowProblem) for problem in row.problems)
    return _is_day(row.date) and _is_amount(row.amount)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _UNFIT.search(value)


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_amount(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()
