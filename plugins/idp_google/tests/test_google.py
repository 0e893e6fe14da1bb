from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nestegg_idp_google
import pytest
from nestegg_idp_google import GoogleSettings
from pydantic import ValidationError

from nestegg_core import ConfigurationError, Identity, Invalid, NotMine, PluginContext, Valid
from nestegg_core.auth.oidc import OidcProvider
from nestegg_testing import ATTACKS, Attack, FakeIdentityProvider, MovableClock, SigningKey

ISSUER = "https://accounts.google.com"
WEB, PHONE = "1-web.apps.googleusercontent.com", "1-phone.apps.googleusercontent.com"
CLOCK = MovableClock()


@pytest.fixture
def vendor() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider(ISSUER) as server:
        yield server


def provider(vendor: FakeIdentityProvider, **variables: Any) -> OidcProvider:
    values = {
        "idp_google_client_id": f"{WEB},{PHONE}",
        "idp_google_discovery_url": vendor.discovery_url,
        "oidc_allow_loopback_http": True,
    }
    settings = GoogleSettings.model_validate(values | variables)
    return nestegg_idp_google.make(PluginContext(settings, "test", Path(), CLOCK))


def id_token(vendor: FakeIdentityProvider, **changes: Any) -> dict[str, Any]:
    return vendor.claims(CLOCK(), **{"sub": "1098", "aud": WEB, "azp": WEB} | changes)


def identity(vendor: FakeIdentityProvider, claims: dict[str, Any], **variables: Any) -> Identity:
    verdict = provider(vendor, **variables).authenticate(vendor.token(claims))
    assert isinstance(verdict, Valid)
    return verdict.identity


@pytest.mark.parametrize("form", ["https://accounts.google.com", "accounts.google.com"])
def test_both_forms_of_the_issuer_are_one_user(form: str, vendor: FakeIdentityProvider) -> None:
    user = identity(vendor, id_token(vendor, iss=form))
    assert (user.provider, user.issuer, user.subject) == ("google", ISSUER, "1098")


@pytest.mark.parametrize("form", ["http://accounts.google.com", "https://accounts.google.com/"])
def test_other_forms_are_left_to_others(form: str, vendor: FakeIdentityProvider) -> None:
    token = vendor.token(id_token(vendor, iss=form))
    assert provider(vendor).authenticate(token) == NotMine()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused(attack: Attack, vendor: FakeIdentityProvider) -> None:
    token = attack.forge(vendor, id_token(vendor))
    assert isinstance(provider(vendor).authenticate(token), attack.expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": None},
        {"azp": "another"},
        {"aud": [WEB, "another"], "azp": None},
    ],
)
def test_token_for_others_is_refused(changes: Any, vendor: FakeIdentityProvider) -> None:
    token = vendor.token(id_token(vendor, **changes))
    assert isinstance(provider(vendor).authenticate(token), Invalid)


@pytest.mark.parametrize("changes", [{"azp": PHONE}, {"azp": None}, {"aud": PHONE, "azp": WEB}])
def test_phone_app_may_ask_for_a_token_for_the_web_client(
    changes: Any, vendor: FakeIdentityProvider
) -> None:
    identity(vendor, id_token(vendor, **changes))


def test_only_rs256_is_taken(vendor: FakeIdentityProvider) -> None:
    vendor.keys = [SigningKey("key-1", "ES256")]
    assert isinstance(provider(vendor).authenticate(vendor.token(id_token(vendor))), Invalid)


@pytest.mark.parametrize(
    ("domain", "fine"),
    [
        ("home.example", True),
        ("Home.Example", True),
        ("firm.example", True),
        ("evil-home.example", False),
        ("x.home.example", False),
        ("\N{KELVIN SIGN}irja.example", False),
        (["home.example"], False),
        (None, False),
    ],
)
def test_hosted_domain_keeps_others_out(
    domain: object, fine: bool, vendor: FakeIdentityProvider
) -> None:
    chosen = provider(vendor, idp_google_hosted_domain="home.example,firm.example,kirja.example")
    claims = id_token(vendor, hd=domain, email="a@home.example", email_verified=True)
    assert isinstance(chosen.authenticate(vendor.token(claims)), Valid if fine else Invalid)


@pytest.mark.parametrize(
    ("claims", "verified"),
    [
        ({"email": "aino@gmail.com", "email_verified": True}, True),
        ({"email": "aino@GMail.com", "email_verified": "true"}, True),
        ({"email": "aino@gmail.com", "email_verified": False}, False),
        ({"email": "aino@home.example", "email_verified": True}, False),
        ({"email": "aino@home.example", "email_verified": True, "hd": "home.example"}, True),
        ({"email": "aino@home.example", "hd": "home.example"}, False),
        ({"email": "aino@gmail.com.evil.example", "email_verified": True}, False),
        ({"email": "aino@notgmail.com", "email_verified": True}, False),
        ({"email_verified": True, "hd": "home.example"}, False),
    ],
)
def test_email_counts_as_verified_only_where_google_is_authoritative(
    claims: dict[str, Any], verified: bool, vendor: FakeIdentityProvider
) -> None:
    assert identity(vendor, id_token(vendor, **claims)).email_verified is verified


@pytest.mark.parametrize(
    ("variables", "creates"),
    [
        ({}, False),
        ({"idp_google_hosted_domain": "home.example"}, False),
        ({"idp_google_hosted_domain": "home.example", "idp_google_provision": "yes"}, True),
        ({"idp_google_provision": "yes"}, True),
    ],
)
def test_strangers_are_created_only_when_the_operator_says_so(
    variables: dict[str, str], creates: bool, vendor: FakeIdentityProvider
) -> None:
    user = identity(vendor, id_token(vendor, hd="home.example"), **variables)
    assert user.may_provision is creates


def test_token_without_groups_makes_nobody_administrator(vendor: FakeIdentityProvider) -> None:
    admins = {"idp_google_admin_group": "admins"}
    assert not identity(vendor, id_token(vendor), **admins).is_admin
    assert identity(vendor, id_token(vendor, groups=["admins"]), **admins).is_admin


def test_variable_of_the_guide_suffices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDP_GOOGLE_CLIENT_ID", WEB)
    [registration] = nestegg_idp_google.nestegg_identity_providers()
    chosen = registration.factory(
        PluginContext(GoogleSettings.model_validate({}), "production", Path(), CLOCK)
    )
    assert registration.name == "google"
    assert chosen.issuers == ("https://accounts.google.com", "accounts.google.com")


def test_missing_client_id_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        GoogleSettings.model_validate({})
    assert [error["loc"] for error in caught.value.errors()] == [("idp_google_client_id",)]


def test_loopback_http_is_refused_in_production() -> None:
    settings = GoogleSettings.model_validate(
        {"idp_google_client_id": WEB, "oidc_allow_loopback_http": True}
    )
    with pytest.raises(ConfigurationError, match="OIDC_ALLOW_LOOPBACK_HTTP"):
        nestegg_idp_google.make(PluginContext(settings, "production", Path(), CLOCK))
