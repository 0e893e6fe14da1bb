"""Balance = opening balance + the sum of the account's transactions, through every change."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest

from support.household import Household
from support.statements import booked, codes, commit, csv, problem


def change_account(household: Household, account: dict[str, Any], **changes: Any) -> Any:
    version = household.get(f"accounts/{account['id']}").json["version"]
    return household.patch(f"accounts/{account['id']}", version, **changes)


def test_every_change_of_a_transaction_moves_the_balance(household: Household) -> None:
    account = household.account(opening_balance="100.00")
    one = household.transaction(account, "-12.50")
    assert household.balance(account) == "87.50"
    household.patch(f"transactions/{one['id']}", 1, amount="-20.00")
    assert household.balance(account) == "80.00"
    household.patch(f"transactions/{one['id']}", 2, payee="Another", date="2026-01-01")
    assert household.balance(account) == "80.00"
    household.delete(f"transactions/{one['id']}", 3)
    assert household.balance(account) == "100.00"


def test_a_move_takes_the_amount_from_one_account_to_the_other(household: Household) -> None:
    first, second = household.account(), household.account()
    one = household.transaction(first, "-5.00")
    household.patch(f"transactions/{one['id']}", 1, account_id=second["id"], amount="-6.00")
    assert (household.balance(first), household.balance(second)) == ("0.00", "-6.00")


def test_a_move_into_another_currency_is_refused(household: Household) -> None:
    first, second = household.account(currency="EUR"), household.account(currency="USD")
    one = household.transaction(first, "-5.00")
    answer = household.patch(f"transactions/{one['id']}", 1, account_id=second["id"])
    assert (answer.status_code, codes(answer)) == (422, ["other_currency"])
    assert (household.balance(first), household.balance(second)) == ("-5.00", "0.00")


def test_a_new_opening_balance_moves_the_balance_along(household: Household) -> None:
    account = household.account(opening_balance="100.00")
    household.transaction(account, "-12.50")
    assert change_account(household, account, opening_balance="50.00").json["balance"] == "37.50"


def test_a_change_that_is_refused_moves_nothing(household: Household) -> None:
    account = household.account(opening_balance="100.00")
    one = household.transaction(account, "-12.50")
    wrong: list[dict[str, Any]] = [
        {"amount": "1.00001"},
        {"date": "2026-02-30"},
        {"account_id": "01900000-0000-7000-8000-000000000000"},
        {"amount": "5.00", "category_id": "01900000-0000-7000-8000-000000000000"},
    ]
    for changes in wrong:
        assert household.patch(f"transactions/{one['id']}", 1, **changes).status_code == 422
    assert household.patch(f"transactions/{one['id']}", 7, amount="5.00").status_code == 412
    assert household.delete(f"transactions/{one['id']}", 7).status_code == 412
    assert household.balance(account) == "87.50"


LARGEST = "100000000000000"


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_balance_stays_within_its_range(household: Household, sign: str) -> None:
    account = household.account(opening_balance=f"{sign}99999999999999.9999")
    values = {"account_id": account["id"], "date": "2026-01-01", "payee": "Bank"}
    answer = household.post("transactions", amount=f"{sign}0.0002", **values)
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    answer = household.post("transactions", amount=f"{sign}{LARGEST}", **values)
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    assert household.balance(account) == f"{sign}99999999999999.9999"
    assert booked(household, account) == []
    one = household.transaction(account, f"{sign}0.0001")
    assert household.balance(account) == f"{sign}{LARGEST}.00"
    answer = household.patch(f"transactions/{one['id']}", 1, amount=f"{sign}0.0002")
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    answer = change_account(household, account, opening_balance=f"{sign}{LARGEST}")
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    assert household.balance(account) == f"{sign}{LARGEST}.00"


def test_deleting_an_amount_keeps_the_balance_within_its_range_too(household: Household) -> None:
    account = household.account(opening_balance=LARGEST)
    one = household.transaction(account, "-5.00")
    household.transaction(account, "5.00")
    answer = household.delete(f"transactions/{one['id']}", 1)
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    assert household.balance(account) == f"{LARGEST}.00"


def test_a_day_before_the_opening_is_refused_everywhere(household: Household) -> None:
    account = household.account(opening_date="2026-01-10")
    values = {"account_id": account["id"], "amount": "1.00", "payee": "x"}
    answer = household.post("transactions", date="2026-01-09", **values)
    assert (answer.status_code, codes(answer)) == (422, ["before_opening"])
    one = household.transaction(account, "1.00", date="2026-01-10")
    answer = household.patch(f"transactions/{one['id']}", 1, date="2026-01-09")
    assert (answer.status_code, codes(answer)) == (422, ["before_opening"])
    earlier = household.transaction(household.account(), "1.00", date="2026-01-09")
    answer = household.patch(f"transactions/{earlier['id']}", 1, account_id=account["id"])
    assert (answer.status_code, codes(answer)) == (422, ["before_opening"])
    assert household.balance(account) == "1.00"


def test_the_opening_is_not_moved_past_a_row(household: Household) -> None:
    account = household.account()
    household.transaction(account, "1.00", date="2026-01-10")
    answer = change_account(household, account, opening_date="2026-01-11")
    assert (answer.status_code, codes(answer)) == (422, ["rows_before"])
    for day in ("2026-01-10", "2020-02-29", None):
        assert change_account(household, account, opening_date=day).json["opening_date"] == day
    household.transaction(account, "1.00", date="1999-12-31")


def test_an_account_in_use_keeps_its_currency(household: Household) -> None:
    account = household.account(currency="EUR")
    one = household.transaction(account, "1.00")
    answer = change_account(household, account, currency="USD")
    assert problem(answer) == (409, "currency-in-use")
    assert change_account(household, account, currency="EUR", name="Same").status_code == 200
    household.delete(f"transactions/{one['id']}", 1)
    assert change_account(household, account, currency="JPY").json["balance"] == "0"


def test_an_account_with_transactions_goes_on_request_only(household: Household) -> None:
    account, other = household.account(), household.account()
    commit(household, account, csv("2026-01-05,Café,-3.00"))
    kept = household.transaction(other, "1.00")
    path, version = (
        f"accounts/{account['id']}",
        household.get("accounts").json["items"][0]["version"],
    )
    assert problem(household.delete(path, version)) == (409, "account-not-empty")
    assert household.delete(path, version, with_transactions="true").status_code == 204
    assert household.get(path).status_code == 404
    assert [one["id"] for one in household.get("transactions").json["items"]] == [kept["id"]]
    assert household.get("imports").json["items"] == []


def test_an_empty_account_goes_without_asking(household: Household) -> None:
    account = household.account()
    assert household.delete(f"accounts/{account['id']}", 1).status_code == 204


def test_an_account_goes_although_rows_of_its_imports_were_moved_to_another(
    household: Household,
) -> None:
    account, other = household.account(), household.account()
    commit(household, account, csv("2026-01-05,Café,-3.00"))
    [one] = booked(household, account)
    household.patch(f"transactions/{one['id']}", 1, account_id=other["id"])
    version = household.get(f"accounts/{account['id']}").json["version"]
    answer = household.delete(f"accounts/{account['id']}", version)
    assert answer.status_code == 204, answer.text
    [moved] = booked(household, other)
    assert (moved["import_id"], moved["version"]) == (None, 3)
    assert household.balance(other) == "-3.00"


def test_a_deleted_category_leaves_its_transactions(household: Household) -> None:
    account = household.account()
    category = household.post("categories", name="Pets").json
    one = household.transaction(account, "-5.00", category_id=category["id"])
    assert household.delete(f"categories/{category['id']}", 1).status_code == 204
    left = household.get(f"transactions/{one['id']}").json
    assert (left["category_id"], left["version"]) == (None, 2)
    assert household.balance(account) == "-5.00"


def test_transactions_made_at_once_all_count(household: Household) -> None:
    account = household.account(opening_balance="0.01")
    barrier = Barrier(8)
    amounts = [[f"{thread}.{number:02}" for number in range(5)] for thread in range(8)]

    def book(mine: list[str]) -> None:
        barrier.wait()
        for amount in mine:
            household.transaction(account, amount)

    with ThreadPoolExecutor(8) as pool:
        for outcome in [pool.submit(book, mine) for mine in amounts]:
            outcome.result()
    expected = Decimal("0.01") + sum(Decimal(amount) for mine in amounts for amount in mine)
    assert Decimal(household.balance(account)) == expected


def test_moves_in_opposite_directions_at_once_lose_nothing(household: Household) -> None:
    accounts = [household.account(), household.account()]
    rows = [household.transaction(account, "1.00") for account in accounts * 2]
    barrier = Barrier(4)

    def move(index: int) -> None:
        barrier.wait()
        path = f"transactions/{rows[index]['id']}"
        for step in range(6):
            target = accounts[(index + step + 1) % 2]
            assert household.patch(path, step + 1, account_id=target["id"]).status_code == 200

    with ThreadPoolExecutor(4) as pool:
        for outcome in [pool.submit(move, index) for index in range(4)]:
            outcome.result()
    assert sum(Decimal(household.balance(account)) for account in accounts) == 4
    for account in accounts:
        counted = sum(Decimal(one["amount"]) for one in booked(household, account))
        assert Decimal(household.balance(account)) == counted


def test_of_two_changes_of_one_version_at_once_one_is_stale(household: Household) -> None:
    account = household.account()
    one = household.transaction(account, "1.00")
    barrier = Barrier(4)

    def change(number: int) -> int:
        barrier.wait()
        return household.patch(f"transactions/{one['id']}", 1, amount=f"{number}.00").status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(change, range(2, 6))) == [200, 412, 412, 412]
    [left] = booked(household, account)
    assert (left["version"], left["amount"]) == (2, household.balance(account))
