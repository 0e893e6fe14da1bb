"""The rules of identity providers about tokens that must be refused."""

from typing import Any

import pytest

from nestegg_core.contracts.identity import IdentityProvider, Invalid, NotMine, Unavailable
from nestegg_testing.clock import MovableClock
from nestegg_testing.conformance.garbage import GARBAGE_TOKENS
from nestegg_testing.conformance.identity_particulars import Particulars, changed, identity_of
from nestegg_testing.identity_attacks import ATTACKS, Attack
from nestegg_testing.identity_keys import SigningKey
from nestegg_testing.identity_server import FakeIdentityProvider

_MARK = "quokka7f3a"
_OTHER_ISSUER = "https://another-issuer.example"


class RefusalRules(Particulars):
    """Rules about forged, foreign, expired and garbled tokens."""

    @pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
    def test_a_forged_token_is_refused(
        self,
        attack: Attack,
        subject: IdentityProvider,
        identity_server: FakeIdentityProvider,
        good: dict[str, Any],
    ) -> None:
        """A forged token gets the verdict that the table of attacks names, and never Valid."""
        if self.issues_tokens and attack.from_vendor:
            pytest.skip("the provider itself holds the key that would have to sign it")
        if not self.fetches_keys and attack.expected is Unavailable:
            pytest.skip("the provider fetches no keys")
        verdict = subject.authenticate(attack.forge(identity_server, good))
        assert isinstance(verdict, attack.expected), f"{attack.name}: it answered {verdict}"

    def test_a_token_for_another_application_is_refused(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A token that was made for another application is Invalid."""
        for changes in self.other_audiences:
            verdict = subject.authenticate(identity_server.token(changed(good, changes)))
            assert isinstance(verdict, Invalid), f"with {dict(changes)} it answered {verdict}"

    def test_a_token_of_another_type_is_refused(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A token of a type that is not for signing in is Invalid."""
        logout = identity_server.token(good, header={"typ": "logout+jwt"})
        assert isinstance(subject.authenticate(logout), Invalid), "its typ was logout+jwt"
        for changes in self.other_types:
            verdict = subject.authenticate(identity_server.token(changed(good, changes)))
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
        identity_of(subject.authenticate(token))
        clock.move(seconds=1)
        assert isinstance(subject.authenticate(token), Invalid)

    def test_garbage_is_answered(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider
    ) -> None:
        """Whatever stands in place of a token, a provider answers NotMine or Invalid, never raises,
        and asks nobody.
        """
        for name, token in GARBAGE_TOKENS.items():
            verdict = subject.authenticate(token)
            assert isinstance(verdict, NotMine | Invalid), f"{name}: it answered {verdict}"
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
