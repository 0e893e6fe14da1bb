"""Any OIDC provider can be added with the documented base: here one whose tokens have no `kid`."""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest
import requests

from nestegg_core import IdentityProviderRegistration, PluginContext, hookimpl
from nestegg_core.auth.oidc import (
    AtLeastOne,
    OidcProfile,
    OidcProvider,
    OidcSettings,
    ProviderUrl,
    provider_for,
)
from nestegg_testing import register
from support.callers import ApiCaller
from support.code_flow import PATIENCE, BrowserApp, claims_of, header_of
from support.serving import Serve


class AcmeSettings(OidcSettings):
    """The variables of a provider that somebody else wrote."""

    idp_acme_issuer: ProviderUrl
    idp_acme_client_id: AtLeastOne
    idp_acme_admin_group: str | None = None
    idp_acme_provision: bool = False


def make(context: PluginContext[AcmeSettings]) -> OidcProvider:
    """Make it, in the way that docs/plugins.md describes."""
    settings = context.settings
    profile = OidcProfile(
        name="acme",
        issuers=(settings.idp_acme_issuer,),
        client_ids=settings.idp_acme_client_id,
        admin_group=settings.idp_acme_admin_group,
        may_provision=settings.idp_acme_provision,
    )
    return provider_for(profile, context)


@hookimpl
def nestegg_identity_providers() -> Sequence[IdentityProviderRegistration]:
    """Offer the provider `acme`."""
    return [IdentityProviderRegistration("acme", AcmeSettings, make)]


@pytest.fixture
def api(serve: Serve, provider_mock: str) -> ApiCaller:
    """A server that believes the peer, and its own passwords."""
    plugin = ModuleType("idp_acme")
    plugin.nestegg_identity_providers = nestegg_identity_providers  # type: ignore[attr-defined]
    return ApiCaller(
        serve(
            plugins={"idp_acme": plugin},
            IDENTITY_PROVIDER_CHAIN="acme,builtin",
            IDP_ACME_ISSUER=provider_mock,
            IDP_ACME_CLIENT_ID="nest-egg-web",
            IDP_ACME_PROVISION="true",
            IDP_ACME_ADMIN_GROUP="nest-egg-admins",
            OIDC_ALLOW_LOOPBACK_HTTP="true",
        )
    )


def tokens_of(issuer: str, subject: str, *, client_id: str = "nest-egg-web", **claims: Any) -> Any:
    """Sign a user with these claims in by code and PKCE."""
    told = requests.put(f"{issuer}/users/{subject}", json=claims, timeout=PATIENCE)
    assert told.status_code == requests.codes.no_content
    discovery = f"{issuer}/.well-known/openid-configuration"
    # This provider knows no apps without a secret, and takes any.
    app = BrowserApp.discovered(discovery, client_id, client_secret="any")
    return app.sign_in(lambda browser: browser.submit(sub=subject))


def test_an_id_token_without_kid_signs_a_user_in(api: ApiCaller, provider_mock: str) -> None:
    token = tokens_of(provider_mock, "aino", email="aino@example.org", name="Aino")["id_token"]
    assert "kid" not in header_of(token)

    first, second = api.me(token), api.me(token)

    assert first == second
    assert (first["name"], first["email"]) == ("Aino", "aino@example.org")


def test_a_user_without_an_email_signs_in(api: ApiCaller, provider_mock: str) -> None:
    assert api.me(tokens_of(provider_mock, "onni")["id_token"])["email"] is None


def test_groups_of_each_token_decide_about_administration(
    api: ApiCaller, provider_mock: str
) -> None:
    inside = tokens_of(provider_mock, "elli", groups=["nest-egg-admins"])["id_token"]
    outside = tokens_of(provider_mock, "elli")["id_token"]
    assert "groups" not in claims_of(outside)

    assert [api.may_administer(token) for token in (inside, outside)] == [True, False]
    assert api.me(inside)["id"] == api.me(outside)["id"]


@pytest.mark.parametrize("verified", [{}, {"email_verified": False}, {"email_verified": "false"}])
def test_an_address_that_nobody_verified_takes_over_no_account(
    api: ApiCaller, provider_mock: str, verified: dict[str, Any]
) -> None:
    owner = register(api.client)
    theirs = api.me(owner.token)
    token = tokens_of(provider_mock, "mallory", email=theirs["email"], **verified)["id_token"]

    mine = api.me(token)

    assert mine["id"] != theirs["id"]
    assert mine["memberships"][0]["organization"] != theirs["memberships"][0]["organization"]


def test_a_token_that_was_signed_out_is_refused(api: ApiCaller, provider_mock: str) -> None:
    token = tokens_of(provider_mock, "venla")["id_token"]
    api.me(token)
    api.sign_out(token)


def test_what_is_not_for_us_is_refused(api: ApiCaller, provider_mock: str) -> None:
    ours = tokens_of(provider_mock, "ilmari")
    of_another_app = tokens_of(provider_mock, "ilmari", client_id="another-app")

    assert api.status(ours["id_token"]) == 200
    assert api.status(of_another_app["id_token"]) == 401
    assert api.status(ours["access_token"]) == 401
    assert api.status(ours["refresh_token"]) == 401
