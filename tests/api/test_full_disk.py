"""A database whose disk is full: 503, nothing half done, and the cause once in the log."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import event, text
from structlog.typing import EventDict

from nestegg_core.api.app import create_app, operations
from nestegg_core.application import Runtime, start
from nestegg_core.database import SqliteStorage, SqlStorage
from nestegg_core.settings import Environment
from support.conformance import ConformingClient
from support.household import Household, register

NOTES = "x" * 2000


@pytest.fixture
def full(fresh_variables: dict[str, str]) -> Iterator[Household]:
    """A household on a database that takes no more rows."""
    made = start(Environment.read(fresh_variables, dotenv=None))
    made.storage.upgrade()
    household = register(ConformingClient(create_app(made), operations(made)))
    household.account()
    _fill(made)
    yield household
    made.storage.dispose()


def _fill(made: Runtime) -> None:
    storage = made.storage
    assert isinstance(storage, SqlStorage)
    if isinstance(storage, SqliteStorage):

        def limit(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA max_page_count = 1")  # no more than there are

        storage.dispose()
        event.listen(storage.engine, "connect", limit)
        return
    with storage.migrating() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"
            )
        )
        connection.execute(
            text(
                "CREATE TRIGGER full_disk BEFORE INSERT ON transactions "
                "FOR EACH ROW EXECUTE FUNCTION full_disk()"
            )
        )


def _refused(household: Household) -> list[EventDict]:
    """Post until the database takes no more, five times over, and return what was logged."""
    account = household.get("accounts").json["items"][0]["id"]
    refused = 0
    with structlog.testing.capture_logs() as logs:
        for number in range(300):
            answer = household.post(
                "transactions",
                account_id=account,
                date="2026-03-15",
                amount="1",
                payee=f"Bakery {number}",
                notes=NOTES,
            )
            if answer.status_code != 201:
                assert answer.status_code == 503
                assert answer.json["detail"] == "The database's disk is full."
                assert int(answer.headers["Retry-After"]) > 0
                refused += 1
            if refused == 5:
                return list(logs)
    raise AssertionError("it never was full")


def test_a_full_disk_is_503_and_told_once(full: Household) -> None:
    logs = _refused(full)

    told = [one for one in logs if one["log_level"] != "info"]
    assert [one["error"] for one in told] == ["The database's disk is full."]
    assert "Traceback" not in repr(logs)
    assert "File " not in repr(logs)


def test_what_was_confirmed_is_there_and_nothing_else(full: Household) -> None:
    _refused(full)

    account = full.get("accounts").json["items"][0]
    rows = full.get("transactions?limit=200").json["items"]
    assert float(account["balance"]) == sum(float(one["amount"]) for one in rows)
