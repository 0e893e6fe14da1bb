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
from nestegg_import_ofx import OPTIONS, Ofx

from nestegg_core import StatementError, StatementFile

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
# fmt: off
TAGS = (
    "OFX", "STMTTRNRS", "STMTRS", "CCSTMTRS", "INVSTMTRS", "CURDEF", "BANKACCTFROM", "ACCTID",
    "BANKTRANLIST", "STMTTRN", "STMTTRNP", "BANKTRANLISTP", "TRNTYPE", "DTPOSTED", "TRNAMT",
    "FITID", "NAME", "MEMO", "PAYEE", "CURRENCY", "CURSYM", "LEDGERBAL", "BALAMT", "DTASOF",
    "STATUS", "CODE", "INVTRANLIST", "BUYSTOCK", "CORRECTFITID", "CORRECTACTION", "jerry",
)
# fmt: on
TEXTS = (
    "",
    "1",
    "-1",
    "1.5",
    "1,5",
    "1.400",
    "1e5",
    "9" * 40,
    "20260131",
    "20260230",
    "DEBIT",
    "CREDIT",
    "EUR",
    "٣",
    "\u202e",
    "\ufeff",
    "NaN",
    " ",
    "]]>",
    "<![CDATA[",
    "<!--",
    "-->",
    "&#0;",
    "&#xD800;",
    "&",
    "<",
    ">",
    "\n",
    "\r",
    "\ue000",
)  # fmt: skip


def read_or_refuse(content: bytes, options: Mapping[str, str] | None = None) -> None:
    importer, file = Ofx(), StatementFile(content)
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


soup = st.lists(
    st.one_of(
        st.sampled_from(TAGS).map(lambda name: f"<{name}>"),
        st.sampled_from(TAGS).map(lambda name: f"</{name}>"),
        st.sampled_from(TEXTS),
        st.sampled_from(
            (
                "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260131<TRNAMT>-2.50<NAME>x</STMTTRN>",
                "<X a='b'/>",
            )
        ),
    ),
    max_size=60,
).map("".join)
options = st.dictionaries(
    st.sampled_from(sorted(OPTIONS)),
    st.sampled_from(
        ("", ".", ",", "type", "written", "opposite", "book", "skip", "utf-8", "cp1252", "utf-16")
    ),
    max_size=2,
)


@settings(max_examples=EXAMPLES)
@given(soup, st.sampled_from(("utf-8", "utf-16", "utf-16-le", "cp1252", "koi8-r")), options)
def test_any_soup_of_tags_is_read_or_refused(
    text: str, encoding: str, told: Mapping[str, str]
) -> None:
    read_or_refuse(f"<OFX>{text}".encode(encoding, "replace"), told)


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=300), st.sampled_from((b"", b"OFXHEADER:100\n", b"<OFX>", b"\xff\xfe")))
def test_any_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    read_or_refuse(head + content)


@settings(max_examples=EXAMPLES)
@given(soup)
def test_no_booking_that_begins_is_dropped(text: str) -> None:
    """Each beginning of a booking becomes a row, whatever stands around it."""
    if any(quoting in text for quoting in ("<![CDATA[", "<!--")):
        return
    try:
        statement = Ofx().read(StatementFile(f"<OFX>{text}".encode()), {})
    except StatementError:
        return
    left_out = any("row(s) are balances" in one for one in statement.warnings)
    begun = text.count("<STMTTRN>") + text.count("<STMTTRNP>")
    repeated = [one for one in statement.warnings if "taken once" in one]
    assert repeated or left_out or len(statement.rows) >= begun


MIB = 2**20
HEAVY = {
    "bookings": b"<STMTTRN>",
    "whole bookings": b"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260131<TRNAMT>-2.50<NAME>x</STMTTRN>\n",
    "statements": b"<STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><ACCTID>1</BANKACCTFROM><STMTTRN>",
    "nested": b"<A>",
    "quotes": b"<![CDATA[",
    "comments": b"<!--",
    "brackets": b"<",
    "blanks": b"<A            ",
    "attributes": b"<A b=",
    "digits": b"<TRNAMT>" + b"9" * 5000,
    "entities": b"&#60;",
    "texts": b"<STMTTRN>" + b"<MEMO>x" * 50,
    "accents": b"<NAME>\xc3\x28\xe4",
}
MEASURED = """
import resource, sys
from nestegg_import_ofx import Ofx
from nestegg_core import StatementError, StatementFile
content = open(sys.argv[1], "rb").read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(1):
    try:
        Ofx().recognises(StatementFile(content)), Ofx().read(StatementFile(content), {})
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
    path = tmp_path_factory.mktemp("heavy") / "file.ofx"
    path.write_bytes(b"<OFX>" + piece * (size * MIB // len(piece)))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)],
        capture_output=True,
        text=True,
        timeout=30 * size,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200 * 1024, "KiB"
