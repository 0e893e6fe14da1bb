"""Real exports of real banks, imported through the API; every row was read from the files by eye.

Which signs are right: what a bank writes as a withdrawal, a debit or a card purchase is money out.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from falcon.testing import Result

from support.household import Household
from support.statements import counts

FOLDER = Path(__file__).parents[3] / "shared" / "fixtures" / "csv2ofx"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="the bank exports are not here")

Row = tuple[str, str]
"""Day and signed amount."""


@dataclass(frozen=True)
class Export:
    """What a file holds.

    Attributes:
        rows: in the file's order.
        closing: the balance after the newest booking, where the file tells.
    """

    rows: tuple[Row, ...]
    currency: str = "USD"
    closing: str = ""


MINT = Export(
    (
        ("2015-06-12", "-1000.00"),
        ("2015-06-12", "-1500.00"),
        ("2015-06-13", "2000.00"),
        ("2015-06-14", "-2500.00"),
    )
)
INVOICES = Export(
    (
        ("2015-02-08", "50000.00"),
        ("2015-02-08", "50000.00"),
        ("2015-02-24", "70000.00"),
        ("2015-02-28", "65000.00"),
        ("2015-03-04", "60000.00"),
        ("2015-03-09", "75000.00"),
        ("2015-03-24", "45000.00"),
        ("2015-03-25", "50000.00"),
    )
)
DEPOSIT, ATM, CHECK, PAYPAL = "20.00", "-103.00", "-75.00", "-57.27"


def schwab(*rows: tuple[int, str], closing: str = "878.47") -> Export:
    """Rows of August 2022."""
    return Export(tuple((f"2022-08-{day:02}", amount) for day, amount in rows), closing=closing)


NEWEST_FIRST = schwab((17, DEPOSIT), (14, ATM), (9, CHECK), (4, PAYPAL))
EXPORTS = {
    "capitalone": Export((("2015-12-31", "-1000.00"), ("2015-12-31", "1000.00"))),
    "creditunion": INVOICES,
    "default": INVOICES,
    "gls": Export((("2017-10-10", "-98.76"),), "EUR", "1234.56"),
    "ingesp": Export(
        (
            ("2022-03-24", "2.83"),
            ("2022-04-08", "2.69"),
            ("2022-12-31", "1.37"),
            ("2022-12-23", "1394.11"),
            ("2022-05-14", "-17.60"),
            ("2022-04-13", "-276.89"),
            ("2022-07-29", "-1000.00"),
            ("2022-11-26", "-37.00"),
            ("2022-05-23", "-219.30"),
            ("2022-11-13", "500.00"),
        ),
        "EUR",
        "318.88",
    ),
    "mint": MINT,
    "mint_extra": MINT,
    "mint_headerless": MINT,
    "n26-fr": Export((("2020-03-07", "328.00"), ("2020-03-07", "-328.00")), "EUR"),
    "outbank": Export(
        (
            ("2019-02-20", "100.00"),
            ("2019-02-08", "-63.89"),
            ("2019-01-21", "-47.00"),
            ("2019-01-05", "-25.00"),
        ),
        "EUR",
    ),
    "pcmastercard": Export((("2019-01-10", "-36.33"), ("2018-12-15", "-13.98")), "CAD"),
    "schwab-checking": NEWEST_FIRST,
    "schwab-checking-baltest-case1": NEWEST_FIRST,
    "schwab-checking-baltest-case2": schwab((17, DEPOSIT), (17, ATM), (4, PAYPAL), (9, CHECK)),
    "schwab-checking-baltest-case3": schwab((4, PAYPAL), (9, CHECK), (17, ATM), (17, DEPOSIT)),
    "schwab-checking-baltest-case4": schwab((17, DEPOSIT), (17, ATM), (9, CHECK), (4, PAYPAL)),
    "schwab-checking-baltest-case5": schwab((17, PAYPAL), (17, CHECK), (17, ATM), (17, DEPOSIT)),
    "schwab-checking-baltest-case6": schwab((17, DEPOSIT), (17, ATM), (17, CHECK), (17, PAYPAL)),
    # A day that ends where it began, in a file that does not show its order.
    "schwab-checking-baltest-case7": schwab((17, "-20.00"), (17, "20.00"), closing=""),
    "ubs-ch-fr_trimmed": Export(
        (("2019-03-31", "-10.00"), ("2019-02-28", "240.00"), ("2019-04-27", "-200.00")),
        "CHF",
        "11413.94",
    ),
}
OTHERS = ("amazon", "payoneer", "stripe-all", "stripe-default", "xero")


def content(name: str) -> bytes:
    return (FOLDER / f"{name}.csv").read_bytes()


def test_every_file_of_the_folder_is_tried() -> None:
    assert {path.stem for path in FOLDER.glob("*.csv")} == {*EXPORTS, *OTHERS}


def money(text: str | Decimal) -> str:
    return f"{Decimal(text):.2f}"


def listed(household: Household, path: str) -> list[Any]:
    return list(household.get(path, limit=200).json["items"])


@pytest.mark.parametrize("name", EXPORTS)
def test_a_statement_goes_in_once_and_comes_out_whole(household: Household, name: str) -> None:
    export = EXPORTS[name]
    account = household.account(currency=export.currency, opening_balance="100.00")
    total = sum((Decimal(amount) for _, amount in export.rows), Decimal())

    preview = household.upload(account, content(name))
    assert preview.status_code == 201, preview.text
    answer = preview.json
    assert answer["counts"] == counts(new=len(export.rows))
    assert answer["balance_after"] == money(100 + total)
    assert answer["reconciliation"] == reconciliation(export, 100 + total)
    rows = listed(household, f"imports/{answer['id']}/rows")
    assert [(row["date"], row["amount"]) for row in rows] == list(export.rows)
    assert {row["currency"] for row in rows} == {export.currency}
    assert all(row["payee"] for row in rows)
    assert household.balance(account) == "100.00"

    committed = household.post(f"imports/{answer['id']}/commit")
    assert (committed.status_code, committed.json["status"]) == (200, "committed")
    booked = listed(household, "transactions")
    assert sorted((one["date"], one["amount"]) for one in booked) == sorted(export.rows)
    assert household.balance(account) == money(100 + total)

    again = household.upload(account, content(name)).json
    assert again["counts"] == counts(duplicate=len(export.rows))
    assert household.post(f"imports/{again['id']}/commit").status_code == 200
    assert len(listed(household, "transactions")) == len(export.rows)
    assert household.balance(account) == money(100 + total)

    reverted = household.post(f"imports/{answer['id']}/revert")
    assert (reverted.status_code, reverted.json["status"]) == (200, "reverted")
    assert listed(household, "transactions") == []
    assert household.balance(account) == "100.00"


def reconciliation(export: Export, balance: Decimal) -> dict[str, str] | None:
    if not export.closing:
        return None
    difference = money(balance - Decimal(export.closing))
    return {"statement_balance": export.closing, "difference": difference}


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.closing])
def test_an_account_with_the_right_opening_balance_reconciles(
    household: Household, name: str
) -> None:
    export = EXPORTS[name]
    opening = Decimal(export.closing) - sum(Decimal(amount) for _, amount in export.rows)
    account = household.account(currency=export.currency, opening_balance=str(opening))
    found = household.upload(account, content(name)).json["reconciliation"]
    assert found == {"statement_balance": export.closing, "difference": "0.00"}


@pytest.mark.parametrize("name", ["gls", "n26-fr", "outbank", "ubs-ch-fr_trimmed"])
def test_a_statement_that_names_its_currency_is_kept_out_of_other_accounts(
    household: Household, name: str
) -> None:
    account = household.account(currency="USD")
    answer = household.upload(account, content(name))
    assert (answer.status_code, codes(answer)) == (422, ["other_currency"])
    assert listed(household, "imports") == []


def codes(answer: Result) -> list[str]:
    return [error["code"] for error in answer.json["errors"]]


@pytest.mark.parametrize("name", OTHERS)
def test_lists_of_orders_and_journals_get_a_clear_answer(household: Household, name: str) -> None:
    answer = household.upload(household.account(currency="CAD"), content(name))
    if answer.status_code == 201:
        counts = answer.json["counts"]
        assert sum(counts.values()) == len(listed(household, f"imports/{answer.json['id']}/rows"))
        assert household.post(f"imports/{answer.json['id']}/commit").status_code == 200
    else:
        assert answer.status_code == 422
        assert all(error["code"] and error["detail"] for error in answer.json["errors"])
        assert listed(household, "imports") == []
