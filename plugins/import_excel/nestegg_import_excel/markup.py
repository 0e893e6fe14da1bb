"""Pages and XML that banks name .xls: tables of HTML, and the SpreadsheetML of 2003."""

import codecs
import re
from dataclasses import dataclass, field
from datetime import datetime
from html import unescape
from typing import Any
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl

import defusedxml.sax
from defusedxml import DefusedXmlException

from nestegg_core import StatementError
from nestegg_import_excel.workbook import MOST_COLUMNS, MOST_ROWS, Cell

MOST_TABLES = 100
MOST_CELLS = 2_000_000
LONGEST_CELL = 10_000
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)([^<>]*)>", re.ASCII | re.IGNORECASE)
_SPAN = re.compile(r"colspan\s*=\s*[\"']?([0-9]{1,3})", re.ASCII | re.IGNORECASE)
_NO_TEXT = frozenset({"script", "style"})
_CELLS = frozenset({"td", "th"})


@dataclass(slots=True)
class Tables:
    """Tables by their names.

    Attributes:
        encoding: to write texts in, so that the bytes are those of the file.
        has_types: whether numbers differ from texts.
    """

    tables: list[tuple[str, list[list[Cell]]]] = field(default_factory=list)
    encoding: str = "utf-8"
    has_types: bool = False


def html_tables(content: bytes) -> Tables:
    """Read the tables of a page.

    A page's own word for its encoding is often wrong. What is not UTF-8 is passed on byte by byte,
    and judged as the bytes of a CSV file are.
    """
    text, encoding = _decoded(content)
    page = _Page()
    page.read(_without_comments(text))
    tables = [("", table.rows) for table in page.tables if table.rows]
    return Tables(tables, encoding)


def _without_comments(text: str) -> str:
    kept, at = [], 0
    while (begin := text.find("<!--", at)) >= 0:
        kept.append(text[at:begin])
        end = text.find("-->", begin)
        at = len(text) if end < 0 else end + len("-->")
    return "".join((*kept, text[at:]))


