import pytest

from nestegg_core import StatementError
from nestegg_core.importers.csv.options import Options
from nestegg_core.importers.csv.table import MOST_COLUMNS, MOST_ROWS, read_table

ROWS = [["Date", "Payee", "Amount"], ["2020-01-31", "Baker", "-1.50"], ["2020-02-01", "X", "2.00"]]


def refused(text: str, options: Options | None = None) -> StatementError:
    with pytest.raises(StatementError) as error:
        read_table(text, options or Options())
    return error.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_and_the_line_ends_are_worked_out(delimiter: str, end: str) -> None:
    table = read_table(end.join(delimiter.join(row) for row in ROWS), Options())
    assert table.delimiter == delimiter
    assert table.header == ("Date", "Payee", "Amount")
    assert [(row.line, row.cells) for row in table.rows] == [(2, ROWS[1]), (3, ROWS[2])]


def test_decimal_commas_do_not_make_a_comma_file() -> None:
    text = "Datum;Text;Betrag\n01.02.2020;Miete, warm;-1.200,50\n02.02.2020;a,b,c,d,e;3,00\n"
    assert read_table(text, Options()).delimiter == ";"


def test_a_metadata_block_above_the_header_is_passed_over() -> None:
    text = (
        "Kontonummer:;DE02\n\nVon:;01.01.2020\nKontostand vom 31.01.2020:;1.234,00 EUR\n\n"
        "Buchungstag;Verwendungszweck;Betrag\n02.01.2020;Miete;-500,00\n"
    )
    table = read_table(text, Options())
    assert (table.header_line, table.above, len(table.rows)) == (6, 3, 1)


def test_a_header_in_an_unknown_language_is_the_row_above_the_first_booking() -> None:
    table = read_table("Kuupäev,Saaja,Summa EUR kokku\n31.01.2020,Pood,-1.00\n", Options())
    assert table.header[0] == "Kuupäev"


def test_a_file_without_a_header_begins_with_its_first_booking() -> None:
    table = read_table("2020-01-31,Baker,-1.50\n2020-02-01,X,2.00\n", Options())
    assert (table.header_line, table.header, len(table.rows)) == (0, (), 2)


def test_a_repeated_header_and_blank_rows_are_left_out() -> None:
    text = "\n\nDate,Amount\n2020-01-31,1\n,\n\nDate,Amount\n2020-02-01,2\nDate , Amount\n"
    assert [row.line for row in read_table(text, Options()).rows] == [4, 8]


def test_a_row_is_known_by_the_line_it_begins_in() -> None:
    text = 'Date,Payee,Amount\n2020-01-31,"two\nlines",1\n2020-02-01,X,2\n'
    assert [row.line for row in read_table(text, Options()).rows] == [2, 4]


def test_the_header_row_can_be_told() -> None:
    text = "Date,Amount\nWhen,How much\n2020-01-31,1\n"
    assert read_table(text, Options(header_row=2)).header == ("When", "How much")
    assert read_table("Date,2020-01-30,1\n", Options(header_row=0)).header == ()
    assert refused(text, Options(header_row=9)).option == "header_row"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("Date,Amount\n", "no_rows", 0),
        ("hello\nworld\n", "no_table", 0),
        ("a,b\nc,d\n", "no_table", 0),
        (",,\n,,\n", "empty_file", 0),
        ('Date,Amount\n2020-01-31,1\n2020-02-01,"1\n2020-02-02,2\n', "unbalanced_quote", 3),
        ('Date,Amount\n2020-01-31,"' + "1\n" * 2000, "unbalanced_quote", 2),
        ("Date,Amount\n2020-01-31," + "1" * 200_000, "cell_too_long", 2),
        ("Date,Amount\n2020-01-31,1" + "," * MOST_COLUMNS, "too_many_columns", 2),
        ("Date,Amount\n" + "2020-01-31,1\n" * (MOST_ROWS + 1), "too_many_rows", MOST_ROWS + 2),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(text: str, code: str, line: int) -> None:
    error = refused(text, Options(delimiter=",") if code == "empty_file" else None)
    assert (error.code, error.line) == (code, line)


def test_as_many_rows_as_allowed_are_read() -> None:
    table = read_table("Date,Amount\n" + "2020-01-31,1\n" * MOST_ROWS, Options())
    assert len(table.rows) == MOST_ROWS
