"""oidc-provider, which is certified: PKCE, rotating refresh tokens, RFC 9068, ES256 and PS256."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from nestegg_core.application import utc_now
from nestegg_core.auth.oidc import OidcProfile, OidcProvider
from nestegg_core.contracts.identity import Identity, Invalid, Valid
from support.callers import ApiCaller
from support.code_flow import PATIENCE, Browser, BrowserApp, claims_of, header_of
from support.peer_downloads import node_modules, program
from support.peer_server import PeerServer, free_port
from support.serving import Serve

SCRIPT = Path(__file__).parent / "oidc_provider.mjs"
CLIENT = "nest-egg-web"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The issuer of a running oidc-provider."""
    node, modules, port = program("node", "oidc-provider"), node_modules(), str(free_port())
    url = f"http://127.0.0.1:{port}"
    ready = f"{url}/.well-known/openid-configuration"
    with PeerServer([node, str(SCRIPT), str(modules), port], ready=ready):
        yield url


def app(issuer: str, api: str) -> BrowserApp:
    """An app that asks for tokens for an API."""
    return BrowserApp.discovered(
        f"{issuer}/.well-known/openid-configuration",
        CLIENT,
        scope="openid email profile groups ledger",
        parameters={"resource": api},
    )


def as_user(name: str) -> Any:
    """What a user does at the provider: give their name and a password, then agree."""

    def consent(browser: Browser) -> None:
        browser.submit(login=name, password="any")
        browser.submit()

    return consent


def put_into(issuer: str, name: str, *groups: str) -> None:
    """Set the groups of a user."""
    answer = requests.put(f"{issuer}/users/{name}", json=groups, timeout=PATIENCE)
    assert answer.status_code == requests.codes.no_content


def test_generic_verifier_takes_id_tokens_and_rfc_9068_access_tokens(issuer: str) -> None:
    def access(profile: OidcProfile, claims: Any, header: Any) -> str | None:
        del profile
        if header.get("typ") != "at+jwt":
            return "is no access token"
        return None if claims["aud"].startswith("urn:plain") else "aud names another API"

    algorithms = ("ES256", "PS256", "RS256")
    common = {"issuers": (issuer,), "client_ids": (CLIENT,), "algorithms": algorithms}
    for_ids = _provider(OidcProfile(name="ids", **common))
    for_access = _provider(OidcProfile(name="access", check=access, **common))

    for api, algorithm in (("urn:plain", "ES256"), ("urn:plain:pss", "PS256")):
        tokens = app(issuer, api).sign_in(as_user("aino"))
        header = header_of(tokens["access_token"])
        assert (header["typ"], header["alg"]) == ("at+jwt", algorithm)

        assert _identity(for_access, tokens["access_token"]).subject == "aino"
        assert _identity(for_ids, tokens["id_token"]).subject == "aino"
        # Each kind where the other belongs, and what is no JWT at all.
        assert isinstance(for_access.authenticate(tokens["id_token"]), Invalid)
        assert isinstance(for_ids.authenticate(tokens["access_token"]), Invalid)
        assert not isinstance(for_ids.authenticate(tokens["refresh_token"]), Valid)


def test_algorithms_that_the_operator_does_not_allow_are_refused(issuer: str) -> None:
    """The very keys are published, and yet a profile with RS256 alone takes no ES256."""
    profile = OidcProfile(
        name="strict", issuers=(issuer,), client_ids=(CLIENT,), check=lambda *_: None
    )
    token = app(issuer, "urn:plain").sign_in(as_user("aino"))["access_token"]

    assert isinstance(_provider(profile).authenticate(token), Invalid)


def test_a_code_is_worth_nothing_without_its_verifier(issuer: str) -> None:
    registered = app(issuer, "api://default")
    answer = registered.ask(grant_type="authorization_code", code="stolen", code_verifier="x" * 43)

    assert answer.json()["error"] == "invalid_grant"


def test_okta_signs_a_user_in_and_groups_follow_the_refreshed_tokens(
    issuer: str, serve: Serve
) -> None:
    api = ApiCaller(serve(**_okta(issuer)))
    registered = app(issuer, "api://default")
    put_into(issuer, "elli", "everyone", "nest-egg-admins")
    first = registered.sign_in(as_user("elli"))
    claims = claims_of(first["access_token"])
    assert (claims["sub"], claims["uid"], claims["cid"]) == ("elli@example.org", "00u-elli", CLIENT)
    inside = api.me(first["access_token"])

    put_into(issuer, "elli", "everyone")
    second = registered.refresh(first["refresh_token"])
    outside = api.me(second["access_token"])

    assert inside["id"] == outside["id"]
    assert [inside["is_admin"], outside["is_admin"]] == [True, False]
    assert [api.may_administer(one["access_token"]) for one in (first, second)] == [True, False]
    # The old refresh token was rotated away: using it again ends the whole grant.
    replayed = registered.ask(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert replayed.json()["error"] == "invalid_grant"
    ended = registered.ask(grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert ended.json()["error"] == "invalid_grant"
    assert api.status(second["refresh_token"]) == 401
    api.sign_out(second["access_token"])


def test_okta_refuses_tokens_for_other_apis(issuer: str, serve: Serve) -> None:
    token = app(issuer, "api://default").sign_in(as_user("onni"))["access_token"]
    elsewhere = {**_okta(issuer), "IDP_OKTA_AUDIENCE": "api://another"}

    assert ApiCaller(serve(**_okta(issuer), IDP_OKTA_AUDIENCE="api://default")).status(token) == 200
    assert ApiCaller(serve(**elsewhere)).status(token) == 401


@pytest.mark.parametrize(("resource", "name"), [("urn:keycloak", "es"), ("urn:keycloak:pss", "ps")])
def test_keycloak_takes_the_algorithm_that_the_realm_chose(
    issuer: str, serve: Serve, resource: str, name: str
) -> None:
    put_into(issuer, name, "nest-egg-admins")
    tokens = app(issuer, resource).sign_in(as_user(name))
    api = ApiCaller(
        serve(
            IDENTITY_PROVIDER_CHAIN="keycloak,builtin",
            IDP_KEYCLOAK_ISSUER=issuer,
            IDP_KEYCLOAK_CLIENT_ID=CLIENT,
            IDP_KEYCLOAK_PROVISION="true",
            IDP_KEYCLOAK_ADMIN_GROUP="nest-egg-admins",
            OIDC_ALLOW_LOOPBACK_HTTP="true",
        )
    )

    assert header_of(tokens["access_token"])["alg"] == f"{name.upper()}256"
    assert api.me(tokens["access_token"])["is_admin"]
    assert api.status(tokens["id_token"]) == 401
    api.sign_out(tokens["access_token"])


def _okta(issuer: str) -> dict[str, str]:
    return {
        "IDENTITY_PROVIDER_CHAIN": "okta,builtin",
        "IDP_OKTA_ISSUER": issuer,
        "IDP_OKTA_CLIENT_ID": CLIENT,
        "IDP_OKTA_PROVISION": "true",
        "IDP_OKTA_ADMIN_GROUP": "nest-egg-admins",
        "OIDC_ALLOW_LOOPBACK_HTTP": "true",
    }


def _provider(profile: OidcProfile) -> OidcProvider:
    return OidcProvider(profile, clock=utc_now, allow_loopback_http=True)


def _identity(provider: OidcProvider, token: str) -> Identity:
    verdict = provider.authenticate(token)
    assert isinstance(verdict, Valid), verdict
    return verdict.identity
