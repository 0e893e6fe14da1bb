"""Known bookings in spreadsheets of every format: read as they were, or refused, or asked about.

NESTEGG_TEST_EXAMPLES says how many files are made; thousands take longer than a test may, so give
pytest `-o faulthandler_timeout=0` as well.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nestegg_import_excel import Excel

from nestegg_core import StatementError, StatementFile
from support.workbooks import Cell, html, ml, ods, xls, xlsx

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "60"))


@dataclass(frozen=True)
class Booking:
    day: date
    amount: Decimal
    payee: str


bookings = st.builds(
    Booking,
    st.dates(date(2020, 1, 1), date(2027, 12, 31)),
    st.integers(-(10**7), 10**7).filter(bool).map(lambda cents: Decimal(cents) / 100),
    st.sampled_from(("Baker", "Mill & Co", "Wages", "Pekárna", "Grün, Tom", 'The "Inn"')),
)


@dataclass(frozen=True)
class Manner:
    """How a bank fills a sheet."""

    make: Callable[..., bytes]
    days_are_texts: bool
    amounts_are_texts: bool
    german: bool
    above: int
    balance: bool
    empty_columns: int


manners = st.builds(
    Manner,
    st.sampled_from((xlsx, xls, ods, ml, html)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 4),
    st.booleans(),
    st.integers(0, 2),
)


def amount(value: Decimal, manner: Manner) -> Cell:
    if not manner.amounts_are_texts and manner.make is not html:
        return float(value)
    text = f"{value:,.2f}"
    return text.translate(str.maketrans(",.", ".,")) if manner.german else text


def day(value: date, manner: Manner) -> Cell:
    if manner.days_are_texts or manner.make is html:
        return f"{value:%d.%m.%Y}" if manner.german else value.isoformat()
    return value


def written(found: Sequence[Booking], manner: Manner) -> bytes:
    names = ("Buchungstag", "Empfänger", "Betrag", "Saldo")
    head = names if manner.german else ("Date", "Payee", "Amount", "Balance")
    indent: list[Cell] = [None] * manner.empty_columns
    rows: list[list[Cell]] = [["Account 4711"] for _ in range(manner.above)]
    rows.append([*indent, *head[: 4 if manner.balance else 3]])
    balance = Decimal(100)
    for one in found:
        balance += one.amount
        row = [*indent, day(one.day, manner), one.payee, amount(one.amount, manner)]
        rows.append([*row, amount(balance, manner)] if manner.balance else row)
    return manner.make(rows)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(bookings, min_size=1, max_size=12), manners)
def test_what_is_written_is_read_or_asked_about(found: list[Booking], manner: Manner) -> None:
    file = StatementFile(written(found, manner))
    assert Excel().recognises(file)
    try:
        statement = Excel().read(file, {})
    except StatementError:
        return
    read = [(row.date, row.amount, row.payee) for row in statement.rows]
    is_right = read == [(one.day, one.amount, one.payee) for one in found]
    assert is_right or statement.questions
