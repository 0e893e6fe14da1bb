"""Known bookings, written as banks write them: read as they were, or a question is asked.

NESTEGG_TEST_EXAMPLES says how many files are made; with many of them a test takes longer than
pytest waits for one, so add `-o faulthandler_timeout=0`.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from nestegg_import_ofx import Ofx

from nestegg_core import Statement, StatementFile, StatementRow

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
generated = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
OUT = ("DEBIT", "FEE", "SRVCHG", "CHECK", "DIRECTDEBIT", "POS", "ATM")
IN = ("CREDIT", "DEP", "DIRECTDEP", "INT", "DIV")
NEUTRAL = ("XFER", "OTHER", "REPEATPMT")
ALPHABETS = {
    "cp1252": "abcXYZ äöéÑß€&<'-.,/*#0123456789",
    "cp1250": "abcXYZ ąłżŠ&<'-.,/*#0123456789",
    "cp1251": "абвГДЯ &<'-.,/*#0123456789",
    "utf-8": "abcXYZ äöéąłабв喫茶店&<'-.,/*#0123456789",
}
CHARSETS = {"cp1252": "1252", "cp1250": "1250", "cp1251": "1251", "utf-8": "NONE"}


@dataclass(frozen=True)
class Booking:
    day: date
    amount: Decimal  # of the account's view
    trntype: str
    name: str
    memo: str
    is_pending: bool = False


@dataclass(frozen=True)
class Account:
    kind: str
    number: str
    currency: str
    bookings: Sequence[Booking]


@dataclass(frozen=True)
class Style:
    """How a bank writes: none of it changes what happened."""

    encoding: str
    header: str  # sgml, line, xml, none
    end_tags: bool
    line_end: str
    mark: str
    groups: bool
    plus: bool
    time: str
    charset: str
    escapes: bool
    signs: str  # written, unsigned, turned
    indent: str


@st.composite
def booking(draw: st.DrawFn, encoding: str) -> Booking:
    cents = draw(st.integers(-(10**7), 10**7).filter(bool))
    sides = OUT if cents < 0 else IN
    text = st.text(st.sampled_from(ALPHABETS[encoding]), max_size=20).map(lambda one: one.strip())
    return Booking(
        draw(st.dates(date(1999, 1, 1), date(2040, 12, 31))),
        Decimal(cents) / 100,
        draw(st.sampled_from((*sides, *sides, *NEUTRAL))),
        " ".join(draw(text).split()),
        " ".join(draw(text).split()),
        draw(st.integers(0, 9)) == 0,
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[Style, list[Account]]:
    encoding = draw(st.sampled_from(sorted(ALPHABETS)))
    style = Style(
        encoding=encoding,
        header=draw(st.sampled_from(("sgml", "line", "xml", "none"))),
        end_tags=draw(st.booleans()),
        line_end=draw(st.sampled_from(("\n", "\r\n", "\r", ""))),
        mark=draw(st.sampled_from(".,")),
        groups=draw(st.booleans()),
        plus=draw(st.booleans()),
        time=draw(st.sampled_from(("", "120000", "000000.000[-5:EST]", "2359", "120000 GMT"))),
        charset=draw(st.sampled_from(("right", "right", "none", "1252"))),
        escapes=draw(st.booleans()),
        signs=draw(st.sampled_from(("written", "written", "unsigned", "turned"))),
        indent=draw(st.sampled_from(("", "  "))),
    )
    count = draw(st.integers(1, 3))
    accounts = [
        Account(
            draw(st.sampled_from(("bank", "card", "investment"))),
            f"90001234{place}",
            draw(st.sampled_from(("EUR", "USD", "JPY"))),
            draw(st.lists(booking(encoding), max_size=8)),
        )
        for place in range(count)
    ]
    return style, accounts


class Writer:
    def __init__(self, style: Style) -> None:
        self.style = style

    def file(self, accounts: Sequence[Account]) -> bytes:
        body = "".join(map(self.statement, accounts))
        text = self.head() + f"<OFX>{self.style.line_end}{body}</OFX>"
        return text.encode(self.style.encoding)

    def head(self) -> str:
        style = self.style
        charset = {"right": CHARSETS[style.encoding], "none": "NONE", "1252": "1252"}[style.charset]
        keys = f"OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nCHARSET:{charset}\n"
        return {
            "sgml": keys.replace("\n", style.line_end or "\n") + (style.line_end or "\n"),
            "line": keys.replace("\n", " "),
            "xml": f'<?xml version="1.0" encoding="{style.encoding}"?><?OFX OFXHEADER="200"?>',
            "none": "",
        }[style.header]

    def element(self, name: str, value: str) -> str:
        style = self.style
        end = f"</{name}>" if style.end_tags or style.header == "xml" else ""
        return f"{style.indent}<{name}>{value}{end}{style.line_end}"

    def statement(self, account: Account) -> str:
        prefix = {"bank": "", "card": "CC", "investment": "INV"}[account.kind]
        owner = {"bank": "BANK", "card": "CC", "investment": "INV"}[account.kind] + "ACCTFROM"
        posted = [one for one in account.bookings if not one.is_pending]
        pending = [one for one in account.bookings if one.is_pending]
        listed = "".join(map(self.entry, posted))
        if account.kind == "investment":
            listed = "".join(f"<INVBANKTRAN>{self.entry(one)}</INVBANKTRAN>" for one in posted)
            listed = f"<INVTRANLIST>{listed}</INVTRANLIST>"
        else:
            listed = f"<BANKTRANLIST>{listed}</BANKTRANLIST>"
        waiting = f"<BANKTRANLISTP>{''.join(map(self.waiting, pending))}</BANKTRANLISTP>"
        return (
            f"<{prefix}STMTTRNRS><{prefix}STMTRS>"
            + self.element("CURDEF", account.currency)
            + f"<{owner}>{self.element('ACCTID', account.number)}</{owner}>"
            + listed
            + (waiting if pending else "")
            + f"</{prefix}STMTRS></{prefix}STMTTRNRS>"
        )

    def entry(self, one: Booking) -> str:
        return f"<STMTTRN>{self.fields(one, 'DTPOSTED')}</STMTTRN>{self.style.line_end}"

    def waiting(self, one: Booking) -> str:
        return f"<STMTTRNP>{self.fields(one, 'DTTRAN')}</STMTTRNP>{self.style.line_end}"

    def fields(self, one: Booking, day: str) -> str:
        return (
            self.element("TRNTYPE", one.trntype)
            + self.element(day, one.day.strftime("%Y%m%d") + self.style.time)
            + self.element("TRNAMT", self.amount(one.amount))
            + self.element("NAME", self.text(one.name))
            + self.element("MEMO", self.text(one.memo))
        )

    def text(self, text: str) -> str:
        if self.style.escapes or self.style.header == "xml":
            return text.replace("&", "&amp;").replace("<", "&lt;")
        return text

    def amount(self, amount: Decimal) -> str:
        style = self.style
        amount = {"written": amount, "unsigned": abs(amount), "turned": -amount}[style.signs]
        text = f"{amount:,.2f}" if style.groups else f"{amount:.2f}"
        if style.mark == ",":
            text = text.translate({ord("."): ",", ord(","): "."})
        return f"+{text}" if style.plus and amount > 0 else text


def expected(account: Account) -> list[tuple[date, Decimal, str]]:
    listed = sorted(account.bookings, key=lambda one: one.is_pending)  # those come last
    return [(one.day, one.amount, "pending" if one.is_pending else "booked") for one in listed]


def read_rows(statement: Statement, key: str) -> list[StatementRow]:
    return [row for row in statement.rows if row.account == key]


@generated
@given(files())
def test_every_booking_is_read_as_it_was_or_something_is_asked(
    made: tuple[Style, list[Account]],
) -> None:
    style, accounts = made
    content = Writer(style).file(accounts)
    file = StatementFile(content)
    assert Ofx().recognises(file)
    statement = Ofx().read(file, {})
    several = len(accounts) > 1
    assert [one.number for one in statement.accounts] == [one.number for one in accounts]
    asked = {question.decision for question in statement.questions}
    if any("so all were taken as money in" in warning for warning in statement.warnings):
        asked.add("sign")
    for place, account in enumerate(accounts, 1):
        rows = read_rows(statement, str(place) if several else "")
        wanted = expected(account)
        assert len(rows) == len(wanted), "no row is dropped"
        for row, (day, amount, status) in zip(rows, wanted, strict=True):
            if row.problems:  # told, with its line
                assert row.problems[0].code == "no_direction"
                continue
            assert (row.date, row.status) == (day, status)
            if "sign" not in asked and not is_hidden(style, account):
                assert row.amount == amount
            assert abs(row.amount or 0) == abs(amount)
    event("asked" if asked else "read")


def is_hidden(style: Style, account: Account) -> bool:
    """Tell where nothing in the file can show that its signs are not those of the account.

    A statement with one direction alone, all of it turned, or unsigned types that say nothing,
    looks like an honest one of the other direction.
    """
    if style.signs == "written":
        return False
    types = {one.trntype for one in account.bookings}
    return not types & {*OUT, *IN} or (style.signs == "turned" and not is_told(account))


def is_told(account: Account) -> bool:
    """Tell whether types that go one way only are in the majority on both sides."""
    out = sum(one.trntype in OUT[:5] for one in account.bookings)
    into = sum(one.trntype in ("CREDIT", "DEP", "DIRECTDEP", "DIV") for one in account.bookings)
    return bool(out and into)


@generated
@given(files())
def test_texts_come_through_in_the_encoding_that_the_bytes_or_the_header_tell(
    made: tuple[Style, list[Account]],
) -> None:
    style, accounts = made
    content = Writer(style).file(accounts)
    statement = Ofx().read(StatementFile(content), {})
    wanted = [
        (one.name or one.memo, one.memo if one.name and one.memo != one.name else "")
        for account in accounts
        for one in sorted(account.bookings, key=lambda one: one.is_pending)
    ]
    shown = sorted(statement.rows, key=lambda row: int(row.account or 0))
    found = [(row.payee, row.description) for row in shown]
    is_declared = style.encoding == "utf-8" or (
        style.header == "xml" or (style.charset == "right" and style.header != "none")
    )
    is_declared |= style.encoding == "cp1252"
    is_misread = style.charset == "1252" and style.header in {"sgml", "line"}
    if is_declared and not (is_misread and style.encoding not in {"utf-8", "cp1252"}):
        wrong = [pair for pair, row in zip(found, shown, strict=True) if not row.problems]
        right = [pair for pair, row in zip(wanted, shown, strict=True) if not row.problems]
        assert wrong == right
    elif not content.isascii() and style.charset != "1252":
        assert statement.warnings, "a guess is told"
