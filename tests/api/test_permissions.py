"""Every operation is tried in every role: one that is new and unguarded fails here."""

from uuid import uuid4

import falcon.inspect
import pytest
from falcon.testing import TestClient

from nestegg_core.api.app import operations
from nestegg_core.api.operation import ORGANIZATION, Operation
from nestegg_core.application import Runtime
from nestegg_core.users.roles import PERMISSIONS, ROLES
from support.household import Household, register
from support.samples import Request, request_for
from support.staff import at, change_role, disable, dismiss, hire, promote

PUBLIC = {
    ("GET", "/health"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
    ("POST", "/api/v1/auth/register"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/refresh"),
    ("POST", "/api/v1/auth/forgot-password"),
    ("POST", "/api/v1/auth/reset-password"),
    ("POST", "/api/v1/auth/verify-email"),
    ("GET", "/api/v1/auth/providers"),
}
FOR_ANYONE_SIGNED_IN = {
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/organizations"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/organizations"),
    ("POST", "/api/v1/invitations/accept"),
    ("POST", "/api/v1/me/verify-email"),
    ("GET", "/api/v1/me/tokens"),
    ("POST", "/api/v1/me/tokens"),
    ("DELETE", "/api/v1/me/tokens/{token_id:uuid}"),
    ("GET", "/api/v1/me/identities"),
    ("POST", "/api/v1/me/identities"),
    ("DELETE", "/api/v1/me/identities/{identity_id:uuid}"),
    ("GET", "/api/v1/me/sessions"),
    ("DELETE", "/api/v1/me/sessions"),
    ("DELETE", "/api/v1/me/sessions/{session_id:uuid}"),
    ("POST", "/api/v1/me/password"),
    ("GET", "/api/v1/me/second-factor"),
    ("POST", "/api/v1/me/second-factor"),
    ("POST", "/api/v1/me/second-factor/confirm"),
    ("POST", "/api/v1/me/second-factor/remove"),
}
DOCUMENTS = {("GET", "/openapi.json"), ("GET", "/docs"), ("GET", "/")}


def key(op: Operation) -> tuple[str, str]:
    return op.method, op.path


@pytest.fixture
def all_operations(runtime: Runtime) -> list[Operation]:
    return operations(runtime)


@pytest.fixture
def guarded(all_operations: list[Operation]) -> list[Operation]:
    return [op for op in all_operations if op.permission]


def test_every_route_is_a_declared_operation(
    client: TestClient, all_operations: list[Operation]
) -> None:
    routes = {
        (method.method, route.path)
        for route in falcon.inspect.inspect_routes(client.app)
        for method in route.methods
        if not method.internal and method.method not in {"HEAD", "OPTIONS"}
    }

    assert routes == {key(op) for op in all_operations} | DOCUMENTS


def test_only_these_operations_ask_for_no_permission(all_operations: list[Operation]) -> None:
    assert {key(op) for op in all_operations if op.public} == PUBLIC
    signed_in = [op for op in all_operations if not op.permission and not op.public]
    assert {key(op) for op in signed_in if not op.administrators} == FOR_ANYONE_SIGNED_IN
    for op in all_operations:
        assert op.administrators == op.path.startswith("/api/v1/admin/"), op.path


def test_permissions_are_of_the_table_and_only_reading_may_be_for_readers(
    guarded: list[Operation],
) -> None:
    for op in guarded:
        assert op.path.startswith(ORGANIZATION), op.path
        assert op.permission in PERMISSIONS, op.permission
        assert op.permission.endswith(":read") == (op.method == "GET"), op.path


def test_nobody_gets_in_without_a_token(
    client: TestClient, all_operations: list[Operation], staff: dict[str, Household]
) -> None:
    for op in (op for op in all_operations if not op.public):
        path = request_for(op, staff["owner"]).path(staff["owner"].org_id)
        for method in (op.method, "HEAD") if op.method == "GET" else (op.method,):
            answer = client.simulate_request(method, path)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="nestegg"'


@pytest.mark.parametrize("role", ["viewer", "member", "admin", "owner"])
def test_a_role_may_do_what_its_permissions_say_and_no_more(
    guarded: list[Operation], staff: dict[str, Household], role: str
) -> None:
    for op in guarded:
        answer = request_for(op, staff["owner"]).send(staff[role])
        granted = op.permission in ROLES[role]
        assert answer.status_code == (op.status if granted else 403), (key(op), answer.text)
        if not granted:
            assert answer.headers["WWW-Authenticate"].endswith('error="insufficient_scope"')


def test_what_is_for_administrators_is_for_no_owner(
    runtime: Runtime, client: TestClient, all_operations: list[Operation]
) -> None:
    owner, administrator = register(client), register(client)
    promote(runtime, administrator)
    for op in (op for op in all_operations if op.administrators):
        assert request_for(op, owner).send(owner).status_code == 403, op.path
        assert request_for(op, administrator).send(administrator).status_code == op.status


def test_an_administrator_of_the_instance_sees_no_organization_for_that(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    administrator = register(client)
    promote(runtime, administrator)

    assert at(administrator, household.org_id).get("accounts").status_code == 404


def test_a_viewer_reads_everything_and_changes_nothing(
    guarded: list[Operation], staff: dict[str, Household]
) -> None:
    for op in guarded:
        status = request_for(op, staff["owner"]).send(staff["viewer"]).status_code
        assert status == (200 if op.method == "GET" else 403), key(op)


def test_to_a_stranger_an_organization_looks_like_none_at_all(
    guarded: list[Operation], staff: dict[str, Household], stranger: Household
) -> None:
    for op in guarded:
        request = request_for(op, staff["owner"])
        existing = request.send(at(stranger, staff["owner"].org_id))
        absent = request.send(at(stranger, str(uuid4())))

        assert existing.status_code == absent.status_code == 404, key(op)
        assert existing.json == absent.json


def test_another_organizations_rows_look_like_none_at_all(
    guarded: list[Operation], staff: dict[str, Household], stranger: Household
) -> None:
    for op in guarded:
        request = request_for(op, staff["owner"])
        if not request.fields:
            continue
        nothing = Request(
            **{**vars(request), "fields": dict.fromkeys(request.fields, str(uuid4()))}
        )
        foreign, absent = request.send(stranger), nothing.send(stranger)

        assert foreign.status_code == absent.status_code == 404, key(op)
        assert foreign.json == absent.json
        assert request.send(staff["owner"]).status_code == op.status, "the row was touched"


@pytest.mark.parametrize("field", ["account_id", "category_id"])
def test_another_organizations_ids_in_a_body_are_unknown_ids(
    household: Household, stranger: Household, field: str
) -> None:
    foreign = {
        "account_id": stranger.account()["id"],
        "category_id": stranger.get("categories").json["items"][0]["id"],
    }[field]
    own = household.transaction(household.account(), "-1.00")
    for unknown in (foreign, str(uuid4())):
        good = {"account_id": own["account_id"], "date": "2026-03-15", "amount": "1", "payee": "x"}
        made = household.post("transactions", **{**good, field: unknown})
        changed = household.patch(f"transactions/{own['id']}", 1, **{field: unknown})
        for answer in (made, changed):
            assert answer.status_code == 422
            assert [error["pointer"] for error in answer.json["errors"]] == [f"/{field}"]
    assert household.get(f"transactions/{own['id']}").json == own


def test_a_statement_for_another_organizations_account_is_refused(
    household: Household, stranger: Household
) -> None:
    answer = household.upload(stranger.account(), b"Date,Amount,Payee\n2026-01-01,1.00,Shop\n")

    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == "account_id"
    assert stranger.get("imports").json["items"] == []


def test_filters_do_not_reach_into_another_organization(
    household: Household, stranger: Household
) -> None:
    foreign = stranger.account()
    stranger.transaction(foreign, "-1.00", payee="Secret shop")

    assert household.get("transactions", account_id=foreign["id"]).json["items"] == []
    assert household.get("transactions", q="secret").json["items"] == []


def test_a_member_is_out_at_once(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    member = hire(runtime, client, household, "member")
    household.account()
    assert len(member.get("accounts").json["items"]) == 1

    dismiss(runtime, member)

    assert member.get("accounts").status_code == 404
    assert member.post("categories", name="Late").status_code == 404
    memberships = member.get("/api/v1/me").json["memberships"]
    assert household.org_id not in {one["organization"]["id"] for one in memberships}


def test_a_new_role_holds_from_the_next_request(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    member = hire(runtime, client, household, "member")
    assert member.post("categories", name="Before").status_code == 201

    change_role(runtime, member, "viewer")

    assert member.post("categories", name="After").status_code == 403
    assert member.get("categories").status_code == 200


def test_one_user_keeps_organizations_apart(
    runtime: Runtime, client: TestClient, household: Household
) -> None:
    elsewhere = hire(runtime, client, household, "viewer")
    household.account(name="Theirs")
    own = at(elsewhere, elsewhere.get("/api/v1/me").json["memberships"][0]["organization"]["id"])
    own.account(name="Mine")

    assert [one["name"] for one in elsewhere.get("accounts").json["items"]] == ["Theirs"]
    assert [one["name"] for one in own.get("accounts").json["items"]] == ["Mine"]


def test_a_disabled_user_gets_in_nowhere(
    runtime: Runtime, all_operations: list[Operation], household: Household
) -> None:
    calls = [request_for(op, household) for op in all_operations if not op.public]
    disable(runtime, household)
    for request in calls:
        if request.op.path.endswith("/auth/logout"):
            continue  # it takes rights away, and gives none
        assert request.send(household).status_code == 401, key(request.op)
