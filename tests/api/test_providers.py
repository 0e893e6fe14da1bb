"""`GET /auth/providers`: what an app must know to sign users in."""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256
from types import ModuleType

import pytest
from falcon.testing import TestClient

from nestegg_core import IdentityProviderRegistration, NotMine, Verdict, hookimpl
from nestegg_core.builtins import NoSettings
from nestegg_testing import FakeIdentityProvider, Fault
from support.serving import Serve
from support.vendors import COGNITO, GOOGLE, KEYCLOAK, OKTA, VENDORS, Playing, Vendor, play

PATH = "/api/v1/auth/providers"

# Which database there is plays no part.
pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True, scope="session")


@pytest.fixture
def played(serve: Serve) -> Iterator[dict[Vendor, Playing]]:
    """A server that believes all four vendors and its own passwords, none of them asked yet."""
    with ExitStack() as stack:
        yield play(serve, stack)


def entries(client: TestClient) -> dict[str, dict[str, object]]:
    answer = client.simulate_get(PATH)
    assert answer.status_code == 200
    return {one["name"]: one for one in answer.json["items"]}


def test_passwords_are_listed_with_who_may_register(client: TestClient, serve: Serve) -> None:
    (builtin,) = client.simulate_get(PATH).json["items"]
    closed = entries(serve(REGISTRATION="closed"))["builtin"]

    assert (builtin["kind"], builtin["available"]) == ("password", True)
    assert (builtin["registration"], closed["registration"]) == ("open", "closed")
    assert builtin["authorization_endpoint"] is builtin["client_id"] is None


def test_every_provider_is_listed_in_the_chains_order(played: dict[Vendor, Playing]) -> None:
    client = played[OKTA].api.client
    listed = client.simulate_get(PATH).json["items"]

    assert [one["name"] for one in listed] == [*(vendor.name for vendor in VENDORS), "builtin"]
    for vendor, one in zip(VENDORS, listed, strict=False):
        server = played[vendor].server
        assert (one["kind"], one["available"], one["issuer"]) == ("oidc", True, vendor.issuer)
        assert one["authorization_endpoint"] == f"{server.url}/authorize"
        assert one["token_endpoint"] == f"{server.url}/token"
        assert (one["client_id"], one["client_ids"]) == ("web", ["web"])
        assert one["scopes"] == ["openid", "email", "profile"]
        assert one["registration"] is None


def test_it_tells_which_token_is_sent(played: dict[Vendor, Playing]) -> None:
    found = entries(played[OKTA].api.client)

    assert {name: one["bearer"] for name, one in found.items()} == {
        COGNITO.name: "access_token",
        KEYCLOAK.name: "access_token",
        OKTA.name: "access_token",
        GOOGLE.name: "id_token",
        "builtin": None,
    }


def test_of_oktas_org_server_the_id_token_is_sent(serve: Serve) -> None:
    issuer = "https://home.okta.com"
    with FakeIdentityProvider(issuer) as server:
        client = serve(
            IDENTITY_PROVIDER_CHAIN="okta",
            OIDC_ALLOW_LOOPBACK_HTTP="true",
            IDP_OKTA_ISSUER=issuer,
            IDP_OKTA_CLIENT_ID="web",
            IDP_OKTA_DISCOVERY_URL=server.discovery_url,
        )
        assert entries(client)["okta"]["bearer"] == "id_token"


def test_endpoints_are_kept_and_serve_through_an_outage(played: dict[Vendor, Playing]) -> None:
    of = played[OKTA]
    before = entries(of.api.client)
    of.server.fault = Fault.ERROR
    asked = len(of.server.requests)

    assert entries(of.api.client) == before
    assert len(of.server.requests) == asked
    of.clock.move(hours=24)
    assert entries(of.api.client) == before
    of.clock.move(hours=24)
    assert not entries(of.api.client)["okta"]["available"]


def test_an_unreachable_provider_is_listed_without_endpoints_and_comes_back(
    played: dict[Vendor, Playing],
) -> None:
    of = played[KEYCLOAK]
    of.server.fault = Fault.ERROR
    found = entries(of.api.client)

    away = found.pop("keycloak")
    assert (away["available"], away["kind"], away["issuer"]) == (False, "oidc", KEYCLOAK.issuer)
    assert away["authorization_endpoint"] is away["token_endpoint"] is away["client_id"] is None
    assert all(one["available"] for one in found.values())
    of.server.fault = None
    of.clock.move(minutes=1)
    assert entries(of.api.client)["keycloak"]["available"]


class Plain:
    """An identity provider that says nothing of how apps sign in."""

    issuers = ("https://acme.example",)

    def authenticate(self, _token: str) -> Verdict:
        return NotMine()


class Broken(Plain):
    """One that says something else than it must."""

    def describe(self) -> object:
        return {"authorization_endpoint": "https://acme.example"}


@pytest.mark.parametrize(("kind", "available"), [(Plain, True), (Broken, False)])
def test_another_plugins_provider_takes_part(
    serve: Serve, kind: type[Plain], *, available: bool
) -> None:
    plugin = ModuleType("idp_acme")

    @hookimpl
    def nestegg_identity_providers() -> list[IdentityProviderRegistration]:
        return [IdentityProviderRegistration("acme", NoSettings, lambda _: kind())]

    plugin.nestegg_identity_providers = nestegg_identity_providers  # type: ignore[attr-defined]
    client = serve(plugins={"idp_acme": plugin}, IDENTITY_PROVIDER_CHAIN="acme")
    acme = entries(client)["acme"]

    assert (acme["available"], acme["issuer"]) == (available, "https://acme.example")
    assert acme["authorization_endpoint"] is None


def test_what_is_listed_is_enough_for_code_and_pkce(played: dict[Vendor, Playing]) -> None:
    """As a browser app makes its request (RFC 7636, 4.3), from the answer alone."""
    one = entries(played[KEYCLOAK].api.client)["keycloak"]
    challenge = urlsafe_b64encode(sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    request = {
        "response_type": "code",
        "client_id": one["client_id"],
        "scope": " ".join(one["scopes"]),  # type: ignore[arg-type]  # a list of texts
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }

    assert all(request.values())
    assert str(one["authorization_endpoint"]).startswith(played[KEYCLOAK].server.url)
