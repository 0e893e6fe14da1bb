"""What users see of a purge: refused days, receipts, imports that stay consistent."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from falcon.testing import Result

from nestegg_core import Expire, Hold
from nestegg_core.application import Runtime
from nestegg_core.ledger.balances import check_books
from nestegg_core.retention.receipts import Counts
from support.household import Household
from support.purging import Told, engine, read
from support.statements import counts

CUTOFF = date(2026, 1, 1)
OLD = (
    b"Date,Amount,Payee\n2025-11-01,-1.00,Bakery\n2025-11-01,-1.00,Bakery\n2025-12-31,-2.00,Shop\n"
)
NEW = b"2026-01-01,-4.00,Grocer\n2026-02-01,-8.00,Grocer\n"

Purge = Callable[..., Counts]


@pytest.fixture
def purge(runtime: Runtime, household: Household) -> Purge:
    """Purges the household's rows that are older than 2026; but those that are held."""

    def run(*held: str, max_batch: int = 5000) -> Counts:
        hold = Hold("transaction", "lawsuit", frozenset(map(UUID, held)))
        policy = Told(UUID(household.org_id), [Expire("transaction", CUTOFF), hold])
        retention = engine(
            runtime.storage,
            {"told": policy},
            max_batch=max_batch,
            clock=lambda: datetime(2026, 6, 1, 3, 30, tzinfo=UTC),
        )
        return retention.run(live=True, started_by="test", org_id=UUID(household.org_id))

    return run


def committed(household: Household, account: dict[str, Any], content: bytes) -> dict[str, Any]:
    preview = household.upload(account, content).json
    answer = household.post(f"imports/{preview['id']}/commit")
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def rows(household: Household, path: str = "transactions", **params: Any) -> list[dict[str, Any]]:
    return list(household.get(path, limit=200, **params).json["items"])


def refused(answer: Result) -> str:
    assert answer.status_code == 422, answer.text
    ((error),) = answer.json["errors"]
    return str(error["code"])


def test_old_rows_go_and_the_account_opens_later(household: Household, purge: Purge) -> None:
    account = household.account(opening_balance="100.00")
    for day in ("2025-12-01", "2025-12-31", "2026-01-01"):
        household.transaction(account, "-10.00", date=day)

    assert purge().transactions == 2

    after = household.get(f"accounts/{account['id']}").json
    assert [row["date"] for row in rows(household)] == ["2026-01-01"]
    assert after["balance"] == "70.00"
    assert (after["opening_balance"], after["opening_date"]) == ("80.00", "2026-01-01")
    assert after["purged_until"] == "2025-12-31"
    assert after["version"] > 4


def test_an_account_without_old_rows_is_not_touched(household: Household, purge: Purge) -> None:
    account = household.account()
    household.transaction(account, "-10.00", date="2026-01-01")
    before = household.get(f"accounts/{account['id']}").json

    purge()

    assert household.get(f"accounts/{account['id']}").json == before


def test_purged_days_take_no_rows(household: Household, purge: Purge) -> None:
    account, other = household.account(), household.account()
    household.transaction(account, "-1.00", date="2025-12-01")
    own = household.transaction(account, "-1.00", date="2026-01-01")
    moved = household.transaction(other, "-1.00", date="2025-12-02")
    purge(moved["id"])
    new = {"account_id": account["id"], "amount": "-1.00", "payee": "x"}

    assert refused(household.post("transactions", **new, date="2025-12-31")) == "purged"
    change = household.patch(f"transactions/{own['id']}", 1, date="2025-12-31")
    assert refused(change) == "purged"
    change = household.patch(f"transactions/{moved['id']}", 1, account_id=account["id"])
    assert refused(change) == "purged"
    assert household.post("transactions", **new, date="2026-01-01").status_code == 201


def test_a_held_row_stays_and_can_be_annotated_but_not_joined(
    household: Household, purge: Purge
) -> None:
    account = household.account(opening_balance="100.00")
    held = household.transaction(account, "-10.00", date="2025-10-01")
    household.transaction(account, "-20.00", date="2025-11-01")

    counts = purge(held["id"])

    ((found),) = counts.organizations[0].accounts
    assert (found.transactions, found.held) == (1, 1)
    assert household.balance(account) == "70.00"
    after = household.get(f"accounts/{account['id']}").json
    assert after["opening_date"] == "2025-10-01"
    new = {"account_id": account["id"], "amount": "0.00", "payee": "x"}
    for day in ("2025-10-01", "2025-11-01", "2025-12-31"):
        assert refused(household.post("transactions", **new, date=day)) == "purged"
    assert household.post("transactions", **new, date="2026-01-01").status_code == 201
    assert household.patch(f"transactions/{held['id']}", 1, notes="exhibit 1").status_code == 200
    worth = household.get("reports/net-worth", **{"from": "2025-09-01", "to": "2026-01-31"}).json
    assert [entry["net_worth"] for month in worth["months"] for entry in month["entries"]] == [
        "90.00",
        "70.00",
        "70.00",
        "70.00",
    ]


