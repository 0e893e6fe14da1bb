"""Dates: one order of day, month and year for the whole file.

A cell is first taken apart into its three parts, which says nothing yet about their order. The
order that explains most cells of the file is taken, and is never changed for a single row.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from nestegg_core.errors import StatementError

# English, German, French, Spanish, Italian, Dutch, Polish; without accents, by their first
# letters: each is recognised from what stands here on.
_MONTH_STARTS = (
    ("jan", "ene", "gen", "sty"),
    ("feb", "fev", "lut"),
    ("mar", "maa", "mrt", "mrz"),
    ("apr", "avr", "abr", "kwi"),
    ("may", "mai", "mag", "mei", "maj"),
    ("jun", "juin", "giu", "cze"),
    ("jul", "juil", "lug", "lip"),
    ("aug", "aou", "ago", "sie"),
    ("sep", "set", "wrz"),
    ("oct", "okt", "ott", "paz"),
    ("nov", "lis"),
    ("dec", "dez", "dic", "gru"),
)
_MONTHS = {start: month for month, names in enumerate(_MONTH_STARTS, 1) for start in names}
_TIME = re.compile(r"(?:\s*T\s*|[\s,]+)[0-9]{1,2}[:.][0-9]{2}(?![0-9]).*$", re.DOTALL)
_PART = r"([0-9]{1,4}|[^\W\d_]{3,12})"
_GAP = r"([-/.,'\u2019\s]{1,3})"
_SHAPE = re.compile(rf"{_PART}{_GAP}{_PART}{_GAP}{_PART}([./]?)")
_COMPACT = re.compile(r"[0-9]{8}")
_DAY = re.compile(r"0?[1-9]|[12][0-9]|3[01]")
_MONTH = re.compile(r"0?[1-9]|1[0-2]")
_YEAR = re.compile(r"(?:19|20|21)[0-9]{2}|[0-9]{2}")
_FORMAT = re.compile(r"(?:%-?[A-Za-z]|[-/.,:' T]){1,30}")
_LONGEST = 60
_LONGEST_ABBREVIATION = 4
_CENTURY = 100
_PIVOT = 69  # two-digit years as POSIX strptime reads them: 69-99 are 1969-1999
_FEWEST_ORDERED = 3
_ORDERS = ("dmy", "mdy", "ymd")


@dataclass(frozen=True, slots=True)
class Parts:
    values: tuple[str, str, str]
    gaps: tuple[str, str, str]


_Ways = tuple[Parts, ...]


@dataclass(frozen=True, slots=True)
class DateFormat:
    """The file's order of day, month and year, and the format as `strptime` would write it."""

    order: str
    text: str


def take_apart(cell: str) -> _Ways:
    """Split a cell into the parts of a date; several ways for eight bare digits, none for text."""
    text = cell.strip()
    if not text or len(text) > _LONGEST:
        return ()
    return _split(text) or _split(_TIME.sub("", text))


def _split(text: str) -> _Ways:
    if _COMPACT.fullmatch(text):
        year_first = Parts((text[:4], text[4:6], text[6:]), ("", "", ""))
        year_last = Parts((text[:2], text[2:4], text[4:]), ("", "", ""))
        return tuple(p for p in (year_first, year_last) if any(_fits(p, o) for o in _ORDERS))
    match = _SHAPE.fullmatch(text)
    if not match:
        return ()
    a, gap_1, b, gap_2, c, end = match.groups()
    parts = Parts((a, b, c), (gap_1, gap_2, end))
    named = sum(not value[0].isdecimal() for value in parts.values)
    good = named == 0 or (named == 1 and any(_month(value) for value in parts.values))
    return (parts,) if good else ()


def looks_like_date(cell: str) -> bool:
    return any(_fits(parts, order) for parts in take_apart(cell) for order in _ORDERS)


def read_date(cell: str, order: str) -> date | None:
    """Return None for what is no date in this order, or not in the calendar."""
    return to_date(take_apart(cell), order)


def to_date(ways: _Ways, order: str) -> date | None:
    for parts in ways:
        if _fits(parts, order):
            year, month, day = _numbers(parts, order)
            try:
                return date(year, month, day)
            except ValueError:
                return None
    return None


