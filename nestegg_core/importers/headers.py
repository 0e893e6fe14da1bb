"""What a column's name says: the roles it fits, and sometimes the currency of its amounts."""

import re
from collections.abc import Mapping, Sequence

from nestegg_core.importers.amounts import currency_of
from nestegg_core.importers.vocabulary import HEADERS, key

_SIGN_HEADERS = frozenset({"+/-", "-/+", "+ / -", "- / +", "±"})
_LONGEST = 80
_RANKS: dict[str, dict[str, int]] = {}
for _role, _names in HEADERS.items():
    for _rank, _name in enumerate(_names):
        _RANKS.setdefault(_name, {}).setdefault(_role, _rank)


def split_currency(name: str) -> tuple[str, str]:
    """Take a currency off a column's name.

    Example:
        >>> split_currency("Amount (EUR)"), split_currency("Betrag in €"), split_currency("Name")
        (('Amount', 'EUR'), ('Betrag', 'EUR'), ('Name', ''))
    """
    whole = name.strip().rstrip(")] ")
    last = re.split(r"[\s(\[/,]", whole[-8:])[-1]
    # A code in capitals only: the last word of `date all` is not Albanian money.
    code = currency_of(last) if last == last.upper() else ""
    rest = whole.removesuffix(last).rstrip(" ([/,-")
    if not code or not rest:
        return name, ""
    return rest.removesuffix(" in").removesuffix(" en").strip(), code


def roles(name: str) -> Mapping[str, int]:
    """Tell which roles a column's name fits, and how well: 0 is best.

    Example:
        >>> roles("Buchungstag")["date"] < roles("Wertstellung")["date"]
        True
    """
    if len(name) > _LONGEST:
        return {}
    if name.strip() in _SIGN_HEADERS:
        return {"sign": 0}
    found = _RANKS.get(key(name))
    return found if found is not None else _RANKS.get(key(split_currency(name)[0]), {})


def names_date_and_amount(cells: Sequence[str]) -> bool:
    """Tell whether a row is the header of a table of bookings."""
    found = [roles(cell) for cell in cells if cell.strip()]
    dated = {index for index, fits in enumerate(found) if "date" in fits}
    money = {index for index, fits in enumerate(found) if fits.keys() & _MONEY}
    return bool(dated) and bool(money) and len(dated | money) > 1


_MONEY = frozenset({"amount", "debit", "credit"})
