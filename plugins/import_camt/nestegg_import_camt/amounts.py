"""Amounts as ISO 20022 writes them, and a few banks."""

import re
from decimal import Decimal

DECIMALS = 4
LARGEST = Decimal(10) ** 14
# A comma stands for the point at some banks; with three digits behind it, it may mean thousands.
_AMOUNT = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30}|,[0-9]{1,2})?", re.ASCII)
_SIGNS = {"CRDT": 1, "DBIT": -1}


def read_amount(text: str) -> Decimal | None:
    """Read a number; None where it is none, or not an exact one of at most four decimals.

    Example:
        >>> read_amount("0012.50"), read_amount("1,000")
        (Decimal('12.50'), None)
    """
    if not _AMOUNT.fullmatch(text):
        return None
    amount = Decimal(text.replace(",", "."))
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -DECIMALS:
        shorter = amount.quantize(Decimal(10) ** -DECIMALS)
        return shorter if shorter == amount else None
    return amount


def sign_of(indicator: str) -> int:
    """Return 1 for a credit, -1 for a debit, 0 for anything else."""
    return _SIGNS.get(indicator, 0)
