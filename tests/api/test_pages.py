"""Keyset pages: every row once, in order, whatever is written meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from support.household import Household
from support.samples import statement

LISTS = ["transactions", "accounts", "categories", "imports", "imports/{import_id}/rows"]


def walk(user: Household, path: str, **params: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield each page's items to the end of a list."""
    cursor = None
    while True:
        page = user.get(path, **params, **({"cursor": cursor} if cursor else {})).json
        yield page["items"]
        cursor = page["next"]
        if cursor is None:
            return


@pytest.fixture
def filled(household: Household) -> dict[str, str]:
    """The path of every list, each with some rows, by its name in `LISTS`."""
    account = household.account()
    for day in (3, 1, 2, 2, 2):
        household.transaction(account, "-1.00", date=f"2026-03-0{day}")
    for _ in range(3):
        household.account()
    imports = [household.upload(account, statement()).json["id"] for _ in range(3)]
    return {name: name.format(import_id=imports[0]) for name in LISTS}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("limit", [1, 2, 3, 200])
def test_every_row_comes_once_whatever_the_limit(
    household: Household, filled: dict[str, str], name: str, limit: int
) -> None:
    whole = household.get(filled[name]).json
    assert whole["next"] is None
    assert len(whole["items"]) > 1

    pages = list(walk(household, filled[name], limit=limit))

    assert [row for page in pages for row in page] == whole["items"]
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit


def test_transactions_come_newest_first(household: Household, filled: dict[str, str]) -> None:
    rows = household.get(filled["transactions"]).json["items"]

    keys = [(row["date"], row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=True)
    assert [date for date, _ in keys] == ["2026-03-03", *["2026-03-02"] * 3, "2026-03-01"]


def test_lists_have_the_order_that_they_document(
    household: Household, filled: dict[str, str]
) -> None:
    def column(name: str, key: str) -> list[Any]:
        return [row[key] for row in household.get(filled[name]).json["items"]]

    assert column("accounts", "id") == sorted(column("accounts", "id"))
    assert column("imports", "id") == sorted(column("imports", "id"), reverse=True)
    assert column("imports/{import_id}/rows", "line") == [2, 3]
    names = [name.casefold() for name in column("categories", "name")]
    assert names == sorted(names)


def test_rows_written_meanwhile_neither_repeat_nor_hide_others(household: Household) -> None:
    account = household.account()
    days = [f"2026-03-{day:02}" for day in range(10, 20)]
    known = {household.transaction(account, "-1.00", date=day)["id"] for day in days}
    seen: list[str] = []

    for number, page in enumerate(walk(household, "transactions", limit=2)):
        seen += [row["id"] for row in page]
        household.transaction(account, "-1.00", date="2026-03-31")  # before every page so far
        if number < 3:
            household.transaction(account, "-1.00", date="2026-03-01")  # behind every one to come

    assert len(seen) == len(set(seen))
    assert known <= set(seen)
    assert len(seen) == len(known) + 3


def test_a_deleted_row_is_no_stumbling_block(household: Household) -> None:
    account = household.account()
    rows = [household.transaction(account, "-1.00", date=f"2026-03-0{day}") for day in (1, 2, 3)]
    first = household.get("transactions", limit=1).json
    household.delete(f"transactions/{first['items'][0]['id']}", 1)

    rest = household.get("transactions", cursor=first["next"]).json

    assert [row["id"] for row in rest["items"]] == [rows[1]["id"], rows[0]["id"]]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "", "1.5", "1e1", "99999999999999999"])
def test_a_limit_out_of_range_is_422(household: Household, limit: str) -> None:
    for path in ("transactions", "accounts", "categories", "imports"):
        answer = household.get(path, limit=limit)
        assert answer.status_code == 422
        assert [error["pointer"] for error in answer.json["errors"]] == ["limit"]


def forged(cursor: str) -> dict[str, str]:
    """Return cursors that this server did not write."""
    middle = len(cursor) // 2
    other = "A" if cursor[middle] != "A" else "B"
    return {
        "altered": cursor[:middle] + other + cursor[middle + 1 :],
        "cut": cursor[:-4],
        "longer": cursor + "AAAA",
        "empty": "",
        "plain": "2026-03-01",
        "not ascii": "ä" * 30,
        "not base64": "!" * 40,
        "huge": "A" * 100_000,
    }


def test_a_cursor_that_was_not_given_out_is_422(
    household: Household, filled: dict[str, str]
) -> None:
    cursor = household.get(filled["transactions"], limit=1).json["next"]
    for why, bad in forged(cursor).items():
        answer = household.get(filled["transactions"], cursor=bad)
        assert answer.status_code == 422, why
        assert [error["pointer"] for error in answer.json["errors"]] == ["cursor"]


def test_a_cursor_is_good_for_its_own_list_alone(
    household: Household, stranger: Household, filled: dict[str, str]
) -> None:
    cursors = {name: household.get(filled[name], limit=1).json["next"] for name in LISTS}
    for name in LISTS:
        for other in set(LISTS) - {name}:
            answer = household.get(filled[name], cursor=cursors[other])
            assert answer.status_code == 422, (name, other)
    assert stranger.get("transactions", cursor=cursors["transactions"]).status_code == 422


def test_a_cursor_keeps_its_filters_company(household: Household) -> None:
    account = household.account()
    for payee in ("Bakery", "Shop", "Bakery", "Shop", "Bakery"):
        household.transaction(account, "-1.00", payee=payee)

    pages = list(walk(household, "transactions", q="bakery", limit=2))

    assert [[row["payee"] for row in page] for page in pages] == [["Bakery"] * 2, ["Bakery"]]
