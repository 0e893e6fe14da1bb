"""The built-in identity provider: accounts with passwords, in Nest Egg's own database.

It only verifies tokens, as every provider does; `auth.builtin.sessions` issues them.
"""

from collections import OrderedDict
from datetime import timedelta
from hashlib import sha256
from threading import Lock

import jwt

from nestegg_core.auth.builtin.access_tokens import ISSUER, AccessTokens, unverified_issuer
from nestegg_core.auth.builtin.settings import BuiltinSettings
from nestegg_core.contracts.context import Clock, PluginContext
from nestegg_core.contracts.identity import Identity, Invalid, NotMine, Valid, Verdict

REMEMBERED_TOKENS = 10_000


class BuiltinProvider:
    issuers = (ISSUER,)

    def __init__(self, tokens: AccessTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._verified: OrderedDict[bytes, Identity] = OrderedDict()
        self._lock = Lock()

    def authenticate(self, token: str) -> Verdict:
        """Judge one token; a good one is remembered until it expires.

        The session is looked up with the request's own query, so a revoked one is refused even
        while its token is remembered.
        """
        if not token.isascii():
            return NotMine()
        digest = sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is not None and known.expires_at > self._clock():
            return Valid(known)
        if unverified_issuer(token) != ISSUER:
            return NotMine()
        try:
            claims = self._tokens.read(token)
        except jwt.InvalidTokenError as error:
            return Invalid(str(error))
        identity = Identity(
            provider="builtin",
            issuer=ISSUER,
            subject=str(claims.user_id),
            expires_at=claims.expires_at,
            session_id=claims.session_id,
        )
        self._remember(digest, identity)
        return Valid(identity)

    def _remember(self, digest: bytes, identity: Identity) -> None:
        with self._lock:
            self._verified[digest] = identity
            while len(self._verified) > REMEMBERED_TOKENS:
                self._verified.popitem(last=False)


def make_builtin(ctx: PluginContext[BuiltinSettings]) -> BuiltinProvider:
    return BuiltinProvider(access_tokens(ctx.settings, ctx.clock), ctx.clock)


def access_tokens(settings: BuiltinSettings, clock: Clock) -> AccessTokens:
    previous = settings.secret_key_previous
    return AccessTokens(
        settings.secret_key.get_secret_value(),
        timedelta(minutes=settings.access_token_minutes),
        clock,
        previous_key=previous.get_secret_value() if previous else None,
    )
