"""Filters of the list of transactions, one by one and together."""

from typing import Any

import pytest
from falcon.testing import TestClient

from support.household import register

ROWS: dict[str, dict[str, Any]] = {
    "coffee": {"amount": "-3.20", "date": "2026-03-01", "payee": "Café MÜLLER"},
    "rent": {"amount": "-900.00", "date": "2026-03-02", "payee": "Landlord", "account": 1},
    "salary": {"amount": "2500.00", "date": "2026-03-03", "payee": "Straße AG"},
    "discount": {"amount": "-0.0001", "date": "2026-03-04", "payee": "Shop", "description": "50%"},
    "code": {"amount": "0.00", "date": "2026-03-05", "payee": "a_b", "category": 0},
    "slash": {"amount": "-5.00", "date": "2026-03-06", "payee": "back\\slash", "category": 1},
    "pending": {"amount": "-5.00", "date": "2026-03-06", "payee": "axb", "status": "pending"},
    "greek": {"amount": "-7.00", "date": "2026-03-07", "payee": "ΟΔΟΣ", "notes": "a hidden word"},
}


class Book:
    """A household with `ROWS`, and what a filter finds of them."""

    def __init__(self, client: TestClient) -> None:
        self.user = register(client)
        self.accounts = [self.user.account(), self.user.account()]
        self.categories = self.user.get("categories").json["items"]
        self.names: dict[str, str] = {}
        for name, row in ROWS.items():
            values = dict(row)
            account = self.accounts[values.pop("account", 0)]
            if "category" in values:
                values["category_id"] = self.categories[values.pop("category")]["id"]
            made = self.user.transaction(account, values.pop("amount"), **values)
            self.names[made["id"]] = name

    def find(self, **params: str) -> set[str]:
        """Return the names of the rows that a filter finds."""
        answer = self.user.get("transactions", **params)
        assert answer.status_code == 200, answer.text
        return {self.names[row["id"]] for row in answer.json["items"]}


@pytest.fixture(scope="module")
def book(client: TestClient) -> Book:
    return Book(client)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("müller", {"coffee"}),
        ("MÜLLER", {"coffee"}),
        ("CAFÉ", {"coffee"}),
        ("strasse", {"salary"}),
        ("STRASSE", {"salary"}),
        ("straße", {"salary"}),
        ("οδος", {"greek"}),
        ("%", {"discount"}),
        ("0%", {"discount"}),
        ("_", {"code"}),
        ("a_b", {"code"}),
        ("\\", {"slash"}),
        ("k\\s", {"slash"}),
        ("*", set()),
        ("hidden", set()),
        ("' OR 1=1 --", set()),
        ("  shop  ", {"discount"}),
        ("shop 50", set()),
    ],
)
def test_text_is_found_in_any_case_and_taken_literally(
    book: Book, text: str, found: set[str]
) -> None:
    assert book.find(q=text) == found


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"from": "2026-03-06"}, {"slash", "pending", "greek"}),
        ({"to": "2026-03-02"}, {"coffee", "rent"}),
        ({"from": "2026-03-04", "to": "2026-03-04"}, {"discount"}),
        ({"from": "2026-03-04", "to": "2026-03-03"}, set()),
        ({"from": "0001-01-01", "to": "9999-12-31"}, set(ROWS)),
        ({"min_amount": "0"}, {"salary", "code"}),
        ({"max_amount": "-900"}, {"rent"}),
        ({"min_amount": "-5", "max_amount": "-5.0000"}, {"slash", "pending"}),
        ({"min_amount": "-0.0001", "max_amount": "-0.0001"}, {"discount"}),
        ({"min_amount": "-0.0001", "max_amount": "+0.00"}, {"discount", "code"}),
        ({"min_amount": "100000000000000"}, set()),
        ({"status": "pending"}, {"pending"}),
        ({"status": "posted", "from": "2026-03-06"}, {"slash", "greek"}),
        ({"q": "a", "max_amount": "-1", "to": "2026-03-05"}, {"coffee", "rent"}),
    ],
)
def test_days_amounts_and_status_combine(
    book: Book, params: dict[str, str], found: set[str]
) -> None:
    assert book.find(**params) == found


def test_accounts_and_categories_combine_with_the_rest(book: Book) -> None:
    first, second = (account["id"] for account in book.accounts)
    category = book.categories[1]["id"]

    assert book.find(account_id=second) == {"rent"}
    assert book.find(account_id=first) == set(ROWS) - {"rent"}
    assert book.find(category_id=category) == {"slash"}
    assert book.find(category_id=category, account_id=second) == set()
    everything = {
        "account_id": first,
        "category_id": category,
        "from": "2026-03-06",
        "to": "2026-03-06",
        "q": "slash",
        "min_amount": "-5.00",
        "max_amount": "-5.00",
        "status": "posted",
        "limit": "1",
    }
    assert book.find(**everything) == {"slash"}


def test_notes_stay_sealed_in_a_list(book: Book) -> None:
    answer = book.user.get("transactions", q="οδος")

    assert "hidden" not in answer.text
    assert answer.json["items"][0]["has_notes"] is True


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ("colour=red", ["colour"]),
        ("since=2026-01-01", ["since"]),
        ("from=2026-02-30", ["from"]),
        ("from=2026-1-1&to=yesterday", ["from", "to"]),
        ("account_id=1&category_id=", ["account_id", "category_id"]),
        ("min_amount=1e3&max_amount=NaN", ["min_amount", "max_amount"]),
        ("min_amount=0.00001", ["min_amount"]),
        ("max_amount=100000000000000.01", ["max_amount"]),
        ("status=lost", ["status"]),
        ("q=", ["q"]),
        ("q=%00", ["q"]),
        ("q=a&q=b", ["q"]),
        ("limit=0&status=lost&q=%00&colour=red", ["limit", "q", "status", "colour"]),
    ],
)
def test_a_filter_that_makes_no_sense_is_422_and_named(
    book: Book, query: str, pointers: list[str]
) -> None:
    answer = book.user.call("GET", "transactions", query_string=query)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == pointers


@pytest.mark.parametrize("query", ["q=%ED%A0%80", "q=%FF%FE", "q=%F0%9F%98%80", "&&", "q=%zz"])
def test_odd_bytes_in_a_query_find_nothing_or_everything_but_break_nothing(
    book: Book, query: str
) -> None:
    answer = book.user.call("GET", "transactions", query_string=query)

    assert answer.status_code == 200
    assert len(answer.json["items"]) == (len(ROWS) if query == "&&" else 0)
