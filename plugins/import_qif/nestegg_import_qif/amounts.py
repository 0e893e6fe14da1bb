"""Amounts as QIF has them: the marks are those of the country that the program ran in."""

import re
from collections.abc import Iterable
from decimal import Decimal

_AMOUNT = re.compile(r"([+-]?)(\d[\d.,]{0,30}|[.,]\d{1,20})([+-]?)", re.ASCII)
_SPACES = re.compile("[\\s'\u2019\u066c]")
_MINUS = str.maketrans("\u2212\u2013\u2014", "---")
_THREE = 3
_DECIMALS = 4
LARGEST = Decimal(10) ** 14


def _scanned(text: str) -> tuple[bool, str] | None:
    """Return whether an amount is negative, and its digits with marks."""
    text = _SPACES.sub("", text).translate(_MINUS)
    in_brackets = text.startswith("(") and text.endswith(")")
    found = _AMOUNT.fullmatch(text[1:-1] if in_brackets else text)
    if not found or sum(map(bool, (found[1], found[3], in_brackets))) > 1:
        return None
    return in_brackets or "-" in {found[1], found[3]}, found[2]


def votes(texts: Iterable[str]) -> dict[str, int]:
    """Count what amounts say of the file's decimal mark: `.`, `,`, or `?` for one that may be both.

    Example:
        >>> votes(["-1.400,82", "3,5", "1,400"])
        {'.': 0, ',': 2, '?': 1}
    """
    counts = {".": 0, ",": 0, "?": 0}
    for text in texts:
        scanned = _scanned(text)
        if scanned and (said := _said(scanned[1])):
            counts[said] += 1
    return counts


def is_uneven(texts: Iterable[str], mark: str) -> bool:
    """Tell where some amounts have two decimals and others three, which may be thousands then.

    Example:
        >>> is_uneven(["12.50", "1.400"], "."), is_uneven(["0.500", "1.400"], ".")
        (True, False)
    """
    unclear, decimals = False, set()
    for text in texts:
        scanned = _scanned(text)
        if scanned and mark in scanned[1]:
            if _said(scanned[1]) == "?":
                unclear = True
            elif scanned[1].count(mark) == 1:
                decimals.add(len(scanned[1].partition(mark)[2]))
    return unclear and bool(decimals) and max(decimals) < _THREE


def _said(digits: str) -> str:
    marks = [one for one in digits if one in ".,"]
    if not marks:
        return ""
    last, other = marks[-1], "," if marks[-1] == "." else "."
    if other in marks:
        return last
    if len(marks) > 1:
        return other
    before, _, behind = digits.partition(last)
    may_be_group = len(behind) == _THREE and 1 <= len(before) <= _THREE and before != "0"
    return "?" if may_be_group else last


def read_amount(text: str, mark: str) -> Decimal | str:
    """Return an amount, or the code of what is wrong with it.

    Args:
        text: as it is written.
        mark: the file's decimal mark; empty where each amount tells its own.

    Example:
        >>> read_amount("-1.400,82", ","), read_amount("1,40", "."), read_amount("1E5", ".")
        (Decimal('-1400.82'), 'bad_amount', 'bad_amount')
    """
    scanned = _scanned(text)
    if scanned is None:
        return "bad_amount"
    is_negative, digits = scanned
    mark = mark or _said(digits).replace("?", "") or "."
    whole, _, behind = digits.partition(mark)
    group = "," if mark == "." else "."
    groups = whole.split(group)
    if not re.fullmatch(r"\d*", behind, re.ASCII) or not (whole or behind):
        return "bad_amount"
    if len(groups) > 1 and not _are_groups(groups):
        return "bad_amount"
    behind = behind.rstrip("0")
    if len(behind) > _DECIMALS:
        return "too_precise"
    value = Decimal(f"{''.join(groups) or '0'}.{behind or '0'}")
    if value > LARGEST:
        return "out_of_range"
    if value == value.to_integral_value() or len(behind) <= 1:
        value = value.quantize(Decimal("0.01"))
    return -value if is_negative and value else value


def _are_groups(groups: list[str]) -> bool:
    """Tell thousands, also as India groups them: 1,23,456."""
    first, *middle, last = groups
    return (
        1 <= len(first) <= _THREE
        and len(last) == _THREE
        and (all(len(one) == _THREE for one in middle) or all(len(one) == 2 for one in middle))  # noqa: PLR2004
    )
