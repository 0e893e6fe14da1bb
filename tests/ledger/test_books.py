"""The check of the books finds what does not add up, and nothing else."""

from decimal import Decimal
from uuid import UUID

import pytest
from falcon.testing import TestClient
from sqlalchemy import text

from nestegg_core.api.app import create_app
from nestegg_core.application import Runtime
from nestegg_core.database import SqlStorage
from nestegg_core.ledger.balances import check_books
from support.household import Household
from support.newcomers import newcomer
from support.statements import commit, csv


@pytest.fixture
def storage(fresh_runtime: Runtime) -> SqlStorage:
    assert isinstance(fresh_runtime.storage, SqlStorage)
    fresh_runtime.storage.upgrade()
    return fresh_runtime.storage


@pytest.fixture
def households(storage: SqlStorage, fresh_runtime: Runtime) -> list[Household]:
    """Two households with money in motion."""
    del storage
    client = TestClient(create_app(fresh_runtime))
    made = [newcomer(fresh_runtime, client) for _ in range(2)]
    for household in made:
        account = household.account(opening_balance="100.00")
        household.account(currency="JPY")
        household.transaction(account, "-12.3456")
        commit(household, account, csv("2026-01-05,Café,-3.00"))
    return made


def plant(storage: SqlStorage, statement: str, **parameters: str) -> None:
    """Change rows as the owner, past every rule."""
    with storage.migrating() as connection:
        changed = connection.execute(text(statement), parameters).rowcount
    assert changed == 1


def test_an_empty_database_has_nothing_to_add_up(storage: SqlStorage) -> None:
    books = check_books(storage)
    assert (books.accounts, list(books.differences)) == (0, [])


@pytest.mark.usefixtures("households")
def test_books_that_are_right_have_no_differences(storage: SqlStorage) -> None:
    books = check_books(storage)
    assert (books.accounts, list(books.differences)) == (4, [])


def test_a_balance_that_was_changed_is_found(
    storage: SqlStorage, households: list[Household]
) -> None:
    account = households[1].get("accounts").json["items"][0]
    name = "a name that is told"
    plant(
        storage,
        "UPDATE accounts SET balance = balance + 1, name = :name WHERE id = :id",
        id=sql_id(storage, account["id"]),
        name=name,
    )
    [difference] = check_books(storage).differences
    assert difference.org_id == UUID(households[1].org_id)
    assert difference.account_id == UUID(account["id"])
    assert (difference.name, difference.currency) == (name, "EUR")
    assert difference.expected == Decimal("84.6544")
    # One in the database is a whole unit on PostgreSQL, and a ten-thousandth on SQLite.
    assert difference.balance - difference.expected in {Decimal(1), Decimal("0.0001")}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transactions SET amount = amount - 1 WHERE id = :id",
        "DELETE FROM transactions WHERE id = :id",
    ],
)
def test_a_transaction_that_was_changed_or_lost_is_found(
    storage: SqlStorage, households: list[Household], statement: str
) -> None:
    one = households[0].get("transactions").json["items"][0]
    plant(storage, statement, id=sql_id(storage, one["id"]))
    [difference] = check_books(storage).differences
    assert difference.account_id == UUID(one["account_id"])
    assert difference.balance == Decimal("84.6544")


def sql_id(storage: SqlStorage, value: str) -> str:
    """Return an id as the database keeps it."""
    return value if storage.engine.dialect.name == "postgresql" else UUID(value).hex