def choose_format(cells: Sequence[str], *, day_first: bool) -> tuple[DateFormat, str]:
    """Choose the order that explains most cells; return also a warning where it is in doubt.

    `cells` stand in the file's order. `day_first`: delimiter or decimal comma speak for it.
    """
    ways = {cell: take_apart(cell) for cell in dict.fromkeys(cells)}
    distinct = [way for way in ways.values() if way]
    counts = {o: sum(any(_fits(p, o) for p in way) for way in distinct) for o in _ORDERS}
    tied = [order for order in _ORDERS if counts[order] == max(counts.values())]
    dotted = any(parts.gaps[0].strip() == "." for way in distinct for parts in way)
    if "ymd" in tied and len(tied) > 1:
        # Two-digit years on either side: statements cover months, not decades.
        if not dotted and _span(distinct, "ymd") < min(_span(distinct, o) for o in tied[:-1]):
            return _doubtful(distinct, "ymd", tied[0])
        tied.pop()
    if tied != ["dmy", "mdy"]:
        return _format(distinct, tied[0]), ""
    readings = [{to_date(way, order) for way in distinct} for order in tied]
    if dotted or readings[0] == readings[1]:
        return _format(distinct, "dmy"), ""
    rows = [ways[cell] for cell in cells]
    ordered = [order for order in tied if _is_ordered(rows, order)]
    if len(ordered) == 1:
        return _format(distinct, ordered[0]), ""
    return (_format(distinct, "dmy"), "") if day_first else _doubtful(distinct, "dmy", "mdy")


def _doubtful(distinct: Sequence[_Ways], taken: str, other: str) -> tuple[DateFormat, str]:
    chosen, left = _format(distinct, taken), _format(distinct, other)
    return chosen, (
        f"Every date can be read as {chosen.text} and as {left.text}; {chosen.text} was taken."
        " Look at the dates, and set `date_format` if they are wrong."
    )


def _span(distinct: Sequence[_Ways], order: str) -> timedelta:
    days = [day for day in (to_date(way, order) for way in distinct) if day]
    return max(days) - min(days) if days else timedelta.max


def _is_ordered(rows: Sequence[_Ways], order: str) -> bool:
    """Tell whether the rows rise or fall throughout; two dates always do, so they do not count."""
    days = [day for day in (to_date(way, order) for way in rows) if day]
    if len(set(days)) < _FEWEST_ORDERED:
        return False
    pairs = list(pairwise(days))
    return all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)


def parse_format(text: str) -> DateFormat:
    letters = {"d": "d", "e": "d", "m": "m", "b": "m", "B": "m", "y": "y", "Y": "y"}
    found = re.findall(r"%-?([A-Za-z])", text[:_LONGEST])
    order = "".join(letters[directive] for directive in found if directive in letters)
    if order not in _ORDERS or not _FORMAT.fullmatch(text):
        raise StatementError(
            "bad_option",
            "`date_format` names day, month and year, as in %d.%m.%Y, %m/%d/%y or %Y-%m-%d.",
            option="date_format",
        )
    return DateFormat(order, text)


def _format(distinct: Sequence[_Ways], order: str) -> DateFormat:
    parts = next((p for way in distinct for p in way if _fits(p, order)), None)
    if parts is None:
        return DateFormat(order, {"dmy": "%d/%m/%Y", "mdy": "%m/%d/%Y", "ymd": "%Y-%m-%d"}[order])
    text = ""
    for letter, value, gap in zip(order, parts.values, parts.gaps, strict=True):
        if letter == "y":
            directive = "%y" if int(value) < _CENTURY else "%Y"
        elif value[0].isdecimal():
            directive = f"%{letter}"
        else:
            directive = "%b" if len(value) <= _LONGEST_ABBREVIATION else "%B"
        bare = gap.strip().replace("\u2019", "'")
        text += directive + (bare if bare not in ("", ",", ".") else re.sub(r"\s+", " ", gap))
    return DateFormat(order, text)


def _fits(parts: Parts, order: str) -> bool:
    """Tell whether the parts can be day, month and year in this order, 31 February included."""
    named = dict(zip(order, parts.values, strict=True))
    if not (_DAY.fullmatch(named["d"]) and _YEAR.fullmatch(named["y"])):
        return False
    return bool(_MONTH.fullmatch(named["m"]) or _month(named["m"]))


def _numbers(parts: Parts, order: str) -> tuple[int, int, int]:
    named = dict(zip(order, parts.values, strict=True))
    year = int(named["y"])
    if year < _CENTURY:
        year += 1900 if year >= _PIVOT else 2000
    month = int(named["m"]) if named["m"].isdecimal() else _month(named["m"])
    return year, month, int(named["d"])


def _month(name: str) -> int:
    plain = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(c for c in plain if c.isalpha())
    return _MONTHS.get(letters[:4]) or _MONTHS.get(letters[:3]) or 0
