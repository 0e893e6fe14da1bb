"""Known bookings, written as banks write them: read as they were, or a question is asked.

NESTEGG_TEST_EXAMPLES says how many files are made; thousands take longer than a test may, so give
pytest `-o faulthandler_timeout=0` as well.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nestegg_import_mt940 import Mt940

from nestegg_core import Statement, StatementFile

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
generated = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@dataclass(frozen=True)
class Booking:
    day: date
    valued: timedelta
    amount: Decimal  # of the account's view
    name: str
    purpose: str
    is_reversal: bool


@dataclass(frozen=True)
class Day:
    opening: Decimal
    bookings: Sequence[Booking]

    @property
    def closing(self) -> Decimal:
        return self.opening + sum(one.amount for one in self.bookings)


@dataclass(frozen=True)
class Account:
    number: str
    currency: str
    days: Sequence[Day]


@dataclass(frozen=True)
class Manner:
    """How a bank writes."""

    end: str
    encoding: str
    envelope: bool
    mark: str
    groups: bool
    short: bool
    dialect: str
    funds: bool
    entry_day: bool
    turns_reversals: bool
    currency_behind: bool
    pages: bool
    per_message: bool


amounts = st.integers(1, 10**9).map(lambda cents: Decimal(cents) / 100)
words = st.text("abzÄß& Z9", min_size=1, max_size=40).map(lambda text: " ".join(text.split()))
bookings = st.builds(
    Booking,
    st.dates(date(2001, 3, 1), date(2078, 12, 1)),
    st.integers(-90, 90).map(timedelta),
    st.builds(lambda amount, sign: amount * sign, amounts, st.sampled_from((1, -1))),
    words.filter(bool),
    words.filter(bool),
    st.booleans(),
)


@st.composite
def accounts(draw: st.DrawFn) -> list[Account]:
    numbers = draw(st.lists(st.sampled_from("123456789"), min_size=1, max_size=3, unique=True))
    found = []
    for number in numbers:
        balance = draw(st.integers(-(10**6), 10**6).map(lambda cents: Decimal(cents) / 100))
        days = []
        for of_day in draw(st.lists(st.lists(bookings, max_size=6), min_size=1, max_size=3)):
            days.append(Day(balance, of_day))
            balance = days[-1].closing
        currency = draw(st.sampled_from(("EUR", "CHF", "PLN")))
        found.append(Account(f"1002003{number}/44", currency, days))
    return found


manners = st.builds(
    Manner,
    end=st.sampled_from(("\n", "\r\n", "\r")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "cp1252", "cp850")),
    envelope=st.booleans(),
    mark=st.sampled_from(",."),
    groups=st.booleans(),
    short=st.booleans(),
    dialect=st.sampled_from(("?", "~", "^", "slashes", "free")),
    funds=st.booleans(),
    entry_day=st.booleans(),
    turns_reversals=st.booleans(),
    currency_behind=st.booleans(),
    pages=st.booleans(),
    per_message=st.booleans(),
)


class Writer:
    def __init__(self, manner: Manner) -> None:
        self.manner = manner

    def amount(self, value: Decimal) -> str:
        manner = self.manner
        text = f"{abs(value):,.2f}" if manner.groups else f"{abs(value):.2f}"
        if manner.short:
            text = text.removesuffix("00").removesuffix("0") if "." in text else text
        if manner.mark == ",":
            text = text.replace(",", "_").replace(".", ",").replace("_", ".")
        # With neither a decimal nor a group behind it, a point would be one of thousands.
        return text if manner.mark == "," or not text.endswith(".") else text + "00"

    def balance(self, tag: str, value: Decimal, currency: str) -> str:
        return f":{tag}:{'D' if value < 0 else 'C'}260101{currency}{self.amount(value)}"

    def booking(self, one: Booking, currency: str) -> list[str]:
        manner = self.manner
        written = -one.amount if manner.turns_reversals and one.is_reversal else one.amount
        mark = "C" if (written > 0) != one.is_reversal else "D"
        value = one.day + (one.valued if manner.entry_day else timedelta(0))
        entry = f"{one.day:%m%d}" if manner.entry_day else ""
        funds = currency[2] if manner.funds else ""
        mark = f"{'R' * one.is_reversal}{mark}{funds}"
        return [
            f":61:{value:%y%m%d}{entry}{mark}{self.amount(one.amount)}NMSCNONREF//4711",
            *self.text(one),
        ]

    def text(self, one: Booking) -> list[str]:
        dialect = self.manner.dialect
        if dialect == "free":
            return [f":86:{one.name}"]
        if dialect == "slashes":
            whole = f"/TRTP/SEPA/NAME/{one.name}/REMI/{one.purpose}/EREF/NOTPROVIDED"
        else:
            parts = [f"32{one.name[:27]}", *([f"33{one.name[27:]}"] if one.name[27:] else ())]
            purpose = "SVWZ+" + one.purpose
            cut = [purpose[at : at + 27] for at in range(0, len(purpose), 27)]
            parts = [*(f"{20 + at}{part}" for at, part in enumerate(cut)), *parts]
            whole = "166" + "".join(dialect + part for part in ("00TRANSFER", *parts))
        lines = [whole[at : at + 65] for at in range(0, len(whole), 65)]
        return [f":86:{lines[0]}", *lines[1:]]

    def message(self, account: Account, day: Day, number: int, last: int) -> list[str]:
        manner = self.manner
        first_tag = "60M" if manner.pages and number else "60F"
        last_tag = "62M" if manner.pages and number < last else "62F"
        behind = account.currency if manner.currency_behind else ""
        return [
            *(["{1:F01BANKXXXX}{2:I940BANKXXXXN}{4:"] if manner.envelope else []),
            ":20:STARTUMS",
            f":25:{account.number}{behind}",
            f":28C:{number + 1}/1",
            self.balance(first_tag, day.opening, account.currency),
            *(line for one in day.bookings for line in self.booking(one, account.currency)),
            self.balance(last_tag, day.closing, account.currency),
            ":86:Thank you",
            *(["-}"] if manner.envelope else ["-"] if manner.per_message else []),
        ]

    def file(self, found: Sequence[Account]) -> bytes:
        lines = [
            line
            for account in found
            for number, day in enumerate(account.days)
            for line in self.message(account, day, number, len(account.days) - 1)
        ]
        return (self.manner.end.join(lines) + self.manner.end).encode(self.manner.encoding)


def read(content: bytes) -> Statement:
    file = StatementFile(content)
    assert Mt940().recognises(file)
    return Mt940().read(file, {})


def without_breaks(text: str) -> str:
    return text.replace(" ", "")


@generated
@given(accounts(), manners)
def test_what_is_written_is_read(found: list[Account], manner: Manner) -> None:
    if manner.turns_reversals:
        # Where both readings fit, the standard stands.
        reversed_sums = [
            sum(one.amount for one in day.bookings if one.is_reversal)
            for account in found
            for day in account.days
            if any(one.is_reversal for one in day.bookings)
        ]
        assume(all(reversed_sums))
    every = [one for account in found for day in account.days for one in day.bookings]

    statement = read(Writer(manner).file(found))

    assert [one.problems for one in statement.rows] == [()] * len(every)
    assert [(row.date, row.amount) for row in statement.rows] == [
        (one.day, one.amount) for one in every
    ]
    is_guessed = any("encoding" in warning for warning in statement.warnings)
    if not is_guessed:
        assert [without_breaks(row.payee) for row in statement.rows] == [
            without_breaks(one.name) for one in every
        ]
    if manner.dialect != "free" and not is_guessed:
        assert [without_breaks(row.description) for row in statement.rows] == [
            without_breaks(one.purpose) for one in every
        ]
    assert not statement.questions
    assert statement.decisions["balances"] == "verified"
    told = {one.key: (one.number, one.currency) for one in statement.accounts}
    assert [told[row.account] for row in statement.rows] == [
        (account.number, account.currency)
        for account in found
        for day in account.days
        for _ in day.bookings
    ]
    assert [(one.opening_balance, one.closing_balance) for one in statement.accounts] == [
        (account.days[0].opening, account.days[-1].closing) for account in found
    ]


@generated
@given(accounts(), manners, st.data())
def test_what_was_changed_is_never_taken_for_right(
    found: list[Account], manner: Manner, data: st.DataObject
) -> None:
    manner = replace(manner, turns_reversals=False, end="\n")
    found = [
        replace(
            account,
            days=[
                replace(day, bookings=[replace(one, is_reversal=False) for one in day.bookings])
                for day in account.days
            ],
        )
        for account in found
    ]
    lines = Writer(manner).file(found).decode(manner.encoding).split("\n")
    bookings = [at for at, line in enumerate(lines) if line.startswith(":61:")]
    assume(bookings)
    at = data.draw(st.sampled_from(bookings))
    how = data.draw(
        st.sampled_from(("left out", "twice", "another sign", "another amount", "broken"))
    )
    line = lines[at]
    lines[at : at + 1] = {
        "left out": [],
        "twice": [line, line],
        "another sign": [line.translate(str.maketrans("CD", "DC"))],
        "another amount": [line.replace("NMSC", "", 1).replace("NONREF", "1NONREF", 1)],
        "broken": [line[:10]],
    }[how]

    statement = read("\n".join(lines).encode(manner.encoding))

    has_problems = any(row.problems for row in statement.rows)
    assert has_problems or [one.decision for one in statement.questions] == ["balances"]
    assert statement.decisions["balances"] != "verified"
