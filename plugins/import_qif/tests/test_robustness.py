"""Whatever is in a file: a statement or a StatementError, soon, and in little memory.

NESTEGG_TEST_EXAMPLES says how many files are tried; with many of them a test takes longer than
pytest waits for one, so add `-o faulthandler_timeout=0`.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nestegg_import_qif import OPTIONS, Qif

from nestegg_core import StatementError, StatementFile

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
# fmt: off
LINES = (
    "!Type:Bank", "!type:ccard", "!Type:Invst", "!Type:Cat", "!Account", "!Option:AutoSwitch",
    "!Clear:AutoSwitch", "!", "^", "^ ", "", " ", "D1/31'26", "D03/04/2026", "D2026-02-30", "D",
    "T1.5", "T1,5", "T-1.400", "T", "U9", "PShop", "PTransfer", "P**VOID**", "POpening Balance",
    "L[Bank]", "L[", "SFood", "$1", "$", "%5", "Ememo", "N20260101", "N", "NName", "A", "AStreet",
    "CX", "Mm", "M\u202e", "?", "\x00", "D\u0663/1/26", "T\u0663", "D9999999999999",
    "T" + "9" * 40, "Y", "I3", "Q5",
)
# fmt: on


def read_or_refuse(content: bytes, options: Mapping[str, str] | None = None) -> None:
    importer, file = Qif(), StatementFile(content)
    assert isinstance(importer.recognises(file), bool)
    try:
        statement = importer.read(file, options or {})
    except StatementError:
        return
    keys = {one.key for one in statement.accounts}
    for row in statement.rows:
        assert row.line >= 1
        assert bool(row.problems) == (row.date is None) == (row.amount is None)
        assert row.account in keys or not keys or len(keys) == 1
        for text in (row.payee, row.description, row.notes, row.external_id):
            assert len(text) <= 500
            assert text.encode() is not None


soup = st.lists(st.sampled_from(LINES), max_size=60).map("\n".join)
options = st.dictionaries(
    st.sampled_from(sorted(OPTIONS)),
    st.sampled_from(
        ("", ".", ",", "written", "opposite", "balance", "booking", "utf-8", "%d/%m/%y", "%Y-%m-%d")
    ),
    max_size=2,
)


@settings(max_examples=EXAMPLES)
@given(soup, st.sampled_from(("utf-8", "utf-16", "utf-16-le", "cp1252", "koi8-r")), options)
def test_any_soup_of_lines_is_read_or_refused(
    text: str, encoding: str, told: Mapping[str, str]
) -> None:
    read_or_refuse(f"!Type:Bank\n{text}".encode(encoding, "replace"), told)


@settings(max_examples=EXAMPLES)
@given(
    st.binary(max_size=300), st.sampled_from((b"", b"!Type:Bank\n", b"!Type:Invst\n", b"\xff\xfe"))
)
def test_any_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    read_or_refuse(head + content)


@settings(max_examples=EXAMPLES)
@given(soup)
def test_no_day_of_a_booking_is_dropped(text: str) -> None:
    """Each line of a day below a type of bookings is of a row, or of one that says it is broken."""
    lines = [line for line in text.splitlines() if not line.startswith("!")]
    try:
        statement = Qif().read(StatementFile("\n".join(["!Type:Bank", *lines, ""]).encode()), {})
    except StatementError:
        return
    records = "\n".join(lines).split("\n^")
    begun = sum(any(line.startswith("D") for line in one.splitlines()) for one in records)
    openings = sum("opening balance, and was not" in one for one in statement.warnings)
    assert len(statement.rows) + openings >= begun


MIB = 2**20
HEAVY = {
    "records": b"D\n^\n",
    "whole records": b"D1/31'26\nT-2.50\nPShop\n^\n",
    "accounts": b"!Account\nN%d\n^\n!Type:Bank\nD1/31'26\nT-2.50\n^\n",
    "types": b"!Type:Bank\n",
    "splits": b"SFood\n$1\n",
    "texts": b"D1/1'26\n" + b"Mx\n y\n" * 50,
    "addresses": b"Ax\n",
    "trades": b"!Type:Invst\nD\n^\n",
    "one line": b"M" * 1000,
    "digits": b"T" + b"9" * 5000 + b"\n",
    "dates": b"D" + b"1/" * 2000 + b"\n^\n",
    "accents": b"P\xc3\x28\xe4\n",
}
MEASURED = """
import resource, sys
from nestegg_import_qif import Qif
from nestegg_core import StatementError, StatementFile
content = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(1):
    try:
        Qif().recognises(StatementFile(content)), Qif().read(StatementFile(content), {})
    except StatementError:
        pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("size", [1, pytest.param(10, marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", HEAVY)
def test_a_heavy_file_takes_neither_long_nor_much(
    kind: str, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    piece = HEAVY[kind]
    path = tmp_path_factory.mktemp("heavy") / "file.qif"
    if b"%d" in piece:
        piece = b"".join(piece % number for number in range(200))
    path.write_bytes(b"!Type:Bank\n" + piece * (size * MIB // len(piece)))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)],
        capture_output=True,
        text=True,
        timeout=30 * size,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200 * 1024, "KiB"
