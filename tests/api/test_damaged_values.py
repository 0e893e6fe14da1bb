"""One stored value that does not open takes nothing down but itself."""

from typing import Any
from uuid import UUID

import structlog
from falcon.testing import TestClient
from sqlalchemy import Table, select, update

from nestegg_core.application import Runtime
from nestegg_core.database import in_org
from nestegg_core.database.tables import (
    accounts,
    idempotency_keys,
    import_rows,
    invitations,
    second_factors,
    sessions,
    transactions,
    users,
)
from support.authenticator import PATH, authenticator
from support.household import PASSWORD, Household
from support.statements import preview

BROKEN = "ne1:fernet:v1:gAAAAABrDrwOmoved"


def damage(runtime: Runtime, table: Table, column: str, row_id: str, org_id: str = "") -> None:
    where = [table.c.id == UUID(row_id)]
    change = update(table).where(*where).values({column: BROKEN})
    if org_id:
        with runtime.storage.transaction(UUID(org_id), write=True) as tx:
            assert tx.execute(change).rowcount == 1
    else:
        with runtime.storage.system_transaction(write=True) as tx:
            assert tx.execute(change).rowcount == 1


def me(household: Household) -> dict[str, Any]:
    answer = household.get("/api/v1/me")
    assert answer.status_code == 200
    return dict(answer.json)


def test_a_user_with_a_damaged_email_is_seen_and_breaks_no_sign_in(
    household: Household, runtime: Runtime, client: TestClient
) -> None:
    before = me(household)
    damage(runtime, users, "email", before["id"])

    with structlog.testing.capture_logs() as logs:
        after = me(household)

    assert (after["email"], after["name"], after["damaged"]) == (None, before["name"], ["email"])
    (told,) = [one for one in logs if one["log_level"] == "error"]
    assert told["event"] == "a stored value is damaged"
    assert "users.email" in told["why"]
    (member,) = household.get("members").json["items"]
    assert (member["email"], member["damaged"]) == (None, ["email"])
    signed_in = client.simulate_post(
        "/api/v1/auth/login", json={"email": before["email"], "password": PASSWORD}
    )
    assert signed_in.status_code == 401  # whose address it is cannot be told; and no 500


def test_lists_show_the_others(household: Household, runtime: Runtime) -> None:
    made = [
        household.post("invitations", email=f"{name}@example.org", role="viewer").json
        for name in ("one", "two")
    ]
    damage(runtime, invitations, "email", made[0]["id"])

    items = {one["id"]: one for one in household.get("invitations").json["items"]}

    assert items[made[0]["id"]]["email"] is None
    assert items[made[0]["id"]]["damaged"] == ["email"]
    assert items[made[1]["id"]]["email"] == "two@example.org"
    assert "damaged" not in items[made[1]["id"]]
    own = household.get("/api/v1/me/sessions").json["items"]
    damage(runtime, sessions, "user_agent", own[0]["id"])
    assert household.get("/api/v1/me/sessions").json["items"][0]["damaged"] == ["user_agent"]


def test_a_change_leaves_a_damaged_value_as_it_is_until_a_new_one_is_given(
    household: Household, runtime: Runtime
) -> None:
    account = household.account(number="DE89 3704 0044")
    damage(runtime, accounts, "number", account["id"], household.org_id)
    path = f"accounts/{account['id']}"
    shown = household.get(path)
    assert (shown.json["number"], shown.json["damaged"]) == (None, ["number"])

    renamed = household.patch(path, shown.json["version"], name="Renamed")

    assert renamed.status_code == 200
    with runtime.storage.transaction(UUID(household.org_id), write=False) as tx:
        number = select(accounts.c.number).where(accounts.c.id == UUID(account["id"]))
        assert tx.execute(number).scalar_one() == BROKEN
    mended = household.patch(path, renamed.json["version"], number="DE89 0044")
    assert mended.json["number"] == "DE89 0044"
    assert "damaged" not in mended.json


def test_a_transaction_with_damaged_notes_is_read(household: Household, runtime: Runtime) -> None:
    made = household.transaction(household.account(), "1", notes="for Ada")
    damage(runtime, transactions, "notes", made["id"], household.org_id)

    read = household.get(f"transactions/{made['id']}").json

    assert (read["notes"], read["damaged"], read["amount"]) == (None, ["notes"], made["amount"])


def test_a_damaged_second_factor_is_told_and_recovery_codes_open(
    household: Household, runtime: Runtime, client: TestClient
) -> None:
    app = authenticator(household)
    codes = household.post(f"{PATH}/confirm", code=app.code()).json["recovery_codes"]
    user = select(users.c.id).where(users.c.id == UUID(me(household)["id"]))
    with runtime.storage.system_transaction(write=True) as tx:
        change = update(second_factors).where(second_factors.c.user_id.in_(user))
        assert tx.execute(change.values(secret=BROKEN)).rowcount == 1

    def login(code: str) -> Any:
        body = {"email": household.email, "password": PASSWORD, "code": code}
        return client.simulate_post("/api/v1/auth/login", json=body)

    told, let_in = login(app.code()), login(codes[0])

    assert told.status_code == 409
    assert told.json["type"] == "urn:nestegg:problem:second-factor-damaged"
    assert let_in.status_code == 200
    assert household.post(f"{PATH}/remove", password=PASSWORD, code=codes[1]).status_code < 300


def test_a_retry_whose_answer_is_damaged_is_told_and_books_nothing(
    household: Household, runtime: Runtime
) -> None:
    account = household.account()

    def book() -> Any:
        body = {
            "account_id": account["id"],
            "date": "2026-01-02",
            "amount": "-5.00",
            "payee": "Bakery",
        }
        return household.call(
            "POST", "transactions", json=body, headers={"Idempotency-Key": "damaged"}
        )

    assert book().status_code == 201
    with runtime.storage.transaction(UUID(household.org_id), write=True) as tx:
        change = update(idempotency_keys).where(in_org(idempotency_keys)).values(answer=BROKEN)
        assert tx.execute(change).rowcount >= 1

    again = book()

    assert again.status_code == 409
    assert again.json["type"] == "urn:nestegg:problem:answer-damaged"
    assert household.balance(account) == "-5.00"


def test_an_import_with_damaged_notes_is_refused_whole(
    household: Household, runtime: Runtime
) -> None:
    account = household.account()
    made = preview(household, account, b"Date,Payee,Amount\n2026-01-02,Bakery,-5.00\n")
    with runtime.storage.transaction(UUID(household.org_id), write=True) as tx:
        change = update(import_rows).where(in_org(import_rows)).values(notes=BROKEN)
        assert tx.execute(change).rowcount == 1

    refused = household.post(f"imports/{made['id']}/commit")

    assert refused.status_code == 500
    assert refused.json["type"] == "urn:nestegg:problem:damaged-value"
    assert "nestegg keys verify" in refused.json["detail"]
    assert household.balance(account) == "0.00"
