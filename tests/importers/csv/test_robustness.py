"""Whatever is in a file: a statement or a StatementError, and soon."""

import csv
import io
import time
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nestegg_core import StatementError, StatementFile
from nestegg_core.importers.csv.importer import CsvImporter

MEBIBYTE = 1024 * 1024
SEED = (
    'Date,Payee,Debit,Credit,Balance,Currency\n31/01/2020,"Shop, Inc",5.00,,"1,095.00",EUR\n'
    '01/02/2020,Mill,,7.50,"1,102.50",EUR\nTotal,,5.00,7.50,,\n'
)


def read_or_refuse(content: bytes) -> None:
    importer, file = CsvImporter(), StatementFile(content)
    importer.recognises(file)
    try:
        statement = importer.read(file, {})
    except StatementError:
        return
    for row in statement.rows:
        assert bool(row.problems) == (row.date is None) == (row.amount is None)


@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing_else(content: bytes) -> None:
    read_or_refuse(content)


@given(st.text(max_size=400), st.sampled_from(["utf-8", "utf-16", "utf-16-le"]))
def test_random_text_raises_nothing_else(text: str, encoding: str) -> None:
    read_or_refuse(text.encode(encoding, errors="replace"))


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(SEED)),
            st.integers(0, 8),
            st.text(alphabet="0123456789.,;|\"'-+/ ()\n\r\t\0€£DCäą²\u2028", max_size=6),
        ),
        max_size=6,
    )
)
def test_a_mutated_table_raises_nothing_else(changes: list[tuple[int, int, str]]) -> None:
    text = SEED
    for start, length, new in changes:
        text = text[:start] + new + text[start + length :]
    read_or_refuse(text.encode())


AMOUNT = st.decimals(-(10**9), 10**9, places=2)
DAY = st.dates(date(1970, 1, 1), date(2060, 12, 31))
NAME = st.text(alphabet="abcXYZ ,;|'\"\n", max_size=12)


def written(amount: Decimal, mark: str, group: str) -> str:
    text = f"{amount:,.2f}"
    return text.replace(",", "g").replace(".", mark).replace("g", "" if group == mark else group)


@dataclass(frozen=True)
class Style:
    delimiter: str
    mark: str
    group: str
    date_format: str
    encoding: str
    end: str
    quote_all: bool
    header: bool


STYLES = st.builds(
    Style,
    delimiter=st.sampled_from(",;\t|"),
    mark=st.sampled_from(".,"),
    group=st.sampled_from(["", "'", " ", "\u00a0", ".", ","]),
    date_format=st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%y", "%d %b %Y"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "cp1250"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quote_all=st.booleans(),
    header=st.booleans(),
)


@settings(max_examples=300)
@given(rows=st.lists(st.tuples(DAY, NAME, AMOUNT), max_size=8), style=STYLES)
def test_a_well_formed_table_is_read_as_it_was_written(
    rows: list[tuple[date, str, Decimal]], style: Style
) -> None:
    rows = [*rows, (date(2021, 3, 25), "the day shows the order", Decimal("-1234.50"))]
    if not style.quote_all:  # the writer leaves a lone \n unquoted between \r
        rows = [(day, name.replace("\n", " "), amount) for day, name, amount in rows]
    stream = io.StringIO()
    writer = csv.writer(
        stream,
        delimiter=style.delimiter,
        lineterminator=style.end,
        quoting=csv.QUOTE_ALL if style.quote_all else csv.QUOTE_MINIMAL,
    )
    if style.header:
        writer.writerow(["Date", "Payee", "Amount"])
    for day, name, amount in rows:
        text = written(amount, style.mark, style.group)
        writer.writerow([day.strftime(style.date_format), name, text])
    content = stream.getvalue().encode(style.encoding)
    statement = CsvImporter().read(StatementFile(content), {})
    assert [(row.date, row.amount) for row in statement.rows] == [(d, a) for d, _, a in rows]
    if style.header:
        assert [row.payee for row in statement.rows] == [" ".join(n.split()) for _, n, _ in rows]


@pytest.mark.parametrize(
    "content",
    [
        b"date,amount\n" + b"1," * 1_000_000,
        b'"a",' * 1_000_000,
        b"a" * 10 * MEBIBYTE,
        b"," * 10 * MEBIBYTE,
        b'"' * 10 * MEBIBYTE,
        b'",' * 5 * MEBIBYTE,
        b'date,amount\n"' + b"2020-01-01,1\n" * 800_000,
        b'date,amount\n"' + b'\n",' * 2_500_000,
        b"\0" * 10 * MEBIBYTE,
        b"\r" * 10 * MEBIBYTE,
        (b"," * 199 + b"\n") * 50_000,
        (b"date," * 99 + b"\n") * 20_000,
        b"date,amount\n2020-01-01," + b"9" * 10 * MEBIBYTE,
        b"date,amount\n" + b"2020-01-01,1\n" * 700_000,
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_hostile_file_of_ten_mebibytes_is_refused_within_seconds_of_cpu(content: bytes) -> None:
    start = time.process_time()
    with pytest.raises(StatementError):
        CsvImporter().read(StatementFile(content), {})
    assert time.process_time() - start < 5


@pytest.mark.parametrize("cell", ["9" * 100_000, " " * 100_000 + "x", "(" * 9000, "1," * 5000])
def test_a_hostile_cell_is_a_problem_of_its_row(cell: str) -> None:
    text = f'date,payee,amount\n2020-01-01,"{cell}",1\n2020-01-02,x,"{cell}"\n'
    statement = CsvImporter().read(StatementFile(text.encode()), {})
    assert statement.rows[1].problems
