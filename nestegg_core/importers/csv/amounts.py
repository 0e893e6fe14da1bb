"""Signs: where the direction of an amount stands in a column of its own."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from iso4217 import Currency

from nestegg_core.importers.csv.vocabulary import IN_WORDS, OUT_WORDS, key

_SIGNS = frozenset("-\u2212\u2013\u2012\u2010")


def direction(cell: str) -> int:
    """Read a cell of a sign column: 1 is money in, -1 is money out, 0 is no such word.

    Example:
        >>> direction("debit"), direction("Haben"), direction("+"), direction("transfer")
        (-1, 1, 1, 0)
    """
    text = cell.strip()
    if text == "+":
        return 1
    if text in _SIGNS:
        return -1
    word = key(text) if text else ""
    if word in OUT_WORDS:
        return -1
    return int(word in IN_WORDS)


DECIMALS = 4
LARGEST = Decimal(10) ** 14
_LONGEST = 60
_MINUS = dict.fromkeys(map(ord, "\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d"), "-")
_SPACE = dict.fromkeys(map(ord, "\u00a0\u202f\u2007\u2009\u2002\u2003\t"), " ")
_CLEAN = _MINUS | _SPACE | dict.fromkeys(map(ord, "\u2019\u2018\u00b4`"), "'")
_CELL = re.compile(r"([^0-9]{0,9}?)((?:(?<!\w)[.,])?[0-9](?:[0-9.,' ]*[0-9.,])?)([^0-9]{0,9})")
_BETWEEN = re.compile(r"[-+()\s.]+")
_LONE_POINT = re.compile(r"(?<!\w)\.")  # a point belongs to an abbreviation: `Fr.`
_WRITTEN = {
    "£": "GBP",
    "€": "EUR",
    "₹": "INR",
    "₺": "TRY",
    "₪": "ILS",
    "zl": "PLN",
    "kc": "CZK",
    "ft": "HUF",
    "sfr": "CHF",
    "fr": "CHF",
}
# Symbols and words that stand beside amounts in several currencies, so that they name none.
_VAGUE = frozenset({"$", "us$", "ca$", "c$", "a$", "au$", "nz$", "hk$", "s$", "r$", "kr", "¥"})
_CODES = frozenset(currency.code for currency in Currency)
_GROUPED = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")  # 1,234: thousands or three decimals
_OUT = frozenset({"D", "DR", "DB", "S", "SOLL"})
_IN = frozenset({"C", "CR", "H", "HABEN"})
_VALID = {
    mark: re.compile(
        rf"(?:[0-9]+|[0-9]{{1,3}}(?:[{group}' ][0-9]{{3}})+"  # 1234 or 1,234,567
        rf"|[0-9]{{1,2}}(?:{group}[0-9]{{2}})*{group}[0-9]{{3}})?"  # 12,34,567 as in India
        rf"(?:\{mark}[0-9]*)?"
    )
    for mark, group in ((".", ","), (",", "."))
}


class BadAmount(ValueError):
    """A cell is no amount that can be kept. `code` is stable, `detail` says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Scanned:
    """A cell taken apart; `currency` is an ISO 4217 code or empty, `bare` is digits alone."""

    digits: str
    negative: bool
    currency: str
    bare: bool


def scan(cell: str) -> Scanned | None:
    """Take an amount apart without judging its decimal mark; None for anything else."""
    text = cell.strip().translate(_CLEAN)
    if not text or len(text) > _LONGEST:
        return None
    match = _CELL.fullmatch(text)
    if not match:
        return None
    before, digits, after = match.groups()
    around = f"{before} {after}"
    brackets = ("(" in before, ")" in after, around.count("(") + around.count(")"))
    signs = around.count("-") + around.count("+")
    if brackets not in ((False, False, 0), (True, True, 2)) or signs + brackets[0] > 1:
        return None
    if _LONE_POINT.search(around):
        return None
    words = [word for word in _BETWEEN.split(around) if word]
    directions = [word for word in words if word.upper() in _OUT | _IN]
    currencies = [_currency(word) for word in words if word not in directions]
    if len(directions) > 1 or None in currencies:
        return None
    negative = "-" in around or brackets[0] or any(word.upper() in _OUT for word in directions)
    bare = not around.strip()
    return Scanned(digits, negative, next((c for c in currencies if c), ""), bare)


def currency_of(text: str) -> str:
    """Read a currency's code or symbol; empty for anything else, such as `$`."""
    return _currency(text.strip()) or ""


def _currency(word: str) -> str | None:
    """Give the code, "" for a symbol that names no single currency, None for other words."""
    if word.upper() in _CODES:
        return word.upper()
    known = _WRITTEN.get(word) or _WRITTEN.get(key(word))
    if known:
        return known
    vague = word.lower() in _VAGUE or (len(word) == 1 and unicodedata.category(word) == "Sc")
    return "" if vague else None


def choose_mark(cells: Iterable[str], *, comma_likely: bool) -> tuple[str, str]:
    """Choose the decimal mark from all of the file's amounts; return also a warning if in doubt.

    `comma_likely` decides where no amount has a mark: the delimiter is a semicolon.
    """
    votes = {".": 0, ",": 0}
    groups = {".": 0, ",": 0}
    for cell in cells:
        scanned = scan(cell)
        if scanned:
            _vote(scanned.digits, votes, groups)
    if votes["."] != votes[","]:
        return max(votes, key=lambda mark: votes[mark]), ""
    if not any(votes.values()) and not any(groups.values()):
        return ("," if comma_likely else "."), ""
    # A money file whose every amount has just three decimals is far rarer than one whose every
    # amount is whole and has its thousands marked.
    mark = "." if groups[","] > groups["."] else ","
    if groups[","] == groups["."]:
        mark = "," if comma_likely else "."
    return mark, (
        "The amounts do not tell whether a point or a comma marks the decimals;"
        f" `{mark}` was taken. Look at the amounts, and set `decimal_mark` if they are wrong."
    )


def _vote(digits: str, votes: dict[str, int], groups: dict[str, int]) -> None:
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        votes["." if digits.rfind(".") > digits.rfind(",") else ","] += 1
    elif points + commas > 1:
        votes["," if points else "."] += 1
    elif points + commas == 1:
        mark = "." if points else ","
        (groups if _GROUPED.fullmatch(digits) else votes)[mark] += 1


def read_amount(cell: str, mark: str) -> tuple[Decimal, str]:
    """Read a cell exactly: the signed amount, and the currency that it names, often empty."""
    scanned = scan(cell)
    if scanned is None:
        raise BadAmount("bad_amount", "is not an amount")
    if not _VALID[mark].fullmatch(scanned.digits):
        raise BadAmount("bad_amount", f"is not an amount whose decimal mark is `{mark}`")
    whole, _, fraction = re.sub(rf"[^0-9{re.escape(mark)}]", "", scanned.digits).partition(mark)
    if len(fraction.rstrip("0")) > DECIMALS:
        raise BadAmount("too_precise", f"has more than {DECIMALS} decimals")
    value = Decimal(f"{whole or '0'}.{fraction[:DECIMALS]}")
    if value > LARGEST:
        raise BadAmount("out_of_range", "is beyond 100,000,000,000,000")
    return (-value if scanned.negative and value else value), scanned.currency


def looks_like_amount(cell: str) -> bool:
    return scan(cell) is not None


def looks_like_money(cell: str) -> bool:
    """Tell whether a cell is an amount rather than a number that counts or names something."""
    scanned = scan(cell)
    if scanned is None:
        return False
    return scanned.negative or not scanned.bare or bool(re.search(r"[.,]", scanned.digits))
