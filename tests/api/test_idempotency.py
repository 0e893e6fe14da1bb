"""A POST with an `Idempotency-Key` has its effect once, however often it is sent."""

import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from falcon.testing import Result, TestClient
from sqlalchemy import select

from nestegg_core.api.app import operations
from nestegg_core.api.idempotency import takes_key
from nestegg_core.application import Runtime
from nestegg_core.database.tables import idempotency_keys, in_org
from support.household import Household
from support.samples import request_for
from support.staff import hire, promote


def book(household: Household, account: dict[str, Any], key: str, amount: str = "-5.00") -> Result:
    return household.call(
        "POST",
        "transactions",
        json={
            "account_id": account["id"],
            "date": "2026-01-02",
            "amount": amount,
            "payee": "Bakery",
            "notes": "with Ada",
        },
        headers={"Idempotency-Key": key},
    )


def test_a_retry_gets_the_same_answer_and_books_nothing(household: Household) -> None:
    account = household.account()
    first, second = book(household, account, "k1"), book(household, account, "k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json == first.json
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert household.balance(account) == "-5.00"


def test_retries_at_once_book_once(household: Household) -> None:
    account = household.account()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: book(household, account, "k1"), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert household.balance(account) == "-5.00"


def test_a_key_with_another_request_is_refused(household: Household) -> None:
    account = household.account()
    book(household, account, "k1")
    answer = book(household, account, "k1", amount="-6.00")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["code"] == "key_reused"
    assert household.balance(account) == "-5.00"


def test_a_refused_request_may_be_mended_under_its_key(household: Household) -> None:
    account = household.account()
    assert book(household, account, "k1", amount="5.00001").status_code == 422
    assert book(household, account, "k1").status_code == 201


def test_two_users_of_one_organization_do_not_share_keys(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    account, colleague = household.account(), hire(runtime, client, household, "member")
    first, second = book(household, account, "k1"), book(colleague, account, "k1")
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json["id"] != second.json["id"]
    assert "idempotency-replayed" not in second.headers
    assert household.balance(account) == "-10.00"


def test_two_organizations_of_one_user_do_not_share_keys(
    runtime: Runtime, client: TestClient, household: Household, stranger: Household
) -> None:
    abroad = hire(runtime, client, stranger, "member", household)
    for place in (household, abroad):
        answer = book(place, place.account(), "k1")
        assert answer.status_code == 201
        assert "idempotency-replayed" not in answer.headers


def found(household: Household, name: str, key: str) -> Result:
    return household.call(
        "POST", "/api/v1/organizations", json={"name": name}, headers={"Idempotency-Key": key}
    )


def memberships(household: Household) -> int:
    return len(household.get("/api/v1/me").json["memberships"])


def test_an_organization_is_made_once(household: Household) -> None:
    first, second = found(household, "Hive", "k1"), found(household, "Hive", "k1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json == first.json
    assert second.headers["location"] == first.headers["location"]
    assert second.headers["idempotency-replayed"] == "true"
    assert memberships(household) == 2


def test_retries_at_once_make_one_organization(household: Household) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: found(household, "Hive", "k1"), range(8)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert memberships(household) == 2


def test_another_organization_under_the_same_key_is_refused_and_another_key_makes_it(
    household: Household, stranger: Household
) -> None:
    first = found(household, "Hive", "k1")
    refused = found(household, "Nest", "k1")

    assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, "key_reused")
    assert found(household, "Nest", "k2").json["id"] != first.json["id"]
    assert found(stranger, "Hive", "k1").json["id"] != first.json["id"]
    assert found(household, "Nest", "a b").status_code == 422


def test_a_key_that_would_have_no_effect_is_refused(runtime: Runtime, household: Household) -> None:
    promote(runtime, household)
    refused = 0
    for op in operations(runtime):
        if op.method == "POST" and not takes_key(op):
            request = request_for(op, household)
            answer = request.send(household, Idempotency_Key="k1")
            assert answer.status_code == 400, op.path
            assert answer.json["type"] == "urn:nestegg:problem:idempotency-key-not-taken"
            assert "POST /organizations" in answer.json["detail"]
            refused += 1
    assert refused >= 15


def test_the_document_offers_a_key_where_it_is_taken(runtime: Runtime, client: TestClient) -> None:
    paths = client.simulate_get("/openapi.json").json["paths"]
    for op in operations(runtime):
        one = paths[re.sub(r":\w+}", "}", op.path)][op.method.lower()]
        offered = "Idempotency-Key" in {parameter["name"] for parameter in one["parameters"]}
        assert offered == takes_key(op), op.path


def test_a_malformed_key_is_refused(household: Household) -> None:
    account = household.account()
    for key in ("", "x" * 256, "a b", "ü"):
        assert book(household, account, key).status_code == 422
    assert household.balance(account) == "0.00"


def test_an_upload_is_previewed_once(household: Household) -> None:
    account = household.account()
    content = b"Date,Payee,Amount\n2026-01-31,Bakery,-5.00\n"
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "k1"}
    params = {"account_id": account["id"]}
    for _ in range(2):
        household.call("POST", "imports", params=params, body=content, headers=headers)
    assert len(household.get("imports").json["items"]) == 1


def test_a_stored_answer_is_sealed(household: Household, runtime: Runtime) -> None:
    account = household.account()
    book(household, account, "k1")
    with runtime.storage.transaction(UUID(household.org_id), write=False) as tx:
        stored = tx.execute(select(idempotency_keys.c.answer).where(in_org(idempotency_keys)))
        (answer,) = stored.scalars()
    assert answer.startswith("ne1:fernet:v1:")
    assert "Bakery" not in answer
