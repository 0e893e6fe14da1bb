"""Personal access tokens over the API: every operation is tried without and with its scope."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from falcon.testing import Result, TestClient

from nestegg_core import IdentityProviderRegistration, NotMine, Verdict, hookimpl
from nestegg_core.api.app import operations
from nestegg_core.api.operation import Operation
from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.personal_tokens import new_token
from nestegg_core.builtins import NoSettings
from nestegg_core.database.sql_storage import SqlTransaction
from nestegg_core.errors import SignInTooOld
from nestegg_core.users.access import Caller
from nestegg_core.users.roles import ACCOUNT_READ, GRANTABLE, PERMISSIONS, SCOPES
from nestegg_testing import MovableClock
from support.authenticator import Authenticator
from support.household import PASSWORD, Household, register
from support.samples import request_for
from support.serving import Serve
from support.staff import disable, hire, promote, user_id

TOKENS = "/api/v1/me/tokens"
REALM = 'Bearer realm="nestegg"'


def with_token(runtime: Runtime, user: Household, *scopes: str) -> Household:
    """Return a user whose calls carry a personal access token."""
    issued = runtime.personal_tokens.issue(user_id(user), "Script", scopes, timedelta(hours=1))
    return carrying(user, issued.token)


def carrying(user: Household, token: str) -> Household:
    return replace(user, signed_in={**user.signed_in, "access_token": token})


def make(user: Household, *scopes: str, **values: Any) -> Result:
    return user.post(TOKENS, **{"name": "Script", "scopes": list(scopes), **values})


@pytest.fixture
def guarded(runtime: Runtime) -> list[Operation]:
    return [op for op in operations(runtime) if not op.public]


@pytest.fixture
def administrator(runtime: Runtime, client: TestClient) -> Household:
    """The owner of an organization who administers the instance as well: they may do all."""
    user = register(client)
    promote(runtime, user)
    return user


def test_an_operation_is_refused_to_a_token_with_every_scope_but_its_own(
    runtime: Runtime, administrator: Household, guarded: list[Operation]
) -> None:
    for op in guarded:
        request = request_for(op, administrator)
        for scopes in (frozenset(), SCOPES - {op.scope}):
            answer = request.send(with_token(runtime, administrator, *scopes))

            assert answer.status_code == 403, (op.method, op.path)
            assert answer.json["type"] == "urn:nestegg:problem:insufficient-scope"
            challenge = f'{REALM}, error="insufficient_scope", scope="{op.scope}"'
            assert answer.headers["WWW-Authenticate"] == challenge


def test_an_organizations_operation_is_done_for_a_token_with_its_scope_alone(
    runtime: Runtime, administrator: Household, guarded: list[Operation]
) -> None:
    for op in (op for op in guarded if op.permission or op.administrators):
        request = request_for(op, administrator)
        answer = request.send(with_token(runtime, administrator, op.scope))

        assert answer.status_code == op.status, (op.method, op.path, answer.text)


def test_an_operation_on_ones_account_admits_a_token_with_its_scope_alone(
    runtime: Runtime, client: TestClient, guarded: list[Operation]
) -> None:
    own = [op for op in guarded if not (op.permission or op.administrators)]
    assert {op.scope for op in own} == {"account:read", "account:write"}
    for op in own:
        user = register(client)  # some of them end what the next would need
        answer = request_for(op, user).send(with_token(runtime, user, op.scope))

        assert answer.status_code != 401, (op.method, op.path)
        assert f'scope="{op.scope}"' not in answer.headers.get("WWW-Authenticate", "")


def test_scopes_are_of_the_table_and_follow_from_the_declaration(guarded: list[Operation]) -> None:
    for op in guarded:
        if op.opens_accounts:
            assert (op.administrators, op.scope) == (True, "account:write")
        elif op.administrators:
            assert op.scope == "instance:admin"
        elif op.permission:
            assert op.scope in PERMISSIONS
        else:
            assert op.scope == ("account:read" if op.method == "GET" else "account:write")


def test_what_the_api_gives_never_manages_how_its_user_signs_in(
    administrator: Household, guarded: list[Operation]
) -> None:
    token = make(administrator, *GRANTABLE).json["token"]
    script = carrying(administrator, token)
    managing = [op for op in guarded if op.scope == "account:write"]
    assert {op.path for op in managing} >= {TOKENS, "/api/v1/auth/logout"}
    for op in managing:
        assert request_for(op, administrator).send(script).status_code == 403, op.path
    assert script.get("/api/v1/me").status_code == 200


def test_a_token_is_shown_once_and_works_until_it_is_deleted(household: Household) -> None:
    made = make(household, "accounts:read", "account:read", expires_in_days=7)

    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    shown = {name: value for name, value in made.json.items() if name != "token"}
    assert shown["scopes"] == ["account:read", "accounts:read"]
    assert household.get(TOKENS).json == {"items": [shown], "next": None}
    script = carrying(household, made.json["token"])
    assert script.get("accounts").status_code == 200
    (listed,) = script.get(TOKENS).json["items"]
    assert listed["last_used_at"] is not None

    assert household.call("DELETE", f"{TOKENS}/{shown['id']}").status_code == 204

    refused = script.get("accounts")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith(f'{REALM}, error="invalid_token", ')
    assert household.get(TOKENS).json["items"] == []
    assert household.call("DELETE", f"{TOKENS}/{shown['id']}").status_code == 404


def test_it_is_good_for_thirty_days_when_nothing_else_is_said(serve: Serve) -> None:
    clock = MovableClock()
    user = register(serve(clock=clock))
    script = carrying(user, make(user, "account:read").json["token"])

    clock.move(days=30, seconds=-1)
    assert script.get("/api/v1/me").status_code == 200
    clock.move(seconds=1)
    assert script.get("/api/v1/me").status_code == 401


def test_nobody_sees_or_deletes_anothers_token(household: Household, stranger: Household) -> None:
    made = make(household, "accounts:read").json

    assert stranger.get(TOKENS).json["items"] == []
    foreign = stranger.call("DELETE", f"{TOKENS}/{made['id']}")
    absent = stranger.call("DELETE", f"{TOKENS}/{uuid4()}")
    assert (foreign.status_code, foreign.json) == (404, absent.json)
    assert carrying(household, made["token"]).get("accounts").status_code == 200


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, ["/name", "/scopes"]),
        (
            {"name": "", "scopes": [], "expires_in_days": 0},
            ["/name", "/scopes", "/expires_in_days"],
        ),
        ({"name": "a", "scopes": ["account:write"]}, ["/scopes/0"]),
        ({"name": "a", "scopes": ["accounts:read", "marker7f3a"]}, ["/scopes/1"]),
        ({"name": "a", "scopes": ["accounts:read"], "expires_in_days": 367}, ["/expires_in_days"]),
        ({"name": "a", "scopes": ["accounts:read"], "expires_in_days": None}, ["/expires_in_days"]),
        ({"name": "a", "scopes": "accounts:read", "token": "nep_"}, ["/scopes", "/token"]),
        ({"name": "a", "scopes": ["instance:admin"]}, ["/scopes"]),
    ],
)
def test_a_token_that_cannot_be_had_is_refused_with_every_bad_field(
    household: Household, body: dict[str, Any], named: list[str]
) -> None:
    answer = household.call("POST", TOKENS, json=body)

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == named
    assert "marker7f3a" not in answer.text
    assert household.get(TOKENS).json["items"] == []


def test_a_token_is_never_worth_more_than_its_user(
    runtime: Runtime, client: TestClient, household: Household, stranger: Household
) -> None:
    viewer = hire(runtime, client, household, "viewer")
    script = with_token(runtime, viewer, *SCOPES)

    assert script.get("accounts").status_code == 200
    refused = script.post("categories", name="Pets")
    assert (refused.status_code, refused.json["type"]) == (403, "urn:nestegg:problem:forbidden")
    assert script.get("/api/v1/admin/plugins").status_code == 403
    foreign = f"/api/v1/organizations/{stranger.org_id}/accounts"
    assert script.get(foreign).status_code == 404


def test_instance_administration_needs_the_scope_and_the_mark(
    runtime: Runtime, administrator: Household, household: Household
) -> None:
    script = carrying(administrator, make(administrator, "instance:admin").json["token"])
    assert script.get("/api/v1/admin/users").status_code == 200
    assert (
        with_token(runtime, household, "instance:admin").get("/api/v1/admin/users").status_code
        == 403
    )
    user = f"/api/v1/admin/users/{user_id(administrator)}"
    promote(runtime, household)

    assert household.patch(user, 1, is_admin=False).status_code == 200

    assert script.get("/api/v1/admin/users").status_code == 403


def test_a_token_that_administers_opens_no_account(
    runtime: Runtime, administrator: Household, household: Household
) -> None:
    """Else one that leaks would take its user's account over, and everybody else's."""
    script = carrying(administrator, make(administrator, *GRANTABLE).json["token"])
    users = [f"/api/v1/admin/users/{user_id(one)}" for one in (administrator, household)]

    for user in users:
        assert script.post(f"{user}/reset-link").json["type"].endswith(":insufficient-scope")
    for change in ({"is_admin": True}, {"is_admin": True, "disabled": False}):
        refused = script.patch(users[1], 1, **change)
        assert refused.json["type"].endswith(":insufficient-scope")
    assert script.patch(users[1], 1, disabled=True).status_code == 200
    operator = with_token(runtime, administrator, *SCOPES)
    assert operator.patch(users[1], 2, is_admin=True).status_code == 200
    assert operator.post(f"{users[1]}/reset-link").status_code == 201


def test_bad_tokens_are_401_and_tell_nothing_but_why(
    runtime: Runtime, household: Household
) -> None:
    script = with_token(runtime, household, *SCOPES)
    for token in ("nep_", "nep_unknown", script.token[:-1], new_token(), "nep_a.b.c"):
        answer = carrying(household, token).get("accounts")
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith(f'{REALM}, error="invalid_token", ')
        assert token == "nep_" or token not in answer.text + str(answer.headers)
    assert script.get("accounts").status_code == 200

    disable(runtime, household)

    assert script.get("accounts").status_code == 401
    assert script.get("/api/v1/me").status_code == 401


def test_no_identity_provider_gets_to_see_one(
    serve: Serve, runtime: Runtime, household: Household
) -> None:
    seen: list[str] = []
    client = serve(plugins={"idp_curious": _curious(seen)}, IDENTITY_PROVIDER_CHAIN="curious")

    def ask(token: str) -> int:
        return carrying(replace(household, client=client), token).get("accounts").status_code

    script = with_token(runtime, household, "accounts:read")
    tokens = (script.token, new_token(), "nep_", "nep_a.b.c")
    assert [ask(token) for token in tokens] == [200, 401, 401, 401]
    assert seen == []
    assert ask("another") == 401
    assert seen == ["another"]
    operator = replace(with_token(runtime, household, "account:write"), client=client)
    for token in tokens:
        refused = operator.post("/api/v1/me/identities", token=token)
        assert refused.json["errors"][0]["pointer"] == "/token"
    assert seen == ["another"]


def test_an_operators_token_that_signs_out_is_worth_nothing_any_more(
    runtime: Runtime, household: Household
) -> None:
    script = with_token(runtime, household, *SCOPES)
    assert script.post("/api/v1/auth/logout").status_code == 204

    assert script.get("accounts").status_code == 401
    assert script.get("/api/v1/me").status_code == 401
    assert household.get("accounts").status_code == 200


def test_an_operators_token_makes_personal_ones(runtime: Runtime, household: Household) -> None:
    operator = with_token(runtime, household, "account:write", "accounts:read")
    script = carrying(household, make(operator, "accounts:read", password=PASSWORD).json["token"])

    assert script.get("accounts").status_code == 200
    assert make(operator, "accounts:write", password=PASSWORD).status_code == 403


def test_a_token_costs_one_query_more_than_a_session(
    runtime: Runtime, household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = with_token(runtime, household, "accounts:read", ACCOUNT_READ)
    counted: list[str] = []
    for name in ("rows", "execute"):
        monkeypatch.setattr(SqlTransaction, name, _counting(counted, name))

    def queries(user: Household, path: str) -> int:
        user.get(path)  # the first use is written down
        counted.clear()
        assert user.get(path).status_code == 200
        return len(counted)

    for path in ("accounts", "/api/v1/me"):
        assert queries(script, path) == queries(household, path) + 1


def _curious(seen: list[str]) -> ModuleType:
    """Return a plugin whose identity provider writes down every token that it is asked about."""

    class Curious:
        issuers = ("https://curious.example",)

        def authenticate(self, token: str) -> Verdict:
            seen.append(token)
            return NotMine()

    plugin = ModuleType("idp_curious")

    @hookimpl
    def nestegg_identity_providers() -> list[IdentityProviderRegistration]:
        return [IdentityProviderRegistration("curious", NoSettings, lambda _: Curious())]

    plugin.nestegg_identity_providers = nestegg_identity_providers  # type: ignore[attr-defined]
    return plugin


def _counting(counted: list[str], name: str) -> Callable[..., Any]:
    original = getattr(SqlTransaction, name)

    def run(*arguments: Any) -> Any:
        counted.append(name)
        return original(*arguments)

    return run


def test_after_ten_minutes_a_token_asks_for_the_password(serve: Serve) -> None:
    clock = MovableClock()
    user = register(serve(clock=clock))
    clock.move(minutes=10, seconds=-1)
    assert make(user, "account:read").status_code == 201
    clock.move(seconds=1)

    refused = make(user, "account:read")
    assert refused.status_code == 401
    assert refused.json["type"] == "urn:nestegg:problem:recent-sign-in-required"
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'max_age="600"' in challenge
    wrong = make(user, "account:read", password="a guess")
    assert [one["pointer"] for one in wrong.json["errors"]] == ["/password"]
    assert make(user, "account:read", password=PASSWORD).status_code == 201
    assert make(user, "account:read", code="123456").json["type"].endswith("no-second-factor")
    spent = {"refresh_token": user.signed_in["refresh_token"]}
    refreshed = user.client.simulate_post("/api/v1/auth/refresh", json=spent).json
    assert make(carrying(user, refreshed["access_token"]), "account:read").status_code == 401


def test_a_code_verifies_as_well_as_a_password(serve: Serve) -> None:
    clock = MovableClock()
    user = register(serve(clock=clock))
    setup = user.post("/api/v1/me/second-factor", password=PASSWORD).json
    app = Authenticator(setup["secret"])
    confirmed = user.post("/api/v1/me/second-factor/confirm", code=app.code(at=clock().timestamp()))
    assert confirmed.status_code == 200, confirmed.text
    clock.move(minutes=11)

    code = app.code(at=clock().timestamp())
    assert make(user, "account:read", code=code).status_code == 201
    assert make(user, "account:read", code=code).status_code == 422, "a code is good once"
    (recovery, *_) = confirmed.json["recovery_codes"]
    assert make(user, "account:read", code=recovery).status_code == 201


def test_a_token_does_not_make_tokens_without_the_password(
    runtime: Runtime, household: Household
) -> None:
    script = with_token(runtime, household, "account:write", "account:read")

    assert make(script, "account:read").status_code == 401
    assert make(script, "account:read", password=PASSWORD).status_code == 201


@pytest.mark.parametrize(
    ("minutes", "status"), [(1, 201), (11, 401), (None, 401)], ids=["now", "long ago", "unknown"]
)
def test_with_another_provider_its_sign_in_must_be_recent(
    runtime: Runtime, minutes: int | None, status: int
) -> None:
    at = None if minutes is None else runtime.clock() - timedelta(minutes=minutes)
    caller = Caller(uuid4(), False, None, b"", authenticated_at=at)
    if status == 201:
        runtime.recent_proof.require(caller, None, None)
    else:
        with pytest.raises(SignInTooOld):
            runtime.recent_proof.require(caller, None, None)
