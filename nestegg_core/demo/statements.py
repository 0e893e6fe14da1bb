"""What three banks make of the household's bookings, each in a format of its own."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

from nestegg_core.demo.life import CARD, CHECKING, OPENING, SAVINGS, Booking

_Rendered = Callable[[Sequence[Booking]], bytes]


@dataclass(frozen=True, slots=True)
class Format:
    """How the statement of an account looks."""

    file_name: str
    render: _Rendered


def german(bookings: Sequence[Booking]) -> bytes:
    """Semicolons, decimal commas, days first, lines above the header, the newest row on top."""
    rows = [
        [
            f"{booking.day:%d.%m.%Y}",
            f"{booking.day:%d.%m.%Y}",
            booking.payee,
            booking.purpose,
            booking.category,
            _comma(booking.amount),
            _comma(balance),
            "EUR",
        ]
        for booking, balance in _with_balance(bookings)
    ]
    header = (
        "Buchungstag;Wertstellung;Auftraggeber/Empfänger;Verwendungszweck;Kategorie;Betrag;"
        "Saldo;Währung"
    )
    above = [["Umsatzanzeige", "Girokonto"], [], header.split(";")]
    return _table([*above, *reversed(rows)], delimiter=";").encode("cp1252")


def iso(bookings: Sequence[Booking]) -> bytes:
    """Days as ISO 8601 writes them, money in and out in columns of their own, a running balance."""
    rows = [
        [
            booking.day.isoformat(),
            booking.payee,
            booking.category,
            f"{-booking.amount}" if booking.amount < 0 else "",
            f"{booking.amount}" if booking.amount > 0 else "",
            f"{balance}",
        ]
        for booking, balance in _with_balance(bookings)
    ]
    header = ["Date", "Description", "Category", "Withdrawal", "Deposit", "Balance"]
    return _table([header, *rows], delimiter=",").encode("utf-8-sig")


def american(bookings: Sequence[Booking]) -> bytes:
    """Months first, decimal points, purchases negative."""
    rows = [
        [
            _month_first(booking.day),
            _month_first(booking.day + timedelta(days=1)),
            booking.payee,
            booking.category,
            f"{booking.amount}",
        ]
        for booking in bookings
    ]
    header = ["Transaction Date", "Post Date", "Description", "Category", "Amount"]
    return _table([header, *rows], delimiter=",").encode("utf-8")


FORMATS: Mapping[str, Format] = {
    CHECKING: Format("umsaetze-girokonto.csv", german),
    SAVINGS: Format("savings-account.csv", iso),
    CARD: Format("card-activity.csv", american),
}
"""By account."""


def _with_balance(bookings: Sequence[Booking]) -> Iterator[tuple[Booking, Decimal]]:
    balance = OPENING[bookings[0].account] if bookings else Decimal()
    for booking in bookings:
        balance += booking.amount
        yield booking, balance


def _comma(amount: Decimal) -> str:
    return f"{amount:,}".replace(",", " ").replace(".", ",").replace(" ", ".")


def _month_first(day: date) -> str:
    return f"{day:%m/%d/%Y}"


def _table(rows: Iterable[Sequence[str]], *, delimiter: str) -> str:
    text = StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()
