"""Whatever is in a file: a statement or a StatementError, soon, and in little memory.

NESTEGG_TEST_EXAMPLES says how many files are tried.
"""

import os
import resource
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nestegg_import_excel import Excel

from nestegg_core import StatementError, StatementFile
from support.workbooks import html, ml, ods, xls, xlsx, xlsx_of

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "40"))
ROWS = [["Date", "Payee", "Amount"], [date(2026, 1, 31), "Baker", -2.5], ["31.1.2026", "x", "1,5"]]
FILES = [make(ROWS) for make in (xlsx, xls, ods, ml, html)]
# fmt: off
PARTS = (
    "<table>", "</table>", "<tr>", "<td>", "<td colspan=9>", "</td>", "&nbsp;", "&#", "1.1.26", "é",
    "-1,50", "<script>", "<br>", "</tr>", "<html>", "<!--", "-->", "<![CDATA[", "Date", "Amount",
)
# fmt: on
FAR = "<row r='1'><c r='A1'><v>1</v></c></row><row r='{0}'><c r='{1}{0}'><v>1</v></c></row>"


def read_or_refuse(content: bytes) -> str:
    importer, file = Excel(), StatementFile(content)
    assert isinstance(importer.recognises(file), bool)
    try:
        statement = importer.read(file, {})
    except StatementError as error:
        return error.code
    for row in statement.rows:
        assert row.line >= 1
        assert bool(row.problems) == (row.date is None) == (row.amount is None)
    return ""


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=8)), max_size=6),
)
def test_damaged_files_are_read_or_refused(
    content: bytes, changes: list[tuple[float, int, bytes]]
) -> None:
    for place, length, new in changes:
        at = int(place * len(content))
        content = content[:at] + new + content[at + length :]
    read_or_refuse(content)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.lists(
        st.sampled_from(PARTS),
        max_size=60,
    )
)
def test_any_page_is_read_or_refused(parts: list[str]) -> None:
    read_or_refuse(("<html><table>" + "".join(parts)).encode())


@pytest.mark.parametrize("place", [("20000", "XFD"), ("1048576", "XFD"), ("1048576", "A")])
def test_cells_in_far_corners_take_no_memory_of_the_server(place: tuple[str, str]) -> None:
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()

    code = read_or_refuse(xlsx_of(FAR.format(*place)))

    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert code in {"workbook_too_large", "no_table"}
    assert grown < 200
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize(
    "content",
    [
        b"<table>" * 200_000,
        b"<table><tr>" + b"<td>" * 1_000_000,
        b"<table>" + b"<tr>" * 500_000,
        b"<table>" + b"<tr><td colspan=999>" * 100_000,
        b"<table><tr><td>" + b"a " * 2_000_000,
        b"<html><table>" + b"<script>" * 300_000,
        b"<table>" + b"&#1;" * 500_000,
        b"<table>" + b"<!" * 500_000,
        b"<table>" + b"<!--" * 500_000,
        b"<table>" * 2 + b"<table" * 500_000,
        b"<table><td " + b"colspan " * 500_000 + b">",
    ],
    ids=range(11),
)
def test_hostile_pages_take_little_time_and_memory(content: bytes) -> None:
    before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    read_or_refuse(content)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < 200
    assert time.monotonic() - begin < 60
