"""What stands in banks' spreadsheets, and in what is named like one."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import nestegg_import_excel
import pytest
from nestegg_import_excel import Excel
from nestegg_import_excel.workbook import text_of

from nestegg_core import Statement, StatementError, StatementFile
from nestegg_testing import MakeApp
from support.workbooks import Rows, html, ml, ods, xls, xlsx

HEAD = ("Date", "Payee", "Amount")
DAY = date(2026, 1, 31)
FORMATS = (xlsx, xls, ods, ml, html)


def read(content: bytes, options: Mapping[str, str] | None = None) -> Statement:
    return Excel().read(StatementFile(content), options or {})


def amounts(statement: Statement) -> list[Decimal | None]:
    return [row.amount for row in statement.rows]


def code_of(content: bytes, options: Mapping[str, str] | None = None) -> str:
    with pytest.raises(StatementError) as caught:
        read(content, options)
    return caught.value.code


@pytest.mark.parametrize("make", FORMATS)
def test_lines_are_those_of_the_sheet(make: type) -> None:
    rows: Rows = [["Statement of January"], [], HEAD, [DAY, "Baker", -2.5], [], [DAY, "Mill", "x"]]
    statement = read(make(rows))
    if make is ods:  # whose two lines without a cell are as good as none
        assert len(statement.rows) == 2
    else:
        assert [row.line for row in statement.rows] == [4, 6]
    assert [bool(row.problems) for row in statement.rows] == [False, True]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (1250.0, "1250"),
        (-12.3, "-12.30"),
        (0.1 + 0.2, "0.30"),
        (1.234, "1.2340"),
        (1.23456, "1.23456"),
        (1e20, "100000000000000000000"),
        (float("nan"), ""),
        (float("inf"), ""),
        (7, "7"),
        (True, "True"),
        (None, ""),
        (" a\nb\0", "a b"),
        ("00123", "00123"),
    ],
)
def test_values_are_written_as_they_are(cell: object, text: str) -> None:
    assert text_of(cell) == text


@pytest.mark.parametrize("make", [xlsx, xls, ods, ml])
def test_a_number_is_never_taken_for_thousands(make: type) -> None:
    rows: Rows = [HEAD, [DAY, "Baker", 1.234], [DAY, "Mill", 1234], [DAY, "Mill", 1.5]]
    assert amounts(read(make(rows))) == [Decimal("1.2340"), Decimal(1234), Decimal("1.50")]


def test_amounts_that_are_texts_have_the_mark_that_they_have() -> None:
    rows: Rows = [
        ("Buchungstag", "Empfänger", "Betrag"),
        ["31.01.2026", "Bäcker", "-1.234,56"],
        ["01.02.2026", "Müller", "-7,00"],
        ["02.02.2026", "Lohn", 1250.5],
    ]
    statement = read(xlsx(rows))
    assert amounts(statement) == [Decimal("-1234.56"), Decimal("-7.00"), Decimal("1250.50")]


def test_of_several_sheets_one_is_asked_for() -> None:
    first: Rows = [HEAD, [DAY, "Baker", -1]]
    second: Rows = [HEAD, [DAY, "Mill", -2], [DAY, "Mill", -3]]
    content = xlsx([["Contents"]], first, second)
    statement = read(content)
    (question,) = statement.questions
    assert (question.decision, list(question.choices)) == ("sheet", ["2", "3"])
    answered = read(content, {"sheet": "3"})
    assert amounts(answered) == [-2, -3]
    assert answered.decisions["sheet"] == "3"
    assert not answered.questions
    assert amounts(read(content, {"sheet": "Sheet 2"})) == [-1]
    assert code_of(content, {"sheet": "4"}) == "bad_option"


def test_hidden_sheets_are_left_out_and_told() -> None:
    content = xlsx([HEAD, [DAY, "Baker", -1]], [HEAD, [DAY, "Mill", -2]], hidden=[2])
    statement = read(content)
    assert amounts(statement) == [-1]
    assert not statement.questions
    assert any("hidden" in warning for warning in statement.warnings)


def test_a_page_in_an_encoding_that_it_does_not_say_is_judged_as_csv_is() -> None:
    rows: Rows = [HEAD, ["2026-01-31", "Bäckerei Weiß", "-1.00"]]
    statement = read(html(rows, encoding="cp1252"))
    assert statement.rows[0].payee == "Bäckerei Weiß"


def test_cells_that_span_columns_keep_the_others_in_theirs() -> None:
    page = (
        "<table><tr><th>Date</th><th colspan=2>Payee</th><th>Amount</th></tr>"
        "<tr><td>2026-01-31<td>Baker &amp; Son<td>Ulm<td>-1.00</tr></table>"
    )
    (row,) = read(page.encode()).rows
    assert (row.payee, row.amount) == ("Baker & Son", Decimal("-1.00"))


def test_a_row_of_xml_may_leave_cells_and_rows_out() -> None:
    space = "urn:schemas-microsoft-com:office:spreadsheet"

    def cell(text: str, index: str = "") -> str:
        return f'<Cell{index}><Data ss:Type="String">{text}</Data></Cell>'

    amount = cell("-1.00", ' ss:Index="3"')
    content = (
        f'<?xml version="1.0"?><Workbook xmlns="{space}" xmlns:ss="{space}"><Worksheet><Table>'
        f"<Row>{''.join(map(cell, (*HEAD, 'Notes')))}</Row>"
        f'<Row ss:Index="5">{cell("2026-01-31")}{amount}'
        "</Row></Table></Worksheet></Workbook>"
    )
    (row,) = read(content.encode()).rows
    assert (row.line, row.amount) == (5, Decimal("-1.00"))


def test_what_cannot_be_read_says_why() -> None:
    assert code_of(b"Date,Amount\n2026-01-31,1.00\n") == "no_workbook"
    assert code_of(xlsx([HEAD, [DAY, "Baker", -1]])[:-60]) == "damaged_workbook"
    assert code_of(xlsx([])) == "empty_file"
    assert code_of(xlsx([["Nothing"]])) == "no_table"
    encrypted = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    assert code_of(encrypted) == "encrypted_file"
    assert code_of(xlsx([HEAD]), {"encoding": "utf-8"}) == "bad_option"


def test_other_archives_and_documents_are_left_to_others() -> None:
    for content in (
        b"PK\x03\x04 word/document.xml [Content_Types].xml",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
        b"<Document><BkToCstmrStmt/></Document>",
        b"<html><p>No table</p></html>",
    ):
        assert not Excel().recognises(StatementFile(content))


def test_a_household_books_it(make_app: MakeApp) -> None:
    household = make_app({"import_excel": nestegg_import_excel}).register()
    account = household.account()
    preview = household.upload(account, xlsx([HEAD, [DAY, "Baker", -7.5]])).json
    assert household.post(f"imports/{preview['id']}/commit").status_code == 200
    assert household.balance(account) == "-7.50"
