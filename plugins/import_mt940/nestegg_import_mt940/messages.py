"""Fields to messages: the bookings of one account between two balances, or of part of a day."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from nestegg_core import StatementError
from nestegg_import_mt940.amounts import read_amount
from nestegg_import_mt940.bookings import Booking, read_booking
from nestegg_import_mt940.fields import Field

MOST_BOOKINGS = 100_000
MOST_MESSAGES = 20_000
MOST_TEXTS = 100  # lines of a booking
_BALANCE = re.compile(r"([CD])\s*(?:[0-9]{6}\s*([A-Z]{3})?|([A-Z]{3}))\s*([0-9.,]+)", re.ASCII)
_FLOOR = re.compile(r"([A-Z]{3})[CD]?\s*[0-9.,]*", re.ASCII)
_SUM = re.compile(r"([0-9]{1,9})\s*([A-Z]{3})\s*([0-9.,]+)", re.ASCII)
_APPENDED_CURRENCY = re.compile(r"(.*[0-9])[\s/]*([A-Z]{3})", re.ASCII)
_BEFORE_IBAN = re.compile(r"[A-Z0-9]{8}(?:[A-Z0-9]{3})?/(?=[A-Z]{2}[0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sum:
    """How many bookings there are of one direction, and what they make up."""

    count: int
    amount: Decimal


@dataclass(slots=True)
class Message:
    """A message, or a page of one.

    Attributes:
        line: where it begins.
        number: the account's, without a currency behind it.
        currency: empty where nothing says it.
        has_opening: whether there is an opening balance, readable or not.
        is_interim: whether it is an MT942.
        is_closed: whether there is a closing balance, readable or not.
        sums: those of debits and of credits that an MT942 tells.
        information: lines of what has no amount, and is no booking.
    """

    line: int
    number: str = ""
    currency: str = ""
    opening: Decimal | None = None
    closing: Decimal | None = None
    has_opening: bool = False
    is_interim: bool = False
    is_closed: bool = False
    sums: dict[str, Sum] = field(default_factory=dict)
    bookings: list[Booking] = field(default_factory=list)
    information: list[int] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing that makes up a statement has been found in it."""
        return not (
            self.has_opening
            or self.is_closed
            or self.is_interim
            or self.bookings
            or self.information
        )


def read_messages(found: Iterable[Field]) -> list[Message]:
    """Read the fields of a file.

    Raises:
        StatementError: there are more bookings or messages than any file has.
    """
    reader = _Reader()
    for one in found:
        reader.take(one)
    return [_finished(message) for message in reader.messages if not message.is_empty]


class _Reader:
    """Puts one field after the other where it belongs."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._message: Message | None = None
        self._booked: Message | None = None  # whose last booking the next text is of
        self._bookings = 0
        self._takes = {
            "": self._end,
            "20": self._begin,
            "25": self._account,
            "34": self._floor,
            "60": self._opening,
            "61": self._booking,
            "62": self._closing,
            "86": self._text,
            "90": self._sum,
            "NS": self._text,
        }

    def take(self, one: Field) -> None:
        """Read a field; one of another kind says nothing about money."""
        take = self._takes.get(one.tag[:2])
        if take != self._text:
            self._booked = None
        if take:
            take(one)

    def _end(self, one: Field) -> None:
        del one
        # A line of one dash may be part of a text as well.
        if self._message and (self._message.is_closed or self._message.is_interim):
            self._message = None

    def _begin(self, one: Field) -> None:
        if len(self.messages) == MOST_MESSAGES:
            raise StatementError(
                "too_many_statements", f"The file has more than {MOST_MESSAGES:,} statements."
            )
        self._message = Message(one.line)
        self.messages.append(self._message)

    def _open(self, one: Field) -> Message:
        if self._message is None:
            self._begin(one)
        return self._message or self.messages[-1]

    def _account(self, one: Field) -> None:
        if not self._open(one).is_empty:
            self._begin(one)
        number = one.lines[0].strip().strip("/")
        self._open(one).number = _BEFORE_IBAN.sub("", number, count=1)

    def _floor(self, one: Field) -> None:
        message = self._open(one)
        message.is_interim = True
        if floor := _FLOOR.match(one.lines[0]):
            message.currency = floor[1]

    def _opening(self, one: Field) -> None:
        before = self._open(one)
        if not before.is_empty:
            self._begin(one)
            self._open(one).number = before.number
        message = self._open(one)
        message.currency, message.opening = _balance(one, "")
        message.has_opening = True

    def _closing(self, one: Field) -> None:
        message = self._open(one)
        currency, message.closing = _balance(one, message.currency)
        message.currency = message.currency or currency
        message.is_closed = True

    def _sum(self, one: Field) -> None:
        message = self._open(one)
        message.is_interim = True
        found = _SUM.fullmatch(one.lines[0].strip())
        amount = read_amount(found[3], found[2]) if found else None
        if found and amount is not None:
            message.currency = message.currency or found[2]
            message.sums[one.tag[2:]] = Sum(int(found[1]), amount)

    def _booking(self, one: Field) -> None:
        self._bookings += 1
        if self._bookings > MOST_BOOKINGS:
            raise StatementError(
                "too_many_rows",
                f"The file has more than {MOST_BOOKINGS:,} bookings. Split it.",
                line=one.line,
            )
        message = self._open(one)
        booking = read_booking(one, message.currency)
        if booking.problems or booking.amount:
            message.bookings.append(booking)
            self._booked = message
        elif message.bookings and message.bookings[-1].day == booking.day:
            self._booked = message  # it carries on the text of the one before
        else:
            message.information.append(one.line)

    def _text(self, one: Field) -> None:
        if self._booked is None:
            return
        booking = self._booked.bookings[-1]
        if len(booking.texts) == MOST_TEXTS:
            return
        texts = (*booking.texts, *one.lines)[:MOST_TEXTS]
        self._booked.bookings[-1] = replace(booking, texts=texts)


def _balance(one: Field, known: str) -> tuple[str, Decimal | None]:
    """Read currency and signed amount of a balance; a debt is negative.

    Args:
        one: of an opening or closing balance.
        known: the currency, where this one need not say it again.
    """
    found = _BALANCE.fullmatch(one.lines[0].strip())
    if not found:
        return "", None
    currency = found[2] or found[3] or known
    amount = read_amount(found[4], currency)
    return currency, -amount if amount is not None and found[1] == "D" else amount


def _finished(message: Message) -> Message:
    """Take the currency from behind the account's number, where some banks write it."""
    appended = _APPENDED_CURRENCY.fullmatch(message.number)
    if appended and message.currency in {"", appended[2]}:
        message.number, message.currency = appended[1].rstrip(), appended[2]
    return message
