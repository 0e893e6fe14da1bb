"""What happens to the household's money, and its banks' statements: the same on the same day."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from random import Random

CHECKING, SAVINGS, CARD = "Checking", "Savings", "Credit card"

OPENING = {CHECKING: Decimal("2450.00"), SAVINGS: Decimal("8000.00"), CARD: Decimal("0.00")}
"""Balances before the first day."""

SAVED = Decimal("450.00")
QUARTERLY_INTEREST = Decimal("0.005")
CARD_PAYMENT_DAY = 20

_CENT = Decimal("0.01")
_QUARTER_ENDS = frozenset({(3, 31), (6, 30), (9, 30), (12, 31)})
_WEDNESDAY, _FRIDAY, _SATURDAY = 2, 4, 5


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of a statement; money into the account is positive."""

    account: str
    day: date
    amount: Decimal
    payee: str
    purpose: str
    category: str


# By day of the month.
_MONTHLY = {
    1: ("-980.00", "Hausverwaltung Lindenhof", "Miete Wohnung 12", "Rent and mortgage"),
    3: ("-86.40", "Stadtwerke", "Abschlag Strom und Gas", "Utilities"),
    5: ("-34.99", "Fernnetz Telekommunikation", "Internet und Telefon", "Utilities"),
    10: ("-49.00", "Verkehrsverbund", "Monatskarte", "Transport"),
    15: ("-41.20", "Nordlicht Versicherung", "Hausrat und Haftpflicht", "Insurance"),
    27: ("3240.00", "Kontor Nord GmbH", "Lohn und Gehalt", "Salary"),
    28: ("-6.90", "Girokonto", "Kontoführung", "Fees"),
}
_MONTHLY_ON_CARD = {
    7: ("-12.99", "FILMPALAST ONLINE", "Leisure"),
    12: ("-9.99", "KLANGWOLKE MUSIC", "Leisure"),
}
# Merchant, category, least and most in cents.
_MERCHANTS = (
    ("TRATTORIA AL PONTE", "Eating out", 2400, 7800),
    ("BUCHHANDLUNG SEITENWEISE", "Shopping", 900, 4200),
    ("WARENHAUS AM RING", "Shopping", 1500, 12900),
    ("RADWERKSTATT SPEICHE", "Transport", 1200, 8500),
    ("APOTHEKE ZUM HIRSCH", "Health", 500, 3900),
    ("KINO LICHTSPIEL", "Leisure", 1100, 3400),
    ("IMBISS SAFRAN", "Eating out", 850, 2600),
    ("GARTENMARKT GRUENER DAUMEN", "Shopping", 1300, 6900),
)
_GROCERS = ("Supermarkt Grünmarkt", "Bäckerei Morgenrot", "Wochenmarkt Süd")


def bookings(start: date, until: date) -> list[Booking]:
    """Return every booking in order; `start` is the first day of a month."""
    lived: list[Booking] = []
    for number in range((until - start).days + 1):
        day = start + timedelta(days=number)
        lived += _at_the_bank(day)
        lived += _on_the_card(day)
        lived += _savings(day, lived)
        lived += _card_payment(day, lived)
    return lived


def _at_the_bank(day: date) -> Iterator[Booking]:
    if day.day in _MONTHLY:
        amount, payee, purpose, category = _MONTHLY[day.day]
        yield Booking(CHECKING, day, Decimal(amount), payee, purpose, category)
    if day.weekday() in {_WEDNESDAY, _SATURDAY}:
        chance = _chance(day, "groceries")
        payee = _GROCERS[int(chance.random() * len(_GROCERS))]
        amount_spent = _spent(chance, 1200, 8600)
        yield Booking(CHECKING, day, amount_spent, payee, "Kartenzahlung", "Groceries")


def _on_the_card(day: date) -> Iterator[Booking]:
    if day.day in _MONTHLY_ON_CARD:
        amount, merchant, category = _MONTHLY_ON_CARD[day.day]
        yield Booking(CARD, day, Decimal(amount), merchant, "", category)
    if day.weekday() == _FRIDAY:
        # Two coffees that nothing tells apart: both are to be booked.
        coffee = Booking(CARD, day, Decimal("-3.20"), "KAFFEEROESTEREI AM MARKT", "", "Eating out")
        yield from (coffee, coffee)
    chance = _chance(day, "card")
    if chance.random() < 0.4:  # noqa: PLR2004 - about twelve times a month
        merchant, category, least, most = _MERCHANTS[int(chance.random() * len(_MERCHANTS))]
        yield Booking(CARD, day, _spent(chance, least, most), merchant, "", category)


def _savings(day: date, lived: list[Booking]) -> Iterator[Booking]:
    if day.day == 2:  # noqa: PLR2004 - the day after the rent
        yield Booking(CHECKING, day, -SAVED, "Sparkonto", "Dauerauftrag Sparen", "Transfer")
        yield Booking(SAVINGS, day, SAVED, "Standing order", "", "Transfer")
    if (day.month, day.day) in _QUARTER_ENDS:
        saved = sum((b.amount for b in lived if b.account == SAVINGS), OPENING[SAVINGS])
        interest = (saved * QUARTERLY_INTEREST).quantize(_CENT)
        yield Booking(SAVINGS, day, interest, "Interest", "", "Interest and dividends")


def _card_payment(day: date, lived: list[Booking]) -> Iterator[Booking]:
    if day.day != CARD_PAYMENT_DAY:
        return
    last = day.replace(day=1) - timedelta(days=1)
    month_before = (last.year, last.month)
    owed = -sum(
        b.amount
        for b in lived
        if b.account == CARD and b.amount < 0 and (b.day.year, b.day.month) == month_before
    )
    if owed:
        yield Booking(CHECKING, day, -owed, "Kreditkarte", "Ausgleich Abrechnung", "Transfer")
        yield Booking(CARD, day, owed, "PAYMENT RECEIVED", "", "Transfer")


def _chance(day: date, what: str) -> Random:
    # Reproducible on purpose; of a generator's methods only `random` promises to stay the same.
    return Random(f"{day.isoformat()} {what}")  # noqa: S311 - nothing secret comes of it


def _spent(chance: Random, least: int, most: int) -> Decimal:
    cents = least + int(chance.random() * (most - least))
    return (Decimal(-cents) / 100).quantize(_CENT)


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
