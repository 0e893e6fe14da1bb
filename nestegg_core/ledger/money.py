"""Exact amounts: how they are read, bounded and written."""

import re
from decimal import Decimal

from iso4217 import Currency

LIMIT = Decimal(10) ** 14
"""No amount and no balance goes beyond this, in either direction."""

MAX_DECIMALS = 4

AMOUNT_PATTERN = r"^[+-]?[0-9]{1,15}(\.[0-9]+)?$"

_EXPONENTS: dict[str, int] = {currency.code: currency.exponent or 0 for currency in Currency}


class AmountError(ValueError):
    """A text is no amount.

    Attributes:
        code: `malformed`, `too_precise` or `out_of_range`.
    """

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


def parse_amount(text: object) -> Decimal:
    """Read an amount as the API takes it: a string such as `"-12.50"`.

    Raises:
        AmountError: not such a string, over four decimals, or beyond ±10^14.

    Example:
        >>> parse_amount("-12.50")
        Decimal('-12.50')
    """
    if not isinstance(text, str) or not re.fullmatch(AMOUNT_PATTERN, text, re.ASCII):
        raise AmountError("malformed", 'must be a string with a decimal point, such as "-12.50"')
    if len(text.partition(".")[2]) > MAX_DECIMALS:
        raise AmountError("too_precise", f"must have at most {MAX_DECIMALS} decimals")
    amount = Decimal(text)
    if abs(amount) > LIMIT:
        raise AmountError("out_of_range", "must be within ±100000000000000")
    return amount


def format_amount(amount: Decimal, currency: str) -> str:
    """Write an amount with the currency's own decimals (ISO 4217), and more where it has more.

    Example:
        >>> format_amount(Decimal("-12.5000"), "EUR"), format_amount(Decimal("7"), "JPY")
        ('-12.50', '7')
        >>> format_amount(Decimal("0.1250"), "USD")
        '0.125'
    """
    whole, _, fraction = f"{amount:f}".partition(".")
    fraction = fraction.rstrip("0").ljust(_EXPONENTS.get(currency, 2), "0")
    return f"{whole}.{fraction}" if fraction else whole


def is_currency(code: str) -> bool:
    """Tell whether a code is one of ISO 4217.

    Example:
        >>> is_currency("EUR"), is_currency("eur"), is_currency("XYZ")
        (True, False, False)
    """
    return code in _EXPONENTS
