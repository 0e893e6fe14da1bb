"""XML to the reports of a message, element by element: no more than one entry is held as a tree.

Names are taken without their namespace, and nothing is validated against a schema: banks declare
one version and send the shape of another.
"""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, Locator

import defusedxml.sax
from defusedxml import DefusedXmlException

from nestegg_core import StatementError
from nestegg_import_camt.entries import Entry, read_entry
from nestegg_import_camt.heads import Head, read_head
from nestegg_import_camt.nodes import Node

MOST_ENTRIES = 100_000
MOST_DEPTH = 100
MOST_PARTS = 5_000  # of an entry; of a batch's thousands of payments the first few give texts
MOST_REPORTS = 10_000

KINDS = {
    "BkToCstmrAcctRpt": "camt.052",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
}
_REPORTS = frozenset({"Rpt", "Stmt", "Ntfctn"})
# Half of a large file: addresses, agents, and what else says nothing about a booking.
_NOT_READ = frozenset(
    {"PstlAdr", "RltdAgts", "Svcr", "DbtrAcct", "CdtrAcct", "Avlbty", "RltdDts", "CtctDtls", "Purp"}
)
_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._-]+)")


@dataclass(slots=True)
class Report:
    """A report, statement or notification: one account, and a day or so.

    Attributes:
        kind: e.g. `camt.053`.
        line: where it begins.
        head: what it says beside its entries.
    """

    kind: str
    line: int
    head: Head = field(default_factory=Head)
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Message:
    """What a document holds, and whether its bytes were not what it declares."""

    reports: list[Report]
    recoded: bool = False


def read_message(content: bytes) -> Message:
    """Read a document.

    Raises:
        StatementError: it is no XML, has a document type, or is too large.
    """
    start = len(content) - len(content.lstrip(b" \t\r\n"))
    above = content.count(b"\n", 0, start)
    content = content[start:]
    try:
        return Message(_parse(content, above))
    except StatementError as error:
        if error.code != "not_well_formed" or not _is_utf8_by_name_alone(content):
            raise
    return Message(_parse(content.decode("cp1252", "replace").encode(), above), recoded=True)


def _is_utf8_by_name_alone(content: bytes) -> bool:
    declared = _DECLARED.match(content.removeprefix(codecs.BOM_UTF8))
    if declared and declared[1].lower() not in {b"utf-8", b"utf8"}:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return False


def _parse(content: bytes, above: int) -> list[Report]:
    handler = _Handler(above)
    try:
        defusedxml.sax.parseString(content, handler, forbid_dtd=True)
    except DefusedXmlException:
        raise StatementError(
            "document_type",
            "The XML has a document type or entities, which no bank's statement needs.",
        ) from None
    except SAXParseException as error:
        raise StatementError(
            "not_well_formed",
            "The XML breaks off or is damaged here. Download the statement again.",
            line=(error.getLineNumber() or 0) + above,
        ) from None
    except (SAXException, ValueError, LookupError):
        raise StatementError(
            "unknown_encoding", "The XML declares an encoding that cannot be read."
        ) from None
    return handler.reports


class _Handler(ContentHandler):
    """Collects reports. Where nothing is to be kept, None stands for the element."""

    def __init__(self, above: int) -> None:
        super().__init__()
        self.reports: list[Report] = []
        self._above = above
        self._line: Callable[[], int | None] = lambda: 1
        self._open: list[Node | None] = []
        self._kind = ""
        self._report_depth = self._entry_depth = 0
        self._head_parts = self._entry_parts = self._entries = 0

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802 - the base's name
        self._line = locator.getLineNumber

    def startElement(self, name: str, attrs: "AttributesImpl[Any]") -> None:  # noqa: N802
        local = name.rpartition(":")[2]
        depth = len(self._open) + 1
        if depth > MOST_DEPTH:
            raise StatementError("too_deep", "The XML is nested too deep.", line=self._here())
        if local in KINDS and not self._kind:
            self._kind = KINDS[local]
        if self._kind and not self._report_depth and local in _REPORTS:
            self._begin_report(depth)
            return
        if self._report_depth == depth - 1 and local == "Ntry":
            self._entry_depth, self._entry_parts = depth, 0
        self._open.append(self._kept(local, attrs, depth))

    def endElement(self, name: str) -> None:  # noqa: N802
        depth = len(self._open)
        node = self._open.pop()
        if depth == self._report_depth and node is not None:
            self._report_depth = 0
            self.reports[-1].head = read_head(node)
        elif depth == self._entry_depth and node is not None:
            self._entry_depth = 0
            self._end_entry(node)
        elif not self._report_depth and name.rpartition(":")[2] in KINDS:
            self._kind = ""

    def characters(self, content: str) -> None:
        if self._open and (node := self._open[-1]) is not None:
            node.add(content)

    def _begin_report(self, depth: int) -> None:
        if len(self.reports) == MOST_REPORTS:
            raise StatementError(
                "too_many_statements", f"The file has more than {MOST_REPORTS:,} statements."
            )
        line = self._here()
        self.reports.append(Report(self._kind, line))
        self._report_depth, self._head_parts = depth, 0
        self._open.append(Node(line))

    def _kept(self, local: str, attrs: "AttributesImpl[Any]", depth: int) -> Node | None:
        parent = self._open[-1] if self._report_depth else None
        if parent is None or local in _NOT_READ or not self._has_room(parent, depth):
            return None
        if depth == self._entry_depth:
            return Node(self._here())
        node = Node(currency=attrs.get("Ccy", "") if local == "Amt" else "")
        parent.children.setdefault(local, []).append(node)
        return node

    def _has_room(self, parent: Node, depth: int) -> bool:
        if not self._entry_depth:
            self._head_parts += 1
            return self._head_parts <= MOST_PARTS
        self._entry_parts += 1
        # What an entry says itself stands after its details as well, and is never left out.
        if self._entry_depth != depth - 1:
            return self._entry_parts <= MOST_PARTS
        parent.parts += 1
        parent.is_cut = parent.parts > MOST_PARTS
        return not parent.is_cut

    def _end_entry(self, node: Node) -> None:
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise StatementError(
                "too_many_rows",
                f"The file has more than {MOST_ENTRIES:,} entries. Split it.",
                line=node.line,
            )
        head = self._open[-1]
        owner = head.text("Acct", "Ownr", "Nm") if head else ""
        self.reports[-1].entries.append(read_entry(node, owner))

    def _here(self) -> int:
        return (self._line() or 1) + self._above
