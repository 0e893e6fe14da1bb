"""What holds of every identity provider, whatever its vendor."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from nestegg_core.contracts.identity import (
    Identity,
    IdentityProvider,
    Invalid,
    NotMine,
    Unavailable,
    Valid,
    Verdict,
)
from nestegg_core.testing.clock import MovableClock
from nestegg_core.testing.conformance.base import Conformance
from nestegg_core.testing.conformance.garbage import GARBAGE_TOKENS
from nestegg_core.testing.identity_attacks import ATTACKS, Attack
from nestegg_core.testing.identity_keys import SigningKey
from nestegg_core.testing.identity_server import FakeIdentityProvider, Fault

_MARK = "quokka7f3a"
_OTHER_ISSUER = "https://another-issuer.example"


class IdentityProviderConformance(Conformance):
    """Tries an `IdentityProvider` against a fake vendor and its forgers.

    The fixture `subject` returns the provider, configured for the fixture `identity_server` and
    for the fixture `clock`.

    Attributes:
        issuer: the vendor's issuer, where it is not the server's own address.
        claims: what a good token holds besides `iss`, `sub`, `iat` and `exp`.
        token_headers: what the header of a good token holds besides `alg`, `kid` and `typ`.
        signing_key: what the vendor signs with.
        person: the `Identity.subject` of a good token.
        other_audiences: changes of the claims that make a token one for another application.
        other_types: changes of the claims that make a token one of the vendor's other types,
            such as a refresh token.
        verified_email: claims of a person whose address the vendor vouches for; `None` for a
            provider that tells no addresses.
        unverified_email: claims of a person whose address the vendor does not vouch for.
        groups_claim: the claim that holds the names of groups; `None` for a provider without.
        admin_group: the group whose members `subject` was told to make administrators.
        fetches_keys: whether the keys come over the network.
        issues_tokens: whether the provider itself issues what it verifies, so that nobody else
            holds its key: forgeries that would need it are not tried then.

    Example:
        ```python
        class TestOkta(IdentityProviderConformance):
            claims = {"aud": "nest-egg"}

            @pytest.fixture
            def subject(self, identity_server, plugin_context):
                return make(plugin_context(OktaSettings, IDP_OKTA_ISSUER=identity_server.issuer))
        ```
    """

    kind = "IdentityProvider"
    section = "identity-provider"

    issuer: ClassVar[str | None] = None
    claims: ClassVar[Mapping[str, Any]] = {"aud": "nest-egg"}
    token_headers: ClassVar[Mapping[str, Any]] = {}
    signing_key: ClassVar[SigningKey] = SigningKey("key-1")
    person: ClassVar[str] = "user-1"
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

    def test_a_good_token_names_its_person(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A good token is Valid, with the canonical issuer, the person and the time of expiry."""
        identity = _identity(subject.authenticate(identity_server.token(good)))
        assert identity.issuer == subject.issuers[0]
        assert identity.subject == self.person
        assert identity.expires_at == datetime.fromtimestamp(good["exp"], UTC)
        assert identity.provider

    def test_issuers_are_known_without_a_network(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider
    ) -> None:
        """A provider is made, and names its issuers, without touching the network."""
        assert isinstance(subject.issuers, tuple)
        assert identity_server.issuer in subject.issuers
        assert all(isinstance(issuer, str) and issuer for issuer in subject.issuers)
        assert identity_server.requests == []

    @pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
    def test_a_forged_token_is_refused(
        self,
        attack: Attack,
        subject: IdentityProvider,
        identity_server: FakeIdentityProvider,
        good: dict[str, Any],
    ) -> None:
        """A forged token gets the verdict that the table of attacks names, and never Valid."""
        if self.issues_tokens and attack.needs_key:
            pytest.skip("only who holds the key could make it")
        if not self.fetches_keys and attack.expected is Unavailable:
            pytest.skip("the provider fetches no keys")
        verdict = subject.authenticate(attack.forge(identity_server, good))
        assert isinstance(verdict, attack.expected), f"{attack.name}: it answered {verdict}"

    def test_a_token_for_another_application_is_refused(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A token that was made for another application is Invalid."""
        for changes in self.other_audiences:
            verdict = subject.authenticate(identity_server.token(_changed(good, changes)))
            assert isinstance(verdict, Invalid), f"with {dict(changes)} it answered {verdict}"

    def test_a_token_of_another_type_is_refused(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A token of a type that is not for signing in is Invalid."""
        logout = identity_server.token(good, header={"typ": "logout+jwt"})
        assert isinstance(subject.authenticate(logout), Invalid), "its typ was logout+jwt"
        for changes in self.other_types:
            verdict = subject.authenticate(identity_server.token(_changed(good, changes)))
            assert isinstance(verdict, Invalid), f"with {dict(changes)} it answered {verdict}"

    def test_a_token_expires_by_the_clock_of_its_context(
        self,
        subject: IdentityProvider,
        identity_server: FakeIdentityProvider,
        good: dict[str, Any],
        clock: MovableClock,
    ) -> None:
        """A token is Invalid from the second of its exp on, by the clock that the factory got, also
        when it was Valid before.
        """
        token = identity_server.token(good)
        clock.move(seconds=good["exp"] - good["iat"] - 1)
        _identity(subject.authenticate(token))
        clock.move(seconds=1)
        assert isinstance(subject.authenticate(token), Invalid)

    @pytest.mark.parametrize("token", GARBAGE_TOKENS)
    def test_garbage_is_answered(
        self, token: str, subject: IdentityProvider, identity_server: FakeIdentityProvider
    ) -> None:
        """Whatever stands in place of a token, a provider answers NotMine or Invalid, never raises,
        and asks nobody.
        """
        assert isinstance(subject.authenticate(token), NotMine | Invalid)
        assert identity_server.requests == []

    def test_a_token_of_another_issuer_is_left_to_others(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A token of another issuer is NotMine, and no reason to fetch keys."""
        token = identity_server.token({**good, "iss": _OTHER_ISSUER})
        assert subject.authenticate(token) == NotMine()
        assert identity_server.requests == []

    def test_reasons_hold_nothing_of_the_token(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """The reason of a refusal repeats nothing of the token: it stands in logs and answers."""
        marked = {**good, "name": _MARK, "email": f"{_MARK}@example.org"}
        forged = [
            identity_server.token({**marked, "exp": _MARK}),
            identity_server.token({**marked, "sub": {_MARK: _MARK}}),
            identity_server.token({**marked, "iss": identity_server.issuer, "aud": _MARK}),
            identity_server.token(marked, header={"typ": _MARK}),
            identity_server.token(marked, header={"alg": _MARK}),
            identity_server.token(marked, key=SigningKey(_MARK, name="attacker")),
        ]
        for token in forged:
            reason = getattr(subject.authenticate(token), "reason", "")
            assert _MARK not in reason
            assert token not in reason

    def test_an_email_is_verified_only_when_the_vendor_says_so(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """An email counts as verified only when the vendor vouches for it; absent means no."""
        if self.verified_email is None:
            assert _identity(subject.authenticate(identity_server.token(good))).email is None
            return
        vouched = identity_server.token({**good, **self.verified_email})
        person = _identity(subject.authenticate(vouched))
        assert (person.email, person.email_verified) == (self.verified_email["email"], True)
        for claims in self.unverified_email:
            doubtful = identity_server.token({**good, **claims})
            person = _identity(subject.authenticate(doubtful))
            assert not person.email_verified, f"with {dict(claims)}"

    def test_a_missing_groups_claim_makes_nobody_an_administrator(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """Administrators are members of the configured group; without the claim nobody is one."""
        person = _identity(subject.authenticate(identity_server.token(good)))
        assert (person.groups, person.is_admin) == (frozenset(), False)
        if self.groups_claim is None:
            return
        member = _changed(good, {self.groups_claim: ["family", "gardeners"]})
        person = _identity(subject.authenticate(identity_server.token(member)))
        assert (person.groups, person.is_admin) == (frozenset({"family", "gardeners"}), False)
        if self.admin_group is not None:
            chief = _changed(good, {self.groups_claim: ["family", self.admin_group]})
            assert _identity(subject.authenticate(identity_server.token(chief))).is_admin

    def test_threads_may_share_a_provider(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """Many threads may use one provider from its first token on."""
        tokens = [identity_server.token({**good, "jti": str(number)}) for number in range(16)]
        with ThreadPoolExecutor(8) as pool:
            for verdict in pool.map(subject.authenticate, tokens):
                _identity(verdict)

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
        _identity(subject.authenticate(identity_server.token(good)))

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
        _identity(subject.authenticate(self._token(identity_server, clock, old)))
        identity_server.keys = [new, old]
        clock.move(minutes=10)
        _identity(subject.authenticate(self._token(identity_server, clock, new)))
        _identity(subject.authenticate(self._token(identity_server, clock, old)))
        identity_server.keys = [new]
        clock.move(hours=49)
        verdict = subject.authenticate(self._token(identity_server, clock, old))
        assert isinstance(verdict, Invalid), f"it answered {verdict}"

    def test_unknown_keys_do_not_make_it_fetch_each_time(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """Tokens with unknown keys, which anybody can send, do not each cost a fetch."""
        self._need_keys()
        _identity(subject.authenticate(identity_server.token(good)))
        asked = len(identity_server.requests)
        for number in range(20):
            subject.authenticate(identity_server.token(good, header={"kid": f"unknown-{number}"}))
        assert len(identity_server.requests) <= 2 * asked

    def _need_keys(self) -> None:
        if not self.fetches_keys:
            pytest.skip("the provider fetches no keys")

    def _token(self, server: FakeIdentityProvider, clock: MovableClock, key: SigningKey) -> str:
        return server.token(server.claims(clock(), **self.claims), key=key)


def _identity(verdict: Verdict) -> Identity:
    assert isinstance(verdict, Valid), f"a good token was answered with {verdict}"
    return verdict.identity


def _changed(claims: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}
