"""Finds out who sends a request: the chain gives an identity, and that a user.

Personal access tokens are verified beside the chain.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import falcon

from nestegg_core.api.endpoint import Endpoint
from nestegg_core.auth.builtin.personal_tokens import PersonalTokens, looks_personal
from nestegg_core.auth.builtin.provider import ISSUER
from nestegg_core.auth.chain import IdentityChain
from nestegg_core.auth.provisioning import Provisioning
from nestegg_core.contracts.identity import Identity
from nestegg_core.errors import Unauthenticated
from nestegg_core.users.access import Caller

MAX_TOKEN = 16_384


@dataclass(frozen=True, slots=True)
class Authentication:
    """Refuses requests without a good bearer token, except for public operations."""

    chain: IdentityChain
    provisioning: Provisioning
    personal_tokens: PersonalTokens

    def process_resource(
        self, req: falcon.Request, _resp: falcon.Response, resource: Any, _params: dict[str, Any]
    ) -> None:
        if not isinstance(resource, Endpoint):
            return
        method = "GET" if req.method == "HEAD" else req.method
        operation = resource.operations.get(method)
        if operation is None or operation.public:
            return
        token = bearer_token(req)
        if looks_personal(token):  # no provider gets to see one, whichever the chain has
            req.context.caller, req.context.expires_at = self.personal_tokens.verify(token)
        else:
            req.context.caller, req.context.expires_at = self._identified(token)

    def _identified(self, token: str) -> tuple[Caller, datetime]:
        identity = self.chain.identify(token)
        digest = token_hash(token)
        caller = Caller(
            user_id=self._user_id(identity, digest),
            is_admin=identity.is_admin,
            session_id=identity.session_id,
            token_hash=digest,
            authenticated_at=identity.authenticated_at,
        )
        return caller, identity.expires_at

    def _user_id(self, identity: Identity, digest: bytes) -> UUID:
        if identity.issuer == ISSUER:
            return UUID(identity.subject)
        return self.provisioning.of_identity(identity, digest)


def token_hash(token: str) -> bytes:
    """Return what stands for a token where it is denied; what is no compact JWS is hashed whole."""
    signed, _, _ = token.rpartition(".")
    return sha256((signed if signed.count(".") == 1 else token).encode()).digest()


def bearer_token(req: falcon.Request) -> str:
    """Return the token of `Authorization` (RFC 6750, 2.1)."""
    header = req.get_header("Authorization")
    if header is None:
        raise Unauthenticated("Sign in first.", code="")
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        raise Unauthenticated("Send Authorization: Bearer and a token.", code="")
    if not token or len(token) > MAX_TOKEN or not token.isascii() or " " in token:
        raise falcon.HTTPBadRequest(
            title="Invalid Request",
            description="The token is malformed.",
            headers={"WWW-Authenticate": 'Bearer realm="nestegg", error="invalid_request"'},
        )
    return token
