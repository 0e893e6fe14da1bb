"""Around statement importers: what is no statement is not booked."""

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal

from nestegg_core import foreign
from nestegg_core.contracts.importers import (
    Question,
    RowProblem,
    Statement,
    StatementAccount,
    StatementFile,
    StatementImporter,
    StatementRow,
)
from nestegg_core.errors import StatementError
from nestegg_core.guards.guard import Guard

_UNFIT = re.compile("[\x00\ud800-\udfff]")
"""What no database takes: NUL and lone surrogates."""
_ROW_STATUSES = ("booked", "pending", "reverted")


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
    accounts = statement.accounts
    keys = {one.key for one in accounts}
    return (
        isinstance(statement.decisions, Mapping)
        and all(isinstance(warning, str) for warning in statement.warnings)
        and isinstance(statement.currency, str | None)
        and _is_balance(statement.closing_balance)
        and all(isinstance(one, StatementAccount) and _is_account(one) for one in accounts)
        and len(keys) == len(accounts)
        and all(isinstance(one, Question) and _is_question(one) for one in statement.questions)
        and all(isinstance(row, StatementRow) and _is_row(row, keys) for row in statement.rows)
    )


def _is_account(account: StatementAccount) -> bool:
    return (
        all(map(_is_text, (account.key, account.number, account.name)))
        and bool(account.key)
        and isinstance(account.currency, str | None)
        and _is_balance(account.opening_balance)
        and _is_balance(account.closing_balance)
    )


def _is_question(question: Question) -> bool:
    texts = (question.decision, question.evidence, *question.choices, *question.choices.values())
    return all(map(_is_text, texts)) and all(isinstance(line, int) for line in question.lines)


def _is_row(row: StatementRow, accounts: Collection[str]) -> bool:
    """`date` and `amount` are set exactly where there are no problems.

    A good row belongs to one account: of several it names one.
    """
    texts = (row.payee, row.description, row.category, row.notes, row.external_id, row.account)
    if not (isinstance(row.line, int) and all(map(_is_text, texts))):
        return False
    if not isinstance(row.currency, str | None) or row.status not in _ROW_STATUSES:
        return False
    if row.account and row.account not in accounts:
        return False
    if row.problems:
        return all(isinstance(problem, RowProblem) for problem in row.problems)
    is_owned = bool(row.account) or len(accounts) <= 1
    return is_owned and _is_day(row.date) and _is_amount(row.amount)


def _is_balance(value: object) -> bool:
    return value is None or _is_amount(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not _UNFIT.search(value)


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _is_amount(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite()
