from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nestegg_idp_cognito
import pytest
from nestegg_idp_cognito import CognitoSettings
from pydantic import ValidationError

from nestegg_core import ConfigurationError, Identity, Invalid, PluginContext, Valid
from nestegg_core.auth.oidc import OidcProvider
from nestegg_testing import ATTACKS, Attack, FakeIdentityProvider, MovableClock, SigningKey

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example12"
CLOCK = MovableClock()


@pytest.fixture
def vendor() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider(ISSUER) as server:
        yield server


def provider(vendor: FakeIdentityProvider, **variables: Any) -> OidcProvider:
    values = {
        "idp_cognito_issuer": ISSUER,
        "idp_cognito_client_id": "web,phone",
        "idp_cognito_jwks_url": vendor.jwks_url,
        "oidc_allow_loopback_http": True,
    }
    settings = CognitoSettings.model_validate(values | variables)
    return nestegg_idp_cognito.make(PluginContext(settings, "test", Path(), CLOCK))


def access(vendor: FakeIdentityProvider, **changes: Any) -> dict[str, Any]:
    token = {"token_use": "access", "client_id": "web", "username": "aino", "origin_jti": "o1"}
    return vendor.claims(CLOCK(), **token | changes)


def id_token(vendor: FakeIdentityProvider, **changes: Any) -> dict[str, Any]:
    token = {"token_use": "id", "aud": "phone", "email": "aino@home.example"}
    return vendor.claims(CLOCK(), **token | changes)


def identity(vendor: FakeIdentityProvider, claims: dict[str, Any], **variables: Any) -> Identity:
    verdict = provider(vendor, **variables).authenticate(vendor.token(claims))
    assert isinstance(verdict, Valid)
    return verdict.identity


def test_access_token_without_audience_and_email_signs_a_user_in(
    vendor: FakeIdentityProvider,
) -> None:
    user = identity(vendor, access(vendor))
    assert (user.provider, user.issuer, user.subject) == ("cognito", ISSUER, "user-1")
    assert user.email is None


@pytest.mark.parametrize(("mark", "verified"), [(True, True), ("true", True), (None, False)])
def test_id_token_tells_the_email(
    mark: object, verified: bool, vendor: FakeIdentityProvider
) -> None:
    user = identity(vendor, id_token(vendor, email_verified=mark))
    assert (user.email, user.email_verified) == ("aino@home.example", verified)


def test_both_kinds_are_signed_with_keys_of_their_own(vendor: FakeIdentityProvider) -> None:
    vendor.keys = [SigningKey("for-id"), SigningKey("for-access")]
    chosen = provider(vendor)
    for kind, key in zip((id_token, access), vendor.keys, strict=True):
        assert isinstance(chosen.authenticate(vendor.token(kind(vendor), key=key)), Valid)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
@pytest.mark.parametrize("kind", [access, id_token])
def test_attack_is_refused(kind: Any, attack: Attack, vendor: FakeIdentityProvider) -> None:
    token = attack.forge(vendor, kind(vendor))
    assert isinstance(provider(vendor).authenticate(token), attack.expected)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (access, {"client_id": "another"}),
        (access, {"client_id": None}),
        (access, {"client_id": None, "aud": "web"}),
        (access, {"token_use": None}),
        (access, {"token_use": "refresh"}),
        (access, {"token_use": "id"}),
        (access, {"aud": "https://another-api.example"}),
        (access, {"aud": 7}),
        (id_token, {"aud": "another"}),
        (id_token, {"aud": None, "client_id": "web"}),
        (id_token, {"token_use": "access"}),
    ],
)
def test_token_for_others_is_refused(
    kind: Any, changes: dict[str, Any], vendor: FakeIdentityProvider
) -> None:
    token = vendor.token(kind(vendor, **changes))
    assert isinstance(provider(vendor).authenticate(token), Invalid)


def test_token_of_another_pool_is_left_to_others(vendor: FakeIdentityProvider) -> None:
    token = vendor.token(access(vendor, iss=ISSUER + "3"))
    assert not isinstance(provider(vendor).authenticate(token), Valid | Invalid)


def test_configured_audience_is_required_of_access_tokens(vendor: FakeIdentityProvider) -> None:
    egg = {"idp_cognito_audience": "https://egg.example"}
    identity(vendor, access(vendor, aud="https://egg.example"), **egg)
    unbound = vendor.token(access(vendor))
    assert isinstance(provider(vendor, **egg).authenticate(unbound), Invalid)


@pytest.mark.parametrize("kind", [access, id_token])
def test_admin_group_is_read_from_both_kinds(kind: Any, vendor: FakeIdentityProvider) -> None:
    admins = {"idp_cognito_admin_group": "nest-egg-admins"}
    member = kind(vendor, **{"cognito:groups": ["nest-egg-admins"]})
    assert identity(vendor, member, **admins).is_admin
    assert not identity(vendor, member).is_admin
    assert not identity(vendor, kind(vendor), **admins).is_admin


def test_provisioning_is_the_operators_choice(vendor: FakeIdentityProvider) -> None:
    assert not identity(vendor, access(vendor)).may_provision
    assert identity(vendor, access(vendor), idp_cognito_provision="true").may_provision


def test_variables_of_the_guide_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeIdentityProvider() as vendor:
        monkeypatch.setenv("IDP_COGNITO_ISSUER", vendor.issuer)
        monkeypatch.setenv("IDP_COGNITO_CLIENT_ID", "web")
        monkeypatch.setenv("IDP_COGNITO_ADMIN_GROUP", "admins")
        monkeypatch.setenv("OIDC_ALLOW_LOOPBACK_HTTP", "true")
        context = PluginContext(CognitoSettings.model_validate({}), "test", Path(), CLOCK)
        [registration] = nestegg_idp_cognito.nestegg_identity_providers()
        chosen = registration.factory(context)
        assert registration.name == "cognito"
        assert isinstance(chosen.authenticate(vendor.token(access(vendor))), Valid)


def test_missing_variables_are_named() -> None:
    with pytest.raises(ValidationError) as caught:
        CognitoSettings.model_validate({})
    assert {error["loc"] for error in caught.value.errors()} == {
        ("idp_cognito_issuer",),
        ("idp_cognito_client_id",),
    }


def test_loopback_http_is_refused_in_production() -> None:
    settings = CognitoSettings.model_validate(
        {
            "idp_cognito_issuer": ISSUER,
            "idp_cognito_client_id": "web",
            "oidc_allow_loopback_http": True,
        }
    )
    with pytest.raises(ConfigurationError, match="OIDC_ALLOW_LOOPBACK_HTTP"):
        nestegg_idp_cognito.make(PluginContext(settings, "production", Path(), CLOCK))
