from decimal import Decimal

import pytest

from nestegg_core.importers.csv.amounts import BadAmount, choose_mark, read_amount, scan


@pytest.mark.parametrize(
    ("cell", "mark", "value"),
    [
        ("12.34", ".", "12.34"),
        ("(12.34)", ".", "-12.34"),
        ("12.34-", ".", "-12.34"),
        ("-$5.00", ".", "-5.00"),
        ("$-5.00", ".", "-5.00"),
        ("+7", ".", "7"),
        ("£1,183.23", ".", "1183.23"),
        ("$1,036.47", ".", "1036.47"),
        ("US$ 3.10", ".", "3.10"),
        ("D107,", ",", "-107"),
        ("C107,", ",", "107"),
        ("100.00 DR", ".", "-100.00"),
        ("100,00 H", ",", "100.00"),
        ("100,00 S", ",", "-100.00"),
        ("-98,76", ",", "-98.76"),
        ("1.234,56", ",", "1234.56"),
        ("1 234,56 zł", ",", "1234.56"),
        ("1\u202f234,56\u00a0€", ",", "1234.56"),
        ("11'373.94", ".", "11373.94"),
        ("11\u2019373.94", ".", "11373.94"),
        ("\u22127.50", ".", "-7.50"),
        ("Fr. 12.50", ".", "12.50"),
        ("Fr.12.50", ".", "12.50"),
        ("CHF -12.50", ".", "-12.50"),
        (".50", ".", "0.50"),
        ("12,34,567.00", ".", "1234567.00"),
        ("1.23450000", ".", "1.2345"),
        ("-0.00", ".", "0.00"),
        ("100000000000000", ".", "1E+14"),
    ],
)
def test_an_amount_is_read_exactly(cell: str, mark: str, value: str) -> None:
    assert read_amount(cell, mark)[0] == Decimal(value)


def test_zero_has_no_sign() -> None:
    assert str(read_amount("-0.00", ".")[0]) == "0.00"


@pytest.mark.parametrize(
    ("cell", "mark", "code"),
    [
        ("abc", ".", "bad_amount"),
        ("12:30", ".", "bad_amount"),
        ("1 2 3", ".", "bad_amount"),
        ("12,34", ".", "bad_amount"),
        ("1.234.56", ",", "bad_amount"),
        ("1,23,4", ".", "bad_amount"),
        ("--5", ".", "bad_amount"),
        ("-(5)", ",", "bad_amount"),
        ("(5", ".", "bad_amount"),
        ("..5", ".", "bad_amount"),
        ("5%", ".", "bad_amount"),
        ("١٢", ".", "bad_amount"),
        ("5²", ".", "bad_amount"),
        ("9" * 100, ".", "bad_amount"),
        ("1.23456", ".", "too_precise"),
        ("100000000000000.01", ".", "out_of_range"),
        ("9" * 50, ".", "out_of_range"),
    ],
)
def test_what_is_no_amount_is_refused_and_never_guessed(cell: str, mark: str, code: str) -> None:
    with pytest.raises(BadAmount) as error:
        read_amount(cell, mark)
    assert error.value.code == code
    assert cell not in error.value.detail


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["1,234.56"], "."),
        (["1.234,56"], ","),
        (["1,234", "5.00"], "."),
        (["1.234", "5,00"], ","),
        (["1.234.567"], ","),
        (["0,500"], ","),
        (["11'373.940"], "."),
        (["D107,"], ","),
        (["50000"], "."),
    ],
)
def test_the_decimal_mark_is_worked_out_from_all_amounts(cells: list[str], mark: str) -> None:
    assert choose_mark(cells, comma_likely=False) == (mark, "")


def test_whole_amounts_in_a_semicolon_file_take_a_comma_without_a_warning() -> None:
    assert choose_mark(["50", "7"], comma_likely=True) == (",", "")


@pytest.mark.parametrize(
    ("cells", "mark"), [(["1,234"], "."), (["1.234"], ","), (["1,234", "1.234"], ".")]
)
def test_thousands_that_could_be_decimals_are_told(cells: list[str], mark: str) -> None:
    chosen, warning = choose_mark(cells, comma_likely=False)
    assert chosen == mark
    assert "decimal_mark" in warning


@pytest.mark.parametrize(
    ("cell", "currency"),
    [("£5", "GBP"), ("5 €", "EUR"), ("5 CHF", "CHF"), ("5 zł", "PLN"), ("$5", ""), ("5", "")],
)
def test_a_cell_names_a_currency_only_when_its_symbol_is_of_one(cell: str, currency: str) -> None:
    scanned = scan(cell)
    assert scanned is not None
    assert scanned.currency == currency
