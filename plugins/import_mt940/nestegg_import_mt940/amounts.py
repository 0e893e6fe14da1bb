"""Amounts and days as MT940 writes them, and a few banks."""

import re
from datetime import date
from decimal import Decimal

DECIMALS = 4
LARGEST = Decimal(10) ** 14
_PLACES = {
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_USUAL_PLACES = 2
_GROUP = 3
_COMMA = re.compile(r"([0-9]{0,20}),([0-9]{0,20})", re.ASCII)
_POINT = re.compile(r"([0-9]{0,20})\.([0-9]{0,20})", re.ASCII)
_WHOLE = re.compile(r"([0-9]{1,20})()", re.ASCII)
_GROUPED = (
    re.compile(r"([0-9]{1,3}(?:\.[0-9]{3})+),([0-9]{0,20})", re.ASCII),
    re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+)\.([0-9]{0,20})", re.ASCII),
)
_CENTURY, _LAST_OF_CENTURY = 2000, 79
_LEAP_YEARS_APART = 4


def read_amount(text: str, currency: str) -> Decimal | None:
    """Read an amount without a sign; None where it is none or can be read in two ways.

    The comma is the decimal mark, and only banks that break the rules write a point. Three digits
    behind either may be thousands, where the currency has fewer decimals.

    Example:
        >>> read_amount("1250,5", "EUR"), read_amount("10.55", "EUR"), read_amount("1.250", "EUR")
        (Decimal('1250.5'), Decimal('10.55'), None)
    """
    for form in (_COMMA, _POINT, _WHOLE, *_GROUPED):
        found = form.fullmatch(text)
        if found:
            whole, decimals = re.sub("[.,]", "", found[1]), found[2]
            break
    else:
        return None
    if not whole and not decimals:
        return None
    places = _PLACES.get(currency, _USUAL_PLACES)
    may_be_thousands = len(decimals) == _GROUP > places and int(whole or 0)
    if may_be_thousands or len(decimals.rstrip("0")) > places:
        return None
    return Decimal(f"{whole or 0}.{decimals[:DECIMALS]}".rstrip("."))


def read_day(text: str) -> date | None:
    """Read YYMMDD; None where there is no such day."""
    year = int(text[:2])
    century = _CENTURY if year <= _LAST_OF_CENTURY else _CENTURY - 100
    return _day(century + year, text[2:])


def nearest_day(text: str, to: date) -> date | None:
    """Read MMDD in the year in which it is nearest to a day; None where there is no such day.

    Example:
        >>> str(nearest_day("1231", date(2027, 1, 2)))
        '2026-12-31'
    """
    years = range(to.year - _LEAP_YEARS_APART, to.year + _LEAP_YEARS_APART + 1)
    days = [day for year in years if (day := _day(year, text))]
    return min(days, key=lambda day: abs(day - to), default=None)


def _day(year: int, text: str) -> date | None:
    try:
        return date(year, int(text[:2]), int(text[2:]))
    except ValueError:
        return None
