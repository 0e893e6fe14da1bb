"""Whatever is in a file: a statement or a StatementError, soon, and in little memory.

NESTEGG_TEST_EXAMPLES says how many files are tried.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from nestegg_import_camt import Camt

from nestegg_core import StatementError, StatementFile

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
# fmt: off
NAMES = (
    "Document", "BkToCstmrStmt", "BkToCstmrAcctRpt", "Stmt", "Rpt", "Ntry", "Amt",
    "CdtDbtInd", "Sts", "Cd", "RvslInd", "BookgDt", "Dt", "DtTm", "Bal", "Tp", "CdOrPrtry",
    "Acct", "Id", "IBAN", "Ccy", "TxsSummry", "TtlCdtNtries", "Sum", "NbOfNtries",
    "NtryDtls", "TxDtls", "RltdPties", "Dbtr", "Nm", "RmtInf", "Ustrd", "x:Ntry",
)
# fmt: on
TEXTS = ("", "1", "-1", "1.5", "1e5", "9" * 40, "CRDT", "DBIT", "BOOK", "PDNG", "true", "OPBD")
VALUES = (*TEXTS, "CLBD", "2026-01-31", "2026-02-30", "٣", "\u202e", "NaN", " ", "]]>", "&#0;", "&")


def read_or_refuse(content: bytes, options: Mapping[str, str] | None = None) -> None:
    importer, file = Camt(), StatementFile(content)
    assert isinstance(importer.recognises(file), bool)
    try:
        statement = importer.read(file, options or {})
    except StatementError:
        return
    keys = {one.key for one in statement.accounts}
    for row in statement.rows:
        assert row.line >= 1
        assert bool(row.problems) == (row.date is None) == (row.amount is None)
        assert row.account in keys or not keys


elements = st.recursive(
    st.sampled_from(VALUES),
    lambda inner: st.builds(
        lambda name, attributes, parts: f"<{name}{attributes}>{''.join(parts)}</{name}>",
        st.sampled_from(NAMES),
        st.sampled_from(("", ' Ccy="EUR"', ' Ccy="&lt;"', ' xmlns="a"', ' Ccy="EUR" Ccy="USD"')),
        st.lists(inner, max_size=6),
    ),
    max_leaves=60,
)
heads = st.sampled_from(
    (
        "",
        "\n",
        "\ufeff",
        '<?xml version="1.0" encoding="utf-16"?>',
        '<?xml version="1.0" encoding="koi8-r"?>',
        '<?xml version="1.1"?>',
        "<!DOCTYPE a>",
        "<!-- -->",
    )
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(heads, elements, st.sampled_from(("utf-8", "utf-16", "cp1252")))
def test_any_tree_is_read_or_refused(head: str, element: str, encoding: str) -> None:
    inner = f"{head}<Document><BkToCstmrStmt><Stmt>{element}</Stmt></BkToCstmrStmt></Document>"
    read_or_refuse(inner.encode(encoding, "replace"))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300), st.sampled_from((b"", b"PK\x03\x04", b"<?xml", b"<BkToCstmrStmt>")))
def test_any_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    read_or_refuse(head + content)


PROBE = """
import resource, sys, time
from nestegg_core import StatementError, StatementFile
from nestegg_import_camt import Camt
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for line in sys.stdin:
    content = eval(line)
    rest, begin = peak(), time.monotonic()
    try:
        Camt().recognises(StatementFile(content))
        Camt().read(StatementFile(content), {})
    except StatementError:
        pass
    print(peak() - rest, time.monotonic() - begin)
"""
BEGIN = "b'<BkToCstmrStmt><Stmt>'"
NASTY = {
    "many parts of an entry": f"{BEGIN} + b'<Ntry>' + b'<a/>' * 300_000",
    "many parts of a head": f"{BEGIN} + b'<a/>' * 300_000",
    "many balances": f"{BEGIN} + b'<Bal/>' * 300_000",
    "many entries": f"{BEGIN} + b'<Ntry/>' * 300_000",
    "many statements": "b'<BkToCstmrStmt>' + b'<Stmt></Stmt>' * 300_000",
    "a text of megabytes": f"{BEGIN} + b'<Ntry><Amt>' + b'a ' * 4_000_000",
    "a number of megabytes": f"{BEGIN} + b'<Ntry><Amt>' + b'9' * 8_000_000 + b'</Amt></Ntry>'",
    "many attributes": f"{BEGIN} + b'<Ntry ' + b''.join(b'a%d=\"\" ' % i for i in range(300_000))",
    "deep": "b'<a>' * 3_000_000",
    "a directory of many files": "b'PK\\x03\\x04' + b'PK\\x01\\x02' * 300_000",
}


def test_hostile_files_take_little_time_and_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        input="\n".join(NASTY.values()),
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    figures = dict(zip(NASTY, map(str.split, done.stdout.splitlines()), strict=True))
    assert {
        name: mebibytes for name, (mebibytes, _) in figures.items() if int(mebibytes) > 200
    } == {}
    assert {name: seconds for name, (_, seconds) in figures.items() if float(seconds) > 60} == {}