def _decoded(content: bytes) -> tuple[str, str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace"), "utf-8"
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "latin-1"


@dataclass(slots=True)
class _Table:
    rows: list[list[Cell]] = field(default_factory=list)
    pieces: list[str] | None = None  # of the cell that is open
    length: int = 0
    span: int = 1


class _Page:
    """Reads the tags that make up tables.

    The parser of the standard library takes minutes over some pages of a megabyte; this takes each
    character once.
    """

    def __init__(self) -> None:
        self.tables: list[_Table] = []
        self._open: list[_Table] = []
        self._cells = 0
        self._hidden = ""  # the tag whose end is waited for

    def read(self, text: str) -> None:
        last = 0
        for tag in _TAG.finditer(text):
            self._data(text[last : tag.start()])
            last = tag.end()
            name = tag[2].lower()
            if self._hidden or name in _NO_TEXT:
                self._hidden = self._still_hidden(name, is_end=bool(tag[1]))
            elif tag[1]:
                self._end(name)
            else:
                self._start(name, tag[3])
        self._data(text[last:])
        for table in self._open:
            self._end_cell(table)

    def _still_hidden(self, name: str, *, is_end: bool) -> str:
        if is_end:
            return "" if name == self._hidden else self._hidden
        return self._hidden or name

    def _start(self, name: str, attributes: str) -> None:
        if name == "table":
            if len(self.tables) == MOST_TABLES:
                raise StatementError(
                    "too_many_tables", f"The page has more than {MOST_TABLES} tables."
                )
            self.tables.append(_Table())
            self._open.append(self.tables[-1])
        elif self._open:
            self._start_in(self._open[-1], name, attributes)

    def _start_in(self, table: _Table, name: str, attributes: str) -> None:
        if name == "tr":
            self._end_cell(table)
            if len(table.rows) == MOST_ROWS:
                raise too_many_rows()
            table.rows.append([])
        elif name in _CELLS:
            self._end_cell(table)
            span = _SPAN.search(attributes)
            table.span = max(1, int(span[1])) if span else 1
            table.pieces, table.length = [], 0
        elif name == "br":
            self._data(" ")

    def _end(self, name: str) -> None:
        if not self._open or name not in {"tr", "table", *_CELLS}:
            return
        self._end_cell(self._open[-1])
        if name == "table":
            self._open.pop()

    def _data(self, text: str) -> None:
        if text and self._open and not self._hidden:
            table = self._open[-1]
            if table.pieces is not None and table.length < LONGEST_CELL:
                table.pieces.append(text[:LONGEST_CELL])
                table.length += len(text)

    def _end_cell(self, table: _Table) -> None:
        if table.pieces is None:
            return
        text = " ".join(unescape("".join(table.pieces)).split())
        table.pieces = None
        if not table.rows:
            table.rows.append([])
        row = table.rows[-1]
        if len(row) < MOST_COLUMNS:
            row += [text, *[""] * min(table.span - 1, MOST_COLUMNS)]
            self._cells += table.span
        if self._cells > MOST_CELLS:
            raise too_many_rows()


def spreadsheet_ml(content: bytes) -> Tables:
    """Read the worksheets of SpreadsheetML.

    Raises:
        StatementError: the XML is damaged, has a document type, or is too large.
    """
    handler = _SpreadsheetMl()
    try:
        defusedxml.sax.parseString(content.lstrip(b" \t\r\n"), handler, forbid_dtd=True)
    except DefusedXmlException:
        raise StatementError("document_type", "The XML has a document type or entities.") from None
    except SAXParseException as error:
        raise StatementError(
            "not_well_formed", "The XML breaks off here.", line=error.getLineNumber() or 0
        ) from None
    except (SAXException, ValueError, LookupError):
        raise StatementError("unknown_encoding", "The XML's encoding cannot be read.") from None
    return Tables(handler.tables, has_types=True)


class _SpreadsheetMl(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[tuple[str, list[list[Cell]]]] = []
        self._pieces: list[str] | None = None
        self._length = self._depth = self._cells = 0
        self._type = ""

    def startElement(self, name: str, attrs: "AttributesImpl[Any]") -> None:  # noqa: N802
        attributes = {key.rpartition(":")[2]: attrs[key] for key in attrs.getNames()}
        local = name.rpartition(":")[2]
        if local == "Worksheet":
            if len(self.tables) == MOST_TABLES:
                raise too_many_rows()
            self.tables.append((attributes.get("Name", ""), []))
        elif self.tables and local == "Row":
            self._to(self.tables[-1][1], attributes.get("Index"), MOST_ROWS, list)
            self.tables[-1][1].append([])
        elif self.tables and self.tables[-1][1] and local == "Cell":
            self._to(self.tables[-1][1][-1], attributes.get("Index"), MOST_COLUMNS, str)
            self.tables[-1][1][-1].append("")
        elif local == "Data":
            self._type, self._pieces, self._length = attributes.get("Type", ""), [], 0

    def _to(self, places: list[Any], index: str | None, most: int, empty: type) -> None:
        """Fill up to the place that a row or cell has."""
        place = index if index and re.fullmatch("[0-9]{1,7}", index, re.ASCII) else "0"
        before = min(int(place), most) - 1 - len(places)
        places += [empty() for _ in range(before)]
        self._cells += 1 + max(0, before)
        if len(places) >= most or self._cells > MOST_CELLS:
            raise too_many_rows()

    def endElement(self, name: str) -> None:  # noqa: N802
        if name.rpartition(":")[2] == "Data" and self._pieces is not None:
            row = self.tables[-1][1][-1] if self.tables and self.tables[-1][1] else []
            if row:
                row[-1] = _typed(" ".join("".join(self._pieces).split()), self._type)
            self._pieces = None

    def characters(self, content: str) -> None:
        if self._pieces is not None and self._length < LONGEST_CELL:
            self._pieces.append(content[:LONGEST_CELL])
            self._length += len(content)


def _typed(text: str, kind: str) -> Cell:
    try:
        if kind == "Number":
            return float(text)
        if kind == "DateTime":
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # it stays the text that it is
    return text


def too_many_rows() -> StatementError:
    """Make the error of a table that no statement is as large as."""
    return StatementError("too_many_rows", "The file has too many rows or cells. Split it.")
