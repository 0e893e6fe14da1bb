"""Known bookings, written as programs write them: read as they were, or a question is asked.

NESTEGG_TEST_EXAMPLES says how many files are made; with many of them a test takes longer than
pytest waits for one, so add `-o faulthandler_timeout=0`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from nestegg_import_qif import Qif

from nestegg_core import StatementFile

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
generated = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
FORMS = (
    "dmy4",
    "mdy4",
    "dmy2",
    "mdy2",
    "quicken",
    "iso",
    "eight",
    "named",
    "padded",
    "dots",
    "ymd2",
)
LETTERS = "abcXYZ äöéÑ€&<'-.,/*#0123456789"
CODECS = ("utf-8", "cp1252", "utf-16")


@dataclass(frozen=True)
class Part:
    category: str
    cents: int


@dataclass(frozen=True)
class Booking:
    day: date
    cents: int
    payee: str
    memo: str
    category: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Style:
    form: str
    mark: str
    groups: bool
    codec: str
    line_end: str
    named: bool
    lists: bool
    blank: bool
    has_u: bool
    turned: bool


@dataclass(frozen=True)
class Account:
    name: str
    kind: str
    bookings: Sequence[Booking]


words = st.text(st.sampled_from(LETTERS), max_size=16).map(lambda one: " ".join(one.split()))


@st.composite
def booking(draw: st.DrawFn, first: date) -> Booking:
    cents = draw(st.integers(-(10**7), 10**7))
    parts = draw(st.lists(st.builds(Part, words, st.integers(-9999, 9999)), max_size=2))
    if parts:
        rest = cents - sum(one.cents for one in parts)
        parts = [*parts, Part(draw(words), rest)]
    day = first + timedelta(days=draw(st.integers(0, 90)))
    return Booking(day, cents, draw(words), draw(words), draw(words), parts)


@st.composite
def files(draw: st.DrawFn) -> tuple[Style, list[Account]]:
    style = Style(
        form=draw(st.sampled_from(FORMS)),
        mark=draw(st.sampled_from(".,")),
        groups=draw(st.booleans()),
        codec=draw(st.sampled_from(CODECS)),
        line_end=draw(st.sampled_from(("\n", "\r\n"))),
        named=draw(st.booleans()),
        lists=draw(st.booleans()),
        blank=draw(st.booleans()),
        has_u=draw(st.booleans()),
        turned=draw(st.booleans()),
    )
    first = draw(st.dates(date(1971, 1, 1), date(2060, 1, 1)))
    kinds = draw(
        st.lists(
            st.sampled_from(("Bank", "Cash", "CCard", "Oth A")), min_size=1, max_size=3, unique=True
        )
    )
    accounts = []
    for place, kind in enumerate(kinds):
        bookings = draw(st.lists(booking(first), min_size=1, max_size=8))
        if draw(st.booleans()):
            bookings = sorted(bookings, key=lambda one: one.day)
        accounts.append(Account(f"Account {place}", kind, bookings))
    return style, accounts


def day_text(style: Style, day: date) -> str:
    two = day.year % 100
    new = "'" if day.year >= 2000 else "/"
    return {
        "dmy4": f"{day:%d/%m/%Y}",
        "mdy4": f"{day:%m/%d/%Y}",
        "dmy2": f"{day.day}/{day.month}/{two:02}",
        "mdy2": f"{day.month}/{day.day}/{two:02}",
        "quicken": f"{day.month}/{day.day:2}{new}{two:2}",
        "iso": day.isoformat(),
        "eight": f"{day:%Y%m%d}",
        "named": f"{day.day} {MONTHS[day.month - 1]} {day.year}",
        "padded": f"{day.day:2}/{day.month:2}/{day.year}",
        "dots": f"{day:%d.%m}'{day.year}",
        "ymd2": f"{two:02}-{day:%m-%d}",
    }[style.form]


def amount_text(style: Style, cents: int) -> str:
    amount = Decimal(-cents if style.turned else cents) / 100
    text = f"{amount:,.2f}" if style.groups else f"{amount:.2f}"
    return text.translate({ord("."): ",", ord(","): "."}) if style.mark == "," else text


def file_text(style: Style, accounts: Sequence[Account]) -> str:
    lines = []
    if style.lists:
        lines += ["!Option:AutoSwitch", "!Account", "NOther", "TBank", "^", "!Clear:AutoSwitch"]
        lines += ["!Type:Cat", "NFood", "E", "^"]
    for account in accounts:
        if style.named:
            lines += ["!Account", f"N{account.name}", f"T{account.kind}", "^"]
        lines += [f"!Type:{account.kind}"]
        for one in account.bookings:
            lines += [f"D{day_text(style, one.day)}", f"T{amount_text(style, one.cents)}"]
            lines += [f"U{amount_text(style, one.cents)}"] * style.has_u
            lines += [f"P{one.payee}", f"M{one.memo}", f"L{one.category}", "CX"]
            for part in one.parts:
                lines += [f"S{part.category}", f"${amount_text(style, part.cents)}"]
            lines += ["^", *[""] * style.blank]
    return style.line_end.join([*lines, ""])


@generated
@given(files())
def test_every_booking_is_read_as_it_was_or_something_is_asked_or_told(
    made: tuple[Style, list[Account]],
) -> None:
    style, accounts = made
    file = StatementFile(file_text(style, accounts).encode(style.codec))
    assert Qif().recognises(file)
    statement = Qif().read(file, {})
    asked = {question.decision for question in statement.questions}
    wanted = [(place, one) for place, account in enumerate(accounts, 1) for one in account.bookings]
    assert len(statement.rows) == len(wanted), "no row is dropped"
    for row, (place, one) in zip(statement.rows, wanted, strict=True):
        assert row.account == (str(place) if len(accounts) > 1 else "")
        if row.problems:
            # A day that two digits cannot say may exist in one order and not in another.
            assert "date_format" in asked
            continue
        if "date_format" not in asked and not is_of_another_century(style, one.day):
            assert row.date == one.day
        if "decimal_mark" not in asked and "sign" not in asked:
            cents = -one.cents if style.turned and not is_told(statement.warnings) else one.cents
            if not style.turned:
                assert row.amount == Decimal(cents) / 100
            assert abs(row.amount or 0) == abs(Decimal(one.cents)) / 100
        assert row.payee == (one.payee or one.memo)
    event("asked" if asked else "read")


def is_of_another_century(style: Style, day: date) -> bool:
    """Tell where two digits are a year of another century by everyone's convention."""
    return style.form in {"dmy2", "mdy2", "ymd2"} and not 1969 <= day.year < 2069


def is_told(warnings: Sequence[str]) -> bool:
    return any("No amount has a minus" in one for one in warnings)


@generated
@given(files(), st.sampled_from(("%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d")))
def test_an_order_that_is_told_is_kept(made: tuple[Style, list[Account]], told: str) -> None:
    style, accounts = made
    file = StatementFile(file_text(style, accounts).encode(style.codec))
    statement = Qif().read(file, {"date_format": told})
    assert "date_format" not in {question.decision for question in statement.questions}
    assert statement.decisions["date_format"] == told
