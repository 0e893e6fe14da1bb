"""Days as QIF has them: `1/31'19`, `2/ 4'19`, `28.02'2009`, `26 Jan 2026`, in either order.

One order holds for the whole file. What no day of the file tells is asked, and never guessed.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "dmy", "mdy", "ymd"
ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
FORMATS = {DAY_FIRST: "%d/%m/%Y", MONTH_FIRST: "%m/%d/%Y", YEAR_FIRST: "%Y-%m-%d"}
_DIRECTIVES = {"d": "d", "m": "m", "b": "m", "B": "m", "y": "y", "Y": "y"}
_LONGEST = 40
_PARTS = re.compile(
    r"(\d{1,4}|[^\W\d_]{3,12}\.?) ?(['/.-]| ) ?(\d{1,2}|[^\W\d_]{3,12}\.?),? ?(['/.-]| ) ?(\d{1,4})"
)
_EIGHT = re.compile(r"(\d\d)(\d\d)(\d{4})|(\d{4})(\d\d)(\d\d)", re.ASCII)
_TIME = re.compile(r"[ T]\d{1,2}:\d\d(:\d\d)?$", re.ASCII)
_MONTHS = (
    ("jan", "gen", "ene"),
    ("feb", "fév", "fev"),
    ("mar", "mär", "mrt", "maa"),
    ("apr", "avr", "abr"),
    ("may", "mai", "mei", "mag", "maj"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "aoû", "aou", "ago"),
    ("sep", "set"),
    ("oct", "okt", "ott", "out"),
    ("nov",),
    ("dec", "dez", "déc", "dic"),
)
_PIVOT = 69
_CENTURY = 100
_YEAR_DIGITS = 4
_MONOTONIC = 5


@dataclass(frozen=True, slots=True)
class Written:
    """A date's three parts, in the order of the file; a month's name is its number.

    Attributes:
        orders: in which orders it may be read, going by its form.
        after_2000: an apostrophe stands before the year.
        dashed: its parts are divided by `-`.
    """

    parts: tuple[int, int, int]
    digits: tuple[int, int, int]
    orders: tuple[str, ...]
    after_2000: bool
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided for the file.

    Attributes:
        order: one of `ORDERS`.
        others: orders that fit as well or nearly, when it has to be asked.
        doubt: why it has to be asked, or what was decided by; empty when the days are clear.
    """

    order: str
    others: tuple[str, ...] = ()
    doubt: str = ""


def order_of(date_format: str) -> str | None:
    """Return the order that a format such as `%d.%m.%Y` means, or None.

    Example:
        >>> order_of("%m/%d/%y"), order_of("%Y-%m-%d"), order_of("day")
        ('mdy', 'ymd', None)
    """
    found = re.findall(r"%-?([A-Za-z])", date_format[:_LONGEST])
    order = "".join(_DIRECTIVES.get(one, "?") for one in found)
    return order if order in ORDERS else None


def scan(text: str) -> Written | None:
    """Take a date apart, or return None where it is none."""
    text = _TIME.sub("", " ".join(text[:_LONGEST].split()))
    if found := _EIGHT.fullmatch(text):
        if _is_year(text[:4]) and date_of((int(text[:4]), int(text[4:6]), int(text[6:]))):
            parts = int(text[:4]), int(text[4:6]), int(text[6:])
            return Written(parts, (4, 2, 2), (YEAR_FIRST,), after_2000=False)
        parts = int(text[:2]), int(text[2:4]), int(text[4:])
        return Written(parts, (2, 2, 4), (DAY_FIRST, MONTH_FIRST), after_2000=False)
    found = _PARTS.fullmatch(text)
    if not found:
        return None
    first, _, second, mark, third = found.groups()
    numbers = [_number(one) for one in (first, second, third)]
    if any(one is None for one in numbers):
        return None
    a, b, c = (one or 0 for one in numbers)
    digits = (len(first), len(second), len(third))
    orders = _orders(first, second, digits)
    return Written((a, b, c), digits, orders, after_2000=mark == "'", dashed=mark == "-")


def _orders(first: str, second: str, digits: tuple[int, int, int]) -> tuple[str, ...]:
    if not first.isdigit():
        return (MONTH_FIRST,)
    if digits[0] == _YEAR_DIGITS:
        return (YEAR_FIRST,)
    if not second.isdigit():
        return (DAY_FIRST,)
    return (DAY_FIRST, MONTH_FIRST) if digits[2] == _YEAR_DIGITS else ORDERS


def _number(part: str) -> int | None:
    if part.isascii() and part.isdigit():
        return int(part)
    name = part.rstrip(".").casefold()
    for month, beginnings in enumerate(_MONTHS, 1):
        if name.startswith(beginnings):
            return month
    return None


def _is_year(text: str) -> bool:
    return text[:2] in {"19", "20", "21"}


