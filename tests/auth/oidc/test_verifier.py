import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nestegg_core import ConfigurationError, Identity, Invalid, NotMine, Unavailable, Valid
from nestegg_core.auth.oidc import OidcProfile, OidcProvider
from nestegg_testing import ATTACKS, Attack, FakeIdentityProvider, MovableClock, SigningKey

Make = Callable[..., OidcProvider]
Identify = Callable[..., Identity]
Claims = dict[str, Any]

ALL = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA")


def test_good_token_gives_an_identity(
    vendor: FakeIdentityProvider, identify: Identify, good: Claims, clock: MovableClock
) -> None:
    claims = good | {
        "email": "aino@home.example",
        "email_verified": True,
        "name": "Aino",
        "groups": ["family", "admins"],
    }
    user = identify(claims, admin_group="admins")
    assert (user.provider, user.issuer, user.subject) == ("acme", vendor.issuer, "user-1")
    assert user.expires_at == clock() + timedelta(hours=1)
    assert (user.email, user.email_verified) == ("aino@home.example", True)
    assert (user.name, user.is_admin) == ("Aino", True)
    assert user.groups == {"family", "admins"}
    assert not user.may_provision
    assert user.session_id is None


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_is_refused(
    attack: Attack, vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    token = attack.forge(vendor, good)
    assert isinstance(make(algorithms=ALL).authenticate(token), attack.expected)


@pytest.mark.parametrize("algorithm", ALL)
def test_each_algorithm_is_verified_where_it_is_allowed(
    algorithm: str, vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    vendor.keys = [SigningKey("k", algorithm)]
    token = vendor.token(good)
    assert isinstance(make(algorithms=(algorithm,)).authenticate(token), Valid)
    others = tuple(name for name in ALL if name != algorithm)
    assert isinstance(make(algorithms=others).authenticate(token), Invalid)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "HS512", "RS1"])
def test_profile_cannot_allow_symmetric_or_unknown_algorithms(algorithm: str) -> None:
    with pytest.raises(ConfigurationError, match="algorithm"):
        OidcProfile(
            name="acme", issuers=("https://x.example",), client_ids=("a",), algorithms=(algorithm,)
        )


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.c", "nep_secret", "e30.e30.e30.e30.e30", "e30.W10.", "é.é.é"]
)
def test_what_is_no_jws_is_left_to_the_next_provider(
    text: str, vendor: FakeIdentityProvider, make: Make
) -> None:
    assert make().authenticate(text) == NotMine()
    assert vendor.requests == []


def test_signature_cannot_be_spelt_in_a_second_way(
    vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    token = vendor.token(good)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    respelt = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]
    provider = make()
    assert isinstance(provider.authenticate(token), Valid)
    assert provider.authenticate(respelt) == NotMine()
    assert provider.authenticate(token + "==") == NotMine()


@pytest.mark.parametrize(
    ("claims", "fine"),
    [
        ({"aud": "app"}, True),
        ({"aud": ["app"]}, True),
        ({"aud": ["app", "api"], "azp": "app"}, True),
        ({"aud": ["app", "api"]}, False),
        ({"aud": "app", "azp": "another"}, False),
        ({"aud": "another"}, False),
        ({"aud": "another", "azp": "app"}, False),
        ({"aud": "app-2"}, False),
        ({"aud": {"app": 1}}, False),
        ({"aud": []}, False),
        ({}, False),
    ],
)
def test_standard_check_takes_only_tokens_for_our_client(
    claims: Claims, fine: bool, vendor: FakeIdentityProvider, make: Make, clock: MovableClock
) -> None:
    verdict = make().authenticate(vendor.token(vendor.claims(clock(), **claims)))
    assert isinstance(verdict, Valid if fine else Invalid)


def test_another_spelling_of_the_issuer_is_stored_as_the_one_that_is_meant(
    vendor: FakeIdentityProvider, identify: Identify, good: Claims
) -> None:
    user = identify(
        good | {"iss": "legacy.example"},
        issuers=(vendor.issuer, "legacy.example"),
        spellings={"legacy.example": vendor.issuer},
    )
    assert user.issuer == vendor.issuer


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_tenants_changes_nobody(
    order: int, vendor: FakeIdentityProvider, identify: Identify, good: Claims
) -> None:
    tenants = (vendor.issuer, "https://second.example")[::order]
    found = [
        identify(good | {"iss": tenant}, issuers=tenants, jwks_url=vendor.jwks_url).issuer
        for tenant in sorted(tenants)
    ]
    assert found == sorted(tenants)


def test_a_spelling_of_no_issuer_is_refused(vendor: FakeIdentityProvider, make: Make) -> None:
    with pytest.raises(ConfigurationError, match="a spelling that is none of its issuers"):
        make(spellings={"legacy.example": vendor.issuer})


