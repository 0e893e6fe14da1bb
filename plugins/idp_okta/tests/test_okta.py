from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nestegg_idp_okta
import pytest
from nestegg_idp_okta import OktaSettings
from pydantic import ValidationError

from nestegg_core import ConfigurationError, Identity, Invalid, PluginContext, Valid
from nestegg_core.auth.oidc import OidcProvider
from nestegg_testing import ATTACKS, Attack, FakeIdentityProvider, MovableClock, SigningKey

ISSUER = "https://home.okta.com/oauth2/default"
CLOCK = MovableClock()


@pytest.fixture
def vendor() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider(ISSUER) as server:
        yield server


def provider(vendor: FakeIdentityProvider, **variables: Any) -> OidcProvider:
    values = {
        "idp_okta_issuer": ISSUER,
        "idp_okta_client_id": "web,phone",
        "idp_okta_jwks_url": vendor.jwks_url,
        "oidc_allow_loopback_http": True,
    }
    settings = OktaSettings.model_validate(values | variables)
    return nestegg_idp_okta.make(PluginContext(settings, "test", Path(), CLOCK))


def access(vendor: FakeIdentityProvider, **changes: Any) -> dict[str, Any]:
    token = {"sub": "aino@home.example", "uid": "00u1", "cid": "web", "aud": "api://default"}
    return vendor.claims(CLOCK(), **token | {"scp": ["openid"]} | changes)


def id_token(vendor: FakeIdentityProvider, **changes: Any) -> dict[str, Any]:
    return vendor.claims(CLOCK(), **{"sub": "00u1", "aud": "phone"} | changes)


def identity(vendor: FakeIdentityProvider, claims: dict[str, Any], **variables: Any) -> Identity:
    verdict = provider(vendor, **variables).authenticate(vendor.token(claims))
    assert isinstance(verdict, Valid)
    return verdict.identity


def test_both_kinds_of_token_name_the_same_user(vendor: FakeIdentityProvider) -> None:
    for claims in (access(vendor), id_token(vendor)):
        user = identity(vendor, claims)
        assert (user.provider, user.issuer, user.subject) == ("okta", ISSUER, "00u1")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize("kind", [access, id_token])
def test_attack_is_refused(kind: Any, attack: Attack, vendor: FakeIdentityProvider) -> None:
    token = attack.forge(vendor, kind(vendor))
    assert isinstance(provider(vendor).authenticate(token), attack.expected)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (access, {"cid": "another"}),
        (access, {"cid": None}),
        (access, {"cid": ["web"]}),
        (access, {"aud": None}),
        (access, {"uid": None}),
        (access, {"uid": ""}),
        (id_token, {"aud": "another"}),
        (id_token, {"aud": None}),
        (id_token, {"azp": "another"}),
        (id_token, {"aud": ["web", "another"]}),
    ],
)
def test_token_for_others_is_refused(
    kind: Any, changes: dict[str, Any], vendor: FakeIdentityProvider
) -> None:
    token = vendor.token(kind(vendor, **changes))
    assert isinstance(provider(vendor).authenticate(token), Invalid)


def test_configured_audience_is_required_of_access_tokens(vendor: FakeIdentityProvider) -> None:
    identity(vendor, access(vendor), idp_okta_audience="api://egg, api://default")
    strict = provider(vendor, idp_okta_audience="api://egg")
    assert isinstance(strict.authenticate(vendor.token(access(vendor))), Invalid)


def test_only_rs256_is_taken(vendor: FakeIdentityProvider) -> None:
    vendor.keys = [SigningKey("key-1", "ES256")]
    assert isinstance(provider(vendor).authenticate(vendor.token(access(vendor))), Invalid)


def test_admin_group_and_groups_claim(vendor: FakeIdentityProvider) -> None:
    user = identity(vendor, access(vendor, groups=["a", "egg"]), idp_okta_admin_group="egg")
    assert user.is_admin
    assert user.groups == {"a", "egg"}
    assert not identity(vendor, access(vendor), idp_okta_admin_group="egg").is_admin
    elsewhere = access(vendor, groups=["egg"], acme={"roles": ["b"]})
    user = identity(vendor, elsewhere, idp_okta_groups_claim="acme.roles")
    assert user.groups == {"b"}


def test_provisioning_is_the_operators_choice(vendor: FakeIdentityProvider) -> None:
    assert not identity(vendor, access(vendor)).may_provision
    assert identity(vendor, access(vendor), idp_okta_provision="true").may_provision


def test_variables_of_the_guide_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeIdentityProvider() as vendor:
        monkeypatch.setenv("IDP_OKTA_ISSUER", vendor.issuer)
        monkeypatch.setenv("IDP_OKTA_CLIENT_ID", "web")
        monkeypatch.setenv("OIDC_ALLOW_LOOPBACK_HTTP", "true")
        context = PluginContext(OktaSettings.model_validate({}), "test", Path(), CLOCK)
        [registration] = nestegg_idp_okta.nestegg_identity_providers()
        chosen = registration.factory(context)
        assert registration.name == "okta"
        assert isinstance(chosen.authenticate(vendor.token(access(vendor))), Valid)


def test_missing_variables_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_OKTA_CLIENT_ID", " , ")
    with pytest.raises(ValidationError) as caught:
        OktaSettings.model_validate({})
    assert {error["loc"] for error in caught.value.errors()} == {
        ("idp_okta_issuer",),
        ("idp_okta_client_id",),
    }


def test_http_is_refused_unless_on_loopback_and_allowed() -> None:
    for issuer in ("http://home.okta.com", "http://127.0.0.1:8080"):
        with pytest.raises(ValidationError, match="must begin with https"):
            OktaSettings.model_validate({"idp_okta_issuer": issuer, "idp_okta_client_id": "web"})


def test_loopback_http_is_refused_in_production() -> None:
    settings = OktaSettings.model_validate(
        {"idp_okta_issuer": ISSUER, "idp_okta_client_id": "web", "oidc_allow_loopback_http": True}
    )
    with pytest.raises(ConfigurationError, match="OIDC_ALLOW_LOOPBACK_HTTP"):
        nestegg_idp_okta.make(PluginContext(settings, "production", Path(), CLOCK))
