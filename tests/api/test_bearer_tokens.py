"""The `Authorization` header (RFC 6750), whoever issued the token."""

from datetime import UTC, datetime, timedelta
from types import ModuleType

import pytest
from falcon.testing import Result, TestClient

from nestegg_core import (
    Identity,
    IdentityProviderRegistration,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
    Verdict,
    hookimpl,
)
from nestegg_core.api.middleware.authentication import MAX_TOKEN
from nestegg_core.builtins import NoSettings
from support.household import Household
from support.serving import Serve

REALM = 'Bearer realm="nestegg"'


def send(client: TestClient, header: str | None, path: str = "/api/v1/me") -> Result:
    headers = {} if header is None else {"Authorization": header}
    return client.simulate_get(path, headers=headers)


@pytest.mark.parametrize("header", [None, "", "Basic dXNlcjpwYXNz", "Digest x", "token"])
def test_no_bearer_token_is_401_without_an_error(client: TestClient, header: str | None) -> None:
    answer = send(client, header)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == REALM


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "Bearer a, Bearer b", "Bearer é", "Bearer " + "a" * 16_385],
    ids=lambda header: header[:20],
)
def test_a_malformed_token_is_400(client: TestClient, header: str) -> None:
    answer = send(client, header)

    assert answer.status_code == 400
    assert answer.headers["WWW-Authenticate"] == f'{REALM}, error="invalid_request"'


@pytest.mark.parametrize("token", ["x", "a.b.c", "nep_unknown", "A" * MAX_TOKEN, '"\\"'])
def test_a_token_that_nobody_issued_is_401_with_its_error(client: TestClient, token: str) -> None:
    answer = send(client, f"Bearer {token}")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith(f'{REALM}, error="invalid_token", ')


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer  {} "])
def test_the_scheme_may_be_written_in_any_case(household: Household, form: str) -> None:
    assert send(household.client, form.format(household.token)).status_code == 200


def test_a_token_of_a_user_who_is_gone_is_refused(
    serve: Serve, serve_fresh: Serve, household: Household
) -> None:
    """The same secret, another database: what a restored backup would see."""
    secret = serve.runtime().settings.secret_key.get_secret_value()
    elsewhere = serve_fresh.runtime(SECRET_KEY=secret)
    elsewhere.storage.upgrade()

    answer = send(serve_fresh(SECRET_KEY=secret), f"Bearer {household.token}")

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


VERDICTS: dict[str, Verdict] = {
    "ada": Valid(
        Identity(
            "acme",
            "https://acme.example",
            "ada",
            datetime.now(UTC) + timedelta(hours=1),
            email="ada@acme.example",
            name="Ada",
            may_provision=True,
        )
    ),
    "boss": Valid(
        Identity(
            "acme",
            "https://acme.example",
            "boss",
            datetime.now(UTC) + timedelta(hours=1),
            is_admin=True,
            may_provision=True,
        )
    ),
    "unknown": Valid(
        Identity(
            "acme",
            "https://acme.example",
            "nobody",
            datetime.now(UTC) + timedelta(hours=1),
            may_provision=False,
        )
    ),
    "bad": Invalid('says "no" \\ with\r\nX-Evil: ü 中'),
    "down": Unavailable("the keys cannot be fetched"),
}


class Acme:
    """An identity provider whose tokens are names."""

    issuers = ("https://acme.example",)

    def authenticate(self, token: str) -> Verdict:
        return VERDICTS.get(token, NotMine())


@pytest.fixture
def acme(serve: Serve) -> TestClient:
    """A server that believes Acme alone."""
    plugin = ModuleType("idp_acme")

    @hookimpl
    def nestegg_identity_providers() -> list[IdentityProviderRegistration]:
        return [IdentityProviderRegistration("acme", NoSettings, lambda _: Acme())]

    plugin.nestegg_identity_providers = nestegg_identity_providers  # type: ignore[attr-defined]
    return serve(plugins={"idp_acme": plugin}, IDENTITY_PROVIDER_CHAIN="acme")


def test_a_server_without_builtin_has_no_passwords(acme: TestClient, household: Household) -> None:
    for path in ("register", "login", "refresh"):
        assert acme.simulate_post(f"/api/v1/auth/{path}", json={}).status_code == 404
    assert send(acme, f"Bearer {household.token}").status_code == 401
    documented = acme.simulate_get("/openapi.json").json["paths"]
    of_sign_in = {path.removeprefix("/api/v1/auth/") for path in documented if "/auth/" in path}
    assert of_sign_in == {"logout", "providers"}


def test_another_providers_user_is_made_at_first_sight_and_known_afterwards(
    acme: TestClient,
) -> None:
    first, second = send(acme, "Bearer ada").json, send(acme, "Bearer ada").json

    assert first == second
    assert (first["email"], first["name"], first["is_admin"]) == ("ada@acme.example", "Ada", False)
    assert [one["role"] for one in first["memberships"]] == ["owner"]


def test_the_token_says_who_is_an_administrator(acme: TestClient) -> None:
    body = send(acme, "Bearer boss").json

    assert (body["is_admin"], body["email"], body["name"]) == (True, None, None)


def test_a_user_whom_nobody_knows_and_nobody_may_make_is_refused(acme: TestClient) -> None:
    assert send(acme, "Bearer unknown").status_code == 401


def test_an_outage_of_the_provider_is_503_and_never_401(acme: TestClient) -> None:
    answer = send(acme, "Bearer down")

    assert answer.status_code == 503
    assert answer.json["type"] == "urn:nestegg:problem:provider-unavailable"
    assert "Retry-After" in answer.headers


def test_a_providers_reason_cannot_break_out_of_the_header(acme: TestClient) -> None:
    answer = send(acme, "Bearer bad")

    assert answer.status_code == 401
    _, _, description = answer.headers["WWW-Authenticate"].partition("error_description=")
    assert description[0] == description[-1] == '"'
    assert all(
        " " <= character <= "~" and character not in '"\\' for character in description[1:-1]
    )
    assert "X-Evil" not in answer.headers


def test_signing_out_denies_another_providers_token(acme: TestClient) -> None:
    VERDICTS["leaving"] = Valid(
        Identity(
            "acme",
            "https://acme.example",
            "leaver",
            datetime.now(UTC) + timedelta(hours=1),
            may_provision=True,
        )
    )
    header = {"Authorization": "Bearer leaving"}
    assert send(acme, "Bearer leaving").status_code == 200

    assert acme.simulate_post("/api/v1/auth/logout", headers=header).status_code == 204
    assert acme.simulate_post("/api/v1/auth/logout", headers=header).status_code == 204

    assert send(acme, "Bearer leaving").status_code == 401
    assert send(acme, "Bearer ada").status_code == 200
