"""A file to sheets, each as the text of a CSV file whose lines are the sheet's rows."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nestegg_core import StatementError
from nestegg_import_excel.markup import html_tables, spreadsheet_ml
from nestegg_import_excel.workbook import CPU_SECONDS, NO_WORKBOOK, csv_of, mark_of

_HEAD = 2**16
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ODS = b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet"
_IN_OLE = tuple(name.encode("utf-16-le") for name in ("Workbook", "Book", "EncryptedPackage"))
_ML = b"urn:schemas-microsoft-com:office:spreadsheet"
_HTML = re.compile(rb"<(?:html|table|!doctype html|head|meta|body|style)[\s>]", re.IGNORECASE)
_TABLE = re.compile(rb"<table[\s>]", re.IGNORECASE)
_PROGRAM = Path(__file__).with_name("workbook.py")
_FIRST_MEMBER = 200
_MARKS = b"\xef\xbb\xbf\xff\xfe \t\r\n"
_NEEDED = ("LD_LIBRARY_PATH", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet, or a table of a page.

    Attributes:
        number: its place in the file, counted from 1.
        content: as CSV, in UTF-8 unless the file is a page in another encoding.
        has_numbers: whether amounts are numbers and no texts, so that their mark is certain.
    """

    number: int
    name: str
    content: bytes
    has_numbers: bool = False


def kind_of(content: bytes) -> str:
    """Return `workbook`, `ml` or `html`; empty for anything else."""
    head = content[:_HEAD]
    if head.startswith(_ZIP):
        is_office = b"[Content_Types].xml" in content and b"xl/" in content
        return "workbook" if is_office or _ODS in head[:_FIRST_MEMBER] else ""
    if head.startswith(_OLE):
        return "workbook" if any(name in content for name in _IN_OLE) else ""
    text = head.replace(b"\0", b"")  # of UTF-16 as well
    if _ML in text:
        return "ml"
    return "html" if _TABLE.search(text) and _HTML.match(text.lstrip(_MARKS)) else ""


def sheets_of(content: bytes) -> tuple[list[Sheet], int]:
    """Return the sheets that can be seen and are not empty, and how many are hidden.

    Raises:
        StatementError: the file is none of these, or is damaged, encrypted or too large.
    """
    kind = kind_of(content)
    if kind == "workbook":
        return _of_workbook(content)
    if not kind:
        raise StatementError("no_workbook", "The file is no workbook, and no page with a table.")
    tables = spreadsheet_ml(content) if kind == "ml" else html_tables(content)
    found = []
    for number, (name, rows) in enumerate(tables.tables, 1):
        mark, is_certain = mark_of(rows)
        text = csv_of(rows, mark)
        if text.strip():
            is_typed = tables.has_types and is_certain
            found.append(Sheet(number, name, text.encode(tables.encoding, "replace"), is_typed))
    return found, 0


def _of_workbook(content: bytes) -> tuple[list[Sheet], int]:
    """Have another process read a workbook: see there."""
    if content.startswith(_OLE) and _IN_OLE[-1] in content:
        raise StatementError(
            "encrypted_file", "The workbook has a password. Save it without one, and import that."
        )
    try:
        done = subprocess.run(  # noqa: S603 - a program of ours, and the file is its input
            [sys.executable, "-I", str(_PROGRAM)],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=2 * CPU_SECONDS,
            # None of the server's secrets.
            env={name: os.environ[name] for name in _NEEDED if name in os.environ},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_large() from None
    if done.returncode == NO_WORKBOOK:
        raise StatementError(
            "damaged_workbook",
            "The workbook is damaged. Open it in a spreadsheet program, and save it anew.",
        )
    if done.returncode:
        raise _too_large()
    sheets = [json.loads(line) for line in done.stdout.splitlines()]
    visible = [
        Sheet(one["number"], one["name"], one["text"].encode(), one["is_certain"])
        for one in sheets
        if one["is_visible"] and one["text"].strip()
    ]
    return visible, sum(not one["is_visible"] for one in sheets)


def _too_large() -> StatementError:
    return StatementError(
        "workbook_too_large",
        "The workbook takes too much time or memory. Copy the rows into a new one, or export CSV.",
    )
