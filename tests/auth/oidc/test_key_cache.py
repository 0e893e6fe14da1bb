"""The life of a key set: rotation, outages, slow and broken servers. Only clocks are moved."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest

from nestegg_core import Invalid, Unavailable, Valid, Verdict
from nestegg_core.auth.oidc import KeyPolicy, OidcProvider
from nestegg_testing import FakeIdentityProvider, Fault, MovableClock, SigningKey

Make = Callable[..., OidcProvider]
Claims = dict[str, Any]

QUICK = KeyPolicy(deadline=0.6, unknown_key_wait=0.6)
JWKS, DISCOVERY = "/keys", "/.well-known/openid-configuration"


@pytest.fixture
def long_lived(good: Claims) -> Claims:
    return good | {"exp": good["exp"] + 10**7}


def settle(provider: OidcProvider) -> None:
    """Wait for the fetch that is under way."""
    flight = provider._keys._flight
    assert flight is not None
    flight.join(10)
    assert not flight.is_alive()


def test_first_token_fetches_discovery_and_keys_once(
    vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    provider = make()
    for subject in ("a", "b", "c"):
        assert isinstance(provider.authenticate(vendor.token(good | {"sub": subject})), Valid)
    assert vendor.requests == [DISCOVERY, JWKS]


def test_overrides_replace_what_is_fetched(
    vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    issuer = "https://public.example/realms/home"
    token = vendor.token(good | {"iss": issuer})
    assert isinstance(make(issuers=(issuer,), jwks_url=vendor.jwks_url).authenticate(token), Valid)
    assert vendor.requests == [JWKS]
    vendor.issuer = issuer
    by_discovery = make(issuers=(issuer,), discovery_url=vendor.discovery_url)
    assert isinstance(by_discovery.authenticate(token), Valid)


def test_discovery_of_another_issuer_is_not_believed(
    vendor: FakeIdentityProvider, make: Make, good: Claims, caplog: pytest.LogCaptureFixture
) -> None:
    provider = make()
    token = vendor.token(good)
    vendor.issuer = "https://another.example"
    assert isinstance(provider.authenticate(token), Unavailable)
    assert "another issuer" in caplog.text


def test_many_first_tokens_cause_one_fetch(
    vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    provider = make()
    tokens = [vendor.token(good | {"sub": f"u{n}"}) for n in range(16)]
    barrier = threading.Barrier(16)

    def arrive(token: str) -> Verdict:
        barrier.wait(10)
        return provider.authenticate(token)

    with ThreadPoolExecutor(16) as pool, vendor.holding():
        verdicts = [pool.submit(arrive, token) for token in tokens]
        assert vendor.asked.wait(10)  # the one fetch has begun
        vendor.open.set()
        assert all(isinstance(verdict.result(10), Valid) for verdict in verdicts)
    assert vendor.requests == [DISCOVERY, JWKS]


def test_rotated_key_is_fetched_when_its_first_token_comes(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    provider = make()
    assert isinstance(provider.authenticate(vendor.token(good)), Valid)
    vendor.keys = [SigningKey("key-2"), SigningKey("key-1")]
    clock.move(seconds=31)
    assert isinstance(provider.authenticate(vendor.token(good)), Valid)
    assert vendor.requests.count(JWKS) == 2


def test_unknown_kids_cause_one_fetch_per_cooldown(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    provider = make()
    provider.authenticate(vendor.token(good))
    clock.move(seconds=31)
    for number in range(20):
        forged = vendor.token(good, key=SigningKey(f"unknown-{number}", name="attacker"))
        assert isinstance(provider.authenticate(forged), Invalid)
    assert vendor.requests.count(JWKS) == 2


def test_unknown_kids_during_an_outage_cause_one_fetch_per_cooldown(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    provider = make()
    provider.authenticate(vendor.token(good))
    vendor.fault = Fault.ERROR
    clock.move(seconds=31)
    for number in range(20):
        forged = vendor.token(good, key=SigningKey(f"unknown-{number}", name="attacker"))
        assert isinstance(provider.authenticate(forged), Unavailable)
    assert vendor.requests[2:] == [DISCOVERY]
    clock.move(seconds=31)
    vendor.fault = None
    forged = vendor.token(good, key=SigningKey("unknown", name="attacker"))
    assert isinstance(provider.authenticate(forged), Invalid)


def test_failures_at_the_first_token_count_for_the_cooldown_too(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    vendor.fault = Fault.ERROR
    provider, token = make(), vendor.token(good)
    for _ in range(5):
        assert isinstance(provider.authenticate(token), Unavailable)
    assert vendor.requests == [DISCOVERY]
    vendor.fault = None
    clock.move(seconds=31)
    assert isinstance(provider.authenticate(token), Valid)


@pytest.mark.parametrize(
    "case",
    [
        (None, 59 * 60, 61 * 60),
        ("public, max-age=7200", 7199, 7201),
        ("max-age=1", 299, 301),
        ("no-store", 299, 301),
        ("no-cache, max-age=7200", 299, 301),
        ("s-maxage=1, max-age=600", 599, 601),
        ("max-age=99999999", 24 * 3600 - 1, 24 * 3600 + 1),
        ("max-age=nonsense", 59 * 60, 61 * 60),
    ],
)
def test_keys_are_kept_as_long_as_the_provider_says_within_limits(
    case: tuple[str | None, int, int],
    vendor: FakeIdentityProvider,
    make: Make,
    long_lived: Claims,
    clock: MovableClock,
) -> None:
    vendor.cache_control, fresh, fetched_again = case
    provider, token = make(), vendor.token(long_lived)
    provider.authenticate(token)
    clock.move(seconds=fresh)
    provider.authenticate(token)
    assert vendor.requests.count(JWKS) == 1
    clock.move(seconds=fetched_again - fresh)
    assert isinstance(provider.authenticate(token), Valid)
    settle(provider)
    assert vendor.requests.count(JWKS) == 2


def test_slow_provider_delays_nobody_while_keys_are_held(
    vendor: FakeIdentityProvider, make: Make, long_lived: Claims, clock: MovableClock
) -> None:
    provider = make()
    provider.authenticate(vendor.token(long_lived))
    clock.move(hours=2)
    with vendor.holding():
        started = monotonic()
        for subject in ("a", "b", "c"):
            token = vendor.token(long_lived | {"sub": subject})
            assert isinstance(provider.authenticate(token), Valid)
        assert monotonic() - started < 2
    settle(provider)
    assert vendor.requests.count(DISCOVERY) == 2


def test_outage_changes_nothing_for_a_day_beyond_the_age_and_then_is_unavailable(
    vendor: FakeIdentityProvider, make: Make, long_lived: Claims, clock: MovableClock
) -> None:
    provider, token = make(), vendor.token(long_lived)
    provider.authenticate(token)
    vendor.fault = Fault.ERROR
    clock.move(hours=1)
    for subject in ("a", "b"):
        clock.move(hours=11)
        fresh = vendor.token(long_lived | {"sub": subject})
        assert isinstance(provider.authenticate(fresh), Valid)
        assert isinstance(provider.authenticate(token), Valid)
        settle(provider)
    clock.move(hours=3)
    assert isinstance(provider.authenticate(token), Unavailable)
    vendor.fault = None
    clock.move(minutes=1)
    assert isinstance(provider.authenticate(token), Valid)


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_broken_answer_is_unavailable_and_never_believed(
    fault: Fault, vendor: FakeIdentityProvider, make: Make, good: Claims
) -> None:
    vendor.fault = fault
    provider = make(QUICK)
    started = monotonic()
    assert isinstance(provider.authenticate(vendor.token(good)), Unavailable)
    assert monotonic() - started < 3
    settle(provider)
    assert not any(path.startswith("/elsewhere") for path in vendor.requests)


@pytest.mark.parametrize("fault", [Fault.DRIP_HEAD, Fault.DRIP_BODY], ids=lambda f: f.name)
def test_dripping_server_is_cut_off_and_healed_later(
    fault: Fault, vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    vendor.fault = fault
    provider, token = make(QUICK), vendor.token(good)
    assert isinstance(provider.authenticate(token), Unavailable)
    settle(provider)
    vendor.fault = None
    clock.move(seconds=31)
    assert isinstance(provider.authenticate(token), Valid)


def test_broken_set_does_not_replace_a_good_one(
    vendor: FakeIdentityProvider, make: Make, long_lived: Claims, clock: MovableClock
) -> None:
    provider = make()
    provider.authenticate(vendor.token(long_lived))
    vendor.extra_keys = [SigningKey("attacker").public_jwk(kid="key-1")]
    clock.move(hours=2)
    assert isinstance(provider.authenticate(vendor.token(long_lived)), Valid)
    settle(provider)
    assert isinstance(provider.authenticate(vendor.token(long_lived | {"sub": "b"})), Valid)


def test_fetching_the_same_keys_again_forgets_no_token(
    vendor: FakeIdentityProvider, make: Make, long_lived: Claims, clock: MovableClock
) -> None:
    provider, token = make(), vendor.token(long_lived)
    verdict = provider.authenticate(token)
    clock.move(hours=2)
    provider.authenticate(token)
    settle(provider)
    assert vendor.requests.count(JWKS) == 2
    assert provider.authenticate(token) is verdict


def test_withdrawn_keys_verify_nothing_more(
    vendor: FakeIdentityProvider, make: Make, long_lived: Claims, clock: MovableClock
) -> None:
    provider, token = make(), vendor.token(long_lived)
    provider.authenticate(token)
    vendor.keys = []
    clock.move(hours=2)
    provider.authenticate(token)
    settle(provider)
    assert isinstance(provider.authenticate(token), Invalid)


def test_token_without_kid_is_verified_after_the_only_key_has_changed(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    vendor.keys = [SigningKey(None, name="first")]
    provider = make()
    assert isinstance(provider.authenticate(vendor.token(good)), Valid)
    vendor.keys = [SigningKey(None, name="second")]
    clock.move(seconds=31)
    assert isinstance(provider.authenticate(vendor.token(good)), Valid)


def test_clock_that_is_set_back_does_not_stop_fetching(
    vendor: FakeIdentityProvider, make: Make, good: Claims, clock: MovableClock
) -> None:
    provider = make()
    provider.authenticate(vendor.token(good))
    clock.move(days=-30)
    vendor.keys = [SigningKey("key-2")]
    assert isinstance(provider.authenticate(vendor.token(vendor.claims(clock(), aud="app"))), Valid)
