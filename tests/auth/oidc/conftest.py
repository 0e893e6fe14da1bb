from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nestegg_core import Identity, Valid
from nestegg_core.auth.oidc import KeyPolicy, OidcProfile, OidcProvider
from nestegg_testing import FakeIdentityProvider, MovableClock

Make = Callable[..., OidcProvider]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def vendor() -> Iterator[FakeIdentityProvider]:
    with FakeIdentityProvider() as server:
        yield server


@pytest.fixture
def make(vendor: FakeIdentityProvider, clock: MovableClock) -> Make:
    """Makes a provider of the fake vendor; keywords go into its profile."""

    def provider(policy: KeyPolicy | None = None, **particulars: Any) -> OidcProvider:
        profile: dict[str, Any] = {
            "name": "acme",
            "issuers": (vendor.issuer,),
            "client_ids": ("app",),
        }
        return OidcProvider(
            OidcProfile(**profile | particulars),
            clock=clock,
            allow_loopback_http=True,
            policy=policy or KeyPolicy(),
        )

    return provider


@pytest.fixture
def identify(vendor: FakeIdentityProvider, make: Make) -> Callable[..., Identity]:
    """Signs claims and returns whose the token is; keywords go into the profile."""

    def identity(claims: dict[str, Any], **particulars: Any) -> Identity:
        verdict = make(**particulars).authenticate(vendor.token(claims))
        assert isinstance(verdict, Valid)
        return verdict.identity

    return identity


@pytest.fixture
def good(vendor: FakeIdentityProvider, clock: MovableClock) -> dict[str, Any]:
    return vendor.claims(clock(), aud="app")
