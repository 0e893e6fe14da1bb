"""Whatever is in a file: a statement or a StatementError, soon, and in little memory.

NESTEGG_TEST_EXAMPLES says how many files are tried.
"""

import os
import subprocess
import sys
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st
from nestegg_import_mt940 import Mt940

from nestegg_core import StatementError, StatementFile

EXAMPLES = int(os.environ.get("NESTEGG_TEST_EXAMPLES", "150"))
TAGS = (
    ":20:",
    ":25:",
    ":28C:",
    ":60F:",
    ":60M:",
    ":61:",
    ":86:",
    ":62F:",
    ":62M:",
    ":64:",
    ":34F:",
)
LINES = (
    "260102D1,00NMSCNONREF//X",
    "2601020102RC1,00NTRF",
    "2601020102C1.000,NTRF",
    "260230D1,00",
    "C260101EUR0,00",
    "D260102EUR1,00",
    "C260101XXX",
    "EUR0,",
    "1EUR1,00",
    "166?00A?20SVWZ+B?32C",
    "020~00A~20B~",
    "/NAME//REMI/USTD//x/",
    "/CNTP/",
    "٣",
    "\u202e",
    "",
)
STARTS = ("", "-", "-}", "{1:A}{2:B}{4:", "\t", ":", ":6", "\x0c")


def read_or_refuse(content: bytes, options: Mapping[str, str] | None = None) -> None:
    importer, file = Mt940(), StatementFile(content)
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


lines = st.builds(
    lambda start, tag, line, cut: (start + tag + line)[: cut or None],
    st.sampled_from(STARTS),
    st.sampled_from((*TAGS, ":90D:", ":90C:", ":NS:", ":13D:", "")),
    st.sampled_from(LINES),
    st.sampled_from((0, 0, 0, 7, 12)),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(lines, max_size=25), st.sampled_from(("\n", "\r\n", "\r", "@@", "\x85")))
def test_any_fields_are_read_or_refused(found: list[str], end: str) -> None:
    read_or_refuse(end.join(found).encode())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.binary(max_size=300), st.sampled_from((b"", b"PK\x03\x04", b"<?xml", b"<BkToCstmrStmt>")))
def test_any_bytes_are_read_or_refused(content: bytes, head: bytes) -> None:
    read_or_refuse(head + content)


PROBE = """
import resource, sys, time
from nestegg_core import StatementError, StatementFile
from nestegg_import_mt940 import Mt940
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for line in sys.stdin:
    content = eval(line)
    rest, begin = peak(), time.monotonic()
    try:
        Mt940().recognises(StatementFile(content))
        Mt940().read(StatementFile(content), {})
    except StatementError:
        pass
    print(peak() - rest, time.monotonic() - begin)
"""
NASTY = {
    "many bookings": "b':20:1\\n' + b':61:260102D1,00NMSC\\n' * 120_000",
    "many bad bookings": "b':20:1\\n' + b':61:\\n' * 120_000",
    "many texts of one booking": "b':61:260102D1,00NMSC\\n' + b':86:x\\n' * 200_000",
    "many lines of a text": "b':61:260102D1,00NMSC\\n:86:' + b'x\\n' * 500_000",
    "many lines of nothing": "b'\\n' * 3_000_000",
    "many messages": "b':20:1\\n' * 200_000",
    "many accounts": "b''.join(b':20:1\\n:25:%d\\n:60F:CEUR1,\\n' % i for i in range(25_000))",
    "a text of megabytes": "b':61:260102D1,00NMSC\\n:86:' + b'166?20' * 1_000_000",
    "a name of megabytes": "b':61:260102D1,00NMSC\\n:86:' + b'/NAME/' * 1_000_000",
    "keys of megabytes": "b':61:260102D1,00NMSC\\n:86:166?20' + b'EREF+' * 1_000_000",
    "an amount of megabytes": "b':61:260102D' + b'1' * 3_000_000",
    "groups of megabytes": "b':61:260102D1' + b'.000' * 2_000_000",
    "blanks of megabytes": "b':61:260102' + b' ' * 3_000_000 + b'D1,00'",
    "envelopes of megabytes": "b'{1:}' * 2_000_000",
    "ends of megabytes": "b'-\\n' * 500_000",
    "bytes of no encoding": "b':20:' + bytes(range(128, 256)) * 10_000",
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
