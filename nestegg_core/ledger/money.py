"""Exact amounts: how they are read, bounded and written."""

import re
from decimal import Decimal

from iso4217 import Currency

LIMIT = Decimal(10) ** 14  # for every amount and every balance, in either direction
MAX_DECIMALS = 4
AMOUNT_PATTERN = r"^[+-]?[0-9]{1,15}(\.[0-9]+)?$"

_EXPONENTS: dict[str, int] = {currency.code: currency.exponent or 0 for currency in Currency}


class AmountError(ValueError):
    """`code` is `malformed`, `too_precise` or `out_of_range`."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


def parse_amount(text: object) -> Decimal:
    """Read an amount as the API takes it: a string such as `"-12.50"`, or raise `AmountError`."""
    if not isinstance(text, str) or not re.fullmatch(AMOUNT_PATTERN, text, re.ASCII):
        raise AmountError("malformed", 'must be a string with a decimal point, such as "-12.50"')
    if len(text.partition(".")[2]) > MAX_DECIMALS:
        raise AmountError("too_precise", f"must have at most {MAX_DECIMALS} decimals")
    amount = Decimal(text)
    if abs(amount) > LIMIT:
        raise AmountError("out_of_range", "must be within ±100000000000000")
    return amount


def format_amount(amount: Decimal, currency: str) -> str:
    """Write an amount with the currency's own decimals (ISO 4217), and more where it has more:
    "-12.50" EUR, "7" JPY, "0.125" USD.
    """
    whole, _, fraction = f"{amount:f}".partition(".")
    fraction = fraction.rstrip("0").ljust(_EXPONENTS.get(currency, 2), "0")
    return f"{whole}.{fraction}" if fraction else whole


def is_currency(code: str) -> bool:
    return code in _EXPONENTS
