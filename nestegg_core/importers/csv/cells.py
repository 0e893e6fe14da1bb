"""The values of one row, read under the decisions for the whole file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from nestegg_core.contracts.importers import RowProblem
from nestegg_core.importers.csv.amounts import (
    LARGEST,
    BadAmount,
    currency_of,
    direction,
    read_amount,
)
from nestegg_core.importers.csv.columns import Columns
from nestegg_core.importers.csv.dates import DateFormat, looks_like_date, read_date
from nestegg_core.importers.csv.table import Row, Table

LONGEST_CELL = 10_000
LONGEST_TEXT = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(slots=True)
class Draft:
    """A row as far as it can be read alone; the file decides on signs and currency.

    `direction` is what the sign column says: 1 in, -1 out, 0 nothing.
    """

    line: int
    day: date | None = None
    value: Decimal | None = None
    direction: int = 0
    balance: Decimal | None = None
    currency: str = ""
    account: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    problems: list[RowProblem] = field(default_factory=list)


class CellReader:
    def __init__(self, table: Table, columns: Columns, date_format: DateFormat, mark: str) -> None:
        self._width, self._delimiter = table.width, table.delimiter
        self._columns, self._format, self._mark = columns, date_format, mark
        self._days: dict[str, date | None] = {}

    def read(self, row: Row) -> Draft:
        draft = Draft(row.line)
        self._shape(row, draft)
        draft.day = self._date(row, draft)
        draft.value = self._value(row, draft)
        draft.direction = direction(self._cell(row, "sign"))
        draft.balance = self._balance(row)
        named = self._cell(row, "currency")
        draft.currency = (currency_of(named) if named else "") or draft.currency
        draft.account = clean(self._cell(row, "account"))
        self._texts(row, draft)
        return draft

    def _cell(self, row: Row, role: str) -> str:
        return row.cell(self._columns.get(role))

    def _shape(self, row: Row, draft: Draft) -> None:
        if any(cell.strip() for cell in row.cells[self._width :]):
            draft.problems.append(
                RowProblem(
                    "too_many_cells",
                    f"has more cells than the table has columns ({self._width}):"
                    " a delimiter in a text is not quoted",
                )
            )
        if any(self._swallows(cell) for cell in row.cells if "\n" in cell or "\r" in cell):
            draft.problems.append(
                RowProblem("unbalanced_quote", "holds another row in a text: a quote is not closed")
            )
        if max(map(len, row.cells)) > LONGEST_CELL:
            draft.problems.append(
                RowProblem("cell_too_long", f"has a cell of more than {LONGEST_CELL:,} characters")
            )

    def _swallows(self, cell: str) -> bool:
        """Tell a text that goes on into the next row from one that has several lines."""
        lines = [line.split(self._delimiter) for line in cell.splitlines()[1:]]
        return any(len(parts) > 1 and any(map(looks_like_date, parts)) for parts in lines)

    def _date(self, row: Row, draft: Draft) -> date | None:
        cell = self._cell(row, "date")
        if not cell:
            draft.problems.append(RowProblem("missing_date", "has no date", "date"))
            return None
        if cell not in self._days:
            self._days[cell] = read_date(cell, self._format.order)
        day = self._days[cell]
        if day is None:
            detail = f"is not a date of the calendar in the format {self._format.text}"
            draft.problems.append(RowProblem("bad_date", detail, "date"))
        return day

    def _value(self, row: Row, draft: Draft) -> Decimal | None:
        if self._columns.get("amount") is not None:
            value = self._amount(row, "amount", draft)
        else:
            debit, credit = self._amount(row, "debit", draft), self._amount(row, "credit", draft)
            if debit is None and credit is None:
                value = None
            else:
                value = (credit or Decimal(0)) - abs(debit or Decimal(0))
        if value is None and not any(problem.field == "amount" for problem in draft.problems):
            draft.problems.append(RowProblem("missing_amount", "has no amount", "amount"))
        elif value is not None and abs(value) > LARGEST:
            draft.problems.append(
                RowProblem("out_of_range", "is beyond 100,000,000,000,000", "amount")
            )
        return value

    def _amount(self, row: Row, role: str, draft: Draft) -> Decimal | None:
        cell = self._cell(row, role)
        if not cell:
            return None
        try:
            value, currency = read_amount(cell, self._mark)
        except BadAmount as error:
            draft.problems.append(RowProblem(error.code, error.detail, "amount"))
            return None
        draft.currency = draft.currency or currency
        return value

    def _balance(self, row: Row) -> Decimal | None:
        cell = self._cell(row, "balance")
        try:
            return read_amount(cell, self._mark)[0] if cell else None
        except BadAmount:
            return None  # it is compared with, never stored

    def _texts(self, row: Row, draft: Draft) -> None:
        parts = (clean(row.cell(index)) for index in self._columns.description)
        description = " ".join(filter(None, parts))
        check = clean(self._cell(row, "check"))
        texts = {
            "payee": clean(self._cell(row, "payee")) or description,
            "description": description,
            "category": clean(self._cell(row, "category")),
            "external_id": clean(self._cell(row, "external_id")),
        }
        notes = clean(self._cell(row, "notes"))
        draft.cut = any(len(text) > LONGEST_TEXT for text in texts.values())
        draft.texts = {name: text[:LONGEST_TEXT].rstrip() for name, text in texts.items()} | {
            "notes": " ".join(filter(None, (notes, f"Check {check}" if check else "")))
        }


def clean(cell: str) -> str:
    """Make one line of a cell: no control characters, no runs of spaces."""
    return " ".join(_CONTROL.sub(" ", cell).split()) if cell else cell
