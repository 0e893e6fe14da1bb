"""Identity providers: how apps sign users in with them, and one's identities there."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from nestegg_core.api.fields import AnswerModel, RequestModel, Sealed
from nestegg_core.api.middleware.authentication import MAX_TOKEN, token_hash
from nestegg_core.api.operation import GONE, PREFIX, Answer, Call, operation
from nestegg_core.api.resources.auth.sign_in import Password
from nestegg_core.auth.builtin.personal_tokens import looks_personal
from nestegg_core.auth.chain import Entry, IdentityChain, SignInDirectory
from nestegg_core.auth.identity_links import IdentityLinks
from nestegg_core.contracts.identity import Identity
from nestegg_core.errors import InvalidInput, Unauthenticated

Url = Annotated[str | None, Field(description="Null where it is not known at present.")]


class Provider(AnswerModel):
    """One way to sign in."""

    name: str
    kind: Annotated[
        Literal["password", "oidc", "other"],
        Field(
            description="password: `POST /auth/login` here. oidc: authorization code with PKCE at "
            "the provider. other: the provider does not say."
        ),
    ]
    issuer: str
    available: Annotated[
        bool, Field(description="False while the provider cannot be asked for its endpoints.")
    ]
    authorization_endpoint: Url
    token_endpoint: Url
    client_id: Annotated[str | None, Field(description="The first of `client_ids`.")]
    client_ids: list[str]
    scopes: list[str]
    bearer: Annotated[
        Literal["access_token", "id_token"] | None,
        Field(description="Which token the app sends here as bearer."),
    ]
    registration: Annotated[
        Literal["open", "invite", "closed"] | None,
        Field(description="Who may register with a password."),
    ]


class ProviderList(AnswerModel):
    """The providers, in the order in which they see a token."""

    items: list[Provider]
    next: None


class NewIdentity(RequestModel):
    """An identity to link."""

    token: Annotated[
        str,
        StringConstraints(min_length=1, max_length=MAX_TOKEN, pattern="^[!-~]+$"),
        Field(description="A bearer token that another provider issued to the same user."),
    ]
    password: Annotated[
        Password | None,
        Field(description="The caller's own, asked for again; left out by who has none here."),
    ] = None


class OwnIdentity(Sealed):
    """An identity of the caller's at a provider."""

    id: UUID
    provider: Annotated[
        str | None, Field(description="Null while the provider is not in the server's chain.")
    ]
    issuer: str
    subject: str
    email: str | None
    created_at: datetime


class OwnIdentityList(AnswerModel):
    """The caller's identities, the oldest first."""

    items: list[OwnIdentity]
    next: None


COLLECTION = PREFIX + "/me/identities"
ONE = COLLECTION + "/{identity_id:uuid}"


@dataclass(frozen=True, slots=True)
class ProviderResource:
    directory: SignInDirectory

    @operation("GET", PREFIX + "/auth/providers", public=True, answer=ProviderList)
    def providers(self, call: Call) -> Answer:
        """List the ways to sign in, with what a browser app needs for authorization code and PKCE.

        A provider that cannot be reached is listed with `available` false and without endpoints.
        """
        del call
        items = [self._shown(entry) for entry in self.directory.entries()]
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
            "registration": self.directory.registration if entry.password else None,
        }


@dataclass(frozen=True, slots=True)
class IdentityResource:
    chain: IdentityChain
    links: IdentityLinks

    @operation("GET", COLLECTION, answer=OwnIdentityList)
    def identities(self, call: Call) -> Answer:
        """List one's identities at other providers; a password here is none of them."""
        return Answer({"items": self.links.list(call.caller.user_id), "next": None})

    @operation("POST", COLLECTION, body=NewIdentity, answer=OwnIdentity, status=201)
    def link_identity(self, call: Call) -> Answer:
        """Link another provider's identity, which signs one in from then on.

        Linking one that is linked already changes nothing. The answer is 409 with the type
        `identity-taken` where the identity has an account of its own, `provider-linked` where the
        account has another identity of that provider, and `address-not-verified` where somebody
        with a password has yet to verify their address.
        """
        token, password = call.body.token, call.body.password
        identity = self._verified(token)
        linked = self.links.link(call.caller.user_id, identity, token_hash(token), password)
        return Answer(linked, status=201)

    @operation("DELETE", ONE, answer=None, status=204)
    def unlink_identity(self, call: Call) -> Answer:
        """Unlink an identity, and lose the roles that its groups gave.

        The last way in which one can sign in stays: 409 with the type `last-way-to-sign-in`.
        """
        self.links.unlink(call.caller.user_id, call.params["identity_id"])
        return GONE

    def _verified(self, token: str) -> Identity:
        """Verify a token that is no credential of this request: a bad one is bad input."""
        if looks_personal(token):  # no provider gets to see one
            raise InvalidInput.one("/token", "bad_token", "must be a token of another provider")
        try:
            return self.chain.identify(token)
        except Unauthenticated as error:
            raise InvalidInput.one("/token", "bad_token", str(error)) from error
