"""Known bookings, written as banks write them: read as they were, or a question is asked.

NESTEGG_TEST_EXAMPLES says how many files are made; thousands take longer than a test may, so give
pytest `-o faulthandler_timeout=0` as well.
"""

import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from xml.sax.saxutils import escape

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nestegg_import_camt import Camt

from nestegg_core import Statement, StatementFile

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
generated = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@dataclass(frozen=True)
class Booking:
    day: date
    amount: Decimal  # of the account's view
    name: str
    is_pending: bool
    is_reversal: bool


@dataclass(frozen=True)
class Day:
    opening: Decimal
    bookings: Sequence[Booking]

    @property
    def closing(self) -> Decimal:
        return self.opening + sum(one.amount for one in self.bookings if not one.is_pending)


@dataclass(frozen=True)
class Account:
    number: str
    currency: str
    days: Sequence[Day]


@dataclass(frozen=True)
class Manner:
    """How a bank writes."""

    prefix: str
    encoding: str
    version: int
    gap: str
    forms: str
    with_time: bool
    turns_reversals: bool
    has_balances: bool
    has_sums: bool
    first_code: str
    is_zipped: bool


amounts = st.integers(1, 10**7).map(lambda cents: Decimal(cents) / 100)
names = st.text("abzÄßñ&<>' é", min_size=1, max_size=12).map(lambda text: " ".join(text.split()))
bookings = st.builds(
    Booking,
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    st.builds(lambda amount, sign: amount * sign, amounts, st.sampled_from((1, -1))),
    names.filter(bool),
    st.booleans(),
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
        currency = draw(st.sampled_from(("EUR", "CHF", "SEK")))
        found.append(Account(f"XX00BANK{number}", currency, days))
    return found


manners = st.builds(
    Manner,
    prefix=st.sampled_from(("", "ns2:", "camt:")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "cp1252 as utf-8")),
    version=st.integers(1, 13),
    gap=st.sampled_from(("", "\n", "\r\n    ")),
    forms=st.sampled_from(("{:.2f}", "{:f}", "{:.5f}", "00{:.2f}")),
    with_time=st.booleans(),
    turns_reversals=st.booleans(),
    has_balances=st.booleans(),
    has_sums=st.booleans(),
    first_code=st.sampled_from(("OPBD", "PRCD")),
    is_zipped=st.booleans(),
)


class Writer:
    def __init__(self, manner: Manner) -> None:
        self.manner = manner

    def tag(self, name: str, *parts: str, attributes: str = "") -> str:
        full, gap = f"{self.manner.prefix}{name}", self.manner.gap
        is_leaf = not any(part.startswith("<") for part in parts)
        inner = "".join(parts) if is_leaf else gap.join(("", *parts, ""))
        return f"<{full}{attributes}>{inner}</{full}>"

    def amount(self, value: Decimal, currency: str, name: str = "Amt") -> str:
        text = self.manner.forms.format(abs(value))
        return self.tag(name, text, attributes=f' Ccy="{currency}"')

    def direction(self, value: Decimal) -> str:
        return self.tag("CdtDbtInd", "DBIT" if value < 0 else "CRDT")

    def entry(self, booking: Booking, currency: str) -> str:
        manner = self.manner
        written = (
            -booking.amount if manner.turns_reversals and booking.is_reversal else booking.amount
        )
        status = "PDNG" if booking.is_pending else "BOOK"
        day = booking.day.isoformat()
        role = "Dbtr" if (written > 0) != booking.is_reversal else "Cdtr"
        named = self.tag("Nm", escape(booking.name))
        other = named if manner.version < 8 else self.tag("Pty", named)
        return self.tag(
            "Ntry",
            self.amount(booking.amount, currency),
            self.direction(written),
            self.tag("RvslInd", "true") if booking.is_reversal else self.tag("RvslInd", "false"),
            self.tag("Sts", status if manner.version < 8 else self.tag("Cd", status)),
            self.tag(
                "BookgDt",
                self.tag("DtTm", f"{day}T23:30:00-05:00")
                if manner.with_time
                else self.tag("Dt", day),
            ),
            self.tag("ValDt", self.tag("Dt", "2030-01-01")),
            self.tag(
                "NtryDtls",
                self.tag(
                    "TxDtls",
                    self.amount(booking.amount, currency),
                    self.tag("RltdPties", self.tag(role, other)),
                ),
            ),
        )

    def balance(self, code: str, value: Decimal, currency: str) -> str:
        return self.tag(
            "Bal",
            self.tag("Tp", self.tag("CdOrPrtry", self.tag("Cd", code))),
            self.amount(value, currency),
            self.direction(value),
        )

    def sums(self, day: Day) -> str:
        def total(name: str, sign: int) -> str:
            found = [
                one.amount
                for one in day.bookings
                if not one.is_pending and (self.written(one) > 0) == (sign > 0)
            ]
            return self.tag(
                name,
                self.tag("NbOfNtries", str(len(found))),
                self.tag("Sum", f"{sum(map(abs, found), Decimal(0)):.2f}"),
            )

        return self.tag("TxsSummry", total("TtlCdtNtries", 1), total("TtlDbtNtries", -1))

    def written(self, booking: Booking) -> Decimal:
        turned = self.manner.turns_reversals and booking.is_reversal
        return -booking.amount if turned else booking.amount

    def statement(self, account: Account, day: Day, number: int) -> str:
        manner = self.manner
        balances = (
            self.balance(manner.first_code, day.opening, account.currency),
            self.balance("CLBD", day.closing, account.currency),
        )
        return self.tag(
            "Stmt",
            self.tag("Id", f"{account.number}-{number}"),
            self.tag(
                "Acct",
                self.tag("Id", self.tag("IBAN", account.number)),
                self.tag("Ccy", account.currency),
            ),
            *(balances if manner.has_balances else ()),
            *((self.sums(day),) if manner.has_sums else ()),
            *(self.entry(one, account.currency) for one in day.bookings),
        )

    def file(self, statements: Sequence[str]) -> bytes:
        manner = self.manner
        space = f"urn:iso:std:iso:20022:tech:xsd:camt.053.001.{manner.version:02}"
        name = manner.prefix.rstrip(":")
        declared, _, claimed = manner.encoding.partition(" as ")
        text = (
            f'<?xml version="1.0" encoding="{(claimed or declared).removesuffix("-sig")}"?>\n'
            + self.tag(
                "Document",
                self.tag("BkToCstmrStmt", self.tag("GrpHdr", self.tag("MsgId", "1")), *statements),
                attributes=f' xmlns{name and ":" + name}="{space}"',
            )
        )
        return text.encode(declared)


