"""What happens between a preview and its commit, or a commit and its revert, is noticed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from falcon.testing import Result

from support.household import Household
from support.statements import booked, codes, commit, csv, preview, problem

COFFEE, RENT = "2026-01-05,Café,-3.00", "2026-01-06,Landlord,-900.00"

Account = dict[str, Any]


def import_another(household: Household, account: Account) -> None:
    commit(household, account, csv(COFFEE))


def revert_the_first(household: Household, _account: Account) -> None:
    first = household.get("imports").json["items"][-1]
    assert household.post(f"imports/{first['id']}/revert").status_code == 200


def delete_a_row(household: Household, account: Account) -> None:
    one = booked(household, account)[-1]
    assert household.delete(f"transactions/{one['id']}", one["version"]).status_code == 204


def open_later(household: Household, account: Account) -> None:
    version = household.get(f"accounts/{account['id']}").json["version"]
    answer = household.patch(f"accounts/{account['id']}", version, opening_date="2026-01-06")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("before", "between"),
    [
        ([], import_another),
        ([COFFEE], revert_the_first),
        ([COFFEE], delete_a_row),
        ([], open_later),
    ],
)
def test_a_commit_is_refused_when_other_rows_are_new_than_in_the_preview(
    household: Household, before: list[str], between: Callable[[Household, Account], None]
) -> None:
    account = household.account()
    if before:
        commit(household, account, csv(*before))
    made = preview(household, account, csv(COFFEE, RENT))
    between(household, account)
    balance, rows = household.balance(account), booked(household, account)
    answer = household.post(f"imports/{made['id']}/commit")
    assert problem(answer) == (409, "import-changed")
    assert household.balance(account) == balance
    assert booked(household, account) == rows
    assert household.get(f"imports/{made['id']}").json["status"] == "previewed"
    again = commit(household, account, csv(COFFEE, RENT))
    assert again["status"] == "committed"


def test_what_does_not_change_which_rows_are_new_does_not_matter(household: Household) -> None:
    account = household.account()
    made = preview(household, account, csv(COFFEE))
    household.transaction(account, "-3.00", date="2026-01-05", payee="Café")
    commit(household, account, csv(RENT))
    assert household.post(f"imports/{made['id']}/commit").status_code == 200
    assert household.balance(account) == "-906.00"


def at_once(*calls: Callable[[], Result]) -> list[Result]:
    """Call from as many threads at once."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Result]) -> Result:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_many_commits_at_once_one_wins(household: Household) -> None:
    account = household.account()
    made = preview(household, account, csv(COFFEE, RENT))
    call = lambda: household.post(f"imports/{made['id']}/commit")  # noqa: E731 - a name for one call
    answers = at_once(*[call] * 5)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert {problem(one)[1] for one in answers if one.status_code == 409} == {
        "import-not-previewed"
    }
    assert household.balance(account) == "-903.00"


def test_of_two_previews_of_one_file_that_are_committed_at_once_one_wins(
    household: Household,
) -> None:
    account = household.account()
    first, second = (preview(household, account, csv(COFFEE)) for _ in range(2))
    answers = at_once(
        *[lambda one=one: household.post(f"imports/{one['id']}/commit") for one in (first, second)]
    )
    assert sorted(problem(one) if one.status_code != 200 else (200, "") for one in answers) == [
        (200, ""),
        (409, "import-changed"),
    ]
    assert household.balance(account) == "-3.00"


def test_of_many_reverts_at_once_one_wins(household: Household) -> None:
    account = household.account()
    made = commit(household, account, csv(COFFEE, RENT))
    call = lambda: household.post(f"imports/{made['id']}/revert")  # noqa: E731 - a name for one call
    answers = at_once(*[call] * 5)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert household.balance(account) == "0.00"


def edit_back_and_forth(household: Household, one: dict[str, Any]) -> None:
    path = f"transactions/{one['id']}"
    household.patch(path, 1, payee="Other")
    household.patch(path, 2, payee=one["payee"])


def move_away(household: Household, one: dict[str, Any]) -> None:
    other = household.account(name="Other")
    household.patch(f"transactions/{one['id']}", 1, account_id=other["id"])


CHANGES: list[Callable[[Household, dict[str, Any]], object]] = [
    lambda household, one: household.patch(f"transactions/{one['id']}", 1, notes="mine"),
    lambda household, one: household.patch(f"transactions/{one['id']}", 1, amount="-4.00"),
    lambda household, one: household.delete(f"transactions/{one['id']}", 1),
    edit_back_and_forth,
    move_away,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_revert_is_refused_when_a_row_was_changed_or_has_gone(
    household: Household, change: Callable[[Household, dict[str, Any]], object]
) -> None:
    account = household.account()
    made = commit(household, account, csv(COFFEE, RENT))
    change(household, booked(household, account)[-1])
    balance, rows = household.balance(account), booked(household, account)
    assert problem(household.post(f"imports/{made['id']}/revert")) == (409, "import-rows-changed")
    assert household.balance(account) == balance
    assert booked(household, account) == rows


def test_each_step_is_taken_once(household: Household) -> None:
    account = household.account()
    made = preview(household, account, csv(COFFEE))
    path = f"imports/{made['id']}"
    assert problem(household.post(f"{path}/revert")) == (409, "import-not-committed")
    assert household.post(f"{path}/commit").status_code == 200
    assert problem(household.post(f"{path}/commit")) == (409, "import-not-previewed")
    assert household.post(f"{path}/revert").status_code == 200
    assert problem(household.post(f"{path}/revert")) == (409, "import-not-committed")
    assert problem(household.post(f"{path}/commit")) == (409, "import-not-previewed")
    assert household.balance(account) == "0.00"


def test_an_account_with_imports_keeps_its_currency(household: Household) -> None:
    """Their rows are in it, also those that are not booked yet."""
    account = household.account(currency="EUR")
    made = preview(household, account, csv(COFFEE))
    answer = household.patch(f"accounts/{account['id']}", 1, currency="USD")
    assert problem(answer) == (409, "currency-in-use")
    household.delete(f"imports/{made['id']}", 1)
    assert household.patch(f"accounts/{account['id']}", 1, currency="USD").status_code == 200


def test_a_commit_that_would_take_the_balance_out_of_range_books_nothing(
    household: Household,
) -> None:
    account = household.account()
    made = preview(household, account, csv("2026-01-05,Bank,99999999999999.00"))
    household.transaction(account, "2.00")
    answer = household.post(f"imports/{made['id']}/commit")
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    assert household.balance(account) == "2.00"


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("count", [2, 20, 2000])
def test_a_statement_whose_rows_add_up_beyond_the_range_is_refused(
    household: Household, sign: str, count: int
) -> None:
    account = household.account()
    answer = household.upload(account, csv(*[f"2026-01-05,Bank,{sign}100000000000000"] * count))
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    assert household.get("imports").json["items"] == []


def test_a_revert_that_would_take_the_balance_out_of_range_changes_nothing(
    household: Household,
) -> None:
    account = household.account()
    made = commit(household, account, csv("2026-01-05,Bank,-5.00"))
    household.transaction(account, "100000000000000")
    household.transaction(account, "4.00")
    answer = household.post(f"imports/{made['id']}/revert")
    assert (answer.status_code, codes(answer)) == (422, ["out_of_range"])
    assert household.balance(account) == "99999999999999.00"
