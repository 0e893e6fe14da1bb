"""What banks make of OFX: read right, asked, or told; never silently wrong."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import nestegg_import_ofx
import pytest
from nestegg_import_ofx import Ofx

from nestegg_core import Statement, StatementError, StatementFile
from nestegg_testing import MakeApp

OUT, IN = "DEBIT", "CREDIT"
HEADER = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:USASCII\nCHARSET:{}\n\n"


def entry(amount: str, trntype: str = "OTHER", day: str = "20260105", **fields: str) -> str:
    more = "".join(f"<{name}>{value}" for name, value in fields.items())
    return f"<STMTTRN><TRNTYPE>{trntype}<DTPOSTED>{day}<TRNAMT>{amount}{more}</STMTTRN>\n"


def bank(*entries: str, currency: str = "EUR", number: str = "700012341", tail: str = "") -> str:
    return (
        f"<STMTTRNRS><STMTRS><CURDEF>{currency}<BANKACCTFROM><BANKID>1<ACCTID>{number}"
        f"<ACCTTYPE>SAVINGS</BANKACCTFROM><BANKTRANLIST>\n{''.join(entries)}</BANKTRANLIST>{tail}"
        "</STMTRS></STMTTRNRS>\n"
    )


def card(*entries: str, tail: str = "") -> str:
    return (
        "<CCSTMTTRNRS><CCSTMTRS><CURDEF>EUR<CCACCTFROM><ACCTID>XXXX9921</CCACCTFROM><BANKTRANLIST>"
        f"\n{''.join(entries)}</BANKTRANLIST>{tail}</CCSTMTRS></CCSTMTTRNRS>\n"
    )


def read(text: str | bytes, **options: str) -> Statement:
    content = text if isinstance(text, bytes) else text.encode()
    assert Ofx().recognises(StatementFile(content))
    return Ofx().read(StatementFile(content), options)


def ofx(*statements: str) -> str:
    return f"<OFX>{''.join(statements)}</OFX>"


def amounts(statement: Statement) -> list[str]:
    return [str(row.amount) for row in statement.rows if not row.problems]


def problems(statement: Statement) -> list[tuple[int, str]]:
    return [(row.line, row.problems[0].code) for row in statement.rows if row.problems]


def asked(statement: Statement) -> list[str]:
    return [question.decision for question in statement.questions]


@pytest.mark.parametrize(
    "head",
    [
        "",
        "\n\n\r\n",
        "\ufeff",
        "OFXHEADER:100 DATA:OFXSGML VERSION:102 SECURITY:NONE ENCODING:UTF-8 CHARSET:NONE\n",
        "OFXHEADER: 100\r\nDATA: OFXSGML\r\n\r\n",
        '<?xml version="1.0" encoding="UTF-8"?><?OFX OFXHEADER="200" VERSION="220"?>',
        '<?OFX OFXHEADER="200" VERSION="203"?>',
    ],
)
def test_a_header_is_optional_in_every_form(head: str) -> None:
    statement = read(head + ofx(bank(entry("-1.00", NAME="Kiosk"))))
    assert amounts(statement) == ["-1.00"]
    assert statement.currency == "EUR"


def test_everything_on_one_line_is_read() -> None:
    text = ofx(bank(entry("-1.00"), entry("-2.00"), tail="<LEDGERBAL><BALAMT>7<DTASOF>20260106"))
    statement = read(text.replace("\n", ""))
    assert amounts(statement) == ["-1.00", "-2.00"]
    assert statement.closing_balance == Decimal(7)


def test_a_fragment_without_a_statement_around_it_is_read() -> None:
    statement = read(f"<BANKTRANLIST>{entry('-1.00')}{entry('4.00')}</BANKTRANLIST>")
    assert amounts(statement) == ["-1.00", "4.00"]
    assert (statement.currency, list(statement.accounts)) == (None, [])


def test_attributes_blanks_and_lower_case_in_tags_do_not_matter() -> None:
    text = ofx(bank(entry("-1.00", NAME="Kiosk"))).replace("<OFX>", '<OFX xmlns="urn:x">')
    assert amounts(read(text.lower().replace("<name>", "<name >"))) == ["-1.00"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Tom < Jerry", "Tom < Jerry"),
        ("Tom <Jerry> Ltd", "Tom <Jerry> Ltd"),
        ("Bed & Breakfast", "Bed & Breakfast"),
        ("Bed &amp; Breakfast", "Bed & Breakfast"),
        ("A&nbsp;B &lt;C&gt; &#233;&#xE9; &copy;", "A B <C> éé &copy;"),
        ("<![CDATA[A & B <NAME>]]>", "A & B <NAME>"),
        ("Caf\u00e9\n  au lait", "Café au lait"),
        ("a\u200bb\x07c", "abc"),
        ("&#0;&#xD800;x", "\ufffd\ufffdx"),
    ],
)
def test_a_value_is_the_text_up_to_the_next_tag(written: str, name: str) -> None:
    [row] = read(ofx(bank(entry("-1.00", NAME=written, MEMO="m")))).rows
    assert (row.payee, row.description) == (name, "m")


def test_comments_are_no_text() -> None:
    text = ofx(bank(f"<!-- {entry('-7.00')} -->", entry("-1.00", NAME="Kiosk")))
    assert [(row.line, str(row.amount)) for row in read(text).rows] == [(3, "-1.00")]


@pytest.mark.parametrize(
    ("charset", "encoding", "name", "read_as", "is_doubted"),
    [
        ("1252", "cp1252", "Müller €", "cp1252", False),
        ("1252", "utf-8", "Müller €", "utf-8", False),
        ("ISO-8859-1", "cp1252", "Müller €", "cp1252", False),
        ("1251", "cp1251", "Кофейня", "cp1251", False),
        ("windows-1250", "cp1250", "Żabka", "cp1250", False),
        ("8859-2", "cp1252", "Müller", "cp1252", True),
        ("NONE", "cp1252", "Müller €", "cp1252", True),
        ("NONE", "utf-8", "喫茶店", "utf-8", False),
        ("NONE", "utf-16", "喫茶店", "utf-16-le", False),
        ("NONE", "utf-16-be", "Kiosk", "utf-16-be", False),
        ("SHIFT_JIS", "cp932", "喫茶店①", "cp932", False),
    ],
)
def test_bytes_are_asked_before_the_header_and_the_header_before_a_guess(
    charset: str, encoding: str, name: str, read_as: str, is_doubted: bool
) -> None:
    text = HEADER.format(charset) + ofx(bank(entry("-1.00", NAME=name)))
    statement = read(text.encode(encoding))
    assert [row.payee for row in statement.rows] == [name]
    assert statement.decisions["encoding"] == read_as
    assert bool(statement.warnings) == is_doubted


def test_a_character_that_the_bank_cut_in_two_does_not_garble_the_others() -> None:
    text = HEADER.format("NONE") + ofx(
        bank(entry("-1.00", NAME="Bäckerei Förster Cä"), entry("-2.00", NAME="Übung"))
    )
    statement = read(text.encode().replace("Cä".encode(), "Cä".encode()[:-1]))
    assert [row.payee for row in statement.rows] == ["Bäckerei Förster C\ufffd", "Übung"]
    assert "1 character(s) cannot be read" in statement.warnings[0]


def test_an_encoding_can_be_told() -> None:
    content = ofx(bank(entry("-1.00", NAME="Żabka"))).encode("cp1250")
    assert read(content, encoding="windows-1250").rows[0].payee == "Żabka"
    with pytest.raises(StatementError) as caught:
        read(content, encoding="utf-8")
    assert (caught.value.code, caught.value.option) == ("bad_option", "encoding")


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("20260131", "2026-01-31"),
        ("202601311530", "2026-01-31"),
        ("20260131000000", "2026-01-31"),
        ("20260131000000.000[-3:GMT]", "2026-01-31"),
        ("20260131235959[+5.30:IST]", "2026-01-31"),
        ("20260131120000.000 GMT", "2026-01-31"),
        ("2026-01-31", "2026-01-31"),
        ("20260230", None),
        ("31012026", None),
        ("2026131", None),
        ("00000000", None),
        ("-- ", None),
        ("", None),
    ],
)
def test_the_day_is_what_is_written_whatever_the_zone(written: str, day: str | None) -> None:
    [row] = read(ofx(bank(entry("-1.00", day=written)))).rows
    assert (str(row.date) if row.date else None) == day
    assert bool(row.problems) == (day is None)


def test_a_booking_without_a_booking_day_takes_another_of_its_days_and_says_so() -> None:
    text = ofx(bank(entry("-1.00", day="", DTUSER="20260104")))
    statement = read(text)
    assert str(statement.rows[0].date) == "2026-01-04"
    assert "no booking day" in statement.warnings[0]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["-19,78", "+5,00", "1.400,82"], ["-19.78", "5.00", "1400.82"]),
        (["-19.78", "1,400.82", "1,400", "-12,34,567.5"], ["-19.78", "1400.82", "1400.00"]),
        (["5.00-", "(3.20)", " - 7.10", "\u22121.00"], ["-5.00", "-3.20", "-7.10", "-1.00"]),
        (["-1 234,50", "1'000,00", "1\u00a0000,5"], ["-1234.50", "1000.00", "1000.50"]),
        (["100", "-7"], ["100.00", "-7.00"]),
        ([".50", "-0.001", "0.00"], ["0.50", "-0.001", "0.00"]),
        (["-1.234.567", "10"], ["-1234567.00", "10.00"]),
    ],
)
def test_one_decimal_mark_is_decided_for_the_file(
    written: Sequence[str], values: list[str]
) -> None:
    statement = read(ofx(bank(*map(entry, written))))
    assert amounts(statement)[: len(values)] == values
    assert asked(statement) == []


def test_a_mark_that_may_be_either_is_asked() -> None:
    text = ofx(bank(entry("-1.400"), entry("20.500")))
    assert asked(read(text)) == ["decimal_mark"]
    assert list(read(text).questions[0].lines) == [2, 3]
    assert amounts(read(text, decimal_mark=",")) == ["-1400.00", "20500.00"]
    assert amounts(read(text, decimal_mark=".")) == ["-1.40", "20.50"]


@pytest.mark.parametrize(
    ("written", "questions"),
    [
        (["-19.99", "1.400"], ["decimal_mark"]),
        (["-1.234,56", "1,400"], ["decimal_mark"]),
        (["-19.99", "1,400"], []),
        (["-1234.500", "19.990"], []),
        (["-0.1234", "19.990"], []),
    ],
)
def test_three_decimals_beside_two_are_asked(written: list[str], questions: list[str]) -> None:
    assert asked(read(ofx(bank(*map(entry, written))))) == questions


def test_three_decimals_are_usual_where_the_currency_has_three() -> None:
    statement = read(ofx(bank(entry("-1.400"), entry("20.500"), currency="KWD")))
    assert (asked(statement), amounts(statement)) == ([], ["-1.40", "20.50"])


def test_marks_that_differ_are_read_by_each_where_each_is_clear_and_told() -> None:
    statement = read(ofx(bank(entry("-1,40"), entry("1.200,50"), entry("-3.75"), entry("7"))))
    assert (amounts(statement), asked(statement)) == (["-1.40", "1200.50", "-3.75", "7.00"], [])
    assert "each was read by its own" in statement.warnings[0]


def test_marks_that_differ_are_asked_where_one_may_be_either() -> None:
    statement = read(ofx(bank(entry("-1,40"), entry("20,50"), entry("-3.75"), entry("1.400"))))
    assert asked(statement) == ["decimal_mark"]
    assert problems(statement) == [(4, "bad_amount")]


@pytest.mark.parametrize(
    "text",
    [
        "SALDO ANTERIOR",
        "Saldo do dia",
        "SALDO TOTAL DISPONÍVEL DIA",
        "S A L D O  anterior",
        "SALDO EM 31/01/2026",
        "Opening Balance",
        "Closing balance as of 2026-01-31",
        "Kontostand",
        "Ancien solde au 31.01.2026",
    ],
)
def test_a_balance_that_is_written_as_a_booking_is_none(text: str) -> None:
    written = ofx(bank(entry("900.00", IN, MEMO=text, day="00000000"), entry("-1.00", OUT)))
    statement = read(written)
    assert (amounts(statement), problems(statement), asked(statement)) == (["-1.00"], [], [])
    assert "1 row(s) are balances" in statement.warnings[0]
    booked = read(written.replace("00000000", "20260105"), balances="book")
    assert amounts(booked) == ["900.00", "-1.00"]


@pytest.mark.parametrize("text", ["Balance transfer", "Pagamento saldo", "New Balance Store"])
def test_what_has_another_word_is_a_booking(text: str) -> None:
    assert amounts(read(ofx(bank(entry("-9.00", OUT, NAME=text))))) == ["-9.00"]
    named = read(ofx(bank(entry("-9.00", OUT, NAME="Salon", MEMO="Saldo anterior"))))
    assert amounts(named) == ["-9.00"]


def test_what_is_called_balance_and_nothing_else_is_asked() -> None:
    text = ofx(bank(entry("9.00", IN, MEMO="Saldo"), entry("-1.00", OUT)))
    assert asked(read(text)) == ["balances"]
    assert amounts(read(text, balances="skip")) == ["-1.00"]
    assert amounts(read(text, balances="book")) == ["9.00", "-1.00"]


@pytest.mark.parametrize("amount", ["", "abc", "1E5", "NaN", "--5", "1,2,3", "٣", "1.00.", "$5"])
def test_an_amount_that_is_none_is_an_error_row(amount: str) -> None:
    statement = read(ofx(bank(entry("-1.00"), entry(amount), entry("2.25"))))
    assert [line for line, _ in problems(statement)] == [3]
    assert amounts(statement) == ["-1.00", "2.25"]


def test_amounts_beyond_what_is_stored_are_error_rows() -> None:
    statement = read(ofx(bank(entry("-1.00"), entry("1.23456"), entry("100000000000001.00"))))
    assert problems(statement) == [(3, "too_precise"), (4, "out_of_range")]


SIGNS: list[tuple[list[tuple[str, str]], list[str], list[str]]] = [
    ([("-5.00", OUT), ("9.00", IN)], ["-5.00", "9.00"], []),
    ([("-5.00", IN), ("9.00", IN), ("-2.00", IN)], ["-5.00", "9.00", "-2.00"], []),
    ([("5.00", OUT), ("9.00", IN), ("2.00", "FEE")], ["-5.00", "9.00", "-2.00"], []),
    ([("5.00", "POS"), ("9.00", IN), ("2.00", OUT)], ["-5.00", "9.00", "-2.00"], []),
    ([("5.00", OUT)], ["5.00"], ["sign"]),
    ([("5.00", OUT), ("-9.00", IN)], ["5.00", "-9.00"], ["sign"]),
    ([("5.00", OUT), ("6.00", OUT), ("9.00", IN), ("-2.00", OUT)], [], ["sign"]),
    ([("5.00", "OTHER"), ("6.00", "OTHER")], ["5.00", "6.00"], ["sign"]),
    ([("-5.00", OUT), ("5.00", OUT), ("-2.00", OUT)], ["-5.00", "5.00", "-2.00"], []),
    ([("-5.00", OUT), ("-7.00", "POS"), ("3.00", "POS")], ["-5.00", "-7.00", "3.00"], []),
    ([("9.00", IN), ("1.00", "INT")], ["9.00", "1.00"], []),
    ([("-5.00", OUT), ("0.00", IN)], ["-5.00", "0.00"], []),
    ([("-5.00", IN)], ["-5.00"], ["sign"]),
]


@pytest.mark.parametrize(("written", "values", "questions"), SIGNS)
def test_signs_are_judged_by_the_whole_statement(
    written: list[tuple[str, str]], values: list[str], questions: list[str]
) -> None:
    statement = read(ofx(bank(*(entry(amount, trntype) for amount, trntype in written))))
    assert asked(statement) == questions
    assert not values or amounts(statement) == values


def test_amounts_that_are_all_money_in_are_told_where_the_types_do_not_say_so() -> None:
    statement = read(ofx(bank(entry("5.00", "XFER"), entry("9.00", IN))))
    assert (amounts(statement), asked(statement)) == (["5.00", "9.00"], [])
    assert "all were taken as money in" in statement.warnings[0]
    assert list(read(ofx(bank(entry("5.00", "INT"), entry("9.00", IN)))).warnings) == []


def test_types_that_decide_are_told_and_one_that_says_nothing_is_an_error_row() -> None:
    statement = read(ofx(bank(entry("5.00", OUT), entry("9.00", IN), entry("2.00", "XFER"))))
    assert "No amount has a minus" in statement.warnings[0]
    assert amounts(statement) == ["-5.00", "9.00"]
    assert problems(statement) == [(4, "no_direction")]


def test_a_sign_that_is_told_is_taken() -> None:
    text = ofx(card(entry("5.00", OUT), entry("6.00", OUT), entry("-9.00", "PAYMENT")))
    assert asked(read(text)) == ["sign"]
    assert amounts(read(text, sign="opposite")) == ["-5.00", "-6.00", "9.00"]
    assert amounts(read(text, sign="written")) == ["5.00", "6.00", "-9.00"]
    reversal = ofx(bank(entry("5.00", OUT), entry("6.00", OUT), entry("-2.00", OUT)))
    assert amounts(read(reversal, sign="type")) == ["-5.00", "-6.00", "2.00"]


def test_payments_to_a_card_come_in() -> None:
    statement = read(ofx(card(entry("-5.00", OUT), entry("9.00", "PAYMENT"))))
    assert (amounts(statement), asked(statement)) == (["-5.00", "9.00"], [])


def test_several_accounts_are_kept_apart_and_one_number_in_two_currencies_is_two() -> None:
    balance = "<LEDGERBAL><BALAMT>{}<DTASOF>20260107</LEDGERBAL>"
    statement = read(
        ofx(
            bank(entry("-1.00"), tail=balance.format(11)),
            bank(entry("-2.00"), currency="USD", tail=balance.format(12)),
            card(entry("-3.00"), tail=balance.format(-13)),
            bank(entry("-4.00", day="20260108"), tail=balance.format(14)),
        )
    )
    shown = [(one.key, one.number[-4:], one.currency, one.name) for one in statement.accounts]
    assert shown == [
        ("1", "2341", "EUR", "Savings"),
        ("2", "2341", "USD", "Savings"),
        ("3", "9921", "EUR", "Card"),
    ]
    rows = [(row.account, str(row.amount)) for row in statement.rows]
    assert rows == [("1", "-1.00"), ("2", "-2.00"), ("3", "-3.00"), ("1", "-4.00")]
    assert [one.closing_balance for one in statement.accounts] == [None, Decimal(12), Decimal(-13)]
    assert (statement.currency, statement.closing_balance) == (None, None)


def test_a_booking_that_two_statements_of_an_account_have_is_taken_once() -> None:
    twice, other = entry("-1.00", FITID="a"), entry("-1.00", FITID="b")
    statement = read(ofx(bank(twice, twice), bank(twice, other), bank(entry("-1.00"))))
    assert [row.external_id for row in statement.rows] == ["a", "a", "b", ""]
    assert "1 booking(s) stand in two statements" in statement.warnings[0]


@pytest.mark.parametrize(
    ("tail", "balance"),
    [
        ("<LEDGERBAL><BALAMT>10<DTASOF>20260105</LEDGERBAL>", "10.00"),
        ("<LEDGERBAL><BALAMT>10<DTASOF>20260104</LEDGERBAL>", None),
        ("<LEDGERBAL><BALAMT>10<DTASOF>-- </LEDGERBAL>", None),
        ("<LEDGERBAL><BALAMT>ten<DTASOF>20260105</LEDGERBAL>", None),
        ("<AVAILBAL><BALAMT>10<DTASOF>20260105</AVAILBAL>", None),
        ("<AVAILBAL><BALAMT>9<DTASOF>20260105<LEDGERBAL><BALAMT>8<DTASOF>20260105", "8.00"),
    ],
)
def test_the_closing_balance_is_the_booked_one_after_the_newest_row(
    tail: str, balance: str | None
) -> None:
    statement = read(ofx(bank(entry("-1.00"), tail=tail)))
    assert statement.closing_balance == (Decimal(balance) if balance else None)


def test_cash_of_investments_is_booked_and_trades_are_told() -> None:
    invested = (
        "<INVSTMTTRNRS><INVSTMTRS><DTASOF>20260131<CURDEF>USD<INVACCTFROM><BROKERID>b<ACCTID>77"
        "</INVACCTFROM><INVTRANLIST><BUYSTOCK><INVBUY><INVTRAN><FITID>t<DTTRADE>20260110<MEMO>Buy"
        "</INVTRAN><UNITS>5<UNITPRICE>3<TOTAL>-15</INVBUY></BUYSTOCK><INVBANKTRAN>"
        f"{entry('200.00', IN, NAME='Deposit')}<SUBACCTFUND>CASH</INVBANKTRAN></INVTRANLIST>"
        "<INVBAL><AVAILCASH>185</INVBAL></INVSTMTRS></INVSTMTTRNRS>"
    )
    statement = read(ofx(invested))
    assert amounts(statement) == ["200.00"]
    assert statement.warnings == [
        "1 booking(s) of securities were left out, so that the cash that they moved is missing."
    ]
    assert statement.closing_balance is None
    assert statement.accounts[0].name == "Cash of investments"


def test_pending_bookings_are_told_apart() -> None:
    pending = (
        "<BANKTRANLISTP><STMTTRNP><TRNTYPE>DEBIT<DTTRAN>20260107<TRNAMT>-3.00<NAME>Fuel</STMTTRNP>"
        "</BANKTRANLISTP>"
    )
    statement = read(ofx(bank(entry("-1.00"), entry("-2.00", "HOLD"), tail=pending)))
    assert [row.status for row in statement.rows] == ["booked", "pending", "pending"]
    assert str(statement.rows[2].date) == "2026-01-07"
    assert list(statement.warnings) == []


def test_a_correction_of_what_is_in_the_file_replaces_it() -> None:
    statement = read(
        ofx(
            bank(
                entry("-1.00", FITID="a"),
                entry("-1.50", FITID="b", CORRECTFITID="a", CORRECTACTION="REPLACE"),
                entry("-2.00", FITID="c"),
                entry("-2.00", FITID="d", CORRECTFITID="c", CORRECTACTION="DELETE"),
            )
        )
    )
    assert [row.status for row in statement.rows] == ["reverted", "booked", "reverted", "reverted"]


def test_a_correction_of_what_is_not_in_the_file_is_asked() -> None:
    text = ofx(bank(entry("-1.50", FITID="b", CORRECTFITID="a", CORRECTACTION="REPLACE")))
    assert asked(read(text)) == ["corrections"]
    assert read(text, corrections="book").rows[0].status == "booked"
    assert read(text, corrections="skip").rows[0].status == "reverted"


def test_an_amount_in_another_currency_says_so_and_one_that_was_in_another_does_not() -> None:
    foreign = "<CURRENCY><CURRATE>1.1<CURSYM>USD</CURRENCY>"
    original = "<ORIGCURRENCY><CURRATE>0.9<CURSYM>GBP</ORIGCURRENCY>"
    same = "<CURRENCY><CURRATE>1<CURSYM>EUR<NAME>Shop</STMTTRN>"  # CURRENCY is never closed
    statement = read(
        ofx(
            bank(
                entry("-1.00").replace("</STMTTRN>", f"{foreign}</STMTTRN>"),
                entry("-2.00").replace("</STMTTRN>", f"{original}</STMTTRN>"),
                entry("-3.00").replace("</STMTTRN>", same),
            )
        )
    )
    assert [row.currency for row in statement.rows] == ["USD", None, None]
    assert statement.rows[1].notes == "Originally in GBP at 0.9"
    assert statement.rows[2].payee == "Shop"


def test_texts_find_their_places_and_none_is_lost() -> None:
    whole = entry(
        "-1.00",
        NAME="SHOP NORTH STREET 12 MIDDLETOWN",
        EXTDNAME="SHOP NORTH STREET 12 MIDDLETOWN UPON SEA",
        MEMO="Card 12",
        CHECKNUM="77",
        REFNUM="R5",
        CATEGORY="Food",
    )
    to = "<BANKACCTTO><BANKID>9<ACCTID>556677</BANKACCTTO></STMTTRN>"
    payee = "<PAYEE><NAME>Owner<CITY>Lund</PAYEE></STMTTRN>"
    memo_only = entry("-4.00", MEMO="Standing order")
    check = entry("-5.00", "CHECK", CHECKNUM="1042")
    rows = read(
        ofx(
            bank(
                whole,
                entry("-2.00", NAME="A").replace("</STMTTRN>", to),
                entry("-3.00").replace("</STMTTRN>", payee),
                memo_only,
                check,
            )
        )
    ).rows
    assert [(row.payee, row.description, row.notes) for row in rows] == [
        ("SHOP NORTH STREET 12 MIDDLETOWN UPON SEA", "Card 12", "Check 77; Reference R5; Food"),
        ("A", "", "Account 556677"),
        ("Owner", "", "Lund"),
        ("Standing order", "", ""),
        ("Check 1042", "", "Check 1042"),
    ]


@pytest.mark.parametrize("fitid", ["", "0", "0000", "NONREF", "NotProvided"])
def test_an_id_that_says_nothing_is_none(fitid: str) -> None:
    assert read(ofx(bank(entry("-1.00", FITID=fitid)))).rows[0].external_id == ""


BROKEN = [
    # where the end of one and the beginning of the next are lost, one is two
    lambda text: text.replace("</STMTTRN>\n<STMTTRN>", "\n", 1),
    lambda text: text.replace("</STMTTRN>\n<STMTTRN>", "</STMTTRN>\n<STMT", 1),
    lambda text: text[: text.index("-2.5") + 4],
    lambda text: text.replace("<TRNAMT>-2.50", "<TRNAMT-2.50"),
    lambda text: text.replace("<DTPOSTED>20260106", "<DTPOSTED20260106"),
]


@pytest.mark.parametrize("damage", BROKEN)
def test_a_booking_that_is_damaged_is_an_error_row_and_the_others_are_read(damage: Any) -> None:
    text = ofx(bank(entry("-1.00"), entry("-2.50", day="20260106"), entry("4.00")))
    statement = read(damage(text))
    assert problems(statement)
    assert set(amounts(statement)) <= {"-1.00", "4.00"}


def test_a_wrong_end_tag_ends_nothing() -> None:
    text = ofx(card(entry("-1.00")), bank(entry("-2.50"))).replace("</CCSTMTRS>", "</STMTRS>")
    statement = read(text)
    assert [row.account for row in statement.rows] == ["1", "2"]
    assert list(statement.warnings) == []


def test_exports_that_were_joined_are_read_all() -> None:
    first = HEADER.format("1252") + ofx(bank(entry("-1.00", FITID="a")))
    second = '<?xml version="1.0"?><?OFX OFXHEADER="200"?>' + ofx(bank(entry("-2.50", FITID="b")))
    statement = read(f"{first}\n{second}\n{first}")
    assert amounts(statement) == ["-1.00", "-2.50"]
    assert len(statement.accounts) == 1


def test_end_tags_of_bookings_may_be_missing_all() -> None:
    text = ofx(bank(entry("-1.00"), entry("-2.50"), entry("4.00"))).replace("</STMTTRN>", "")
    assert amounts(read(text)) == ["-1.00", "-2.50", "4.00"]


def test_a_file_that_is_cut_off_says_so() -> None:
    text = ofx(bank(entry("-1.00"), entry("-2.50")))
    statement = read(text[: text.index("</BANKTRANLIST>")])
    assert amounts(statement) == ["-1.00", "-2.50"]
    assert "ends before its end" in statement.warnings[0]


def test_a_failure_of_the_bank_is_told() -> None:
    failed = "<STMTTRNRS><STATUS><CODE>2003<SEVERITY>ERROR</STATUS></STMTTRNRS>"
    statement = read(ofx(failed, bank(entry("-1.00"))))
    assert "answered 1 request(s) with a failure" in statement.warnings[0]
    with pytest.raises(StatementError, match="the bank answers that it failed") as caught:
        read(ofx(failed))
    assert caught.value.code == "no_statement"


def test_a_statement_without_bookings_is_empty_and_a_list_of_accounts_is_none() -> None:
    statement = read(ofx(bank()))
    assert (list(statement.rows), statement.currency) == ([], "EUR")
    listed = (
        "<ACCTINFO><BANKACCTINFO><BANKACCTFROM><ACCTID>5</BANKACCTFROM></BANKACCTINFO></ACCTINFO>"
    )
    with pytest.raises(StatementError) as caught:
        read(ofx(listed))
    assert caught.value.code == "no_statement"


def test_questions_are_asked_of_the_account_that_they_are_about() -> None:
    statement = read(ofx(bank(entry("-1.00")), card(entry("5.00", OUT)), bank(entry("-2.00"))))
    assert [(one.decision, one.account) for one in statement.questions] == [("sign", "2")]


def test_a_household_books_one_account_of_several(make_app: MakeApp) -> None:
    household = make_app({"import_ofx": nestegg_import_ofx}).register()
    account = household.account(currency="EUR")
    file = ofx(bank(entry("-1.50", NAME="Kiosk")), card(entry("-3.00"))).encode()

    refused = household.upload(account, file)
    assert refused.status_code == 422
    assert "`2341` in EUR, `9921` in EUR" in refused.json["detail"]

    path = f"/api/v1/organizations/{household.org_id}/imports"
    params = {"account_id": account["id"], "account": "2341"}
    made = household.call("POST", path, params=params, body=file).json
    assert made["importer"] == "ofx"
    assert household.post(f"imports/{made['id']}/commit").status_code == 200
    assert household.balance(account) == "-1.50"


def test_a_household_answers_a_question_before_anything_is_booked(make_app: MakeApp) -> None:
    household = make_app({"import_ofx": nestegg_import_ofx}).register()
    account = household.account(currency="EUR")
    file = ofx(bank(entry("5.00", OUT))).encode()
    asking = household.upload(account, file).json
    assert [one["decision"] for one in asking["questions"]] == ["sign"]
    assert household.post(f"imports/{asking['id']}/commit").status_code == 409
    told = household.upload(account, file, sign="opposite").json
    assert told["questions"] == []
    assert household.post(f"imports/{told['id']}/commit").status_code == 200
    assert household.balance(account) == "-5.00"
