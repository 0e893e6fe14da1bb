"""Tags to bookings as they are written, by account. Nothing is decided here, and nothing dropped.

An element closes at the next tag; an aggregate that is not closed closes with its parent, or when
another of its kind begins. Where the beginning or end of a booking is lost, the booking says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from nestegg_core import StatementError
from nestegg_import_ofx.tags import Tag


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MOST_ENTRIES = 100_000
_MOST_TEXTS = 20

BANK, CARD, INVESTMENT, UNKNOWN = "bank", "card", "investment", ""
_STATEMENTS = {"STMTRS": BANK, "CCSTMTRS": CARD, "INVSTMTRS": INVESTMENT}
_ACCOUNTS = {"BANKACCTFROM": BANK, "CCACCTFROM": CARD, "INVACCTFROM": INVESTMENT}
_ENTRIES = {"STMTTRN", "STMTTRNP"}
_TRADES = _words(
    "BUYDEBT BUYMF BUYOPT BUYOTHER BUYSTOCK CLOSUREOPT INCOME INVEXPENSE JRNLFUND JRNLSEC "
    "MARGININTEREST REINVEST RETOFCAP SELLDEBT SELLMF SELLOPT SELLOTHER SELLSTOCK SPLIT "
    "TRANSFER"
)
_ADDRESS = _words("ADDR1 ADDR2 ADDR3 CITY STATE POSTALCODE COUNTRY PHONE")
_ACCOUNT_PARTS = _words("BANKID BRANCHID BROKERID ACCTID ACCTTYPE ACCTKEY")
# Aggregates that hold elements alone: one that is none of these tells that the end tag is missing.
_HOLDS = {
    "CURRENCY": frozenset({"CURRATE", "CURSYM"}),
    "ORIGCURRENCY": frozenset({"CURRATE", "CURSYM"}),
    "PAYEE": _ADDRESS | {"NAME"},
    "BANKACCTTO": _ACCOUNT_PARTS,
    "CCACCTTO": _ACCOUNT_PARTS,
    "LEDGERBAL": frozenset({"BALAMT", "DTASOF"}),
    "AVAILBAL": frozenset({"BALAMT", "DTASOF"}),
    "BAL": _words("NAME DESC BALTYPE VALUE DTASOF CURRATE CURSYM"),
    "STATUS": frozenset({"CODE", "SEVERITY", "MESSAGE"}),
    "IMAGEDATA": _words(
        "IMAGETYPE IMAGEREF IMAGEREFTYPE IMAGEDELAY DTIMAGEAVAIL IMAGETTL CHECKSUP"
    ),
    **dict.fromkeys(_ACCOUNTS, _ACCOUNT_PARTS),
}
_AGGREGATES = _words(
    "OFX BANKMSGSRSV1 CREDITCARDMSGSRSV1 INVSTMTMSGSRSV1 STMTTRNRS CCSTMTTRNRS "
    "INVSTMTTRNRS BANKTRANLIST BANKTRANLISTP INVTRANLIST INVBANKTRAN INVBAL BALLIST"
) | {*_HOLDS, *_STATEMENTS, *_ENTRIES, *_TRADES}
_BESIDE = {"STATUS", "LEDGERBAL", "AVAILBAL", "BAL", "IMAGEDATA", *_ACCOUNTS}
_ANSWERS = ("STMTTRNRS", "CCSTMTTRNRS", "INVSTMTTRNRS")
_MAY_BE_ELEMENTS = {"CURRENCY", "ORIGCURRENCY", "PAYEE", "TRANSFER", "INCOME", "SPLIT"}
# Two of these in one booking are two bookings, of which the border is lost.
_ONCE = {"TRNTYPE", "DTPOSTED", "DTTRAN", "TRNAMT", "FITID"}
_FIELDS = _ONCE | _words(
    "DTUSER DTAVAIL CORRECTFITID CORRECTACTION CHECKNUM REFNUM NAME EXTDNAME MEMO"
)
_OF_NO_USE = _words("SRVRTID SIC PAYEEID INV401KSOURCE SUBACCTFUND CURRATE CURSYM")


@dataclass(slots=True)
class Entry:
    """A booking as it is written.

    Attributes:
        line: where it begins.
        is_pending: it stands in a list of pending ones.
        is_broken: its beginning or end is lost, so that what it holds may be another's.
        fields: text by element.
        currency: what stands in `CURRENCY`: the amount is in it.
        original: what stands in `ORIGCURRENCY`: the amount was in it.
        texts: further texts.
    """

    line: int
    is_pending: bool = False
    is_broken: bool = False
    fields: dict[str, str] = field(default_factory=dict)
    currency: dict[str, str] = field(default_factory=dict)
    original: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Block:
    """A statement of one account, as it is written.

    Attributes:
        trades: how many bookings of securities it has.
    """

    kind: str
    account: dict[str, str] = field(default_factory=dict)
    currency: str = ""
    balance: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    trades: int = 0


@dataclass(slots=True)
class Blocks:
    """What a file holds.

    Attributes:
        failed: how many requests the bank did not answer with a statement.
        is_cut: the file ends before its end.
    """

    blocks: list[Block]
    failed: int = 0
    is_cut: bool = False


def read_blocks(tags: Iterable[Tag]) -> Blocks:
    """Return the statements of a file.

    Raises:
        StatementError: `no_statement`, `too_many_rows`.
    """
    reader = _Reader()
    for tag in tags:
        reader.take(tag)
    is_cut = reader.finish()
    found = [one for one in reader.blocks if one.entries or one.account or one.balance]
    if not found:
        detail = "This is OFX without a statement in it"
        if reader.failed:
            detail += ": the bank answers that it failed"
        raise StatementError("no_statement", f"{detail}. Download the account's bookings.")
    return Blocks(found, reader.failed, is_cut)


class _Reader:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.failed = 0
        self._count = 0
        self._open: list[str] = []
        self._block: Block | None = None
        self._entry: Entry | None = None

    def take(self, tag: Tag) -> None:
        if tag.is_end:
            self._end(tag.name)
        elif tag.name in _AGGREGATES and not (tag.value and tag.name in _MAY_BE_ELEMENTS):
            self._begin(tag)
        elif tag.value:
            self._element(tag)

    def finish(self) -> bool:
        """Tell whether the file is cut off; of its last booking a part may be missing then."""
        if self._entry is not None:
            self._entry.is_broken = True
        return bool({"OFX", *_STATEMENTS, *_ENTRIES} & set(self._open))

    def _end(self, name: str) -> None:
        if name not in self._open:
            return
        while self._open:
            last = self._open.pop()
            if last in _ENTRIES:
                self._entry = None
            elif last in _STATEMENTS:
                self._block = self._entry = None
            if last == name:
                return

    def _begin(self, tag: Tag) -> None:
        self._end(tag.name)  # none holds another of its kind
        if tag.name in _ENTRIES:
            for other in _ENTRIES:
                self._end(other)
            self._new_entry(tag.line)
        elif tag.name in _STATEMENTS:
            for other in _STATEMENTS:
                self._end(other)
            self._new_block(_STATEMENTS[tag.name])
        elif tag.name in _ACCOUNTS and self._block is not None:
            if self._block.account:
                self._new_block(_ACCOUNTS[tag.name])
            self._block.kind = self._block.kind or _ACCOUNTS[tag.name]
        elif tag.name in _TRADES and "INVTRANLIST" in self._open:
            self._entry = None
            self._in_block().trades += 1
        self._open.append(tag.name)

    def _new_block(self, kind: str) -> Block:
        block = Block(kind)
        self.blocks.append(block)
        self._block, self._entry = block, None
        return block

    def _in_block(self) -> Block:
        return self._block or self._new_block(UNKNOWN)

    def _new_entry(self, line: int, *, is_broken: bool = False) -> Entry:
        self._count += 1
        if self._count > MOST_ENTRIES:
            detail = f"The file has more than {MOST_ENTRIES:,} bookings. Split it."
            raise StatementError("too_many_rows", detail, line=line)
        pending = "BANKTRANLISTP" in self._open or self._open[-1:] == ["STMTTRNP"]
        entry = Entry(line, is_pending=pending, is_broken=is_broken)
        self._in_block().entries.append(entry)
        self._entry = entry
        return entry

    def _element(self, tag: Tag) -> None:
        while self._open and tag.name not in _HOLDS.get(self._open[-1], {tag.name}):
            self._open.pop()
        inside = self._open[-1] if self._open else ""
        if inside in _BESIDE:
            self._beside(inside, tag)
        elif tag.name == "CURDEF":
            self._curdef(tag.value)
        elif self._entry is not None:
            _into(self._entry, inside, tag)
        elif tag.name in {"TRNTYPE", "DTPOSTED", "TRNAMT"}:
            _into(self._new_entry(tag.line, is_broken=True), inside, tag)

    def _beside(self, inside: str, tag: Tag) -> None:
        """Take an element that is of no booking."""
        if inside == "STATUS" and tag.name == "CODE" and tag.value.strip("0"):
            self.failed += any(one in self._open for one in _ANSWERS)
        elif self._block is not None and inside in _ACCOUNTS:
            self._block.account.setdefault(tag.name, tag.value)
        elif self._block is not None and inside == "LEDGERBAL":
            self._block.balance.setdefault(tag.name, tag.value)

    def _curdef(self, value: str) -> None:
        block = self._block
        if block is None or block.currency:
            block = self._new_block(UNKNOWN if block is None else block.kind)
        block.currency = value


def _into(entry: Entry, inside: str, tag: Tag) -> None:
    name, value = tag.name, tag.value
    if inside in {"CURRENCY", "ORIGCURRENCY"}:
        (entry.currency if inside == "CURRENCY" else entry.original).setdefault(name, value)
    elif name in {"CURRENCY", "ORIGCURRENCY"}:
        (entry.currency if name == "CURRENCY" else entry.original).setdefault("CURSYM", value)
    elif inside in {"BANKACCTTO", "CCACCTTO"}:
        if name == "ACCTID":
            entry.texts.append(f"Account {value}")
    elif name == "PAYEE" or (inside == "PAYEE" and name == "NAME"):
        entry.fields.setdefault("PAYEE", value)
    elif name in _ONCE and name in entry.fields:
        entry.is_broken = True
    elif name in _FIELDS and name not in entry.fields:
        entry.fields[name] = value
    elif name not in _OF_NO_USE and len(entry.texts) < _MOST_TEXTS:
        entry.texts.append(value)
