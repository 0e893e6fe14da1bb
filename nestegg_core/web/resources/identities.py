"""Identity providers: what apps must know of them, and one's identities there."""

from typing import Any

from nestegg_core.contracts.identity import Identity
from nestegg_core.errors import InvalidInput, Unauthenticated
from nestegg_core.identity.chain import IdentityChain
from nestegg_core.identity.directory import Entry, SignInDirectory
from nestegg_core.people.identity_links import IdentityLinks
from nestegg_core.people.token_format import looks_personal
from nestegg_core.web.middleware.authentication import token_hash
from nestegg_core.web.models import identities as models
from nestegg_core.web.operation import PREFIX, Answer, Call, operation
from nestegg_core.web.resources.rows import GONE

COLLECTION = PREFIX + "/me/identities"
ONE = COLLECTION + "/{identity_id:uuid}"


class ProviderResource:
    """`/auth/providers`."""

    def __init__(self, directory: SignInDirectory) -> None:
        self._directory = directory

    @operation("GET", PREFIX + "/auth/providers", public=True, answer=models.ProviderList)
    def providers(self, call: Call) -> Answer:
        """List the ways to sign in, with what a browser app needs for authorization code and PKCE.

        A provider that cannot be reached is listed with `available` false and without endpoints.
        """
        del call
        items = [self._shown(entry) for entry in self._directory.entries()]
        return Answer({"items": items, "next": None})

    def _shown(self, entry: Entry) -> dict[str, Any]:
        app = entry.app_sign_in
        kind = "password" if entry.password else "oidc" if app or not entry.available else "other"
        client_ids = app.client_ids if app else ()
        return {
            "name": entry.name,
            "kind": kind,
            "issuer": entry.issuer,
            "available": entry.available,
            "authorization_endpoint": app.authorization_endpoint if app else None,
            "token_endpoint": app.token_endpoint if app else None,
            "client_id": next(iter(client_ids), None),
            "client_ids": list(client_ids),
            "scopes": list(app.scopes) if app else [],
            "bearer": app.bearer if app else None,
            "registration": self._directory.registration if entry.password else None,
        }


class IdentityResource:
    """`/me/identities`."""

    def __init__(self, chain: IdentityChain, links: IdentityLinks) -> None:
        self._chain = chain
        self._links = links

    @operation("GET", COLLECTION, answer=models.OwnIdentityList)
    def identities(self, call: Call) -> Answer:
        """List one's identities at other providers; a password here is none of them."""
        return Answer({"items": self._links.list(call.caller.person_id), "next": None})

    @operation(
        "POST",
        COLLECTION,
        body=models.NewIdentity,
        answer=models.OwnIdentity,
        status=201,
    )
    def link_identity(self, call: Call) -> Answer:
        """Link another provider's identity, which signs one in from then on.

        Linking one that is linked already changes nothing. The answer is 409 with the type
        `identity-taken` where the identity has an account of its own, `provider-linked` where the
        account has another identity of that provider, and `address-not-proven` where somebody with
        a password has yet to prove their address.
        """
        token, password = call.body.token, call.body.password
        identity = self._verified(token)
        linked = self._links.link(call.caller.person_id, identity, token_hash(token), password)
        return Answer(linked, status=201)

    @operation("DELETE", ONE, answer=None, status=204)
    def unlink_identity(self, call: Call) -> Answer:
        """Unlink an identity, and lose the roles that its groups gave.

        The last way in which one can sign in stays: 409 with the type `last-way-to-sign-in`.
        """
        self._links.unlink(call.caller.person_id, call.params["identity_id"])
        return GONE

    def _verified(self, token: str) -> Identity:
        """Verify a token that is no credential of this request: a bad one is bad input."""
        if looks_personal(token):  # no provider gets to see one
            raise InvalidInput.one("/token", "bad_token", "must be a token of another provider")
        try:
            return self._chain.identify(token)
        except Unauthenticated as error:
            raise InvalidInput.one("/token", "bad_token", str(error)) from error
