"""What is particular to a vendor, and the vendor itself, for the rules of identity providers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from nestegg_core.contracts.identity import Identity, Valid, Verdict
from nestegg_testing.clock import MovableClock
from nestegg_testing.identity_keys import SigningKey
from nestegg_testing.identity_server import FakeIdentityProvider


class Particulars:
    """The class attributes that an author sets, and the fixtures that follow from them."""

    issuer: ClassVar[str | None] = None
    claims: ClassVar[Mapping[str, Any]] = {"aud": "nest-egg"}
    token_headers: ClassVar[Mapping[str, Any]] = {}
    signing_key: ClassVar[SigningKey] = SigningKey("key-1")
    user: ClassVar[str] = "user-1"
    other_audiences: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"aud": "another-application"},
        {"aud": None},
    )
    other_types: ClassVar[Sequence[Mapping[str, Any]]] = ()
    verified_email: ClassVar[Mapping[str, Any] | None] = {
        "email": "aino@example.org",
        "email_verified": True,
    }
    unverified_email: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"email": "aino@example.org", "email_verified": False},
        {"email": "aino@example.org", "email_verified": "false"},
        {"email": "aino@example.org", "email_verified": 1},
        {"email": "aino@example.org"},
    )
    groups_claim: ClassVar[str | None] = "groups"
    admin_group: ClassVar[str | None] = None
    fetches_keys: ClassVar[bool] = True
    issues_tokens: ClassVar[bool] = False
    provisions: ClassVar[bool] = False

    @pytest.fixture
    def identity_server(self) -> Iterator[FakeIdentityProvider]:
        """The vendor: signs tokens, and serves its keys over loopback."""
        with FakeIdentityProvider(self.issuer, [self.signing_key]) as server:
            server.headers = dict(self.token_headers)
            yield server

    @pytest.fixture
    def good(self, identity_server: FakeIdentityProvider, clock: MovableClock) -> dict[str, Any]:
        """The claims of a good token, made now."""
        return identity_server.claims(clock(), **self.claims)


def identity_of(verdict: Verdict) -> Identity:
    """Return whose token it is; fails unless it is Valid."""
    assert isinstance(verdict, Valid), f"a good token was answered with {verdict}"
    return verdict.identity


def changed(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return claims with changes; `None` takes one out."""
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}