def test_when_the_hold_ends_the_row_goes_and_nothing_is_left_of_the_others(
    runtime: Runtime, household: Household, purge: Purge
) -> None:
    account = household.account(opening_balance="100.00")
    held = household.transaction(account, "-10.00", date="2025-10-01")
    household.transaction(account, "-20.00", date="2025-11-01")
    purge(held["id"])

    assert purge().transactions == 1

    after = household.get(f"accounts/{account['id']}").json
    assert (after["opening_balance"], after["opening_date"]) == ("70.00", "2026-01-01")
    assert read(runtime.storage, UUID(household.org_id)).carried[UUID(account["id"])] == {}
    assert check_books(runtime.storage).differences == []


def test_the_account_cannot_be_opened_before_what_was_purged(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    household.transaction(account, "-1.00", date="2025-12-01")
    purge()
    path = f"accounts/{account['id']}"
    version = household.get(path).json["version"]

    assert refused(household.patch(path, version, opening_date="2025-12-31")) == "purged"
    assert refused(household.patch(path, version, opening_date=None)) == "purged"
    assert household.patch(path, version, opening_date="2026-01-02").status_code == 200


def test_an_old_statement_imported_again_brings_nothing_back(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    committed(household, account, OLD + NEW)
    assert purge().transactions == 3
    balance, left = household.balance(account), rows(household)

    again = household.upload(account, OLD + NEW).json

    assert again["counts"] == counts(duplicate=2, error=3)
    errors = rows(household, f"imports/{again['id']}/rows", status="error")
    assert {problem["code"] for row in errors for problem in row["problems"]} == {"purged"}
    assert household.post(f"imports/{again['id']}/commit").status_code == 200
    assert (household.balance(account), rows(household)) == (balance, left)


def test_an_old_statement_brings_nothing_back_where_a_held_row_keeps_the_account_open(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    held = household.transaction(account, "-10.00", date="2025-10-01")
    committed(household, account, OLD)
    purge(held["id"])
    balance = household.balance(account)

    again = household.upload(account, OLD).json

    assert again["counts"] == counts(error=3)
    assert household.post(f"imports/{again['id']}/commit").status_code == 200
    assert (household.balance(account), [row["id"] for row in rows(household)]) == (
        balance,
        [held["id"]],
    )


def test_a_preview_from_before_the_purge_is_not_booked_after_it(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    household.transaction(account, "-1.00", date="2025-12-30")
    preview = household.upload(account, OLD + NEW).json
    purge()

    answer = household.post(f"imports/{preview['id']}/commit")

    assert (answer.status_code, answer.json["type"]) == (409, "urn:nestegg:problem:import-changed")


def test_an_import_of_which_rows_are_gone_cannot_be_reverted(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    entry = committed(household, account, OLD + NEW)
    purge()

    answer = household.post(f"imports/{entry['id']}/revert")

    assert answer.status_code == 409
    assert len(rows(household)) == 2


def test_an_import_s_old_rows_go_with_their_transactions(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    entry = committed(household, account, OLD + NEW)
    second = committed(household, account, OLD + NEW)

    purge(max_batch=1)

    for one in (entry, second):
        left = rows(household, f"imports/{one['id']}/rows")
        assert [row["date"] for row in left] == ["2026-01-01", "2026-02-01"]


def test_the_row_of_an_import_stays_while_an_equal_transaction_is_held(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    entry = committed(household, account, OLD)
    held = rows(household)[-1]
    assert held["date"] == "2025-11-01"

    purge(held["id"], max_batch=1)

    left = rows(household, f"imports/{entry['id']}/rows")
    assert [row["date"] for row in left] == ["2025-11-01", "2025-11-01"]
    assert [row["id"] for row in rows(household)] == [held["id"]]


def test_the_row_of_an_import_goes_with_a_transaction_that_was_moved_into_the_past(
    household: Household, purge: Purge
) -> None:
    account = household.account()
    entry = committed(household, account, b"Date,Amount,Payee\n" + NEW)
    moved = rows(household)[0]
    household.patch(f"transactions/{moved['id']}", 1, date="2025-06-01")

    assert purge().transactions == 1

    ((left),) = rows(household, f"imports/{entry['id']}/rows")
    assert left["date"] == "2026-01-01"


def test_old_rows_of_a_reverted_import_go(household: Household, purge: Purge) -> None:
    account = household.account()
    entry = committed(household, account, OLD + NEW)
    assert household.post(f"imports/{entry['id']}/revert").status_code == 200

    counts = purge(max_batch=2)

    ((found),) = counts.organizations[0].accounts
    assert (found.transactions, found.import_rows) == (0, 3)
    left = rows(household, f"imports/{entry['id']}/rows")
    assert [row["date"] for row in left] == ["2026-01-01", "2026-02-01"]


def test_another_account_s_import_of_the_same_rows_keeps_them(
    household: Household, runtime: Runtime
) -> None:
    cash, card = household.account(), household.account()
    committed(household, cash, OLD)
    kept = committed(household, card, OLD)
    only_cash = Expire("transaction", CUTOFF, frozenset({UUID(cash["id"])}))
    policy = Told(UUID(household.org_id), [only_cash])
    engine(runtime.storage, {"told": policy}, clock=lambda: datetime(2026, 6, 1, tzinfo=UTC)).run(
        live=True, started_by="test", org_id=UUID(household.org_id)
    )

    assert len(rows(household, f"imports/{kept['id']}/rows")) == 3
    assert {row["account_id"] for row in rows(household)} == {card["id"]}


def test_receipts_tell_what_went(household: Household, purge: Purge) -> None:
    cash, card = household.account(), household.account(currency="JPY")
    committed(household, cash, OLD)
    household.transaction(card, "-700", date="2025-01-31")

    purge(max_batch=1)
    purge()

    ((receipt),) = household.get("retention-receipts").json["items"]
    assert (receipt["transactions"], receipt["import_rows"]) == (4, 3)
    assert (receipt["day"], receipt["started_by"]) == ("2026-06-01", "test")
    told = [
        (one["account_id"], one["transactions"], one["amount"], one["before"], one["policies"])
        for one in receipt["accounts"]
    ]
    assert told == [
        (cash["id"], 3, "-4.00", "2026-01-01", ["told"]),
        (card["id"], 1, "-700", "2026-01-01", ["told"]),
    ]


def test_receipts_come_in_pages_the_newest_first(household: Household, purge: Purge) -> None:
    ids = []
    for _ in range(3):
        account = household.account()
        household.transaction(account, "-1.00", date="2025-01-31")
        purge()
        ids.insert(0, account["id"])

    first = household.get("retention-receipts", limit=2).json
    second = household.get("retention-receipts", limit=2, cursor=first["next"]).json

    found = [one["accounts"][0]["account_id"] for one in (*first["items"], *second["items"])]
    assert found == ids
    assert second["next"] is None


def test_a_receipt_outlives_its_account(household: Household, purge: Purge) -> None:
    account = household.account()
    held = household.transaction(account, "-1.00", date="2025-01-30")
    household.transaction(account, "-1.00", date="2025-01-31")
    purge(held["id"])
    path = f"accounts/{account['id']}"
    version = household.get(path).json["version"]
    assert household.delete(path, version, with_transactions=True).status_code == 204

    ((receipt),) = household.get("retention-receipts").json["items"]

    assert receipt["accounts"][0]["account_id"] == account["id"]


def test_a_balance_that_does_not_fit_leaves_the_account_as_it_was(
    household: Household, purge: Purge
) -> None:
    full = household.account(opening_balance="90000000000000")
    for year in range(5):
        household.transaction(full, "-90000000000000", date=f"{2026 + year}-06-01")
        household.transaction(full, "90000000000000", date=f"{2020 + year}-06-01")
    other = household.account()
    household.transaction(other, "-1.00", date="2025-12-01")
    before = household.get(f"accounts/{full['id']}").json

    counts = purge()

    assert "its opening balance" in str(counts.failures[0][1])
    assert household.get(f"accounts/{full['id']}").json == before
    assert counts.transactions == 1


def test_days_between_held_rows_keep_their_sums_only(household: Household, purge: Purge) -> None:
    account = household.account(opening_balance="0.00")
    first = household.transaction(account, "-1.00", date="2025-03-31")
    for number in range(4):
        day = date(2025, 4, 30) + timedelta(days=number // 2)
        household.transaction(account, "-10.00", date=day.isoformat())
    last = household.transaction(account, "-2.00", date="2025-05-15")

    purge(first["id"], last["id"], max_batch=2)

    worth = household.get("reports/net-worth", **{"from": "2025-03-01", "to": "2025-05-31"}).json
    found = [month["entries"][0]["net_worth"] for month in worth["months"]]
    assert found == ["-1.00", "-21.00", "-43.00"]
