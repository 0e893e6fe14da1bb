"""The walk through the API that everyone takes first."""

from support.household import Household


def test_a_household_books_and_reads_its_balance(household: Household) -> None:
    account = household.account(opening_balance="100.00")
    household.transaction(account, "-12.50", payee="Café", notes="with Ada")
    assert household.balance(account) == "87.50"


def test_reports_count_a_transaction(household: Household) -> None:
    account = household.account(opening_balance="100.00")
    household.transaction(account, "-12.50", date="2026-02-10")
    months = {"from": "2026-02-01", "to": "2026-02-28"}
    flow = household.get("reports/cash-flow", **months).json["months"]
    assert flow == [
        {
            "month": "2026-02",
            "entries": [
                {"currency": "EUR", "income": "0.00", "expenses": "-12.50", "net": "-12.50"}
            ],
        }
    ]
    spent = household.get("reports/spending", **months).json["months"][0]["entries"]
    assert [entry["spent"] for entry in spent] == ["12.50"]
    worth = household.get("reports/net-worth", **months).json["months"][0]["entries"]
    assert worth == [
        {"currency": "EUR", "assets": "87.50", "liabilities": "0.00", "net_worth": "87.50"}
    ]
