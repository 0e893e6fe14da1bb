"""The rules of identity providers about what a good token says of a user."""

from datetime import UTC, datetime
from typing import Any

from nestegg_core.contracts.identity import IdentityProvider
from nestegg_testing.conformance.identity_particulars import Particulars, changed, identity_of
from nestegg_testing.identity_server import FakeIdentityProvider


class UserRules(Particulars):
    """Rules about subject, email and groups."""

    def test_a_good_token_names_its_user(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A good token is Valid, with its issuer, the user and the time of expiry."""
        identity = identity_of(subject.authenticate(identity_server.token(good)))
        assert identity.issuer in subject.issuers
        assert identity.subject == self.user
        assert identity.expires_at == datetime.fromtimestamp(good["exp"], UTC)
        assert identity.provider

    def test_nobody_new_is_let_in_unless_the_operator_says_so(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """A user who was never seen before is let in only when the operator says so: not by a
        provider whose settings do not tell.
        """
        user = identity_of(subject.authenticate(identity_server.token(good)))
        assert user.may_provision is self.provisions

    def test_an_email_is_verified_only_when_the_vendor_says_so(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """An email counts as verified only when the vendor vouches for it; absent means no."""
        if self.verified_email is None:
            assert identity_of(subject.authenticate(identity_server.token(good))).email is None
            return
        vouched = identity_server.token({**good, **self.verified_email})
        user = identity_of(subject.authenticate(vouched))
        assert (user.email, user.email_verified) == (self.verified_email["email"], True)
        for claims in self.unverified_email:
            doubtful = identity_server.token({**good, **claims})
            user = identity_of(subject.authenticate(doubtful))
            assert not user.email_verified, f"with {dict(claims)}"

    def test_a_missing_groups_claim_makes_nobody_an_administrator(
        self, subject: IdentityProvider, identity_server: FakeIdentityProvider, good: dict[str, Any]
    ) -> None:
        """Administrators are members of the configured group; without the claim nobody is one."""
        user = identity_of(subject.authenticate(identity_server.token(good)))
        assert (user.groups, user.is_admin) == (frozenset(), False)
        if self.groups_claim is None:
            return
        member = changed(good, {self.groups_claim: ["family", "gardeners"]})
        user = identity_of(subject.authenticate(identity_server.token(member)))
        assert (user.groups, user.is_admin) == (frozenset({"family", "gardeners"}), False)
        if self.admin_group is not None:
            chief = changed(good, {self.groups_claim: ["family", self.admin_group]})
            assert identity_of(subject.authenticate(identity_server.token(chief))).is_admin
