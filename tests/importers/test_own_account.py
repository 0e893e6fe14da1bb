"""Of a file with several accounts one is picked, by what a user sees of it, or none."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from nestegg_core.contracts.importers import (
    Question,
    RowProblem,
    Statement,
    StatementAccount,
    StatementRow,
)
from nestegg_core.errors import StatementError
from nestegg_core.importers.select import of_one_account

GIRO = StatementAccount("a", "DE02120300000000202051", "EUR", closing_balance=Decimal(7))
DOLLARS = StatementAccount("b", "DE02120300000000202051", "USD")
CARD = StatementAccount("c", "XXXXXXXXXXXX9876", "EUR", name="Card")
CASH = StatementAccount("d", name="Purse")
UNNAMED = StatementAccount("e", "123")


def row(line: int, account: str) -> StatementRow:
    return StatementRow(line, date(2026, 1, line), Decimal(line), account=account)


BROKEN = StatementRow(9, problems=(RowProblem("bad_row", "is no row"),))
ALL = Statement(
    {"encoding": "utf-8"},
    [row(1, "a"), row(2, "b"), row(3, "c"), row(4, "d"), row(5, "e"), BROKEN],
    currency="CHF",
    closing_balance=Decimal(1000),
    accounts=(GIRO, DOLLARS, CARD, CASH, UNNAMED),
)


def refused(statement: Statement, told: str | None) -> StatementError:
    with pytest.raises(StatementError) as caught:
        of_one_account(statement, told)
    return caught.value


def test_without_a_word_the_accounts_are_named_by_the_ends_of_their_numbers() -> None:
    error = refused(ALL, None)
    assert (error.code, error.option) == ("several_accounts", "account")
    handles = "`2051 EUR` in EUR, `2051 USD` in USD, `9876` in EUR, `Purse`, `e`"
    assert f"The file holds 5 accounts: {handles}. Pick one" in str(error)
    assert "0202051" not in str(error)


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ("2051 EUR", 1),
        ("2051 USD", 2),
        ("b", 2),
        ("9876", 3),
        ("XXXX XXXX XXXX 9876", 3),
        ("Card", 3),
        ("Purse", 4),
        ("e", 5),
        ("123", 5),
        ("00123", 5),
    ],
)
def test_rows_of_the_account_that_is_told_are_taken_and_what_may_be_anyones(
    told: str, line: int
) -> None:
    taken = of_one_account(ALL, told)
    assert [one.line for one in taken.rows] == [line, 9]


def test_currency_and_balance_are_those_of_the_account() -> None:
    giro, dollars, purse = (of_one_account(ALL, told) for told in ("a", "b", "Purse"))
    assert (giro.currency, giro.closing_balance) == ("EUR", Decimal(7))
    assert (dollars.currency, dollars.closing_balance) == ("USD", None)
    assert purse.currency == "CHF"
    assert giro.decisions == {"encoding": "utf-8", "account": "2051 EUR"}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("2051", "more than one such account"),
        ("DE02 1203 0000 0000 2020 51", "more than one such account"),
        ("4711", "no such account"),
        ("", "no such account"),
        ("...", "no such account"),
    ],
)
def test_an_account_that_is_not_exactly_one_of_the_files_is_refused(told: str, words: str) -> None:
    error = refused(ALL, told)
    assert (error.code, error.option) == ("bad_option", "account")
    assert words in str(error)


def test_questions_about_other_accounts_are_not_asked() -> None:
    asked = [Question(name, {"x": "y"}, "", account=name) for name in ("", "a", "b")]
    taken = of_one_account(replace(ALL, questions=asked), "a")
    assert [one.decision for one in taken.questions] == ["", "a"]


def test_a_file_of_one_account_needs_no_word_and_takes_no_other() -> None:
    one = Statement({}, [row(1, ""), BROKEN], currency="EUR", accounts=[GIRO])
    for told in (None, "2051"):
        assert [each.line for each in of_one_account(one, told).rows] == [1, 9]
        assert of_one_account(one, told).closing_balance == Decimal(7)
    assert refused(one, "9876").code == "bad_option"
    balanced = Statement({}, [], closing_balance=Decimal(3), accounts=[CARD])
    assert of_one_account(balanced, None).closing_balance == Decimal(3)


def test_a_file_that_names_no_account_has_none_to_pick() -> None:
    nameless = Statement({}, [row(1, "")], currency="EUR")
    assert of_one_account(nameless, None) is nameless
    assert refused(nameless, "2051").code == "bad_option"


def test_a_long_list_of_accounts_is_cut() -> None:
    many = Statement({}, [], accounts=[StatementAccount(f"k{n}") for n in range(100)])
    assert "`k19`, and 80 more." in str(refused(many, None))
