"""Lines to records as they are written, by account. Nothing is decided here, nothing dropped."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nestegg_core import StatementError

MOST_RECORDS = 100_000
_MOST_TEXTS = 20

CARD = "ccard"
_BOOKINGS = {"bank", "cash", CARD, "otha", "othl"}
TRADES = "invst"
# Lists of what a program knows; none of them is a booking.
_LISTS = {"cat", "class", "tag", "memorized", "prices", "security", "budget", "template"}
_NAMES = {"bank": "Bank account", "cash": "Cash", CARD: "Card", "otha": "Asset", "othl": "Debt"}
_TYPE = re.compile(r"!type\s*:?\s*(.*)", re.IGNORECASE)
_ACCOUNT = re.compile(r"!account\b", re.IGNORECASE)
_CLEAR = re.compile(r"!clear\s*:\s*autoswitch", re.IGNORECASE)
_ORDER = re.compile(r"!option\s*:\s*(mdy|dmy)\b", re.IGNORECASE)
_FIELDS = frozenset("DTUCNPMALSE$%FXYIQOKVBR/")
_TEXTS = frozenset("PMALSEN")


@dataclass(slots=True)
class Split:
    """A part of a booking."""

    category: str
    memo: str = ""
    amount: str = ""


@dataclass(slots=True)
class Record:
    """A booking as it is written.

    Attributes:
        line: where it begins.
        fields: text by letter.
        splits: its parts.
        address: lines of an address.
        is_broken: its beginning or end is lost, so that what it holds may be another's.
    """

    line: int
    fields: dict[str, str] = field(default_factory=dict)
    splits: list[Split] = field(default_factory=list)
    address: list[str] = field(default_factory=list)
    is_broken: bool = False


@dataclass(slots=True)
class Block:
    """The bookings of one account.

    Attributes:
        name: what the file calls the account; empty where it has no name.
        kind: its type, folded.
    """

    name: str
    kind: str
    records: list[Record] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What the account is called, or what it is."""
        return self.name or _NAMES.get(self.kind, "")


@dataclass(slots=True)
class Records:
    """What a file holds.

    Attributes:
        trades: how many records of securities it has.
        strange: kinds of records that nobody knows; they are taken for bookings.
        is_cut: the last record is not ended.
        order: the order of days, where the file says one: `dmy` or `mdy`.
    """

    blocks: list[Block]
    trades: int = 0
    strange: int = 0
    is_cut: bool = False
    order: str | None = None


def read_records(text: str) -> Records:
    """Return the bookings of a file.

    Raises:
        StatementError: `no_statement`, `too_many_rows`.
    """
    reader = _Reader()
    for number, line in enumerate(_lines(text), 1):
        reader.take(number, line)
    # A last line without an end may be half a line.
    reader.finish(is_whole=text.endswith("\n"))
    found = reader.found
    found.blocks = [one for one in found.blocks if one.records]
    if not found.blocks:
        what = "trades of securities alone" if found.trades else "no bookings"
        raise StatementError(
            "no_statement", f"This is QIF with {what} in it. Export an account's bookings."
        )
    return found


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


class _Reader:
    def __init__(self) -> None:
        self.found = Records([])
        self._blocks: dict[tuple[str, str], Block] = {}
        self._account = ""
        self._kind = "bank"
        self._in_accounts = False
        self._count = 0
        self._record: Record | None = None
        self._last = ""

    def take(self, number: int, line: str) -> None:
        if not line.strip():
            return
        letter, value = line[0], _shown(line[1:])
        if letter == "!":
            self._header(line)
        elif letter == "#" and self._record is None:
            return  # a remark between records
        elif letter == "^":
            self._end()
        elif self._in_accounts:
            if letter == "N":
                self._account = value
        elif self._kind == TRADES or self._kind in _LISTS:
            self._record = self._record or Record(number)
        else:
            self._field(number, letter, value, line)

    def finish(self, *, is_whole: bool) -> None:
        record = self._record
        if record is None:
            return
        self.found.is_cut = True
        record.is_broken = record.is_broken or not is_whole
        self._end()

    def _header(self, line: str) -> None:
        if self._record is not None:
            self._end()
        if _ACCOUNT.match(line):
            self._in_accounts = True
        elif order := _ORDER.match(line):
            self.found.order = order[1].lower()
        elif _CLEAR.match(line):
            self._account, self._in_accounts = "", False
        elif found := _TYPE.match(line):
            self._in_accounts = False
            self._kind = "".join(found[1].lower().split())
            known = _BOOKINGS | _LISTS | {TRADES}
            self.found.strange += self._kind not in known

    def _end(self) -> None:
        record, self._record = self._record, None
        if record is not None and self._kind == TRADES:
            self.found.trades += 1
        self._last = ""

    def _begin(self, number: int) -> Record:
        self._count += 1
        if self._count > MOST_RECORDS:
            detail = f"The file has more than {MOST_RECORDS:,} bookings. Split it."
            raise StatementError("too_many_rows", detail, line=number)
        # Blocks of one account are one; without a name the kind tells accounts apart.
        key = (self._account, "" if self._account else self._kind)
        if key not in self._blocks:
            self._blocks[key] = Block(self._account, self._kind)
            self.found.blocks.append(self._blocks[key])
        record = Record(number)
        self._blocks[key].records.append(record)
        return record

    def _field(self, number: int, letter: str, value: str, line: str) -> None:
        if self._record is None:
            self._record = self._begin(number)
        record, last = self._record, self._last
        if letter not in _FIELDS:  # a text that goes on in the next line
            self._goes_on(record, last, _shown(line))
            return
        self._last = letter
        if letter in "SE$%" or (letter == "T" and record.splits and "T" in record.fields):
            self._split(record, letter, value)
        elif letter == "A":
            if value and len(record.address) < _MOST_TEXTS:
                record.address.append(value)
        elif letter in record.fields:
            # Another day or amount is another booking, of which the border is lost.
            is_same = record.fields[letter] == value and letter != "D"
            record.is_broken |= letter in "DT" and not is_same
        elif value:
            record.fields[letter] = value

    def _split(self, record: Record, letter: str, value: str) -> None:
        if letter == "S":
            if len(record.splits) < MOST_RECORDS:
                record.splits.append(Split(value))
        elif not record.splits:
            record.splits.append(Split("", value if letter == "E" else ""))
            record.splits[-1].amount = value if letter == "$" else ""
        elif letter == "E":
            record.splits[-1].memo = value
        elif letter in "$T":
            record.splits[-1].amount = value

    def _goes_on(self, record: Record, last: str, text: str) -> None:
        if last in _TEXTS and last in record.fields and text:
            record.fields[last] = f"{record.fields[last]} {text}"[:10_000]
        elif not last:
            record.is_broken = True


def _shown(text: str) -> str:
    """Return a text in one line, without what cannot be shown."""
    text = " ".join(text.split())
    if text.isprintable():
        return text
    return "".join(one for one in text if one.isprintable() or one == "\ufffd").strip()
