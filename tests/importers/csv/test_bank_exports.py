"""Real exports of real banks; the expected values were read from the files by eye."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from nestegg_core import Statement, StatementError, StatementFile
from nestegg_core.importers.csv.importer import CsvImporter

FOLDER = Path(__file__).parents[4] / "shared" / "fixtures" / "csv2ofx"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the bank exports are not here")

MINT = (4, "-3000.00", "2015-06-12", "2015-06-14")
SCHWAB = (4, "-215.27", "2022-08-04", "2022-08-17")
SCHWAB_ONE_DAY = (4, "-215.27", "2022-08-17", "2022-08-17")
STATEMENTS = {
    "capitalone": (2, "0.00", "2015-12-31", "2015-12-31"),
    "creditunion": (8, "465000", "2015-02-08", "2015-03-25"),
    "default": (8, "465000", "2015-02-08", "2015-03-25"),
    "gls": (1, "-98.76", "2017-10-10", "2017-10-10"),
    "ingesp": (10, "350.21", "2022-03-24", "2022-12-31"),
    "mint": MINT,
    "mint_extra": MINT,
    "mint_headerless": MINT,
    "n26-fr": (2, "0.00", "2020-03-07", "2020-03-07"),
    "outbank": (4, "-35.89", "2019-01-05", "2019-02-20"),
    "pcmastercard": (2, "-50.31", "2018-12-15", "2019-01-10"),
    "schwab-checking": SCHWAB,
    "schwab-checking-baltest-case1": SCHWAB,
    "schwab-checking-baltest-case2": SCHWAB,
    "schwab-checking-baltest-case3": SCHWAB,
    "schwab-checking-baltest-case4": SCHWAB,
    "schwab-checking-baltest-case5": SCHWAB_ONE_DAY,
    "schwab-checking-baltest-case6": SCHWAB_ONE_DAY,
    "schwab-checking-baltest-case7": (2, "0.00", "2022-08-17", "2022-08-17"),
    "ubs-ch-fr_trimmed": (3, "30.00", "2019-02-28", "2019-04-27"),
}
CLOSING = {
    "gls": "1234.56",
    "ingesp": "318.88",
    "ubs-ch-fr_trimmed": "11413.94",
    "schwab-checking": "878.47",
    **{f"schwab-checking-baltest-case{n}": "878.47" for n in range(1, 7)},
}
CURRENCIES = {"gls": "EUR", "n26-fr": "EUR", "outbank": "EUR", "ubs-ch-fr_trimmed": "CHF"}


def read(name: str) -> Statement:
    content = (FOLDER / f"{name}.csv").read_bytes()
    file = StatementFile(content, name=f"{name}.csv")
    assert CsvImporter().recognises(file)
    return CsvImporter().read(file, {})


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_row_has_the_right_sign_amount_and_date(name: str) -> None:
    statement = read(name)
    count, total, first, last = STATEMENTS[name]
    assert not [row.problems for row in statement.rows if row.problems]
    days = [row.date for row in statement.rows if row.date]
    amounts = [row.amount for row in statement.rows if row.amount is not None]
    assert (len(days), len(amounts)) == (count, count)
    assert sum(amounts) == Decimal(total)
    assert (min(days), max(days)) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_closing_balance_is_that_after_the_newest_row(name: str) -> None:
    expected = CLOSING.get(name)
    assert read(name).closing_balance == (Decimal(expected) if expected else None)


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_currency_is_what_the_whole_file_says(name: str) -> None:
    assert read(name).currency == CURRENCIES.get(name)


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_decisions_given_back_as_options_give_the_same_statement(name: str) -> None:
    first = read(name)
    options = {
        option: str(value).lower() if isinstance(value, bool) else str(value)
        for option, value in first.decisions.items()
        if value is not None
    }
    file = StatementFile((FOLDER / f"{name}.csv").read_bytes())
    again = CsvImporter().read(file, options)
    assert (again.decisions, again.rows) == (first.decisions, first.rows)


def signs(name: str) -> list[Decimal | None]:
    return [row.amount for row in read(name).rows]


def test_card_purchases_are_money_out_and_card_credits_money_in() -> None:
    assert signs("capitalone") == [Decimal("-1000.00"), Decimal("1000.00")]
    assert signs("pcmastercard") == [Decimal("-36.33"), Decimal("-13.98")]


def test_debit_columns_and_debit_words_are_money_out() -> None:
    mint = [Decimal(text) for text in ("-1000.00", "-1500.00", "2000.00", "-2500.00")]
    assert signs("mint") == signs("mint_headerless") == mint
    assert signs("ubs-ch-fr_trimmed") == [Decimal("-10.00"), Decimal("240.00"), Decimal("-200.00")]


def test_texts_stand_where_users_look_for_them() -> None:
    gls, schwab, ubs = read("gls").rows[0], read("schwab-checking").rows[2], read("mint").rows[0]
    assert gls.payee == "Drillisch Online AG"
    assert gls.description.endswith("B4658645 U123456789 B123456 987 SIMply Rechnung")
    assert (schwab.payee, schwab.notes) == ("Check Paid #558", "Check 558")
    assert (ubs.payee, ubs.description) == ("Transfer from Checking", "Account Transfer")
    assert read("ubs-ch-fr_trimmed").rows[1].external_id == "3456789ZT1234567"
    assert read("gls").decisions["payee_column"] == "Auftraggeber/Empfänger"


def test_doubts_are_told() -> None:
    assert any("invert_sign" in warning for warning in read("default").warnings)
    assert any("invert_sign" in warning for warning in read("pcmastercard").warnings)
    assert any("only_account" in warning for warning in read("mint").warnings)
    assert read("schwab-checking").warnings == []


@pytest.mark.parametrize("name", ["amazon", "stripe-all", "stripe-default", "payoneer", "xero"])
def test_lists_of_orders_and_journals_do_no_harm(name: str) -> None:
    try:
        statement = read(name)
    except StatementError:
        return
    assert statement.rows
