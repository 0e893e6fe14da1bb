from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nestegg_idp_keycloak
import pytest
from nestegg_idp_keycloak import KeycloakSettings
from pydantic import ValidationError

from nestegg_core import ConfigurationError, Identity, Invalid, PluginContext, Valid
from nestegg_core.auth.oidc import OidcProvider
from nestegg_testing import ATTACKS, Attack, FakeIdentityProvider, MovableClock, SigningKey

ISSUER = "https://keycloak.home.example/realms/nest-egg"
CLOCK = MovableClock()


@pytest.fixture
def vendor() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider(ISSUER) as server:
        # Realms publish such a key beside the one for signatures.
        server.extra_keys.append(SigningKey("enc").public_jwk(use="enc", alg="RSA-OAEP", kid="e"))
        yield server


def provider(vendor: FakeIdentityProvider, **variables: Any) -> OidcProvider:
    values = {
        "idp_keycloak_issuer": ISSUER,
        "idp_keycloak_client_id": "web,org.home.phone",
        "idp_keycloak_discovery_url": vendor.discovery_url,
        "oidc_allow_loopback_http": True,
    }
    settings = KeycloakSettings.model_validate(values | variables)
    return nestegg_idp_keycloak.make(PluginContext(settings, "test", Path(), CLOCK))


def access(vendor: FakeIdentityProvider, **changes: Any) -> dict[str, Any]:
    token = {"typ": "Bearer", "azp": "web", "aud": "account", "sid": "s1"}
    return vendor.claims(CLOCK(), **token | changes)


def identity(vendor: FakeIdentityProvider, claims: dict[str, Any], **variables: Any) -> Identity:
    verdict = provider(vendor, **variables).authenticate(vendor.token(claims))
    assert isinstance(verdict, Valid)
    return verdict.identity


def test_access_token_signs_a_user_in(vendor: FakeIdentityProvider) -> None:
    user = identity(vendor, access(vendor))
    assert (user.provider, user.issuer, user.subject) == ("keycloak", ISSUER, "user-1")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused(attack: Attack, vendor: FakeIdentityProvider) -> None:
    token = attack.forge(vendor, access(vendor))
    assert isinstance(provider(vendor).authenticate(token), attack.expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "ID", "aud": "web"},
        {"typ": "Refresh"},
        {"typ": "Offline"},
        {"typ": "Logout"},
        {"typ": None},
        {"typ": ["Bearer"]},
        {"azp": "another"},
        {"azp": None},
        {"azp": None, "aud": None},
        {"azp": ["web"]},
    ],
)
def test_other_kinds_and_tokens_of_other_clients_are_refused(
    changes: dict[str, Any], vendor: FakeIdentityProvider
) -> None:
    token = vendor.token(access(vendor, **changes))
    assert isinstance(provider(vendor).authenticate(token), Invalid)


@pytest.mark.parametrize(
    "changes",
    [{"aud": None}, {"azp": "another", "aud": ["account", "web"]}, {"azp": None, "aud": "web"}],
)
def test_azp_or_aud_may_name_the_client(
    changes: dict[str, Any], vendor: FakeIdentityProvider
) -> None:
    identity(vendor, access(vendor, **changes))


def test_configured_audience_is_required(vendor: FakeIdentityProvider) -> None:
    identity(vendor, access(vendor, aud=["account", "egg"]), idp_keycloak_audience="egg")
    token = vendor.token(access(vendor))
    assert isinstance(provider(vendor, idp_keycloak_audience="egg").authenticate(token), Invalid)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES384", "EdDSA"])
def test_realm_chooses_the_algorithm(algorithm: str, vendor: FakeIdentityProvider) -> None:
    vendor.keys = [SigningKey("k", algorithm)]
    identity(vendor, access(vendor))


def test_roles_and_groups_are_read_together(vendor: FakeIdentityProvider) -> None:
    claims = access(
        vendor,
        realm_access={"roles": ["realm-role"]},
        resource_access={
            "web": {"roles": ["web-role"]},
            "org.home.phone": {"roles": ["phone-role"]},
            "account": {"roles": ["manage-account"]},
        },
        groups=["/family/admins", "plain"],
    )
    assert identity(vendor, claims).groups == {
        "realm-role",
        "web-role",
        "phone-role",
        "/family/admins",
        "family/admins",
        "plain",
    }


@pytest.mark.parametrize("written", ["/family/admins", "family/admins"])
def test_admin_group_may_be_written_with_or_without_the_slash(
    written: str, vendor: FakeIdentityProvider
) -> None:
    admins = {"idp_keycloak_admin_group": written}
    assert identity(vendor, access(vendor, groups=["/family/admins"]), **admins).is_admin
    assert not identity(vendor, access(vendor, groups=["/other/family/admins"]), **admins).is_admin
    assert not identity(vendor, access(vendor), **admins).is_admin


def test_groups_claim_replaces_the_usual_places(vendor: FakeIdentityProvider) -> None:
    claims = access(vendor, groups=["a"], realm_access={"roles": ["b"]}, egg={"roles": ["c"]})
    assert identity(vendor, claims, idp_keycloak_groups_claim="egg.roles").groups == {"c"}


def test_provisioning_is_the_operators_choice(vendor: FakeIdentityProvider) -> None:
    assert not identity(vendor, access(vendor)).may_provision
    assert identity(vendor, access(vendor), idp_keycloak_provision="true").may_provision


def test_variables_of_the_guide_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeIdentityProvider() as vendor:
        monkeypatch.setenv("IDP_KEYCLOAK_ISSUER", vendor.issuer)
        monkeypatch.setenv("IDP_KEYCLOAK_CLIENT_ID", "web")
        monkeypatch.setenv("OIDC_ALLOW_LOOPBACK_HTTP", "true")
        context = PluginContext(KeycloakSettings.model_validate({}), "test", Path(), CLOCK)
        [registration] = nestegg_idp_keycloak.nestegg_identity_providers()
        chosen = registration.factory(context)
        assert registration.name == "keycloak"
        assert isinstance(chosen.authenticate(vendor.token(access(vendor))), Valid)


def test_missing_variables_are_named() -> None:
    with pytest.raises(ValidationError) as caught:
        KeycloakSettings.model_validate({})
    assert {error["loc"] for error in caught.value.errors()} == {
        ("idp_keycloak_issuer",),
        ("idp_keycloak_client_id",),
    }


def test_loopback_http_is_refused_in_production() -> None:
    settings = KeycloakSettings.model_validate(
        {
            "idp_keycloak_issuer": ISSUER,
            "idp_keycloak_client_id": "web",
            "oidc_allow_loopback_http": True,
        }
    )
    with pytest.raises(ConfigurationError, match="OIDC_ALLOW_LOOPBACK_HTTP"):
        nestegg_idp_keycloak.make(PluginContext(settings, "production", Path(), CLOCK))
