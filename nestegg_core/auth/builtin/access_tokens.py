"""Access tokens of the built-in provider: short-lived JWTs (RFC 9068 `at+jwt`) under HS256."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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
