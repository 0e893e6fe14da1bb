"""The built-in identity provider: accounts with passwords, in Nest Egg's own database.

Its access tokens are short-lived JWTs (RFC 9068, `at+jwt`) under HS256. Here they are signed and
verified; `auth.builtin.sessions` gives them out.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Lock
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from nestegg_core.auth.builtin import BuiltinSettings
from nestegg_core.contracts.context import Clock, PluginContext
from nestegg_core.contracts.identity import Identity, Invalid, NotMine, Valid, Verdict

ISSUER = "nestegg"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068, section 2.1
ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class AccessClaims:
    user_id: UUID
    session_id: UUID
    expires_at: datetime


class AccessTokens:
    def __init__(
        self,
        secret_key: str,
        lifetime: timedelta,
        clock: Callable[[], datetime],
        previous_key: str | None = None,
    ) -> None:
        self._key = _signing_key(secret_key)
        self._previous = None if previous_key is None else _signing_key(previous_key)
        self.lifetime = lifetime
        self._clock = clock

    def issue(self, user_id: UUID, session_id: UUID) -> str:
        now = self._clock()
        claims = {
            "iss": ISSUER,
            "sub": str(user_id),
            "sid": str(session_id),
            "iat": int(now.timestamp()),
            "exp": int((now + self.lifetime).timestamp()),
        }
        return jwt.encode(claims, self._key, ALGORITHM, headers={"typ": TOKEN_TYPE})

    def read(self, token: str) -> AccessClaims:
        try:
            parsed = _decoded(token, self._key)
        except jwt.InvalidSignatureError:
            if self._previous is None:
                raise
            parsed = _decoded(token, self._previous)
        if str(parsed["header"].get("typ")).lower() != TOKEN_TYPE:
            raise jwt.InvalidTokenError("The token is not an access token.")
        return self._claims(parsed["payload"])

    def _claims(self, payload: dict[str, Any]) -> AccessClaims:
        try:
            claims = AccessClaims(
                user_id=UUID(payload["sub"]),
                session_id=UUID(payload["sid"]),
                expires_at=datetime.fromtimestamp(payload["exp"], UTC),
            )
        except (TypeError, ValueError, OverflowError, OSError):
            raise jwt.InvalidTokenError("A claim of the token is malformed.") from None
        if claims.expires_at <= self._clock():
            raise jwt.ExpiredSignatureError("The token has expired.")
        return claims


def _signing_key(secret_key: str) -> bytes:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"nestegg access token")
    return derivation.derive(secret_key.encode())


def _decoded(token: str, key: bytes) -> dict[str, Any]:
    return jwt.decode_complete(
        token,
        key,
        [ALGORITHM],
        issuer=ISSUER,
        # Judged by our own clock, which tests can move.
        options={"verify_exp": False, "verify_iat": False, "require": ["exp", "sub", "sid"]},
    )


def unverified_issuer(token: str) -> object:
    """Return `iss` of a token that nobody has verified: good as a look-up key and nothing else.

    Returns `None` for what is no JWT.
    """
    try:
        return jwt.decode(token, options={"verify_signature": False}).get("iss")
    except jwt.InvalidTokenError:
        return None


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