def written(found: Sequence[Account], manner: Manner) -> bytes:
    writer = Writer(manner)
    statements = [
        writer.statement(account, day, number)
        for account in found
        for number, day in enumerate(account.days)
    ]
    if not manner.is_zipped:
        return writer.file(statements)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for number, statement in enumerate(statements):
            archive.writestr(f"{number}.xml", writer.file([statement]))
    return whole.getvalue()


def read(content: bytes) -> Statement:
    file = StatementFile(content)
    assert Camt().recognises(file)
    return Camt().read(file, {})


@generated
@given(accounts(), manners)
def test_what_is_written_is_read_or_asked_about(found: list[Account], manner: Manner) -> None:
    every = [one for account in found for day in account.days for one in day.bookings]
    if manner.turns_reversals:
        # Where nothing tells, or both readings fit, the standard stands.
        assume(manner.has_balances)
        assume(
            all(
                sum(one.amount for one in day.bookings if one.is_reversal and not one.is_pending)
                or not any(one.is_reversal for one in day.bookings)
                for account in found
                for day in account.days
            )
        )

    statement = read(written(found, manner))

    assert [row.problems for row in statement.rows] == [()] * len(every)
    assert [
        (row.date, row.amount, row.payee, row.status == "pending") for row in statement.rows
    ] == [(one.day, one.amount, one.name, one.is_pending) for one in every]
    assert not statement.questions
    owners = [
        (account.number, account.currency)
        for account in found
        for day in account.days
        for _ in day.bookings
    ]
    told = {one.key: (one.number, one.currency) for one in statement.accounts}
    assert [told[row.account] for row in statement.rows] == owners
    if manner.has_balances:
        assert statement.decisions["balances"] == "verified"
        edges = [(one.opening_balance, one.closing_balance) for one in statement.accounts]
        assert edges == [(account.days[0].opening, account.days[-1].closing) for account in found]


def straight(found: Sequence[Booking]) -> list[Booking]:
    return [replace(one, is_reversal=False) for one in found]


@generated
@given(accounts(), manners, st.data())
def test_an_amount_that_was_changed_is_never_taken_for_right(
    found: list[Account], manner: Manner, data: st.DataObject
) -> None:
    manner = replace(manner, turns_reversals=False, has_balances=True)
    found = [
        replace(
            account, days=[replace(day, bookings=straight(day.bookings)) for day in account.days]
        )
        for account in found
    ]
    places = [
        (account, day, position)
        for account in found
        for day in account.days
        for position, one in enumerate(day.bookings)
        if not one.is_pending
    ]
    assume(places)
    account, day, position = data.draw(st.sampled_from(places))
    wrong = list(day.bookings)
    wrong[position] = replace(wrong[position], amount=wrong[position].amount * 3)

    class Forged(Day):
        @property
        def closing(self) -> Decimal:
            return day.closing

    days = [Forged(one.opening, wrong) if one is day else one for one in account.days]
    forged = [replace(one, days=days) if one is account else one for one in found]

    statement = read(written(forged, manner))
    assert [one.decision for one in statement.questions] == ["balances"]
