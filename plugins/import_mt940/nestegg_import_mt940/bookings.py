"""`:61:`, the booking, by our own reading: the mark, the amount and the days decide over money."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from nestegg_core import RowProblem
from nestegg_import_mt940.amounts import LARGEST, nearest_day, read_amount, read_day
from nestegg_import_mt940.fields import Field
from nestegg_import_mt940.texts import clean

_BOOKING = re.compile(
    r"(?P<value>[0-9]{6})(?P<entry>[0-9 ]{4})?\s*"
    # With R before it: what takes back a credit or debit. With E: what is expected.
    r"(?P<mark>R[CD]|E[CD]|[CD])(?P<funds>[A-Z])?\s*"
    r"(?P<amount>-?[0-9.,]{1,40})(?P<kind>[A-Z][A-Z0-9 ]{3})?(?P<rest>.*)",
    re.ASCII,
)
_SIGNS = {"C": 1, "D": -1, "RC": -1, "RD": 1, "EC": 1, "ED": -1}
_NOTHING = re.compile(r"NONREF|NOTPROVIDED|NOREF|STARTUMSE?|0*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking, read by the standard.

    Attributes:
        mark: e.g. `RC`.
        day: when it was booked; None where it cannot be read.
        amount: signed as the standard means it; None where it cannot be read.
        reference: whose reference it was; the bank's is an id.
        details: what the field itself says beside that.
        texts: of the fields that follow.
    """

    line: int
    mark: str = ""
    day: date | None = None
    amount: Decimal | None = None
    reference: str = ""
    external_id: str = ""
    details: str = ""
    texts: tuple[str, ...] = ()
    problems: tuple[RowProblem, ...] = ()

    @property
    def is_reversal(self) -> bool:
        """Whether it takes back an earlier one."""
        return self.mark.startswith("R")

    @property
    def is_expected(self) -> bool:
        """Whether the bank only expects it."""
        return self.mark.startswith("E")


def read_booking(field: Field, currency: str) -> Booking:
    """Read the field of a booking.

    Args:
        field: with the tag 61.
        currency: the account's.
    """
    found = _BOOKING.fullmatch(field.lines[0])
    if not found:
        problem = RowProblem(
            "bad_booking", "is not a day, a mark of debit or credit, and an amount"
        )
        return Booking(field.line, problems=(problem,))
    problems: list[RowProblem] = []
    own, _, bank = found["rest"].partition("//")
    return Booking(
        line=field.line,
        mark=found["mark"],
        day=_day(found, problems),
        amount=_amount(found, currency, problems),
        reference="" if _NOTHING.fullmatch(own.strip()) else clean(own),
        external_id="" if _NOTHING.fullmatch(bank.strip()) else clean(bank),
        details=clean(" ".join(field.lines[1:])),
        problems=tuple(problems),
    )


def _amount(found: re.Match[str], currency: str, problems: list[RowProblem]) -> Decimal | None:
    amount = read_amount(found["amount"], currency)
    if amount is None:
        problems.append(
            RowProblem("bad_amount", "is not a number, or can be read in two ways", "amount")
        )
    elif amount > LARGEST:
        problems.append(RowProblem("out_of_range", "is beyond 100,000,000,000,000", "amount"))
    return None if amount is None else amount * _SIGNS[found["mark"]]


def _day(found: re.Match[str], problems: list[RowProblem]) -> date | None:
    """Take the booking day, whose year is that of the value day or the next one to it."""
    value, entry = found["value"], (found["entry"] or "").strip()
    day = read_day(value)
    if entry:
        # Interest is valued on the thirtieth of February: the month alone says the year as well.
        near = day or read_day(f"{value[:4]}01")
        day = nearest_day(entry.replace(" ", "0").rjust(4, "0"), near) if near else None
    if day is None:
        problems.append(RowProblem("bad_date", "is not a date of the calendar", "date"))
    return day