def test_issuer_is_compared_to_the_letter(
    vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    token = vendor.token(good | {"iss": vendor.issuer + "/"})
    assert make().authenticate(token) == NotMine()


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_clock_of_the_provider_may_run_a_minute_ahead(
    name: str, vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    ahead = good | {name: good["iat"] + 60}
    assert isinstance(make().authenticate(vendor.token(ahead)), Valid)


def test_token_ends_at_its_very_second_also_when_it_is_remembered(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    provider, token = make(), vendor.token(good)
    clock.move(seconds=3599)
    assert isinstance(provider.authenticate(token), Valid)
    clock.move(seconds=1)
    assert isinstance(provider.authenticate(token), Invalid)


@pytest.mark.parametrize(
    ("value", "verified"),
    [(True, True), ("true", True), (False, False), ("True", False), (1, False), (None, False)],
)
def test_only_true_and_the_text_true_verify_an_email(
    value: object,
    verified: bool,
    vendor: FakeIdentityProvider,
    identify: Identify,
    clock: MovableClock,
) -> None:
    claims = vendor.claims(clock(), aud="app", email="a@b.example", email_verified=value)
    identity = identify(claims)
    assert (identity.email, identity.email_verified) == ("a@b.example", verified)


def test_verified_mark_without_an_email_means_nothing(identify: Identify, good: Claims) -> None:
    identity = identify(good | {"email_verified": True})
    assert (identity.email, identity.email_verified) == (None, False)


@pytest.mark.parametrize("groups", [None, [], "admins-2", {"admins": True}, [["admins"]], 7])
def test_without_the_admin_group_in_the_token_nobody_is_administrator(
    groups: object, vendor: FakeIdentityProvider, identify: Identify, clock: MovableClock
) -> None:
    claims = vendor.claims(clock(), aud="app", groups=groups)
    assert not identify(claims, admin_group="admins").is_admin


def test_without_a_configured_admin_group_nobody_is_administrator(
    identify: Identify, good: Claims
) -> None:
    assert not identify(good | {"groups": ["admins", "", "None"]}).is_admin


def test_text_that_a_database_cannot_hold_is_left_out(identify: Identify, good: Claims) -> None:
    claims = good | {"name": "a\0b", "email": "a\ud800@b", "groups": ["a\0", "fine"]}
    identity = identify(claims)
    assert (identity.name, identity.email) == (None, None)
    assert identity.groups == {"fine"}


def test_fault_in_a_profile_is_unavailable_and_never_raised(
    vendor: FakeIdentityProvider, make: Make, good: Claims, caplog: pytest.LogCaptureFixture
) -> None:
    def subject(claims: Any) -> object:
        return claims["uid"]["id"]

    assert isinstance(make(subject=subject).authenticate(vendor.token(good)), Unavailable)
    assert "acme failed" in caplog.text


def test_remembered_token_asks_nobody(
    vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    provider, token = make(), vendor.token(good)
    first = provider.authenticate(token)
    seen = list(vendor.requests)
    assert provider.authenticate(token) is first
    assert vendor.requests == seen


def test_remembered_token_is_judged_anew_when_the_keys_have_changed(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    provider, token = make(), vendor.token(good | {"exp": good["exp"] + 10**6})
    assert isinstance(provider.authenticate(token), Valid)
    vendor.keys = [SigningKey("key-2")]
    clock.move(hours=2)
    assert isinstance(provider.authenticate(token), Valid)  # and keys are fetched meanwhile
    _finish(provider)
    assert isinstance(provider.authenticate(token), Invalid)


def test_reasons_never_repeat_what_the_token_holds(
    vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    secret = "a-secret-of-the-token"
    for name in ("aud", "azp", "iat", "nbf", "exp"):
        verdict = make().authenticate(vendor.token(good | {name: secret}))
        assert isinstance(verdict, Invalid)
        assert secret not in verdict.reason
    verdict = make().authenticate(vendor.token(good, header={"kid": secret, "alg": "RS256"}))
    assert isinstance(verdict, Invalid)
    assert secret not in verdict.reason


def test_making_a_provider_touches_no_network_and_starts_no_thread(
    vendor: FakeIdentityProvider, make: Make
) -> None:
    threads = threading.enumerate()
    make()
    assert vendor.requests == []
    assert threading.enumerate() == threads


def test_issuer_without_https_refuses_the_start() -> None:
    profile = OidcProfile(name="acme", issuers=("http://id.example",), client_ids=("a",))
    with pytest.raises(ConfigurationError, match="must begin with https"):
        OidcProvider(profile, clock=lambda: datetime.now(UTC), allow_loopback_http=True)


def test_tokens_of_a_foreign_vendor_are_not_ours(make: Make, clock: MovableClock) -> None:
    with FakeIdentityProvider() as other:
        token = other.token(other.claims(clock(), aud="app"))
        assert make().authenticate(token) == NotMine()


def _finish(provider: OidcProvider) -> None:
    """Wait for the fetch that is under way."""
    flight = provider._keys._flight
    assert flight is not None
    flight.join(10)
