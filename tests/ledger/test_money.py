"""Amounts as they are read and written: exact, bounded, with the currency's own decimals."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from nestegg_core.ledger.money import (
    AMOUNT_PATTERN,
    LIMIT,
    AmountError,
    format_amount,
    is_currency,
    parse_amount,
)

amounts = st.decimals(-LIMIT, LIMIT, places=4, allow_nan=False)
currencies = st.sampled_from([currency.code for currency in Currency])


@given(amount=amounts, currency=currencies)
def test_what_is_written_is_read_back_exactly(amount: Decimal, currency: str) -> None:
    text = format_amount(amount, currency)
    assert parse_amount(text) == amount
    assert re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)


@pytest.mark.parametrize("currency", Currency, ids=lambda currency: currency.code)
def test_every_currency_shows_its_own_decimals(currency: Currency) -> None:
    decimals = currency.exponent or 0
    expected = "7" + ("." + "0" * decimals if decimals else "")
    assert format_amount(Decimal(7), currency.code) == expected
    assert format_amount(Decimal("-7.0000"), currency.code) == "-" + expected
    assert is_currency(currency.code)


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1234567.8", "EUR", "1234567.80"),
        ("0.1250", "USD", "0.125"),
        ("1.5", "JPY", "1.5"),
        ("1", "BHD", "1.000"),
        ("1", "CLF", "1.0000"),
        ("-0.0001", "EUR", "-0.0001"),
        ("1E+3", "EUR", "1000.00"),
        ("100000000000000", "EUR", "100000000000000.00"),
    ],
)
def test_amounts_are_written_plainly(amount: str, currency: str, expected: str) -> None:
    assert format_amount(Decimal(amount), currency) == expected


@given(text=st.from_regex(AMOUNT_PATTERN) | st.text(max_size=24))
def test_any_text_is_an_amount_within_the_limit_or_a_named_error(text: str) -> None:
    amount, code = None, ""
    try:
        amount = parse_amount(text)
    except AmountError as error:
        code = error.code
    if amount is None:
        assert code in {"malformed", "too_precise", "out_of_range"}
    else:
        assert abs(amount) <= LIMIT
        assert amount == Decimal(text)
        assert amount == amount.quantize(Decimal("0.0001"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "malformed"),
        ("1,5", "malformed"),
        (" 1", "malformed"),
        ("1\n", "malformed"),
        ("1.", "malformed"),
        (".5", "malformed"),
        ("1e3", "malformed"),
        ("--1", "malformed"),
        ("0x10", "malformed"),
        ("1_000", "malformed"),
        ("NaN", "malformed"),
        ("Infinity", "malformed"),
        ("\u0661", "malformed"),
        ("9" * 16, "malformed"),
        ("1.00001", "too_precise"),
        ("1.00000", "too_precise"),
        ("100000000000000.0001", "out_of_range"),
        ("-100000000000001", "out_of_range"),
        (None, "malformed"),
        (1, "malformed"),
        (1.5, "malformed"),
        (True, "malformed"),
        (["1"], "malformed"),
    ],
)
def test_what_is_no_amount_is_told_apart(text: object, code: str) -> None:
    with pytest.raises(AmountError) as raised:
        parse_amount(text)
    assert raised.value.code == code


@pytest.mark.parametrize("text", ["0", "-0", "+5", "-12.5", "0.0001", "100000000000000"])
def test_amounts_are_taken_as_they_are_written(text: str) -> None:
    assert parse_amount(text) == Decimal(text)


@pytest.mark.parametrize("code", ["", "eur", "EURO", "XYZ", "€", "E R"])
def test_what_is_no_currency_is_known(code: str) -> None:
    assert not is_currency(code)
