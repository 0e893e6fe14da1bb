"""`nestegg user token`, `disable` and `enable`: the operator gets in, and decides who else does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from falcon.testing import Result, TestClient

from nestegg_core import Identity
from nestegg_core.application import Runtime
from nestegg_core.auth.builtin.personal_tokens import is_token
from nestegg_core.users.roles import SCOPES
from support.command_line import CommandLine
from support.household import PASSWORD, Household, register
from support.serving import Serve, serving

OKTA = {
    "IDENTITY_PROVIDER_CHAIN": "okta",
    "IDP_OKTA_ISSUER": "https://company.okta.example/oauth2/default",
    "IDP_OKTA_CLIENT_ID": "nest-egg",
}
_numbers = count(1)


@pytest.fixture
def serve(runtime: Runtime, variables: dict[str, str]) -> Iterator[Serve]:
    """Starts further servers over the shared database, which the first has migrated."""
    del runtime
    with serving(variables) as serve:
        yield serve


def newcomer(runtime: Runtime, email: str | None = None) -> str:
    """Return the id of somebody whom Okta has sent."""
    subject = f"okta {next(_numbers)}"
    soon = datetime.now(UTC) + timedelta(hours=1)
    identity = Identity(
        "okta", OKTA["IDP_OKTA_ISSUER"], subject, expires_at=soon, email=email, may_provision=True
    )
    return str(runtime.provisioning.of_identity(identity))


def get(client: TestClient, token: str, path: str = "/api/v1/me") -> Result:
    return client.simulate_get(path, headers={"Authorization": f"Bearer {token}"})


def test_a_token_is_all_that_is_printed(
    nestegg: CommandLine, client: TestClient, household: Household
) -> None:
    result = nestegg("user", "token", household.email)

    assert result.exit_code == 0, result.output
    assert is_token(result.stdout.removesuffix("\n"))
    assert "shown this once" in result.stderr
    me = get(client, result.stdout.strip()).json
    assert me["email"] == household.email


def test_it_lives_for_an_hour_with_every_scope_and_is_listed(
    nestegg: CommandLine, household: Household
) -> None:
    nestegg("user", "token", household.email)

    (listed,) = household.get("/api/v1/me/tokens").json["items"]
    lifetime = datetime.fromisoformat(listed["expires_at"]) - datetime.fromisoformat(
        listed["created_at"]
    )
    assert (listed["name"], lifetime) == ("Operator", timedelta(hours=1))
    assert set(listed["scopes"]) == SCOPES


def test_scopes_hours_and_a_name_can_be_said(
    nestegg: CommandLine, client: TestClient, household: Household
) -> None:
    options = ("--scope", "account:read", "--scope", "accounts:read", "--hours", "48")
    token = nestegg("user", "token", household.email, *options, "--name", "Audit").stdout.strip()

    (listed,) = get(client, token, "/api/v1/me/tokens").json["items"]
    assert (listed["name"], listed["scopes"]) == ("Audit", ["account:read", "accounts:read"])
    categories = f"/api/v1/organizations/{household.org_id}/categories"
    assert get(client, token, categories).status_code == 403


@pytest.mark.parametrize(
    "arguments",
    [
        ("--scope", "accounts:burn"),
        ("--hours", "0"),
        ("--hours", "8785"),
        ("--name", ""),
        ("--name", "\x07"),
    ],
)
def test_bad_values_are_an_error_of_usage(
    nestegg: CommandLine, household: Household, arguments: tuple[str, ...]
) -> None:
    assert nestegg("user", "token", household.email, *arguments).exit_code == 2


def test_whoever_is_locked_out_of_okta_comes_in_with_a_token(
    serve: Serve, runtime: Runtime, nestegg: CommandLine, household: Household
) -> None:
    okta = serve(**OKTA)
    for path in ("register", "login", "refresh"):
        body = {"email": household.email, "password": PASSWORD}
        assert okta.simulate_post(f"/api/v1/auth/{path}", json=body).status_code == 404
    assert get(okta, household.token).status_code == 401

    user_id = newcomer(runtime)
    cut_off = CommandLine({**nestegg.variables, **OKTA})
    token = cut_off("user", "token", user_id).stdout.strip()

    me = get(okta, token).json
    assert (me["id"], me["email"]) == (user_id, None)
    org_id = me["memberships"][0]["organization"]["id"]
    assert get(okta, token, f"/api/v1/organizations/{org_id}/accounts").status_code == 200
    own = okta.simulate_post(
        "/api/v1/me/tokens",
        json={"name": "Script", "scopes": ["account:read"]},
        headers={"Authorization": f"Bearer {token}"},
    )
    # A token that leaks makes no further ones: for those there is the command line again.
    assert (own.status_code, own.json["type"]) == (
        401,
        "urn:nestegg:problem:recent-sign-in-required",
    )


def test_an_administrator_of_the_command_line_administers_without_any_sign_in(
    serve: Serve, nestegg: CommandLine, database_kind: str
) -> None:
    email = f"locked.out.{database_kind}@example.org"
    okta = serve(**OKTA)
    cut_off = CommandLine({**nestegg.variables, **OKTA})
    assert cut_off("user", "create", email, "--admin").exit_code == 0

    token = cut_off("user", "token", email).stdout.strip()

    assert get(okta, token, "/api/v1/admin/users").status_code == 200


def test_a_user_is_found_by_email_in_any_case_whoever_the_provider_is(
    runtime: Runtime, nestegg: CommandLine, client: TestClient, database_kind: str
) -> None:
    user_id = newcomer(runtime, email=f"Grace.{database_kind}@Example.org")
    token = nestegg("user", "token", f" grace.{database_kind}@example.org").stdout.strip()

    assert get(client, token).json["id"] == user_id


def test_an_email_of_several_users_names_nobody(
    runtime: Runtime, nestegg: CommandLine, household: Household
) -> None:
    other = newcomer(runtime, email=household.email)

    for command in ("token", "disable"):
        result = nestegg("user", command, household.email)
        assert result.exit_code == 1
        assert other in result.stderr
        assert household.signed_in["user"]["id"] in result.stderr
        assert household.email not in result.stderr
    assert household.get("/api/v1/me").status_code == 200


@pytest.mark.parametrize("who", ["nobody@example.org", "018f2b6e-6f0a-7c3e-9c1d-2a5b7d9e4f10"])
@pytest.mark.parametrize("command", ["token", "disable", "enable"])
def test_who_is_not_there_is_refused(nestegg: CommandLine, command: str, who: str) -> None:
    result = nestegg("user", command, who)

    assert result.exit_code == 1
    assert result.stdout == ""


def test_a_disabled_user_is_out_at_once_and_an_enabled_one_signs_in_anew(
    nestegg: CommandLine, client: TestClient
) -> None:
    user = register(client)
    token = nestegg("user", "token", user.email).stdout.strip()
    login = {"email": user.email, "password": PASSWORD}

    assert nestegg("user", "disable", user.email).exit_code == 0

    assert user.get("/api/v1/me").status_code == 401
    assert get(client, token).status_code == 401
    assert client.simulate_post("/api/v1/auth/login", json=login).status_code == 401

    assert nestegg("user", "enable", user.email).exit_code == 0

    assert client.simulate_post("/api/v1/auth/login", json=login).status_code == 200
    assert user.get("/api/v1/me").status_code == 401, "the session of before is over"
    assert get(client, token).status_code == 200


def test_an_operator_disables_the_last_administrator_too(
    nestegg: CommandLine, client: TestClient, database_kind: str
) -> None:
    email = f"boss.{database_kind}@example.org"
    nestegg("user", "create", email, "--admin")
    token = nestegg("user", "token", email).stdout.strip()

    assert nestegg("user", "disable", email).exit_code == 0

    assert get(client, token, "/api/v1/admin/users").status_code == 401
