"""The rules of identity providers about their vendor: when it is asked, and when it is away."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nestegg_core.auth.oidc.discovery import url_problem
from nestegg_core.contracts.identity import (
    AppSignIn,
    DescribedProvider,
    IdentityProvider,
    Invalid,
    Unavailable,
)
from nestegg_core.errors import ProviderUnavailable
from nestegg_testing.clock import MovableClock
from nestegg_testing.conformance.identity_particulars import Particulars, identity_of
from nestegg_testing.identity_keys import SigningKey
from nestegg_testing.identity_server import FakeIdentityProvider, Fault


class VendorRules(Particulars):
    """Rules about keys, their rotation, and the network."""

    def test_issuers_are_known_without_a_network(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider
    ) -> None:
        """A provider is made, and names its issuers, without touching the network."""
        assert isinstance(subject.issuers, tuple)
        assert identity_server.issuer in subject.issuers
        assert all(isinstance(issuer, str) and issuer for issuer in subject.issuers)
        assert identity_server.requests == []

    def test_threads_may_share_a_provider(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """Many threads may use one provider from its first token on."""
        tokens = [identity_server.token({**good, "jti": str(number)}) for number in range(16)]
        with ThreadPoolExecutor(8) as pool:
            for verdict in pool.map(subject.authenticate, tokens):
                identity_of(verdict)

    @pytest.mark.parametrize("fault", [Fault.ERROR, Fault.NOT_JSON], ids=lambda fault: fault.name)
    def test_unreachable_keys_make_a_token_neither_good_nor_bad(
        self,
        fault: Fault,
        subject: IdentityProvider,
        identity_server: FakeIdentityProvider,
        good: dict[str, Any],
        clock: MovableClock,
    ) -> None:
        """A provider answers Unavailable, not Invalid, when its keys cannot be reached, and goes on
        by itself when they can.
        """
        self._need_keys()
        identity_server.fault = fault
        verdict = subject.authenticate(identity_server.token(good))
        assert isinstance(verdict, Unavailable), f"it answered {verdict}"
        identity_server.fault = None
        clock.move(minutes=5)
        identity_of(subject.authenticate(identity_server.token(good)))

    def test_keys_are_rotated(
        self,
        subject: IdentityProvider,
        identity_server: FakeIdentityProvider,
        clock: MovableClock,
    ) -> None:
        """A new key is taken when the first token names it; one that was withdrawn is worth nothing
        after two days.
        """
        self._need_keys()
        old = self.signing_key
        new = SigningKey("key-2", old.algorithm)
        identity_of(subject.authenticate(self._token(identity_server, clock, old)))
        identity_server.keys = [new, old]
        clock.move(minutes=10)
        identity_of(subject.authenticate(self._token(identity_server, clock, new)))
        identity_of(subject.authenticate(self._token(identity_server, clock, old)))
        identity_server.keys = [new]
        clock.move(hours=49)
        verdict = subject.authenticate(self._token(identity_server, clock, old))
        assert isinstance(verdict, Invalid), f"it answered {verdict}"

    def test_unknown_keys_do_not_make_it_fetch_each_time(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """Tokens with unknown keys, which anybody can send, do not each cost a fetch."""
        self._need_keys()
        identity_of(subject.authenticate(identity_server.token(good)))
        asked = len(identity_server.requests)
        for number in range(20):
            subject.authenticate(identity_server.token(good, header={"kid": f"unknown-{number}"}))
        assert len(identity_server.requests) <= 2 * asked

    def test_apps_learn_where_to_sign_in(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider
    ) -> None:
        """A provider that tells apps how to sign in names https addresses (plain http on loopback
        alone), and raises ProviderUnavailable while the vendor is away.
        """
        if not isinstance(subject, DescribedProvider):
            pytest.skip("the provider does not tell apps how to sign in")
        found = subject.describe()
        assert isinstance(found, AppSignIn), f"it described itself with {type(found).__name__}"
        for endpoint in (found.authorization_endpoint, found.token_endpoint):
            problem = url_problem(endpoint, allow_loopback_http=True)
            assert problem is None, f"an endpoint {problem}"
        if self.fetches_keys:
            identity_server.fault = Fault.ERROR
            with pytest.raises(ProviderUnavailable):
                subject.describe()

    def _need_keys(self) -> None:
        if not self.fetches_keys:
            pytest.skip("the provider fetches no keys")

    def _token(self, server: FakeIdentityProvider, clock: MovableClock, key: SigningKey) -> str:
        return server.token(server.claims(clock(), **self.claims), key=key)