def date_of(parts: tuple[int, int, int]) -> date | None:
    """Return the day of year, month and day, or None where the calendar has none."""
    try:
        return date(*parts)
    except ValueError:
        return None


def read(written: Written | None, order: str, *, by_apostrophe: bool) -> date | None:
    """Return the day that a date means in an order.

    Args:
        written: the date; one whose form allows no other order than its own is read in that.
        order: the file's.
        by_apostrophe: apostrophes tell the century in this file, so that a year of two digits
            without one is of the last.
    """
    if written is None:
        return None
    if order not in written.orders:
        if len(written.orders) > 1:
            return None
        order = written.orders[0]
    named = dict(zip(order, zip(written.parts, written.digits, strict=True), strict=True))
    year, digits = named["y"]
    if digits < _YEAR_DIGITS:
        if year >= _CENTURY:
            return None
        is_new = written.after_2000 or (year < _PIVOT and not by_apostrophe)
        year += 2000 if is_new else 1900
    return date_of((year, named["m"][0], named["d"][0]))


def decide(
    blocks: Sequence[Sequence[Written | None]], hints: Iterable[tuple[Written | None, date]]
) -> Choice:
    """Choose the file's order from all its days.

    Args:
        blocks: the dates of each account, in the file's order.
        hints: dates with the day that another field of the record says.
    """
    several = [one for block in blocks for one in block if one and len(one.orders) > 1]
    if not several:
        return Choice(_only(blocks))
    fits = {order: sum(_day(one, order) is not None for one in several) for order in ORDERS}
    usual = [one for one in (DAY_FIRST, MONTH_FIRST) if fits[one] == max(fits.values())]
    if not usual or _year_may_be_first(several, fits):
        others = sorted((DAY_FIRST, MONTH_FIRST), key=lambda one: -fits[one])
        others = [one for one in others if fits[one]]
        if not others:
            return Choice(YEAR_FIRST)
        doubt = "The days fit with the year first, written with two digits, and with it last."
        return Choice(others[0], (*others[1:], YEAR_FIRST), doubt)
    if len(usual) == 1:
        return _judged(usual[0], several)
    if all(_day(one, DAY_FIRST) == _day(one, MONTH_FIRST) for one in several):
        return Choice(DAY_FIRST)
    return _by_evidence(blocks, hints) or _open(several)


def _by_evidence(
    blocks: Sequence[Sequence[Written | None]], hints: Iterable[tuple[Written | None, date]]
) -> Choice | None:
    """Decide by what stands beside the dates where they fit both ways."""
    usual = (DAY_FIRST, MONTH_FIRST)
    hinted = {
        order
        for written, day in hints
        for order in usual
        if written and order in written.orders and _day(written, order) == day
    }
    if len(hinted) == 1:
        return Choice(hinted.pop())
    sorted_by = [order for order in usual if all(_is_sorted(one, order) for one in blocks)]
    longest = max(len({one.parts for one in block if one}) for block in blocks)
    if len(sorted_by) != 1 or longest < _MONOTONIC:
        return None
    word = "day" if sorted_by[0] == DAY_FIRST else "month"
    doubt = f"No day is above 12; read with the {word} first the bookings are in order of time."
    return Choice(sorted_by[0], doubt=doubt)


def _open(several: Sequence[Written]) -> Choice:
    by_quicken = any(one.after_2000 for one in several)
    order, other = (MONTH_FIRST, DAY_FIRST) if by_quicken else (DAY_FIRST, MONTH_FIRST)
    return Choice(order, (other,), "Every date fits with the day first and with the month first.")


def _year_may_be_first(several: Sequence[Written], fits: dict[str, int]) -> bool:
    """Tell where the last part changes like a day, and the first is as steady as a year."""
    if fits[YEAR_FIRST] < len(several):
        return False
    first, last = (len({one.parts[place] for one in several}) for place in (0, 2))
    return last > first or (last == first and all(one.dashed for one in several))


def _only(blocks: Sequence[Sequence[Written | None]]) -> str:
    own = {one.orders[0] for block in blocks for one in block if one}
    return own.pop() if len(own) == 1 else YEAR_FIRST


def _judged(order: str, several: Sequence[Written]) -> Choice:
    """Ask where days speak for the other order, too; a day that fits none speaks for nothing."""
    other = MONTH_FIRST if order == DAY_FIRST else DAY_FIRST
    against = sum(_day(one, other) is not None and _day(one, order) is None for one in several)
    if not against:
        return Choice(order)
    return Choice(order, (other,), f"{against} date(s) fit only in the other order.")


def _day(written: Written, order: str) -> date | None:
    return read(written, order, by_apostrophe=False)


def _is_sorted(block: Sequence[Written | None], order: str) -> bool:
    days = [day for one in block if one and (day := _day(one, order))]
    return days in (sorted(days), sorted(days, reverse=True))
