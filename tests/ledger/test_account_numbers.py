"""How much of an account's number a list shows."""

import pytest

from support.household import Household


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("DE02 1203 0000 0000 2020 51", "2051"),
        ("12-34-5", "2345"),
        ("1234", None),  # its last four would be all of it
        ("12 34", None),
        ("7", None),
        (None, None),
    ],
)
def test_a_list_shows_the_last_four_of_a_number_and_never_all_of_it(
    household: Household, number: str | None, shown: str | None
) -> None:
    opened = household.account(number=number)
    changed = household.account(number="99 99 99")
    household.patch(f"accounts/{changed['id']}", 1, number=number)

    listed = household.get("accounts").json["items"]

    assert [account["number_last4"] for account in listed] == [shown, shown]
    assert all("number" not in account for account in listed)
    assert opened["number"] == number
